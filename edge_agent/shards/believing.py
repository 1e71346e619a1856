"""What a shard says, looked at before it is believed: its process reads hostile bytes, and may be somebody else's by now.

Invariant: nothing that a shard names leads out of its own cameras' folders, and nothing goes into the spool, the
heartbeat or a manifest that the wire contract would not take.
"""

import math
import re
from collections.abc import Collection

import msgspec

from config.base.errors import InvalidInput
from config.wire.segments import SEGMENT_SPAN_US_MAX
from edge_agent.cameras.figures import CameraFigures
from edge_agent.recording.decisions import RESTATED_US_MAX
from edge_agent.recording.writer import SIDE_MAX
from edge_agent.shards.messages import (
    CameraPulse,
    CameraSet,
    ConditionIs,
    Finished,
    Opening,
    Pulse,
    Restated,
    Told,
    Torn,
    Up,
)
from edge_agent.spool.segments import OpenSegment

NUMBER_MAX = 2**53 - 1
FILE_BYTES_MAX = 2**32
FRAMES_MAX = 100_000
_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check(said: Up, cameras: Collection[str]) -> None:
    """Raises InvalidInput for what the shard that has these ``cameras`` cannot truthfully say."""
    if isinstance(said, Pulse):
        for pulse in said.cameras:
            _check_pulse(pulse, cameras)
        _expect(0 <= said.dropped <= NUMBER_MAX, "dropped")
    elif isinstance(said, Opening | Torn):
        _check_segment(said.segment, cameras)
    elif isinstance(said, Restated):
        _check_segment(said.segment, cameras)
        _check_start(said)
    elif isinstance(said, Finished):
        _check_segment(said.segment, cameras)
        _check_start(said)
        _expect(0 < said.end_us - said.start_us <= SEGMENT_SPAN_US_MAX, "span")
        _expect(said.end_us <= NUMBER_MAX, "end_us")
        _expect(_SHA256.fullmatch(said.sha256) is not None, "sha256")
        _expect(1 <= said.size_bytes <= FILE_BYTES_MAX, "size_bytes")
        _expect(1 <= said.frames <= FRAMES_MAX, "frames")
    elif isinstance(said, ConditionIs):
        _check_camera(said.camera_id, cameras)
        _expect(0 <= said.at_us <= NUMBER_MAX, "at_us")
        _expect(_ID.fullmatch(said.timeline_id) is not None, "timeline_id")
    elif isinstance(said, CameraSet | Told):
        _check_camera(said.camera_id, cameras)


def _check_segment(segment: OpenSegment, cameras: Collection[str]) -> None:
    _check_camera(segment.camera_id, cameras)
    for field in ("segment_id", "run_id", "timeline_id"):
        _expect(_ID.fullmatch(getattr(segment, field)) is not None, field)
    _expect(0 <= segment.start_us <= NUMBER_MAX, "start_us")
    _expect(1 <= segment.width <= SIDE_MAX and 1 <= segment.height <= SIDE_MAX, "size of the picture")


def _check_start(said: Restated | Finished) -> None:
    _expect(0 <= said.segment.start_us - said.start_us <= RESTATED_US_MAX and said.start_us >= 0, "start_us")


def _check_pulse(pulse: CameraPulse, cameras: Collection[str]) -> None:
    _check_camera(pulse.camera_id, cameras)
    _expect(0 <= pulse.floor_us <= NUMBER_MAX, "floor_us")
    _expect(0 <= pulse.open_bytes <= NUMBER_MAX, "open_bytes")
    _check_figures(pulse.figures)


def _check_figures(figures: CameraFigures) -> None:
    for field, value in msgspec.structs.asdict(figures).items():
        if isinstance(value, int | float):
            _expect(math.isfinite(value) and abs(value) <= NUMBER_MAX, field)
    _expect(0 <= figures.width <= SIDE_MAX and 0 <= figures.height <= SIDE_MAX, "size of the picture")
    for field in ("frames_per_second", "bits_per_second", "rtp_lost"):
        _expect(getattr(figures, field) >= 0, field)


def _check_camera(camera_id: str, cameras: Collection[str]) -> None:
    if camera_id not in cameras:
        raise InvalidInput("it speaks of a camera that it does not have")


def _expect(holds: bool, what: str) -> None:  # noqa: FBT001 - it reads like an assertion
    if not holds:
        raise InvalidInput(f"what it says cannot be: {what}")
