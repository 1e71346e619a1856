"""Signature suites: the one place that decides how a signature is checked, and which suites this version knows.

A suite stands by its name in an evidence package's index and by a byte in a note's key. Another one (SM2 with SM3, for
instance) is one more entry here; what bears the name of a suite that is not here is refused, never guessed at.

Source: RFC 8032 (Ed25519), FIPS 180-4 (SHA-256); the bytes of note keys are those of C2SP signed-note.
"""

from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.errors import InvalidInput


class Suite(NamedTuple):
    """How keys sign; ``holds(public key, signature, message)`` says whether the one made the other."""

    name: str
    key_bytes: int
    holds: Callable[[bytes, bytes, bytes], bool]


def _ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


ED25519_SHA256 = Suite("ed25519-sha256", 32, _ed25519)
SUITES = {suite.name: suite for suite in (ED25519_SHA256,)}
NOTE_ALGORITHMS = {0x01: ED25519_SHA256, 0x04: ED25519_SHA256}
"""By the first byte of a note's key: 1 signs the text, 4 signs it with the time (a cosignature)."""


def suite_of(name: str) -> Suite:
    """Raises InvalidInput (``unknown_suite``)."""
    found = SUITES.get(name)
    if found is None:
        known = ", ".join(SUITES)
        raise InvalidInput(
            f"the signature suite {name[:64]!r} is not known to this version, which knows {known}: take a newer one",
            code="unknown_suite",
        )
    return found
