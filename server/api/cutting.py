"""Recordings and packages that go out for a while, and end in the middle where leave for them ends."""

from collections.abc import Callable, Iterator

from starlette.requests import Request

from config.base.clock import US_PER_S
from config.base.errors import PermissionDenied
from server.api.gate import Person
from server.api.parts import parts_of

SLICE_BYTES = 128 * 1024
"""What still goes out on a slow line after that, besides what the kernel holds."""
ASK_EVERY_US = US_PER_S // 4


def while_allowed(
    request: Request, person: Person, pieces: Iterator[bytes], check: Callable[[], object]
) -> Iterator[bytes]:
    """``check`` raises where the person may have them no more; whose session it is, is asked here, four times a second."""
    parts = parts_of(request)
    asked_us = parts.clock.monotonic_us()
    for piece in pieces:
        for at in range(0, len(piece), SLICE_BYTES):
            if parts.clock.monotonic_us() - asked_us >= ASK_EVERY_US:
                if parts.gate.identify(request) != person:
                    raise PermissionDenied("the session is over", code="session_over")
                check()
                asked_us = parts.clock.monotonic_us()
            yield piece[at : at + SLICE_BYTES]
