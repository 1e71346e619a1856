"""What every process of the server starts with: arguments, settings, logs, signals and an exit code."""

import argparse
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.base import logs
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput
from config.evidence.note import NoteSigner
from config.settings.loader import read_secret
from config.settings.server import DatabaseSettings, ServerSettings, load_server
from config.wire.envelope import Signer
from storage.database.unit_of_work import Database

EXIT_CONFIGURATION = 2
EXIT_INTEGRITY = 3
COLLECT_AFTER = (20_000, 20, 20)
"""A page of a busy day makes a hundred thousand spans that hold no cycles: Python's default would look at them all the time."""


def main(process: str, run: Callable[[ServerSettings, Event], None]) -> int:
    """Runs one process until SIGTERM or SIGINT; 2 for a wrong configuration, 3 where evidence would not be safe."""
    parser = argparse.ArgumentParser(prog=f"python -m server.{process}")
    parser.add_argument("--settings", type=Path, help="TOML file over the defaults in config/settings/server.toml")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_server(parser.parse_args().settings)
        logs.configure(process, settings.server.log_level)
        run(settings, stop)
    except ConfigurationError as error:
        print(f"{process}: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    except IntegrityViolation as error:
        print(f"{process}: {error}", file=sys.stderr)
        return EXIT_INTEGRITY
    return 0


def settle_memory() -> None:
    """After everything is made that stays: the collector looks at it no more, and at what comes less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def open_database(settings: DatabaseSettings, *, read_only: bool = False) -> Database:
    """The database that the settings name; ``read_only``: over connections that refuse to change anything."""
    password = read_secret(settings.password_file, "database.password_file") if settings.password_file else ""
    return Database(settings.url, password=password, read_only=read_only)


def signer_from(key_file: str) -> Signer:
    """The key that receipts are signed with. Raises ConfigurationError."""
    return Signer(_signing_key(key_file))


def note_signer_from(key_file: str, name: str) -> NoteSigner:
    """The same key, for the ledgers' checkpoints, under the centre's name. Raises ConfigurationError."""
    try:
        return NoteSigner(name, _signing_key(key_file))
    except InvalidInput as error:
        raise ConfigurationError(f"'ledger.name': {error}") from error


def _signing_key(key_file: str) -> Ed25519PrivateKey:
    pem = read_secret(key_file, "server.signing_key_file").encode()
    try:
        key = load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise ConfigurationError(f"'server.signing_key_file': {key_file} holds no private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"'server.signing_key_file': {key_file} holds no Ed25519 key")
    return key


def sealing_key_from(key_file: str) -> X25519PrivateKey:
    """The key that agents seal pictures to. Raises ConfigurationError."""
    pem = read_secret(key_file, "server.sealing_key_file").encode()
    try:
        key = load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise ConfigurationError(f"'server.sealing_key_file': {key_file} holds no private key in PEM form") from error
    if not isinstance(key, X25519PrivateKey):
        raise ConfigurationError(f"'server.sealing_key_file': {key_file} holds no X25519 key")
    return key
