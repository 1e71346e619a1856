"""RFC 3161 timestamps of checkpoints: read, and checked against the roots of an authority that the reader trusts.

What one proves: the authority saw the checkpoint's text at the time that it states; so the ledger held by then every entry
that the checkpoint counts. It says nothing of when footage was recorded, and nothing at all to who trusts no root.

``rfc3161-client`` does the checking and is not needed for anything else: without it a timestamp stays unchecked.

Source: RFC 3161; RFC 5816.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509

from config.base.clock import US_PER_S
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput

RESPONSE_BYTES_MAX = 32_768


class Stamp(NamedTuple):
    """When an authority says that it saw a text; ``checked`` against a root, or merely read."""

    at_us: int
    by: str
    checked: bool


def available() -> bool:
    """Whether timestamps can be read here at all."""
    try:
        import rfc3161_client  # noqa: F401 - optional: the verifier installs without it
    except ImportError:
        return False
    return True


def check_stamp(data: bytes, text: str, roots: Sequence[x509.Certificate], nonce: int | None = None) -> Stamp:
    """What a TimeStampResp (DER) says of ``text``; without ``roots`` it is read and not believed.

    ``nonce``: the one of the request, where it is known. Raises InvalidInput for what is no response of this kind,
    IntegrityViolation where it does not hold, ConfigurationError where rfc3161-client is not installed.
    """
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise ConfigurationError("timestamps need rfc3161-client: pip install 'nightlight[timestamps]'") from error
    if len(data) > RESPONSE_BYTES_MAX:
        raise InvalidInput(f"a timestamp of {len(data)} bytes is over {RESPONSE_BYTES_MAX}", code="oversized")
    try:
        response = decode_timestamp_response(data)
        told = response.tst_info
        imprint, moment = told.message_imprint.message, told.gen_time
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"not a timestamp: {error}", code="malformed") from error
    if imprint not in (hashlib.sha256(text.encode()).digest(), hashlib.sha512(text.encode()).digest()):
        raise IntegrityViolation("the timestamp is of another text", code="bad_timestamp")
    by = "" if told.name is None else str(told.name)
    if not roots:
        return Stamp(_us(moment), by, checked=False)
    try:
        # Nothing of the token's own certificates is added: whatever this builder is given, it trusts.
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(response, text.encode())
    except (VerificationError, ValueError) as error:
        raise IntegrityViolation(f"the timestamp does not hold: {error}", code="bad_timestamp") from error
    return Stamp(_us(moment), by, checked=True)


def _us(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * US_PER_S)
