"""Who the agent is, and whose word it believes.

An Ed25519 key to sign with and an X25519 key that secrets are sealed to, made once and never sent; and the server's.

Invariant: each private key lies in one file that only its owner may read, and no message or log line holds any of it.
"""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from config.base.errors import ConfigurationError, InvalidInput
from config.evidence.note import NoteSigner
from config.settings.edge import EdgeSettings
from config.settings.loader import read_secret
from config.wire.envelope import Signer
from config.wire.sealing import read_sealing_public_pem, sealing_public_pem

KEY_FILE = "agent-key.pem"
SEALING_KEY_FILE = "sealing-key.pem"


def create_key(state_dir: Path) -> str:
    """Makes the agent's keys where there are none; both public keys, to sign and to seal, as PEM text.

    Raises ConfigurationError.
    """
    path = state_dir / KEY_FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_key(path, Ed25519PrivateKey.generate())
    except OSError as error:
        raise ConfigurationError(f"'agent.state_dir': cannot write {path}: {error.strerror}") from error
    return load_signer(state_dir).public_pem.decode() + sealing_public_pem(load_sealing_key(state_dir).public_key())


def load_sealing_key(state_dir: Path) -> X25519PrivateKey:
    """The key that camera passwords are sealed to, made where there is none yet. Raises ConfigurationError."""
    path = state_dir / SEALING_KEY_FILE
    try:
        if not path.exists():
            _write_key(path, X25519PrivateKey.generate())
    except OSError as error:
        raise ConfigurationError(f"'agent.state_dir': cannot write {path}: {error.strerror}") from error
    key = _load_private(path)
    if not isinstance(key, X25519PrivateKey):
        raise ConfigurationError(f"'agent.state_dir': {path} is not an X25519 key")
    return key


def load_server_sealing_key(settings: EdgeSettings) -> X25519PublicKey | None:
    """The key that pictures for the server are sealed to; None where none is set. Raises ConfigurationError."""
    file = settings.server.sealing_key_file
    if not file:
        return None
    try:
        return read_sealing_public_pem(read_secret(file, "server.sealing_key_file"))
    except InvalidInput as error:
        raise ConfigurationError(f"'server.sealing_key_file': {file}: {error}") from error


def load_signer(state_dir: Path) -> Signer:
    """The signer with the agent's key. Raises ConfigurationError."""
    return Signer(_load_key(state_dir / KEY_FILE))


def load_note_signer(state_dir: Path, agent_id: str) -> NoteSigner:
    """The same key, for the checkpoints of the site's ledger. Raises ConfigurationError."""
    return NoteSigner(agent_id, _load_key(state_dir / KEY_FILE))


def load_server_key(settings: EdgeSettings) -> Ed25519PublicKey:
    """The key that receipts must be signed with. Raises ConfigurationError."""
    if not settings.server.public_key_file:
        raise ConfigurationError(
            "'server.public_key_file' is not set: this machine is not enrolled. Ask the operator for a code, then:"
            " sudo nightlight-agent enrol",
            code="no_server_key",
        )
    text = read_secret(settings.server.public_key_file, "server.public_key_file")
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"'server.public_key_file': {settings.server.public_key_file} holds no public key in PEM form"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"'server.public_key_file': {settings.server.public_key_file} is not an Ed25519 key")
    return key


def _write_key(path: Path, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(pem)
        opened.flush()
        os.fsync(descriptor)
    fresh.rename(path)


def _load_key(path: Path) -> Ed25519PrivateKey:
    key = _load_private(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"'agent.state_dir': {path} is not an Ed25519 key")
    return key


def _load_private(path: Path) -> object:
    try:
        pem = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"'agent.state_dir': there is no {path} yet. Ask the operator for a code, then: sudo nightlight-agent enrol",
            code="no_agent_key",
        ) from error
    except OSError as error:
        raise ConfigurationError(f"'agent.state_dir': cannot read {path}: {error.strerror}") from error
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"'agent.state_dir': {path} holds no private key in PEM form") from error
