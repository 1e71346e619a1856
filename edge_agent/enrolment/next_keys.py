"""The keys that a box makes where the server no longer trusts those that it has.

Invariants: they wait in one file, for one code: asked again with that code, the box asks with the same keys, and a code for
another agent never meets them. The old keys stay in use until the server has taken the new ones.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge_agent.enrolment.credentials import write
from edge_agent.identity import KEY_FILE, SEALING_KEY_FILE

NEXT_KEYS_FILE = "keys-pending.pem"
_BEGIN = "-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True)
class NextKeys:
    """To sign with, and to be sealed to."""

    identity: Ed25519PrivateKey
    sealing: X25519PrivateKey


def make_next_keys(state_dir: Path, code_id: str) -> NextKeys:
    """Fresh ones, kept until ``adopt``. Raises ConfigurationError."""
    keys = NextKeys(Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    write(state_dir / NEXT_KEYS_FILE, f"{code_id}\n{_pem(keys.identity)}{_pem(keys.sealing)}")
    return keys


def next_keys(state_dir: Path, code_id: str) -> NextKeys | None:
    """Those that wait for this code; None where none do."""
    try:
        label, *pems = (state_dir / NEXT_KEYS_FILE).read_text().split(_BEGIN)
        identity, sealing = (serialization.load_pem_private_key(f"{_BEGIN}{pem}".encode(), None) for pem in pems)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if label.strip() != code_id or not isinstance(identity, Ed25519PrivateKey):
        return None
    return NextKeys(identity, sealing) if isinstance(sealing, X25519PrivateKey) else None


def adopt(state_dir: Path, keys: NextKeys) -> None:
    """Makes them the agent's own; done twice it is done once. Raises ConfigurationError."""
    write(state_dir / SEALING_KEY_FILE, _pem(keys.sealing))
    write(state_dir / KEY_FILE, _pem(keys.identity))


def forget_next_keys(state_dir: Path) -> None:
    (state_dir / NEXT_KEYS_FILE).unlink(missing_ok=True)


def _pem(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
