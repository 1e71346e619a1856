"""A write that fails: want of room is the whole site's, any other fault is its camera's alone, and it is told once."""

import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.bitstream import BitStreamFilterContext
from av.rational import AVRational
from msgspec.structs import replace

from config.base.clock import US_PER_S
from config.settings.edge import RecordingSettings
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.feed import StreamFormat
from edge_agent.cameras.figures import Meter
from edge_agent.cameras.report import CameraReport
from edge_agent.cameras.source import VideoPacket
from edge_agent.cameras.trial_sources import CLOCK_RATE
from edge_agent.recording import leave
from edge_agent.recording.decisions import RESTATED_US_MAX
from edge_agent.recording.leave import Leave
from edge_agent.recording.recorder import Recorder
from edge_agent.spool.segments import OpenSegment
from edge_agent.timekeeping import Instant, Slew, Timeline
from tests.support.clips import MakeClip
from tests.support.clock import NOON_US

SETTINGS = RecordingSettings(
    segment_s=60,
    connect_timeout_s=5,
    stall_s=5,
    frame_gap_s=1,
    reconnect_first_s=0.5,
    reconnect_limit_s=30,
    shard_cameras=8,
)
BEGAN_US = 5 * US_PER_S
FRAME_US = 100_000
SETTLED = 25
"""By then packets are no longer held back."""


class Spool:
    """Where the recorder notes its segments; it is also its clock and its room."""

    def __init__(self, folder: Path, leave: Callable[[], Leave]) -> None:
        self.folder = folder
        self.leave = leave
        self.room = True
        self.torn_ones: list[OpenSegment] = []
        self.whole: list[OpenSegment] = []
        self.claims: list[tuple[int, int]] = []
        self.restatements: list[int] = []
        self.timeline = Timeline("t" * 32, NOON_US, BEGAN_US, Slew())

    def open(self, _segment: OpenSegment) -> Leave:
        return self.leave()

    def finished(
        self, segment: OpenSegment, *, start_us: int, end_us: int, sha256: str, size_bytes: int, frames: int
    ) -> None:
        self.whole.append(segment)
        self.claims.append((start_us, end_us))

    def restated(self, segment: OpenSegment, start_us: int) -> None:
        self.restatements.append(start_us)

    def torn(self, segment: OpenSegment) -> None:
        self.torn_ones.append(segment)

    def part_path(self, camera_id: str, segment_id: str) -> Path:
        return self.folder / camera_id / f"{segment_id}.mp4.part"

    def path(self, camera_id: str, segment_id: str) -> Path:
        return self.folder / camera_id / f"{segment_id}.mp4"

    def has_room(self) -> bool:
        return self.room

    def force_full(self) -> None:
        self.room = False

    def monotonic_us(self) -> int:
        return BEGAN_US


class Scene:
    """A camera that is recorded from a clip, frame by frame."""

    def __init__(
        self, folder: Path, clip: Path, leave: Callable[[], Leave] | None = None, segment_s: int = SETTINGS.segment_s
    ) -> None:
        self.said: list[tuple[str, str, Instant]] = []
        self.spool = Spool(folder, leave or given)
        meter = Meter(BEGAN_US)
        self.report = CameraReport(
            "cam-1", self._now, meter, lambda _id, what, why, at: self.said.append((what, why, at))
        )
        self.recorder = Recorder(
            self.report, self.spool, self.spool, self.spool, replace(SETTINGS, segment_s=segment_s)
        )
        self.packets = packets(clip)
        self.session = self.recorder.begin_session(StreamFormat("h264", b"", CLOCK_RATE))
        self.arrival_us = self.newest_us = BEGAN_US

    def play(self, frames: int, skip: int = 0, late_us: int = 0, every_us: int = FRAME_US) -> None:
        for _ in range(skip):
            next(self.packets)
            self.arrival_us += FRAME_US
        for _ in range(frames):
            self.newest_us = max(self.newest_us, self.arrival_us + late_us)
            self.recorder.take(self.session, next(self.packets), self.newest_us)
            self.arrival_us += every_us

    def leap(self, frames: int) -> None:
        """The camera's time goes on by so many frames at once: somebody set its clock."""
        for _ in range(frames):
            next(self.packets)

    @property
    def conditions(self) -> list[str]:
        return [what for what, _, _ in self.said]

    def _now(self) -> Instant:
        return self.spool.timeline.instant(BEGAN_US)


