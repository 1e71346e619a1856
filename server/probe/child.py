"""Reads one segment from standard input and says how long it lasts, how dark it is and how much of it stands still.

Invariant: bounded in time, memory, pixels and pictures; nothing is written, and nothing but standard input is read. It is
run by its path (``python -I child.py SPAN_US``), so that it has no way to our modules.

Every packet is read; up to ``PICTURES_MAX`` keyframes, evenly over the segment, are decoded to 320 x 180 luma. The share of
unchanged places is measured as ``edge_agent/diagnosis/measuring.py`` measures it.
"""

import json
import resource
import sys
from typing import Any

PIXELS_MAX = 64 << 20
PACKETS_MAX = 200_000
PICTURES_MAX = 64
SPACING_US = 1_500_000
MEMORY_BYTES_MAX = 2 << 30
CPU_S_MAX = 60
WIDTH, HEIGHT = 320, 180
TILE_WIDTH, TILE_HEIGHT = 16, 15
BLACK, WHITE = 14.0, 240.0
TELLING_TILES_MIN = 20
CHANGED_PIXELS_MAX = 0.2
CODECS = ("h264", "hevc")


class Unreadable(Exception):
    """The bytes are no footage."""


def main() -> int:
    """Writes one JSON object: figures, or ``error`` with what is wrong with the bytes."""
    _limit()
    span_us = int(sys.argv[1])
    import av  # noqa: F401 - a decoder that cannot be loaded is no fault of the bytes

    try:
        answer = _probe(span_us)
    except MemoryError:
        raise  # not known to be their fault either
    except Exception as error:  # noqa: BLE001 - the top of the process: whatever these bytes bring up is theirs
        answer = {"error": f"{type(error).__name__}: {error}"[:160]}
    sys.stdout.write(json.dumps(answer))
    return 0


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
    ):
        resource.setrlimit(what, (most, most))


def _probe(span_us: int) -> dict[str, object]:
    import av

    dark: list[float] = []
    unchanged: list[float] = []
    before: bytes | None = None
    packets, first, end = 0, None, 0.0
    due_us, every_us = 0.0, max(SPACING_US, span_us / PICTURES_MAX)
    # Only this demuxer: no playlist or script in the bytes may name another file.
    with av.open(sys.stdin.buffer, "r", format="mp4", options={"probesize": "1048576"}) as container:
        if not container.streams.video:
            raise Unreadable("no video stream")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name not in CODECS or not 0 < context.width * context.height <= PIXELS_MAX:
            raise Unreadable(f"{context.name} of {context.width} x {context.height}")
        context.thread_count = 1
        context.options = {"max_pixels": str(PIXELS_MAX), "skip_loop_filter": "all", "flags": "+low_delay"}
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pts is None:
                continue
            packets += 1
            if packets > PACKETS_MAX:
                raise Unreadable(f"more than {PACKETS_MAX} frames")
            at = float(packet.pts * packet.time_base) * 1e6
            first = at if first is None else min(first, at)
            end = max(end, at + float((packet.duration or 0) * packet.time_base) * 1e6)
            if packet.is_keyframe and at - first >= due_us and len(dark) < PICTURES_MAX:
                due_us = at - first + every_us
                luma = _picture(context, packet)
                dark.append(_dark(luma))
                share = _unchanged(luma, before) if before is not None else None
                if share is not None:
                    unchanged.append(share)
                before = luma
    if first is None or not dark:
        raise Unreadable("no picture")
    return {"duration_us": int(end - first), "frames": packets, "dark": dark, "unchanged": unchanged}


def _picture(context: Any, packet: Any) -> bytes:
    frames = context.decode(packet) or context.decode(None)
    context.flush_buffers()
    if not frames or frames[0].is_corrupt:
        raise Unreadable("a keyframe cannot be decoded")
    small = frames[0].reformat(width=WIDTH, height=HEIGHT, format="gray", interpolation="AREA")
    plane = small.planes[0]
    data = bytes(plane)
    return b"".join(data[at : at + WIDTH] for at in range(0, plane.line_size * HEIGHT, plane.line_size))


def _dark(luma: bytes) -> float:
    """1 less the 95 % luma over 255."""
    left = len(luma) * 0.05
    for value in range(255, -1, -1):
        left -= luma.count(value)
        if left <= 0:
            return round(1 - value / 255, 4)
    return 1.0


def _unchanged(now: bytes, before: bytes) -> float | None:
    """Share of the telling tiles in which hardly a pixel has changed; None where too few can tell."""
    columns = WIDTH // TILE_WIDTH
    still = telling = 0
    for top in range(0, HEIGHT, TILE_HEIGHT):
        changed, bright = [0] * columns, [0] * columns
        for line in range(top, top + TILE_HEIGHT):
            for column in range(columns):
                start = line * WIDTH + column * TILE_WIDTH
                here, there = now[start : start + TILE_WIDTH], before[start : start + TILE_WIDTH]
                bright[column] += sum(here)
                if here != there:
                    changed[column] += sum(a != b for a, b in zip(here, there, strict=True))
        pixels = TILE_WIDTH * TILE_HEIGHT
        for column in range(columns):
            if BLACK < bright[column] / pixels < WHITE:
                telling += 1
                still += changed[column] / pixels < CHANGED_PIXELS_MAX
    return round(still / telling, 4) if telling >= TELLING_TILES_MIN else None


if __name__ == "__main__":
    sys.exit(main())
