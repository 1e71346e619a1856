"""Secrets for one reader: HPKE to an X25519 key, each bound to its purpose.

    >>> box = seal_to(agent_key, b"secret", camera_password("box-1", "nap-room", "192.0.2.10"))
    >>> open_sealed(private_key, box, camera_password("box-1", "nap-room", "192.0.2.10"))

Invariant: a box opens for the context it was made for and for no other, so nobody in between can use a camera's password
for another camera, or have it sent to another host.

Source: RFC 9180, base mode, single shot (section 6.1) with an empty ``aad``: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
AES-128-GCM. All of it is in browsers' WebCrypto. ``box`` is base64 of ``enc || ciphertext``.
"""

import base64
import binascii
import hashlib
import re
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from config.base.errors import IntegrityViolation, InvalidInput
from config.wire.fields import HexId

SECRET_BYTES_MAX = 32_768
"""So that a box fits twice encoded into an envelope."""
OVERHEAD_BYTES = 48
"""A 32-byte ephemeral key and a 16-byte tag."""
BOX_CHARS_MAX = (SECRET_BYTES_MAX + OVERHEAD_BYTES + 2) // 3 * 4

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_PART = re.compile(r"[A-Za-z0-9._:\[\]%-]{1,255}")


class SealedBox(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that only the holder of one key can read."""

    key_id: HexId
    """Whose: the first 32 hexadecimal digits of the SHA-256 of the raw public key."""
    box: Annotated[str, msgspec.Meta(max_length=BOX_CHARS_MAX)]


class Context(msgspec.Struct, frozen=True):
    """What a secret is for; HPKE's ``info``."""

    info: bytes


def camera_password(agent_id: str, camera_id: str, host: str) -> Context:
    """A camera's password, for that agent, to be shown to ``host`` alone (of its URL, lower case, without port)."""
    return _context("camera-password", agent_id, camera_id, host.lower())


def finding_still(agent_id: str, camera_id: str, finding_id: str) -> Context:
    """The evidence still of one picture finding, for the server."""
    return _context("finding-still", agent_id, camera_id, finding_id)


def discovered_picture(agent_id: str, discovery_id: str) -> Context:
    """The picture of a camera that was discovered and is not yet set up, for the server."""
    return _context("discovered-picture", agent_id, discovery_id)


def cell_secret(site_id: str) -> Context:
    """The secret key of a site's own store, for the server itself."""
    return _context("cell-secret", site_id)


def seal_to(key: X25519PublicKey, secret: bytes, context: Context) -> SealedBox:
    """Raises InvalidInput (``oversized``) above ``SECRET_BYTES_MAX``. Two boxes of one secret differ."""
    if len(secret) > SECRET_BYTES_MAX:
        raise InvalidInput(f"{len(secret)} bytes to be sealed, {SECRET_BYTES_MAX} are allowed", code="oversized")
    box = _SUITE.encrypt(secret, key, info=context.info)
    return SealedBox(key_id=sealing_key_id(key), box=base64.b64encode(box).decode())


def open_sealed(key: X25519PrivateKey, sealed: SealedBox, context: Context) -> bytes:
    """The secret.

    Raises IntegrityViolation: ``wrong_key`` where it was sealed to another key, ``bad_seal`` where it was altered or made
    for another context.
    """
    if sealed.key_id != sealing_key_id(key.public_key()):
        raise IntegrityViolation(f"sealed to key {sealed.key_id}, which is not this one", code="wrong_key")
    try:
        return _SUITE.decrypt(base64.b64decode(sealed.box, validate=True), key, info=context.info)
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise IntegrityViolation("sealed for something else, or altered on the way", code="bad_seal") from error


def sealing_key_id(key: X25519PublicKey) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of the 32 raw key bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def sealing_public_pem(key: X25519PublicKey) -> str:
    """The key as SubjectPublicKeyInfo in PEM, which WebCrypto imports as ``spki``."""
    encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, kind).decode()


def read_sealing_public_pem(text: str) -> X25519PublicKey:
    """Raises InvalidInput (``bad_key``)."""
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput("no public key in PEM form", code="bad_key") from error
    if not isinstance(key, X25519PublicKey):
        raise InvalidInput("a public key, but no X25519 one", code="bad_key")
    return key


def _context(purpose: str, *parts: str) -> Context:
    if not all(_PART.fullmatch(part) for part in parts):
        raise InvalidInput(f"cannot be part of a sealing context: {parts!r}", code="bad_context")
    return Context("/".join(("nightlight", "v1", purpose, *parts)).encode())