def given() -> Leave:
    leave = Leave()
    leave.give()
    return leave


def packets(clip: Path) -> Iterator[VideoPacket]:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        to_annex_b = BitStreamFilterContext("h264_mp4toannexb", video)
        for read in container.demux(video):
            for packet in to_annex_b.filter(read) if read.size else ():
                packet.rescale_ts(AVRational(1, 90_000))
                yield packet


@pytest.fixture
def long_clip(clip: MakeClip) -> Path:
    return clip(seconds=12)


def test_a_camera_s_folder_that_somebody_removed_is_made_again(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(SETTLED)
    assert scene.recorder.end_session(scene.session).at is not None
    assert scene.conditions == ["recording"]
    (whole,) = scene.spool.whole
    assert scene.spool.path("cam-1", whole.segment_id).exists()


def test_a_folder_that_takes_no_file_ends_its_own_camera_s_session_alone(tmp_path: Path, long_clip: Path) -> None:
    (tmp_path / "cam-1").write_text("a file where a folder must be")
    scene = Scene(tmp_path, long_clip)
    with pytest.raises(CameraFault, match="cannot create a segment file") as caught:
        scene.play(SETTLED)
    assert caught.value.condition == "stalled"
    assert scene.conditions == ["recording", "stalled"]
    assert "Not a directory" in scene.said[-1][1]
    assert scene.spool.room
    assert scene.report.floor_us is None
    assert len(scene.spool.torn_ones) == 1
    assert not scene.recorder.runs(scene.session)


def test_a_recording_that_cannot_be_ended_says_so_once_and_at_what_is_durable(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(SETTLED)
    shutil.rmtree(tmp_path / "cam-1")
    end = scene.recorder.end_session(scene.session)
    assert end == (None, True)
    assert scene.conditions == ["recording", "stalled"]
    assert "No such file" in scene.said[-1][1]
    assert scene.said[-1][2].us == NOON_US + 2 * US_PER_S  # the last keyframe
    assert scene.spool.room
    assert not scene.recorder.runs(scene.session)


def test_want_of_room_is_everybody_s_and_no_later_word_hides_it(tmp_path: Path, long_clip: Path) -> None:
    leaves: list[Leave] = []

    def ask() -> Leave:
        leaves.append(Leave())
        return leaves[-1]

    scene = Scene(tmp_path, long_clip, ask)
    scene.play(SETTLED)
    leaves[0].give("the disk is full", full=True)
    scene.play(SETTLED, skip=30)  # the run breaks, and what there is of it cannot be made whole
    assert scene.conditions == ["recording", "disk_full", "disk_full"]  # why, and then that there is no room
    assert not scene.spool.room
    assert scene.recorder.runs(scene.session)  # it goes on by itself once there is room
    assert scene.recorder.end_session(scene.session) == (None, False)
    assert len(scene.spool.torn_ones) == 1


def test_a_start_that_was_seen_late_is_put_right_before_it_is_claimed(tmp_path: Path, long_clip: Path) -> None:
    """Everything of the first two seconds came 700 ms late, as on a machine that has just begun with 32 cameras."""
    scene = Scene(tmp_path, long_clip)
    scene.play(20, late_us=700_000)
    assert scene.said[0][2].us == NOON_US + 700_000  # nobody could know better
    assert (scene.report.floor_us or 0) <= NOON_US  # and nothing was promised of the time before
    scene.play(70)
    assert abs(scene.spool.restatements[-1] - NOON_US) < 50_000  # said before its end, lest somebody must rescue it
    assert len(scene.spool.restatements) < 5
    scene.recorder.end_session(scene.session)
    assert scene.spool.claims == [(NOON_US, NOON_US + 90 * FRAME_US)]


def test_a_start_is_put_right_only_so_far(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(20, late_us=RESTATED_US_MAX + 2 * US_PER_S)
    scene.play(90)
    scene.recorder.end_session(scene.session)
    ((start_us, end_us),) = scene.spool.claims
    assert (start_us, end_us) == (NOON_US + 2 * US_PER_S, NOON_US + 110 * FRAME_US)


def test_a_start_is_never_put_into_what_was_claimed_before(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(20)
    scene.recorder.end_session(scene.session)
    scene.session = scene.recorder.begin_session(StreamFormat("h264", b"", CLOCK_RATE))
    scene.arrival_us -= 5 * FRAME_US  # the camera sends again what it has sent
    scene.play(20, late_us=700_000)
    scene.play(40)
    scene.recorder.end_session(scene.session)
    (_, ended_us), (again_us, _) = scene.spool.claims
    assert again_us == ended_us


def test_a_cut_stays_where_it_was_claimed(tmp_path: Path, clip: MakeClip) -> None:
    """What is learned in a later segment moves no boundary: segments of a run meet."""
    scene = Scene(tmp_path, clip(seconds=30), segment_s=10)
    scene.play(150, late_us=300_000)
    scene.play(140)
    scene.recorder.end_session(scene.session)
    claims = scene.spool.claims
    assert len(claims) >= 3
    assert all(before[1] == after[0] for before, after in pairwise(claims))
    assert claims[0][0] == NOON_US + 300_000
    assert claims[-1][1] == NOON_US + 290 * FRAME_US


def test_a_camera_whose_time_runs_fast_began_no_earlier(tmp_path: Path, clip: MakeClip) -> None:
    """Its times draw ahead of ours for ever; nothing of it was captured before it came (I1)."""
    scene = Scene(tmp_path, clip(seconds=50))
    scene.play(450, every_us=FRAME_US * 24 // 25)
    scene.recorder.end_session(scene.session)
    ((start_us, _),) = scene.spool.claims
    assert 0 <= NOON_US - start_us <= FRAME_US // 2


def test_a_camera_whose_clock_is_set_forward_began_no_earlier(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(15)
    scene.leap(8)
    scene.play(30)
    scene.leap(8)
    scene.play(30)
    scene.recorder.end_session(scene.session)
    ((start_us, _),) = scene.spool.claims
    assert start_us == NOON_US


def test_a_start_is_never_put_before_what_was_said_to_be_settled(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.report.set_floor(NOON_US + 400_000)  # the session was opened then
    scene.play(20, late_us=700_000)
    assert scene.report.floor_us == NOON_US + 400_000
    scene.play(70)
    scene.recorder.end_session(scene.session)
    assert scene.spool.claims == [(NOON_US + 400_000, NOON_US + 90 * FRAME_US)]


def test_a_run_that_goes_on_from_another_on_a_new_timeline_is_not_put_into_it(tmp_path: Path, long_clip: Path) -> None:
    scene = Scene(tmp_path, long_clip)
    scene.play(20, late_us=700_000)
    scene.spool.timeline = Timeline("u" * 32, NOON_US + 3_600 * US_PER_S, BEGAN_US, Slew())
    scene.play(1, late_us=700_000)
    scene.play(70)
    scene.recorder.end_session(scene.session)
    (_, ended_us), (again_us, _) = scene.spool.claims
    assert again_us == ended_us + 3_600 * US_PER_S


def test_after_a_full_disk_a_run_begins_with_its_first_frame(tmp_path: Path, long_clip: Path) -> None:
    """Nothing was written before it, whatever later frames tell of when that was."""
    scene = Scene(tmp_path, long_clip)
    scene.spool.room = False
    scene.play(25, late_us=700_000)
    scene.spool.room = True
    scene.play(10, late_us=700_000)
    floor_us = scene.report.floor_us or 0
    scene.play(70)
    scene.recorder.end_session(scene.session)
    ((start_us, _),) = scene.spool.claims
    assert start_us >= floor_us - 1
    assert start_us >= NOON_US + 2 * US_PER_S


def test_a_camera_whose_time_runs_slow_and_was_seen_late_began_by_that_much_earlier(
    tmp_path: Path, clip: MakeClip
) -> None:
    scene = Scene(tmp_path, clip(seconds=50))
    scene.play(20, late_us=700_000, every_us=FRAME_US * 26 // 25)
    scene.play(430, every_us=FRAME_US * 26 // 25)
    scene.recorder.end_session(scene.session)
    ((start_us, _),) = scene.spool.claims
    assert abs(start_us - NOON_US) <= FRAME_US * 3
    assert start_us >= NOON_US


@pytest.mark.parametrize("in_play", [True, False])
def test_what_never_got_leave_was_not_recorded_from_its_first_frame_on(
    tmp_path: Path, long_clip: Path, monkeypatch: pytest.MonkeyPatch, in_play: bool
) -> None:
    """The main process did not answer in time: no frame of the run ever reached the disk, its last keyframe neither."""
    monkeypatch.setattr(leave, "LAST_WAIT_S", 0.01)
    scene = Scene(tmp_path, long_clip, Leave, segment_s=2)
    if in_play:
        with pytest.raises(CameraFault, match="does not answer"):
            scene.play(110)
    else:
        scene.play(SETTLED)
        scene.recorder.end_session(scene.session)
    assert [(what, at.us) for what, _, at in scene.said] == [("recording", NOON_US), ("stalled", NOON_US)]
    assert not scene.spool.claims


def test_where_only_the_next_segment_gets_no_leave_the_word_holds_from_the_cut_on(
    tmp_path: Path, clip: MakeClip
) -> None:
    leaves = [given()]
    scene = Scene(tmp_path, clip(seconds=15), lambda: leaves.pop() if leaves else Leave(), segment_s=2)
    with pytest.raises(CameraFault, match="does not answer"):
        scene.play(140)
    assert scene.spool.claims == [(NOON_US, NOON_US + 2 * US_PER_S)]
    assert scene.said[-1][0] == "stalled"
    assert scene.said[-1][2].us == NOON_US + 2 * US_PER_S


def test_a_segment_is_not_cut_before_it_has_leave(tmp_path: Path, long_clip: Path) -> None:
    """A main process that is busy for some seconds costs no frame: they wait in memory, past the boundary if need be."""
    leaves: list[Leave] = []

    def ask() -> Leave:
        leaves.append(Leave() if not leaves else given())
        return leaves[-1]

    scene = Scene(tmp_path, long_clip, ask, segment_s=2)
    scene.play(45)
    assert not scene.spool.claims
    assert scene.report.meter.durable_us is None
    leaves[0].give()
    scene.play(60)
    scene.recorder.end_session(scene.session)
    claims = scene.spool.claims
    assert len(claims) > 2
    assert (claims[0][0], claims[-1][1]) == (NOON_US, NOON_US + 105 * FRAME_US)
    assert all(before[1] == after[0] for before, after in pairwise(claims))
    assert scene.conditions == ["recording"]


def test_a_run_that_no_key_frame_lets_be_cut_says_why_time_is_missing_after_it(tmp_path: Path, clip: MakeClip) -> None:
    scene = Scene(tmp_path, clip(seconds=40), segment_s=10)
    scene.play(1)  # what is left has key frames that nobody marks
    for packet in scene.packets:
        scene.arrival_us += FRAME_US
        packet.is_keyframe = False
        scene.recorder.take(scene.session, packet, scene.arrival_us)
        if scene.spool.claims:
            break
    ((start_us, end_us),) = scene.spool.claims
    assert scene.conditions == ["recording", "stalled"]
    assert "key frame" in scene.said[-1][1]
    assert scene.said[-1][2].us == end_us
    assert end_us > start_us


def test_a_camera_that_falls_behind_claims_what_its_frames_fill_and_says_why_the_rest_is_missing(
    tmp_path: Path, clip: MakeClip
) -> None:
    """It never falls silent, and its own times know of no hole: at half its speed it sends a minute in two."""
    scene = Scene(tmp_path, clip(seconds=60), segment_s=10)
    scene.play(590, every_us=2 * FRAME_US)
    scene.recorder.end_session(scene.session)
    claimed_us = sum(end_us - start_us for start_us, end_us in scene.spool.claims)
    assert claimed_us <= 590 * FRAME_US + len(scene.spool.claims) * US_PER_S
    assert "stalled" in scene.conditions
    assert scene.conditions[-1] == "recording"
