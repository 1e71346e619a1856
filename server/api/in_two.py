"""A page that goes out in two: its frame at once, and what takes long as soon as it is there.

A browser fetches the style and shows the frame meanwhile. Whoever may not see the page, or asks for what is not, has to be
told before: the frame's status is the whole answer's.
"""

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from config.base.logs import get_logger
from server.api.parts import parts_of
from server.api.tongue import language_of

log = get_logger("api")


def in_two(request: Request, around: tuple[str, str], rest: Callable[[], str]) -> StreamingResponse:
    """``around``: what stands before and after the ``rest``; where that fails the page says so in its place."""
    before, after = around

    def pieces() -> Iterator[str]:
        yield before
        try:
            yield rest()
        except Exception:  # whatever it was: the status is sent, and half a page must not look like a whole one
            log.exception("rest_of_page_failed", path=request.url.path)
            yield parts_of(request).pages.broken(language_of(request))
        yield after

    return StreamingResponse(pieces(), media_type="text/html; charset=utf-8")
