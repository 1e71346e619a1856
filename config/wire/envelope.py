"""DSSE envelopes: sign and open the bytes as they are, never re-serialised (invariant I4).

    >>> sealed = seal(Heartbeat(...), signer)
    >>> open_envelope(sealed).verify(public_key)

Source: secure-systems-lab/dsse, protocol v1.0.2; Ed25519 per RFC 8032.
"""

import base64
import hashlib
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from config.base.decoding import decode_json
from config.base.errors import IntegrityViolation, InvalidInput
from config.wire.catalogue import PAYLOAD_TYPE, kind_of
from config.wire.suites import ED25519_SHA256

ENVELOPE_BYTES_MAX = 65_536


class _Signature(msgspec.Struct, frozen=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: str
    signatures: list[_Signature]


@dataclass(frozen=True)
class OpenedEnvelope:
    """An envelope taken apart. Nothing in it may be believed before ``verify`` has returned."""

    payload_type: str
    payload: bytes
    key_id: str
    signature: bytes

    @property
    def payload_sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def canonical(self) -> bytes:
        """The envelope as we write it: others may space or encode the same content differently."""
        return _encoded(self.payload_type, self.payload, self.key_id, self.signature)

    def verify(self, key: Ed25519PublicKey) -> None:
        """Raises IntegrityViolation unless ``key`` made the signature over exactly these bytes."""
        message = pre_authentication_encoding(self.payload_type, self.payload)
        if not ED25519_SHA256.holds(key.public_bytes_raw(), self.signature, message):
            raise IntegrityViolation("the signature does not match the payload", code="bad_signature")


class Signer:
    """Signs payloads with one Ed25519 key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    @property
    def public_pem(self) -> bytes:
        """The key that others believe these signatures by, as PEM."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_raw(self) -> bytes:
        """The same key as 32 raw bytes."""
        return self._key.public_key().public_bytes_raw()

    def seal(self, message: msgspec.Struct) -> bytes:
        """The message's envelope, ready to be sent. Raises InvalidInput where it would be over the size limit."""
        return self.seal_payload(PAYLOAD_TYPE[type(message)], msgspec.json.encode(message))

    def seal_payload(self, payload_type: str, payload: bytes) -> bytes:
        """The same for a document that is no message. Raises InvalidInput where it would be over the size limit."""
        signature = self._key.sign(pre_authentication_encoding(payload_type, payload))
        sealed = _encoded(payload_type, payload, self.key_id, signature)
        if len(sealed) > ENVELOPE_BYTES_MAX:
            raise InvalidInput(f"a message of {len(sealed)} bytes is over {ENVELOPE_BYTES_MAX}", code="oversized")
        return sealed


def _encoded(payload_type: str, payload: bytes, keyid: str, signature: bytes) -> bytes:
    return msgspec.json.encode(
        _Envelope(
            payload=base64.b64encode(payload).decode(),
            payload_type=payload_type,
            signatures=[_Signature(keyid=keyid, sig=base64.b64encode(signature).decode())],
        )
    )


def key_id(key: Ed25519PublicKey) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of the 32 raw key bytes."""
    return key_id_of(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def key_id_of(raw: bytes) -> str:
    """The same of raw key bytes."""
    return hashlib.sha256(raw).hexdigest()[:32]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def open_envelope(data: bytes) -> OpenedEnvelope:
    """Takes an envelope apart without believing it. Raises InvalidInput (``oversized``, ``malformed``)."""
    if len(data) > ENVELOPE_BYTES_MAX:
        raise InvalidInput(f"{len(data)} bytes, {ENVELOPE_BYTES_MAX} are allowed", code="oversized")
    try:
        envelope = decode_json(data, _Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        if len(envelope.signatures) != 1:
            raise InvalidInput("an envelope carries exactly one signature", code="malformed")
        signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # base64 of what is not ASCII: ValueError
        raise InvalidInput(f"not a DSSE envelope: {error}", code="malformed") from error
    return OpenedEnvelope(envelope.payload_type, payload, envelope.signatures[0].keyid, signature)


def decode_payload(opened: OpenedEnvelope) -> msgspec.Struct:
    """The typed message in an opened envelope.

    Raises InvalidInput: ``unknown_kind``, ``unknown_version``, ``malformed``.
    """
    kind = kind_of(opened.payload_type)
    try:
        return decode_json(opened.payload, kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not a valid {kind.__name__}: {error}", code="malformed") from error
