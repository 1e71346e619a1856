"""Missing time fetched from a camera's own memory: what is claimed is what was recorded then, and nothing else (I1).

The simulated card draws the past anew, its time burned into every frame: each claimed second can be looked at.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import US_PER_S, SystemClock
from config.base.timespan import SpanSet
from config.settings.edge import CameraSettings, ClockSettings, OnvifSettings, RecordingSettings, SpoolSettings
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.replay import CameraClockReading, ReplayReport
from config.wire.segments import SegmentRecorded
from deploy.local.simulator.launch import Simulator
from deploy.local.simulator.timecode import read_timecode
from edge_agent.cameras.board import CameraBoard
from edge_agent.messages import Sealer
from edge_agent.onvif.clock_book import ClockBook
from edge_agent.onvif.local_cameras import LocalCameras
from edge_agent.onvif.replaying import Parts, Replayer
from edge_agent.shards.fleet import WantedCamera
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recorded import note_recorded, recorded_spans
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock
from tests.support.edge import wait_for

ONVIF = OnvifSettings(clock_s=600, replay_hours=72, replay_settle_s=5)
RECORDING = RecordingSettings(
    segment_s=10,
    connect_timeout_s=5,
    stall_s=4,
    frame_gap_s=1,
    reconnect_first_s=0.5,
    reconnect_limit_s=5.0,
    shard_cameras=8,
)
SPOOL = SpoolSettings(
    bytes_max=0, free_bytes_min=0, upload_workers=1, resend_s=1, alarm_fraction=0.8, when_full="keep_old"
)
PERIOD_US = 100_000
PASSWORD = "small-lamp"
SLACK_US = 300_000
"""The offset of a clock that tells whole seconds is known so well."""


@dataclass
class Box:
    """An agent's spool with one camera, and somebody who asks it for missing time."""

    folder: Path
    simulator: Simulator
    database: SpoolDatabase
    outbox: Outbox
    spool: SegmentSpool
    board: CameraBoard
    clock: AgentClock
    clocks: ClockBook
    camera: WantedCamera
    replayer: Replayer
    now_us: int

    def us(self, seconds_ago: float) -> int:
        return self.now_us - int(seconds_ago * US_PER_S)

    def recorded(self, *spans: tuple[float, float]) -> None:
        """The agent has footage of these, told in seconds ago."""
        with self.database.transaction() as connection:
            for start, end in spans:
                note_recorded(connection, "cam-1", self.us(start), self.us(end))

    def card(self, *spans: tuple[float, float], **settings: Any) -> None:
        self.simulator.arrange("cam1", card=[[self.us(start), self.us(end)] for start, end in spans], **settings)

    def compared(self, seconds_ago: float, offset_us: int = 0) -> None:
        """The camera's clock was measured then."""
        reading = CameraClockReading(
            timeline_id="a" * 32, at_us=self.us(seconds_ago), offset_us=offset_us, bound_us=150_000
        )
        self.clocks.note("cam-1", reading)

    def told(self, name: str) -> list[Any]:
        rows = self.database.all("SELECT body FROM outbox WHERE name = ? ORDER BY position", name)
        return [decode_payload(open_envelope(bytes(row["body"]))) for row in rows]

    @property
    def manifests(self) -> list[SegmentRecorded]:
        return self.told("segment-recorded")

    @property
    def reports(self) -> list[ReplayReport]:
        return self.told("replay-report")

    def claimed(self) -> SpanSet:
        return SpanSet((one.start_us, one.end_us) for one in self.manifests)

    def seen(self, manifest: SegmentRecorded) -> list[int]:
        """The instants burned into a claimed segment's frames."""
        file = self.spool.path("cam-1", manifest.segment_id)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest.sha256
        assert file.stat().st_size == manifest.size_bytes
        with av.open(str(file)) as container:
            times = [read_timecode(frame) for frame in container.decode(video=0)]
        assert len(times) == manifest.frames
        return [at for at in times if at is not None]

    def check_claims(self) -> None:
        """Every claimed instant has a frame of it, and every frame its place."""
        assert self.manifests
        for manifest in self.manifests:
            assert manifest.origin == "camera_storage"
            times = self.seen(manifest)
            assert len(times) == manifest.frames
            assert abs(times[0] - manifest.start_us) <= SLACK_US
            assert abs(times[-1] + PERIOD_US - manifest.end_us) <= SLACK_US
            assert max(b - a for a, b in pairwise(times)) <= PERIOD_US + 1_000


