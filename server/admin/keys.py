"""The server's own keys: one to sign with, one that secrets for the server are sealed to, one that code words follow from.

Invariant: a private key is written once, readable by its owner alone, and never replaced.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.settings.server import ServerIdentitySettings, ServerSettings
from config.wire.sealing import sealing_public_pem
from server.domain.marking import KEY_BYTES
from server.runtime import sealing_key_from, signer_from
from server.services.live.marking import marker_file


def make_signing_key(settings: ServerIdentitySettings) -> Path:
    """The file of the signing key, made where it is not there; its public half beside it as ``.pub.pem``."""
    file = Path(settings.signing_key_file or Path(settings.state_dir) / "signing-key.pem")
    if not file.exists():
        _write(file, Ed25519PrivateKey.generate())
    file.with_suffix(".pub.pem").write_bytes(signer_from(str(file)).public_pem)
    return file


def make_sealing_key(settings: ServerIdentitySettings) -> Path:
    """The same for the sealing key."""
    file = Path(settings.sealing_key_file or Path(settings.state_dir) / "sealing-key.pem")
    if not file.exists():
        _write(file, X25519PrivateKey.generate())
    file.with_suffix(".pub.pem").write_text(sealing_public_pem(sealing_key_from(str(file)).public_key()))
    return file


def make_marking_key(settings: ServerSettings) -> Path:
    """The file of the key that code words of marked live views follow from."""
    file = marker_file(settings)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_hex(KEY_BYTES))
    return file


def _write(file: Path, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
