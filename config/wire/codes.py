"""One-time codes: what an operator gives an installer, to be typed or scanned.

    >>> code = InvitationCode.fresh("https://watch.example.org", authority_der)
    >>> str(code)
    'watch.example.org/4F7Q9-KZ2M3-…'

A code is the server's address and eight groups of five characters: 80 random bits of a secret, 96 bits of the SHA-256
of the certificate authority's certificate, 24 bits of a checksum over all of it, the address included.

Invariants: the secret itself is never sent and never kept: from it comes an Ed25519 key, the box signs with that key,
and the server keeps the SHA-256 of its public half. The alphabet is Crockford's base 32, without I, L, O and U; case,
hyphens and blanks do not matter, and O is read as 0, I and L as 1.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import InvalidInput
from config.base.origins import parse_origin

SECRET_BYTES, FINGERPRINT_BYTES, CHECK_BYTES = 10, 12, 3
GROUP_CHARS = 5
SYMBOLS = 40
TEXT_CHARS_MAX = 240
_RFC4648, _CROCKFORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_CROCKFORD = str.maketrans(_RFC4648, _CROCKFORD)
_FROM_TYPED = str.maketrans(_CROCKFORD + "OIL", _RFC4648 + "ABB")
_SYMBOLS = re.compile(f"[{_CROCKFORD}OIL]{{{SYMBOLS}}}")
_BETWEEN = re.compile(r"[\s\-‐–—]+")


@dataclass(frozen=True)
class InvitationCode:
    """A code taken apart. ``secret`` is worth a site: never log or keep it."""

    server_url: str
    secret: bytes
    fingerprint: bytes

    @classmethod
    def fresh(cls, server_url: str, authority_der: bytes) -> "InvitationCode":
        """A new code for a server and its authority. Raises InvalidInput (``bad_origin``, ``plain_http``)."""
        return cls(parse_origin(server_url), secrets.token_bytes(SECRET_BYTES), fingerprint_of(authority_der))

    @property
    def key(self) -> Ed25519PrivateKey:
        """What the box proves with that it holds the code."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"nightlight-code-key-1\0" + self.secret).digest())

    def __str__(self) -> str:
        data = self.secret + self.fingerprint + _check(self.server_url, self.secret + self.fingerprint)
        symbols = base64.b32encode(data).decode().translate(_TO_CROCKFORD)
        groups = "-".join(symbols[at : at + GROUP_CHARS] for at in range(0, SYMBOLS, GROUP_CHARS))
        return f"{self.server_url.removeprefix('https://')}/{groups}"

    def __repr__(self) -> str:
        return f"InvitationCode({self.server_url!r}, …)"


def parse_code(text: str) -> InvitationCode:
    """What was typed or scanned. Raises InvalidInput: ``code_malformed``, ``code_mistyped``, ``plain_http``."""
    where, _, typed = text.strip()[:TEXT_CHARS_MAX].rpartition("/")
    symbols = _BETWEEN.sub("", typed).upper()
    if not where or not _SYMBOLS.fullmatch(symbols):
        raise InvalidInput(
            f"a code is the server's address, a slash and {SYMBOLS} letters and digits in groups of {GROUP_CHARS}",
            code="code_malformed",
        )
    where = "".join(where.split()).lower()
    try:
        server_url = parse_origin(where if "://" in where else f"https://{where}")
    except InvalidInput as error:
        if error.code == "plain_http":
            raise
        raise InvalidInput("the part before the slash is no address of a server", code="code_malformed") from error
    data = base64.b32decode(symbols.translate(_FROM_TYPED))
    body, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
    if check != _check(server_url, body):
        raise InvalidInput(
            "the code's checksum does not fit: a character or the address is wrong", code="code_mistyped"
        )
    return InvitationCode(server_url, body[:SECRET_BYTES], body[SECRET_BYTES:])


def fingerprint_of(authority_der: bytes) -> bytes:
    """What a code knows of the authority: enough that nobody makes another certificate that fits (2⁹⁶ tries)."""
    return hashlib.sha256(authority_der).digest()[:FINGERPRINT_BYTES]


def _check(server_url: str, body: bytes) -> bytes:
    return hashlib.sha256(b"nightlight-code-1\0" + server_url.encode() + b"\0" + body).digest()[:CHECK_BYTES]