def near(found: SpanSet, wanted: SpanSet) -> bool:
    """The same spans, but for how well the camera's clock is known."""
    ends = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(
        abs(a.start_us - b.start_us) <= SLACK_US and abs(a.end_us - b.end_us) <= SLACK_US for a, b in ends
    )


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """One camera for all who arrange it anew."""
    with Simulator.start(
        tmp_path_factory.mktemp("cam") / "0", cameras=1, user="viewer", password=PASSWORD, onvif=True
    ) as started:
        yield started


@pytest.fixture
def box(tmp_path: Path, simulator, monkeypatch):
    monkeypatch.setattr("edge_agent.onvif.replaying.SILENT_S", 2.0)
    simulator.switch("cam1", "on")
    simulator.arrange("cam1", card=[], clock_error_us=0, card_marks_time=True, card_loses_every=0)
    folder = tmp_path / "spool"
    (folder / "cam-1").mkdir(parents=True)
    database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
    outbox = Outbox(database)
    sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
    spool = SegmentSpool(database, folder, sealer, outbox)
    clock = AgentClock(SystemClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
    clock.note(clock.compare(clock.utc_us(), clock.monotonic_us(), clock.monotonic_us()))
    board = CameraBoard(["cam-1"], clock, lambda _status: None)
    board.set("cam-1", "recording")
    guard = DiskGuard(folder, SPOOL, clock, spool.finalised_bytes)
    clocks = ClockBook(database)
    settings = CameraSettings(
        id="cam-1",
        url=simulator.url("cam1"),
        username="viewer",
        onvif_url=simulator.device("cam1"),
        replay=True,
    )
    camera = WantedCamera(settings, PASSWORD)
    parts = Parts(
        cameras=lambda: [camera],
        clock=clock,
        board=board,
        guard=guard,
        database=database,
        outbox=outbox,
        sealer=sealer,
        spool=spool,
        clocks=clocks,
        scratch=tmp_path / "replay",
    )
    replayer = Replayer(parts, ONVIF, RECORDING)
    now_us = clock.utc_us() // PERIOD_US * PERIOD_US
    yield Box(tmp_path, simulator, database, outbox, spool, board, clock, clocks, camera, replayer, now_us)
    database.close()


def test_what_is_missing_is_fetched_claimed_and_reported(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    box.compared(210)
    span = box.replayer.look(box.camera)
    assert span == (box.us(100), box.us(85))
    box.check_claims()
    # From the last keyframe before the gap to the first one after it.
    assert near(box.claimed().clip(*span), SpanSet.of(span))
    assert box.claimed().total_us <= 18 * US_PER_S
    assert [len(one.camera_clock) for one in box.manifests] == [2] * len(box.manifests)
    assert all(a.end_us == b.start_us for a, b in pairwise(box.manifests))
    [report] = box.reports
    assert (report.outcome, report.had_none, (report.start_us, report.end_us)) == ("fetched", [], span)
    assert box.replayer.look(box.camera) is None
    assert list((box.folder / "replay" / "cam-1").iterdir()) == []
    waiting = box.spool.waiting(100)
    assert len(waiting) == len(box.manifests)


def test_what_the_camera_does_not_have_is_said_and_not_claimed(box):
    box.recorded((200, 100), (40, 5))
    box.card((150, 90), (80, 60))
    box.compared(210)
    assert box.replayer.look(box.camera) == (box.us(100), box.us(40))
    box.check_claims()
    assert len({one.timeline_id for one in box.manifests}) == 2
    had = SpanSet.of((box.us(100), box.us(90)), (box.us(80), box.us(60)))
    assert near(box.claimed().clip(box.us(100), box.us(40)), had)
    [report] = box.reports
    assert report.outcome == "fetched"
    assert near(SpanSet(report.had_none), SpanSet.of((box.us(100), box.us(40))) - had)
    assert box.replayer.look(box.camera) is None


@pytest.mark.parametrize("card", [(), ((500, 300),), ((20, 10),)])
def test_a_camera_that_had_none_was_asked(box, card):
    box.recorded((200, 100), (85, 5))
    box.card(*card)
    box.compared(210)
    box.replayer.look(box.camera)
    assert box.manifests == []
    [report] = box.reports
    assert (report.outcome, report.had_none) == ("none", [(box.us(100), box.us(85))])
    assert box.replayer.look(box.camera) is None


def test_a_camera_whose_clock_is_off_is_asked_in_its_own_time_and_placed_in_ours(box):
    off_us = 185 * US_PER_S
    box.recorded((200, 100), (85, 5))
    box.card((150, 20), clock_error_us=off_us)
    box.compared(210, offset_us=off_us)
    box.replayer.look(box.camera)
    box.check_claims()
    span = (box.us(100), box.us(85))
    assert (SpanSet.of(span) - box.claimed()).total_us < US_PER_S
    assert box.reports[0].outcome == "fetched"


def test_a_clock_that_was_set_in_between_places_nothing(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    box.compared(210, offset_us=90 * US_PER_S)
    box.replayer.look(box.camera)
    assert box.manifests == []
    [report] = box.reports
    assert (report.outcome, report.had_none) == ("failed", [])
    assert "clock was set" in report.detail
    assert box.replayer.look(box.camera) is None


def test_without_an_earlier_reading_it_is_kept_and_says_so(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    box.replayer.look(box.camera)
    box.check_claims()
    assert {len(one.camera_clock) for one in box.manifests} == {0}


def test_frames_that_do_not_say_when_they_were_recorded_are_not_claimed(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20), card_marks_time=False)
    box.compared(210)
    box.replayer.look(box.camera)
    assert box.manifests == []
    [report] = box.reports
    assert report.outcome == "failed"
    assert "does not say when" in report.detail


def test_where_packets_are_lost_the_time_is_not_claimed(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20), card_loses_every=61)
    box.compared(210)
    box.replayer.look(box.camera)
    missing = SpanSet.of((box.us(100), box.us(85))) - box.claimed()
    for manifest in box.manifests:
        times = box.seen(manifest)
        assert abs(times[0] - manifest.start_us) <= SLACK_US
        assert abs(times[-1] + PERIOD_US - manifest.end_us) <= SLACK_US
        assert max((b - a for a, b in pairwise(times)), default=0) <= PERIOD_US + 1_000
    assert missing.total_us > US_PER_S
    [report] = box.reports
    assert report.outcome == "fetched", report.detail
    assert report.had_none == []  # it had all of it


@pytest.mark.parametrize("mode", ["off", "wrong password"])
def test_a_camera_that_cannot_be_asked_is_asked_again_later(box, mode):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    if mode == "off":
        box.simulator.switch("cam1", "off")
    camera = box.camera if mode == "off" else WantedCamera(box.camera.settings, "wrong")
    assert box.replayer.look(camera) is not None
    [report] = box.reports
    assert (report.outcome, report.had_none) == ("failed", [])
    assert box.replayer.look(camera) is None  # not at once
    with box.database.transaction() as connection:
        connection.execute("UPDATE replay_asks SET due_us = 0")
    box.simulator.switch("cam1", "on")
    assert box.replayer.look(box.camera) is not None
    box.check_claims()


def test_a_camera_that_does_not_record_now_is_not_asked(box):
    box.recorded((200, 100), (85, 5))
    box.board.set("cam-1", "unreachable")
    assert box.replayer.look(box.camera) is None
    box.board.remove("cam-1")
    assert box.replayer.look(box.camera) is None


def test_it_runs_by_itself_and_ends_when_told(box, monkeypatch):
    monkeypatch.setattr("edge_agent.onvif.replaying.LOOK_EVERY_S", 0.1)
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    box.compared(210)
    box.replayer.start()
    deadline = time.monotonic() + 45
    while not box.reports and time.monotonic() < deadline:
        time.sleep(0.1)
    assert box.replayer.close(10)
    box.check_claims()


def test_what_a_cut_short_fetch_left_behind_goes_before_anything_is_claimed(box):
    box.recorded((200, 100), (85, 5))
    box.card((150, 20))
    box.compared(210)
    box.replayer.look(box.camera)
    scratch = box.folder / "replay" / "cam-1"
    claimed = box.manifests[0].segment_id
    orphan, torn = "b" * 32, "c" * 32
    os.link(box.spool.path("cam-1", claimed), scratch / f"{claimed}.mp4")
    (scratch / f"{orphan}.mp4").write_bytes(b"whole, and never claimed")
    os.link(scratch / f"{orphan}.mp4", box.spool.path("cam-1", orphan))
    (scratch / f"{torn}.mp4.part").write_bytes(b"torn")
    box.replayer.clean()
    assert list(scratch.iterdir()) == []
    assert not box.spool.path("cam-1", orphan).exists()
    assert box.spool.path("cam-1", claimed).exists()
    box.check_claims()


def test_recordings_join_over_slivers_and_old_ones_are_forgotten(box, monkeypatch):
    monkeypatch.setattr("edge_agent.spool.recorded.SPANS_MAX", 3)
    box.recorded((100, 90), (89, 80), (70, 60), (90, 89))
    assert recorded_spans(box.database, "cam-1") == SpanSet.of((box.us(100), box.us(80)), (box.us(70), box.us(60)))
    box.recorded((50, 45), (40, 35), (30, 25))
    assert [span.start_us for span in recorded_spans(box.database, "cam-1")] == [box.us(50), box.us(40), box.us(30)]


def test_an_agent_fetches_what_it_missed_by_itself(edge_box, camera_server):
    """From the outage to the report, in the agent as it runs."""
    simulator = camera_server(cameras=1, user="viewer", password=PASSWORD, onvif=True)
    settings = edge_box.configure({}, onvif={"clock_s": 10, "replay_settle_s": 2})
    clock = SystemClock()
    begun_us = clock.utc_us()
    camera = CameraSettings(
        id="cam-1", url=simulator.url("cam1"), username="viewer", onvif_url=simulator.device("cam1"), replay=True
    )
    LocalCameras(Path(settings.agent.state_dir)).take([(camera, PASSWORD)])
    edge_box.start()
    wait_for("a recording", edge_box.segments, 60)
    wait_for("the camera's clock", lambda: edge_box.query("SELECT * FROM camera_clocks"))
    time.sleep(1)
    simulator.switch("cam1", "off")
    time.sleep(6)
    simulator.arrange("cam1", card=[[begun_us, clock.utc_us()]])
    simulator.switch("cam1", "on")
    [report] = wait_for("a report", lambda: edge_box.outbox("replay-report"), 90)
    assert (report.outcome, report.detail) == ("fetched", "")
    fetched = [one for one in edge_box.outbox("segment-recorded") if one.origin == "camera_storage"]
    assert {len(one.camera_clock) for one in fetched} == {2}
    had = SpanSet((one.start_us, one.end_us) for one in fetched)
    assert (SpanSet.of((report.start_us, report.end_us)) - had).total_us < US_PER_S
    assert edge_box.stop() == 0
    assert "worker_failed" not in edge_box.log()
