"""Reads one picture from standard input and draws it anew: nothing of the file survives but what is to be seen.

Invariant: bounded in time, memory and pixels; nothing is written, and nothing but standard input is read. What the file says
of itself (place, time, camera, hidden data) is gone, and no byte of it is passed on. It is run by its path
(``python -I picture_child.py DEMUXER SIDE_MAX BYTES_MAX``), so that it has no way to our modules.

Answers with one line of JSON (``error``, or media type, width and height), then the bytes.
"""

import io
import json
import resource
import sys
from fractions import Fraction
from itertools import pairwise
from typing import Any

PIXELS_MAX = 40 << 20
MEMORY_BYTES_MAX = 2 << 30
CPU_S_MAX = 20
DEMUXERS = {"png_pipe": "png", "jpeg_pipe": "mjpeg", "webp_pipe": "webp"}
TURNS = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",), -90: ("clock",), -180: ("clock", "clock")}
"""What undoes the rotation that a telephone writes into its pictures, by degrees counter-clockwise."""
ENCODERS = (("png", "rgb24", "image/png"), ("mjpeg", "yuvj420p", "image/jpeg"))
"""Lines stay sharp in PNG; what is too large so is a photograph."""


class Unreadable(Exception):
    """The bytes are no picture that is taken."""


def main() -> int:
    """Writes the answer."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
    ):
        resource.setrlimit(what, (most, most))
    import av  # noqa: F401 - a decoder that cannot be loaded is no fault of the bytes

    data = b""
    try:
        answer, data = _redraw(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except MemoryError:
        raise  # not known to be their fault
    except Exception as error:  # noqa: BLE001 - the top of the process: whatever these bytes bring up is theirs
        answer = {"error": f"{type(error).__name__}: {error}"[:160]}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
    return 0


def _redraw(demuxer: str, side_max: int, bytes_max: int) -> tuple[dict[str, object], bytes]:
    import av

    # Only this demuxer: no playlist or script in the bytes may name another file.
    with av.open(io.BytesIO(sys.stdin.buffer.read()), "r", format=demuxer) as container:
        context = container.streams.video[0].codec_context
        if context.name != DEMUXERS[demuxer] or not 0 < context.width * context.height <= PIXELS_MAX:
            raise Unreadable(f"{context.name} of {context.width} x {context.height}")
        context.thread_count = 1
        context.options = {"max_pixels": str(PIXELS_MAX)}
        frame = next(container.decode(video=0), None)
    if frame is None or frame.is_corrupt or frame.width * frame.height > PIXELS_MAX:
        raise Unreadable("no picture")
    drawn = _on_white(frame, side_max)
    for encoder, pixels, media_type in ENCODERS:
        data = _encoded(drawn, encoder, pixels)
        if len(data) <= bytes_max:
            return {"media_type": media_type, "width": drawn.width, "height": drawn.height}, data
    raise Unreadable("too much in it")


def _on_white(frame: Any, side_max: int) -> Any:
    """Upright, of at most ``side_max`` on its longer side, with white where it is transparent."""
    import av

    shrink = min(1.0, side_max / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * shrink)), max(2, round(frame.height * shrink))
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    small = graph.add("scale", f"{width}:{height}:flags=area")
    white = graph.add("color", f"c=white:s={width}x{height}:r=1:d=1")
    over = graph.add("overlay", "format=rgb")
    turns = [graph.add("transpose", turn) for turn in TURNS.get(round(frame.rotation), ())]
    rgb, sink = graph.add("format", "pix_fmts=rgb24"), graph.add("buffersink")
    source.link_to(small)
    white.link_to(over, 0, 0)
    small.link_to(over, 0, 1)
    chain = [over, *turns, rgb, sink]
    for one, after in pairwise(chain):
        one.link_to(after)
    graph.configure()
    source.push(frame)
    source.push(None)
    return sink.pull()


def _encoded(frame: Any, encoder: str, pixels: str) -> bytes:
    import av

    context: Any = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt, context.time_base = (
        frame.width,
        frame.height,
        pixels,
        Fraction(1, 25),
    )
    if encoder == "mjpeg":
        context.options = {"qmin": "3", "qmax": "5"}
    picture = frame.reformat(format=pixels)
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])


if __name__ == "__main__":
    sys.exit(main())
