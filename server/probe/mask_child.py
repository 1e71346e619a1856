"""Reads one recording from standard input and writes a masked, small one without sound to standard output.

    python -I mask_child.py mask FROM_US FOR_US CELLS    one MP4
    python -I mask_child.py still FROM_US                one JPEG, not masked: for who chooses the fields

Invariants: as ``child.py``: bounded in time, memory and pixels, nothing is read but standard input, none of our modules is within
reach. Every field of the picture that was not chosen by name is drawn from a picture of 16 x 9 points and nothing finer, so that
what is written holds no more of it than that. Where anything goes wrong no picture is written at all.

What it cannot do: who walks into a chosen field is seen there; a gait, a colour of clothes or a time can tell who somebody is.
"""

import io
import resource
import sys
from fractions import Fraction
from typing import Any

PIXELS_MAX = 64 << 20
FRAMES_MAX = 200_000
MEMORY_BYTES_MAX = 2 << 30
CPU_S_MAX = 240
WIDTH, HEIGHT = 640, 360
POINTS_WIDE, POINTS_HIGH = 16, 9
COLUMNS, LINES = 8, 6
RATE = 5
CODECS = ("h264", "hevc")


class Unreadable(Exception):
    """The bytes are no footage, or none of the wanted time."""


def main() -> int:
    """0 with the output, 3 with the reason where there is none by these bytes."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
    ):
        resource.setrlimit(what, (most, most))
    import av  # noqa: F401 - a decoder that cannot be loaded is no fault of the bytes

    try:
        _, form, at_or_from, *rest = sys.argv
        made = _still(int(at_or_from)) if form == "still" else _masked(int(at_or_from), int(rest[0]), rest[1])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the top of the process: whatever these bytes bring up is theirs
        sys.stdout.write(f"{type(error).__name__}: {error}"[:160])
        return 3
    sys.stdout.buffer.write(made)
    return 0


def _pictures(from_us: int, for_us: int) -> Any:
    """(microseconds from the recording's beginning, frame), ``RATE`` a second."""
    import av

    # Only this demuxer: no playlist or script in the bytes may name another file.
    with av.open(sys.stdin.buffer, "r", format="mp4", options={"probesize": "1048576"}) as container:
        if not container.streams.video:
            raise Unreadable("no video stream")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name not in CODECS or not 0 < context.width * context.height <= PIXELS_MAX:
            raise Unreadable(f"{context.name} of {context.width} x {context.height}")
        context.thread_count = 1
        context.options = {"max_pixels": str(PIXELS_MAX), "skip_loop_filter": "all"}
        first, due_us, seen = None, from_us, 0
        for frame in container.decode(stream):
            seen += 1
            if seen > FRAMES_MAX:
                raise Unreadable(f"more than {FRAMES_MAX} frames")
            if frame.pts is None or frame.time_base is None or frame.is_corrupt:
                continue
            at = round(float(frame.pts * frame.time_base) * 1e6)
            first = at if first is None else first
            at -= first
            if at >= from_us + for_us:
                return
            if at >= due_us:
                due_us = max(due_us + 1_000_000 // RATE, at)
                yield at - from_us, frame


def _masked(from_us: int, for_us: int, cells: str) -> bytes:
    import av

    if len(cells) != COLUMNS * LINES or set(cells) - {"0", "1"}:
        raise Unreadable("no such fields")
    file = io.BytesIO()
    written = 0
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = RATE  # a keyframe a second: seeking is quick
        stream.options = {"preset": "veryfast", "crf": "30", "maxrate": "500k", "bufsize": "1000k"}
        for at_us, frame in _pictures(from_us, for_us):
            picture = _drawn(frame, cells).reformat(format="yuv420p")
            picture.pts = max(written, round(at_us * RATE / 1_000_000))
            picture.time_base = Fraction(1, RATE)
            written = picture.pts + 1
            container.mux(stream.encode(picture))
        if not written:
            raise Unreadable("no picture in that time")
        container.mux(stream.encode(None))
    return file.getvalue()


def _drawn(frame: Any, cells: str) -> Any:
    """A new picture: the coarse one made large, and over it the chosen fields."""
    coarse = frame.reformat(POINTS_WIDE, POINTS_HIGH, "rgb24", interpolation="AREA")
    drawn = coarse.reformat(WIDTH, HEIGHT, "rgb24", interpolation="BICUBIC")
    if "1" not in cells:
        return drawn
    fine = frame.reformat(WIDTH, HEIGHT, "rgb24", interpolation="AREA").planes[0]
    plane = drawn.planes[0]
    data, clear, wide, high = bytearray(bytes(plane)), bytes(fine), WIDTH // COLUMNS, HEIGHT // LINES
    for number, cell in enumerate(cells):
        if cell == "1":
            left, top = number % COLUMNS * wide * 3, number // COLUMNS * high
            for line in range(top, top + high):
                to, source = line * plane.line_size + left, line * fine.line_size + left
                data[to : to + wide * 3] = clear[source : source + wide * 3]
    plane.update(bytes(data))
    return drawn


def _still(from_us: int) -> bytes:
    import av

    for _, frame in _pictures(from_us, 3_600_000_000):
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        small = frame.reformat(WIDTH, HEIGHT, "yuvj420p")
        encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        small.pts = None
        return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
    raise Unreadable("no picture in that time")


if __name__ == "__main__":
    sys.exit(main())
