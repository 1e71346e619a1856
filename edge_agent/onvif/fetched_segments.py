"""Frames of a camera's own recording, put into segment files. No clock is asked: every time comes from the frames.

Invariant I1: a segment claims no instant without a frame of it. It begins with a keyframe, it ends where its last frame
ends, and a hole of more than ``HOLE_US`` between two frames, or a lost packet, ends the run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import cast

from av.packet import Packet

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from config.base.ids import fresh_id
from edge_agent.cameras.feed import Codec
from edge_agent.cameras.source import VideoPacket
from edge_agent.onvif.stored_frames import StoredFrame
from edge_agent.recording.continuity import Frame
from edge_agent.recording.parameter_sets import parameter_sets
from edge_agent.recording.writer import Header, SegmentWriter

HOLE_US = 1 * US_PER_S
FRAME_US_MAX = HOLE_US
GOP_FRAMES_MAX = 3_000
GOP_BYTES_MAX = 64 << 20
TIME_BASE = Fraction(1, 90_000)
TICK_US = 12


@dataclass(frozen=True)
class FetchedSegment:
    """A finished file in the scratch folder; instants by the agent's clock."""

    segment_id: str
    run_id: str
    start_us: int
    end_us: int
    sha256: str
    size_bytes: int
    frames: int
    codec: Codec
    width: int
    height: int


@dataclass(frozen=True)
class Group:
    """A keyframe and what hangs on it; ``end_us``: where its last frame ends. ``joined``: it goes on from the one before."""

    frames: list[tuple[int, bytes]]
    end_us: int
    joined: bool

    @property
    def start_us(self) -> int:
        return self.frames[0][0]


def groups(frames: Iterator[StoredFrame], to_agent: Callable[[int], int]) -> Iterator[Group]:
    """Groups of pictures on the agent's clock, each known to its end (pure)."""
    held: list[tuple[int, bytes]] = []
    joined, size = False, 0
    frame_us = 40_000
    for frame in frames:
        at_us = to_agent(frame.camera_us)
        latest_us = max((us for us, _ in held), default=at_us)
        broken = bool(held) and (frame.after_break or not -HOLE_US < at_us - latest_us <= HOLE_US)
        full = len(held) >= GOP_FRAMES_MAX or size > GOP_BYTES_MAX
        if held and (broken or frame.is_key or full):
            frame_us = _typical_us(held, frame_us)
            goes_on = frame.is_key and not broken and at_us > latest_us
            yield Group(held, at_us if goes_on else latest_us + frame_us, joined)
            held, size, joined = [], 0, goes_on
        if frame.is_key or held:
            held.append((at_us, frame.data))
            size += len(frame.data)
        else:
            joined = False
    if held:
        latest_us = max(us for us, _ in held)
        yield Group(held, latest_us + _typical_us(held, frame_us), joined)


class FetchedWriter:
    """Writes groups into segments; each is handed on when its file is whole."""

    def __init__(
        self, folder: Path, codec: Codec, segment_us: int, on_segment: Callable[[FetchedSegment], None]
    ) -> None:
        self._folder = folder
        self._codec: Codec = codec
        self._segment_us = segment_us
        self._on_segment = on_segment
        self._header: Header | None = None
        self._parameters: tuple[bytes, ...] = ()
        self._writer: SegmentWriter | None = None
        self._run_id = self._segment_id = ""
        self._start_us = self._end_us = 0
        self._newest_decoded_us = 0

    def add(self, group: Group) -> None:
        """Raises ResourceExhausted or Unavailable where the disk refuses, InvalidInput where no file can be made of it."""
        keyframe = group.frames[0][1]
        found = parameter_sets(keyframe, self._codec)
        changed = bool(found) and found != self._parameters
        if self._writer is None or not group.joined or changed:
            self.finish()
            self._begin_run(keyframe, found)
        elif group.start_us // self._segment_us != self._start_us // self._segment_us:
            self._finish_segment()
        if self._writer is None:
            self._begin_segment(group.start_us)
        self._write(group)

    def finish(self) -> None:
        """Ends the run."""
        if self._writer is not None:
            self._finish_segment()
        if self._header is not None:
            self._header.close()
            self._header = None

    def _begin_run(self, keyframe: bytes, found: tuple[bytes, ...]) -> None:
        if not found:
            raise InvalidInput("the camera's recording has no parameter sets before its keyframes", code="bad_keyframe")
        self._header = Header(keyframe, self._codec, TIME_BASE)
        self._parameters, self._run_id = found, fresh_id()

    def _begin_segment(self, start_us: int) -> None:
        assert self._header is not None  # noqa: S101 - a run has been begun
        self._segment_id, self._start_us = fresh_id(), start_us
        part = self._folder / f"{self._segment_id}.mp4.part"
        self._writer = SegmentWriter(part, self._folder / f"{self._segment_id}.mp4", self._header)
        self._newest_decoded_us = 0

    def _write(self, group: Group) -> None:
        assert self._writer is not None  # noqa: S101 - a segment has been begun
        for index, (presented_us, wanted_us, data) in enumerate(with_decoding_times(group.frames)):
            decoded_us = max(wanted_us, self._newest_decoded_us + TICK_US)
            self._newest_decoded_us = decoded_us
            packet = cast(VideoPacket, Packet(data))
            packet.is_keyframe = index == 0
            self._writer.add(
                Frame(
                    max(presented_us, decoded_us), decoded_us, presented_us, index == 0, begins_run=False, packet=packet
                )
            )
        self._end_us = group.end_us

    def _finish_segment(self) -> None:
        assert self._writer is not None and self._header is not None  # noqa: S101, PT018 - as above
        written = self._writer.finish()
        self._writer = None
        self._on_segment(
            FetchedSegment(
                segment_id=self._segment_id,
                run_id=self._run_id,
                start_us=self._start_us,
                end_us=self._end_us,
                sha256=written.sha256,
                size_bytes=written.size_bytes,
                frames=written.frames,
                codec=self._codec,
                width=self._header.width,
                height=self._header.height,
            )
        )


def with_decoding_times(frames: list[tuple[int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Presentation and decoding time of each frame in decoding order: the n-th decoded gets the n-th smallest (pure)."""
    ordered = sorted(at_us for at_us, _ in frames)
    late_us = max(due_us - at_us for due_us, (at_us, _) in zip(ordered, frames, strict=True))
    return [(at_us, due_us - late_us, data) for due_us, (at_us, data) in zip(ordered, frames, strict=True)]


def _typical_us(frames: list[tuple[int, bytes]], otherwise_us: int) -> int:
    ordered = sorted(at_us for at_us, _ in frames)
    steps = [b - a for a, b in pairwise(ordered) if b > a]
    return min(FRAME_US_MAX, median_low(steps)) if steps else otherwise_us
