"""A run: an unbroken stretch of frames, and what is known of when it began.

It begins where its first frame was captured, as far as can be known by then. Where everything came late at first, later
frames know better: the first segment is claimed from there on, and until then nothing is promised of that time.

Invariants: segments of one run follow one another without a hole or an overlap; what was claimed is never moved, nor is
what was settled; a camera whose time leaps or runs fast moves nothing (I1).
"""

from dataclasses import dataclass, field

from edge_agent.recording.continuity import Frame
from edge_agent.recording.decisions import LEARNED_WITHIN_US, SegmentState, seen_late_us
from edge_agent.recording.leave import PatientWriter
from edge_agent.recording.writer import Header
from edge_agent.spool.segments import OpenSegment
from edge_agent.timekeeping import Timeline


@dataclass
class Run:
    """An unbroken stretch of frames under one header, on one timeline, and the segment it is writing."""

    run_id: str
    timeline: Timeline
    header: Header
    parameters: tuple[bytes, ...]
    segment: OpenSegment
    writer: PatientWriter
    origin_us: int
    """Where the camera's times began, as far as was known when the run did; monotonic, like the next three."""
    begun_us: int
    """When it began to be written."""
    opened_us: int
    """When the segment's first frame was captured."""
    keyframe_us: int
    presented_from_us: int
    """Pictures that are shown before the run's first keyframe refer to ones that are not in it: they are left out."""
    leapt_us: int
    """By how much the camera's time had leapt by then."""
    restate_from_us: int
    """The segment may be claimed from here on, where its frames turn out to be earlier; its start, after the first."""
    told_us: int
    """Where the segment begins, as was said last."""
    keyframe_distance_us: int = 0
    newest_us: int = 0
    """The latest capture in it."""
    safe_us: int = 0
    """Every frame before it is durable: the last keyframe that went in without a fault."""
    learned: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    """How long after the run began a keyframe came, and how much sooner after its picture than the first."""

    def learn(self, frame: Frame, arrival_us: int, leapt_us: int) -> None:
        """A keyframe of the first segment; the camera's time had leapt by ``leapt_us`` in all when it came."""
        if self.learned[-1][0] > LEARNED_WITHIN_US:
            self.learned.pop()
        sooner_us = self.origin_us - (frame.captured_us - frame.presented_us) - (leapt_us - self.leapt_us)
        self.learned.append((arrival_us - self.begun_us, sooner_us))

    @property
    def start_us(self) -> int:
        """Where the segment begins, as is known by now."""
        return max(self.restate_from_us, self.segment.start_us - seen_late_us(self.learned))

    def state(self) -> SegmentState:
        return SegmentState(
            self.segment.start_us, self.writer.size_bytes, self.writer.frames, self.keyframe_distance_us
        )
