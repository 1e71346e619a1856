"""Reads a clip that somebody sent and hands back small grey pictures, eight a second.

Invariant: bounded in time, memory, pixels and seconds of picture; nothing is written, and nothing but standard input is read. It is
run by its path (``python -I clip_child.py DEMUXER``), so that it has no way to our modules. What there is no time for is not read:
the answer says how many pictures there are.

Answers with one line of JSON (``error``, or ``count``, ``height`` and ``width``), then the pictures: little-endian uint16, 1/256 of a
grey level, the mean of the frames of each eighth of a second.
"""

import json
import os
import resource
import sys
import time
from typing import Any

BINS_PER_S = 8
LONG_SIDE = 96
SECONDS_MAX = 300
FINE = 256
PIXELS_MAX = 40 << 20
MEMORY_BYTES_MAX = 2 << 30
READ_CPU_S, CPU_S_MAX = 75.0, 90
NICE = 10
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4")


class Unreadable(Exception):
    """The bytes are no clip."""


def main() -> int:
    """Writes the answer."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(NICE)
    import av  # noqa: F401 - a decoder that cannot be loaded is no fault of the bytes

    data = b""
    try:
        answer, data = _read(sys.argv[1])
    except MemoryError:
        raise  # not known to be their fault
    except Exception as error:  # noqa: BLE001 - the top of the process: whatever these bytes bring up is theirs
        answer = {"error": f"{type(error).__name__}: {error}"[:160]}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
    return 0


def _read(demuxer: str) -> tuple[dict[str, object], bytes]:
    import av
    import numpy as np

    sums: list[Any] = []
    counts: list[int] = []
    began: float | None = None
    last = 0.0
    # Only this demuxer: no playlist or script in the bytes may name another file.
    with av.open(sys.stdin.buffer, "r", format=demuxer) as container:
        if not container.streams.video:
            raise Unreadable("there is no video in it")
        context = container.streams.video[0].codec_context
        if context.name not in CODECS or not 0 < context.width * context.height <= PIXELS_MAX:
            raise Unreadable(f"{context.name} of {context.width} x {context.height}")
        context.thread_count = 1
        context.options = {"max_pixels": str(PIXELS_MAX)}
        for frame in container.decode(video=0):
            at = float(frame.time) if frame.time is not None else last
            began, last = at if began is None else began, at
            number = int((at - began) * BINS_PER_S)
            if number >= SECONDS_MAX * BINS_PER_S or time.process_time() > READ_CPU_S:
                break
            grey = np.rot90(_small(frame), round(frame.rotation / 90))
            while len(sums) <= max(number, 0):
                sums.append(np.zeros_like(sums[0] if sums else grey))
                counts.append(0)
            if grey.shape == sums[0].shape and number >= 0:
                sums[number] += grey
                counts[number] += 1
    if not sums:
        raise Unreadable("there is no picture in it")
    height, width = sums[0].shape
    found: list[bytes] = []
    for total, count in zip(sums, counts, strict=True):
        # A moment without a frame shows what the one before it did, as a screen would.
        found.append(np.rint(total * (FINE / count)).astype("<u2").tobytes() if count else found[-1])
    return {"count": len(found), "height": height, "width": width}, b"".join(found)


def _small(frame: Any) -> Any:
    scale = LONG_SIDE / max(frame.width, frame.height)
    width, height = (max(16, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return frame.reformat(width, height, format="gray", interpolation="AREA").to_ndarray().astype("float32")


if __name__ == "__main__":
    sys.exit(main())
