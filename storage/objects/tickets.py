"""Upload tickets: leave to PUT one object, and only that one, as it was announced.

The signature covers key, digest, size, lock mode, retain-until and host, and it runs out; the store refuses anything
else. The agent never holds a credential of the store. A ticket may be used more than once before it expires: the
same bytes under the same lock then make another version, which costs space and harms nothing.
"""

import base64
from dataclasses import dataclass

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput
from storage.objects.connection import StoreAccess
from storage.objects.retention import to_header, whole_second_up
from storage.objects.signing import presign

EXPIRES_S_MAX = 3_600
SIZE_BYTES_MAX = 5 * 2**30
"""The most that one S3 PUT takes."""


@dataclass(frozen=True)
class Ticket:
    """Send every header unchanged with the body to ``url`` by PUT before ``expires_us``."""

    url: str
    headers: dict[str, str]
    expires_us: int


class TicketOffice:
    """Mints tickets with the server's credential; no network.

    ``public_url`` is how agents reach the store, where that differs from how the server does.
    """

    def __init__(self, access: StoreAccess, clock: Clock, *, public_url: str = "") -> None:
        self._access = access
        self._clock = clock
        self._base_url = public_url or access.url

    def mint(self, key: str, sha256: str, size_bytes: int, retain_until_us: int, *, expires_s: int) -> Ticket:
        """Raises InvalidInput for what no store could accept."""
        now_us = self._clock.utc_us()
        if not 1 <= expires_s <= EXPIRES_S_MAX:
            raise InvalidInput(f"a ticket lasts 1 to {EXPIRES_S_MAX} s, not {expires_s}")
        if not 1 <= size_bytes <= SIZE_BYTES_MAX:
            raise InvalidInput(f"{size_bytes} bytes do not fit into one upload")
        if retain_until_us <= now_us:
            raise InvalidInput("the lock would have run out before the upload", code="retention_past")
        headers = {
            "content-length": str(size_bytes),
            "x-amz-checksum-sha256": checksum_of(sha256),
            # Signed although it is the default, or MinIO would let an agent put its segments under hold for ever.
            "x-amz-object-lock-legal-hold": "OFF",
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": to_header(retain_until_us),
        }
        url = presign(self._access, "PUT", key, headers, base_url=self._base_url, expires_s=expires_s, now_us=now_us)
        # The signature carries whole seconds, so the last moment is counted from the second it began in.
        return Ticket(url, headers, whole_second_up(now_us - US_PER_S + 1) + expires_s * US_PER_S)


def checksum_of(sha256: str) -> str:
    """A hexadecimal SHA-256 as S3 writes it. Raises InvalidInput."""
    try:
        raw = bytes.fromhex(sha256)
    except ValueError as error:
        raise InvalidInput("a SHA-256 is 64 hexadecimal digits") from error
    if len(raw) != 32:
        raise InvalidInput("a SHA-256 is 64 hexadecimal digits")
    return base64.b64encode(raw).decode()
