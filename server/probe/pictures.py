"""Pictures that people send: taken as PNG, JPEG or WebP alone, and drawn anew in a process of their own.

Invariant: no byte of a file that somebody sent is ever shown to anybody; what is kept was encoded here. A drawing that could
hold a script (SVG, HTML) is refused by its first bytes.
"""

import tempfile
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Literal

import msgspec

from config.base.decoding import decode_json
from config.base.errors import InvalidInput, Unavailable
from server.probe.parent import Ended, run

CHILD = Path(__file__).with_name("picture_child.py")
SENT_BYTES_MAX = 8 * 1024 * 1024
"""A photograph of a plan as a telephone takes it."""
KEPT_BYTES_MAX = 2 * 1024 * 1024
HEAD_BYTES = 1_024
"""Of the line before the bytes of an answer."""
SIDE_MAX = 2_000
WAIT_S = 30.0
AT_ONCE, PLACE_WAIT_S = 2, 3.0
"""Each process may take 2 GiB; who waits for a place holds a thread of the server."""
DEMUXER = ((b"\x89PNG\r\n\x1a\n", "png_pipe"), (b"\xff\xd8\xff", "jpeg_pipe"))
MEDIA_TYPES = Literal["image/png", "image/jpeg"]
_places = BoundedSemaphore(AT_ONCE)


class Picture(msgspec.Struct, frozen=True):
    """A picture of ours: ``width`` and ``height`` in pixels."""

    media_type: MEDIA_TYPES
    width: int
    height: int
    data: bytes


class _Answer(msgspec.Struct, frozen=True):
    error: str = ""
    media_type: MEDIA_TYPES = "image/png"
    width: Annotated[int, msgspec.Meta(ge=0, le=SIDE_MAX)] = 0
    height: Annotated[int, msgspec.Meta(ge=0, le=SIDE_MAX)] = 0


def redraw(data: bytes, *, child: Path = CHILD, wait_s: float = WAIT_S) -> Picture:
    """The same to look at, of at most 2,000 pixels a side and 2 MiB.

    Raises InvalidInput (``no_picture``) for what is no such picture, Unavailable (``not_decoded``) where it took too long.
    """
    demuxer = _demuxer(data)
    if demuxer is None or len(data) > SENT_BYTES_MAX:
        raise InvalidInput("a picture is a PNG, JPEG or WebP of at most 8 MiB", code="no_picture")
    if not _places.acquire(timeout=PLACE_WAIT_S):
        raise Unavailable("others send pictures at this moment", code="not_decoded")
    words = (demuxer, str(SIDE_MAX), str(KEPT_BYTES_MAX))
    try:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            return _read(run(child, words, file, bytes_max=KEPT_BYTES_MAX + HEAD_BYTES, wait_s=wait_s))
    except InvalidInput as error:
        raise InvalidInput(str(error), code="no_picture") from error
    finally:
        _places.release()


def _read(ended: Ended) -> Picture:
    line, _, drawn = ended.output.partition(b"\n")
    try:
        answer = decode_json(line, _Answer)
    except msgspec.MsgspecError as error:
        raise InvalidInput("the picture broke its decoder", code="no_picture") from error
    whole = 0 < len(drawn) <= KEPT_BYTES_MAX and answer.width > 0 and answer.height > 0
    if ended.code != 0 or answer.error or not whole:
        raise InvalidInput(f"no picture: {answer.error[:160]}", code="no_picture")
    return Picture(answer.media_type, answer.width, answer.height, drawn)


def _demuxer(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp_pipe"
    return next((name for start, name in DEMUXER if data.startswith(start)), None)
