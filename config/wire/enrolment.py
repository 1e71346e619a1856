"""How a box comes to its certificates: what it asks for, and what it is told.

Requests are DSSE envelopes signed by the agent's own Ed25519 key. The answer to an enrolment is signed by the
certificate authority, whose certificate the code's fingerprint names: so it can be believed whatever carried it.
"""

import hashlib
from typing import Annotated

import msgspec

from config.wire.fields import HexId, Micros, Slug

KeyText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{43}=$(?!\n)", description="32 raw key bytes, base64")]
SignatureText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{86}==$(?!\n)", description="Ed25519, base64")]
Pem = Annotated[str, msgspec.Meta(min_length=1, max_length=8_192, description="PEM text")]
Serial = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-f]{1,40}$(?!\n)", description="a certificate's serial number, hex")
]


AGENT_URN = "urn:nightlight:agent:"
"""With ``SITE:AGENT``: a name in the certificate."""
KEY_URN = "urn:nightlight:key:"
"""With the agent's Ed25519 key in hexadecimal: the authority's word that this key signs the agent's messages."""


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A box asks to become the agent that a code is for; signed by ``identity_key`` itself."""

    message_id: HexId
    identity_key: KeyText
    """The Ed25519 key that the agent's messages will be believed by."""
    sealing_key: KeyText
    """The X25519 key that secrets for the agent are sealed to."""
    csr: Pem
    """PKCS #10 for a P-256 key; only its key counts, and its signature."""
    code_key: KeyText
    """The public half of the code's key."""
    code_proof: SignatureText
    """By the code's key over ``proof_bytes``."""


class CertificateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled agent asks for its next certificate; signed by its registered key."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    csr: Pem
    serial: Serial
    """Of the certificate that it has."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What the box is told: who it is, whom it may believe, and where everything is."""

    of_message_id: HexId
    site_id: Slug
    agent_id: Slug
    certificate: Pem
    authority: Pem
    server_key: Pem
    """Ed25519: receipts and acknowledgements are believed by it."""
    server_sealing_key: str
    """X25519, PEM: pictures for the server are sealed to it; empty where the server has none."""
    broker_host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    utc_us: Micros
    """The server's clock."""


class EnrolmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``Enrolled`` as JSON in base64, and the authority's ECDSA-SHA256 signature (DER, base64) over ``answer_bytes``."""

    document: Annotated[str, msgspec.Meta(max_length=65_536)]
    signature: Annotated[str, msgspec.Meta(max_length=200)]


class CertificateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The next certificate; the authority's signature in it is all that it needs."""

    certificate: Pem


def proof_bytes(identity_key: bytes, sealing_key: bytes, csr_der: bytes) -> bytes:
    """What the code's key signs: nobody who only saw a request can put other keys into it."""
    return b"nightlight-enrolment-1\0" + hashlib.sha256(identity_key + sealing_key + csr_der).digest()


def answer_bytes(document: bytes) -> bytes:
    """What the authority signs. Never the start of a certificate, which begins with 0x30."""
    return b"nightlight-enrolled-1\0" + document
