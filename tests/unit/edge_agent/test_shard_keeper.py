"""The keeper of a shard whose process lies, dies with a camera that was just dropped, or will not end."""

import math
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import SystemClock
from config.base.errors import InvalidInput
from config.base.ids import fresh_id
from config.settings.edge import CameraSettings, ClockSettings, EdgeSettings, SpoolSettings
from config.wire.envelope import Signer
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.cameras.feed import Feed
from edge_agent.cameras.figures import CameraFigures
from edge_agent.live.shard import LiveCompanion
from edge_agent.live.wish import KIND, LiveWish
from edge_agent.messages import Sealer
from edge_agent.shards import downlink
from edge_agent.shards.accounts import SegmentAccounts
from edge_agent.shards.believing import check
from edge_agent.shards.birth import Born, Nursery
from edge_agent.shards.keeper import ShardKeeper
from edge_agent.shards.messages import (
    SHARD_NAME,
    Ask,
    Begin,
    CameraPulse,
    CameraSet,
    ConditionIs,
    Finished,
    Opened,
    Opening,
    Pulse,
    Restated,
    SetCamera,
    Told,
    Torn,
    Up,
    pack,
    read_down,
    socket_pair,
)
from edge_agent.shards.parts import Parts
from edge_agent.shards.process import Shard
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recovery import rescue
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from edge_agent.timekeeping import AgentClock
from tests.support.clips import MakeClip
from tests.support.clock import NOON_US
from tests.support.edge import EdgeBox, wait_for

SPOOL = SpoolSettings(
    bytes_max=0, free_bytes_min=0, upload_workers=1, resend_s=30, alarm_fraction=0.8, when_full="keep_old"
)


class Stage(Nursery):
    """A nursery whose shards are played by the test, and end when it says so."""

    def __init__(self) -> None:
        super().__init__(0)
        self.shards: list[socket.socket] = []
        self.killed = 0
        self.at_fork: Callable[[], object] = bool
        self.ended = threading.Event()
        self.ended.set()

    def fork(self, shard_end: socket.socket) -> Born:
        self.at_fork()
        self.shards.append(shard_end.dup())
        return Born(1)

    def kill(self, born: Born) -> None:
        self.killed += 1

    def how_it_ended(self, born: Born, within_s: float) -> str:
        return ""

    def has_ended(self, born: Born) -> bool:
        return self.ended.is_set()


class House:
    """One keeper with what it needs; the test is its shard."""

    def __init__(self, folder: Path, settings: EdgeSettings) -> None:
        self.folder = folder
        self.database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
        sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
        self.spool = SegmentSpool(self.database, folder, sealer, Outbox(self.database))
        clock = AgentClock(SystemClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
        guard = DiskGuard(folder, SPOOL, SystemClock(), self.spool.finalised_bytes)
        self.changes: list[CameraStatus] = []
        self.board = CameraBoard(["cam-1", "cam-2"], clock, self.changes.append)
        self.stage = Stage()
        accounts = SegmentAccounts(self.spool, guard)
        self.parts = Parts(
            settings=msgspec.structs.replace(settings, cameras=[]),
            folder=folder,
            clock=clock,
            board=self.board,
            guard=guard,
            accounts=accounts,
            nursery=self.stage,
            handlers={},
            scatter=lambda _keeper: None,
        )
        self.keeper = ShardKeeper(1, self.parts)
        for camera_id in ("cam-1", "cam-2"):
            (folder / camera_id).mkdir()
            self.keeper.set_camera(CameraSettings(id=camera_id, url="rtsp://192.0.2.1/"), "")
        self.keeper.start()

    def shard(self, number: int = 0) -> socket.socket:
        wait_for("the shard", lambda: len(self.stage.shards) > number)
        return self.stage.shards[number]

    def fill(self, shard: socket.socket) -> None:
        """Until nothing more goes into the line to it; it has heard that it begins, and reads no more."""
        while not isinstance(read_down(shard.recv(1 << 20)), Begin):
            pass
        while self.keeper.ask("live-wanted", "cam-1", bytes(1_000)):
            pass

    def begin(self, camera_id: str, whole: Path, **changed: object) -> OpenSegment:
        """Has the shard begin a segment, of which a whole file lies on the disk."""
        segment, shard = opened(camera_id, **changed), self.shard()
        shard.send(pack(Opening(segment)))
        while not isinstance(answer := read_down(shard.recv(1 << 20)), Opened):
            pass
        assert answer == Opened(segment.segment_id)
        shutil.copy(whole, self.spool.part_path(camera_id, segment.segment_id))
        return segment

    def rescued(self, segment: OpenSegment) -> bool:
        return self.spool.end_of(segment.segment_id) is not None


@pytest.fixture
def house(tmp_path: Path, edge_box: EdgeBox) -> Iterator[House]:
    (tmp_path / "spool").mkdir()
    made = House(tmp_path / "spool", edge_box.configure({}))
    yield made
    made.keeper.stop()
    for shard in made.stage.shards:
        shard.close()
    assert made.keeper.close(10)
    made.database.close()


@pytest.fixture
def whole(clip: MakeClip, tmp_path: Path) -> Path:
    """A fragmented file, as a shard writes it."""
    import av

    path = tmp_path / "whole.mp4"
    with (
        av.open(str(clip())) as read,
        av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}) as out,
    ):
        stream = out.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


def opened(camera_id: str = "cam-1", **changed: object) -> OpenSegment:
    fields = {"segment_id": fresh_id(), "run_id": fresh_id(), "timeline_id": fresh_id(), "start_us": NOON_US}
    return OpenSegment(**{**fields, "camera_id": camera_id, "codec": "h264", "width": 160, "height": 96, **changed})  # type: ignore[arg-type]


def finished(segment: OpenSegment, **changed: object) -> Finished:
    fields = {
        "start_us": segment.start_us,
        "end_us": segment.start_us + 7,
        "sha256": "0" * 64,
        "size_bytes": 1,
        "frames": 1,
    }
    return Finished(segment=segment, **{**fields, **changed})  # type: ignore[arg-type]


def pulse(camera_id: str = "cam-1", dropped: int = 0, **figures: object) -> Pulse:
    return Pulse([CameraPulse(camera_id, NOON_US, 0, CameraFigures(**figures))], dropped)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        Opening(opened("cam-2")),
        Opening(opened("../cam-1")),
        Opening(opened(segment_id="../../../etc/cron.d/x")),
        Opening(opened(segment_id="a" * 32 + "\n")),
        Opening(opened(run_id="")),
        Opening(opened(start_us=-1)),
        Opening(opened(start_us=2**63)),
        Opening(opened(width=0)),
        Torn(opened(segment_id="../x")),
        finished(opened("cam-2")),
        finished(opened(), end_us=NOON_US),
        finished(opened(), start_us=NOON_US + 1),
        finished(opened(), start_us=NOON_US - 6_000_000),
        Restated(opened("cam-2"), NOON_US),
        Restated(opened(), NOON_US + 1),
        Restated(opened(), NOON_US - 6_000_000),
        finished(opened(), end_us=NOON_US + 3_600_000_000),
        finished(opened(), sha256="x"),
        finished(opened(), size_bytes=0),
        finished(opened(), frames=10**9),
        ConditionIs("cam-2", "stopped", "", NOON_US, "0" * 32),
        ConditionIs("cam-1", "stopped", "", 2**60, "0" * 32),
        ConditionIs("cam-1", "stopped", "", NOON_US, "now"),
        CameraSet("cam-2"),
        Told("finding", "cam-2", b""),
        pulse("cam-2"),
        pulse(frames_per_second=math.nan),
        pulse(width=10**6),
        pulse(rtp_lost=-1),
    ],
)
def test_what_a_shard_cannot_truthfully_say_is_not_believed(said: Up) -> None:
    with pytest.raises(InvalidInput):
        check(said, {"cam-1"})


@pytest.mark.parametrize(
    "said",
    [
        Opening(opened()),
        Torn(opened()),
        finished(opened()),
        finished(opened(), start_us=NOON_US - 700_000),
        Restated(opened(), NOON_US - 700_000),
        pulse(clock_offset_us=-5),
    ],
)
def test_what_it_can_is(said: Up) -> None:
    check(said, {"cam-1"})


@pytest.mark.parametrize("lie", [Opening(opened(segment_id="../../x")), finished(opened()), Opening(opened("cam-3"))])
def test_a_shard_that_lies_is_ended_and_another_begun(house: House, lie: Up) -> None:
    house.shard().send(pack(lie))
    house.shard(1)
    assert house.stage.killed == 1
    assert house.spool.opened() == []


def test_a_segment_of_another_shard_cannot_be_finished_or_given_up(house: House, whole: Path) -> None:
    segment, accounts = house.begin("cam-1", whole), house.parts.accounts
    with pytest.raises(InvalidInput, match="did not open"):
        accounts.finished(finished(segment), "shard-2")
    with pytest.raises(InvalidInput, match="did not open"):
        accounts.torn(segment, "shard-2")
    with pytest.raises(InvalidInput, match="did not open"):
        accounts.restated(Restated(segment, segment.start_us), "shard-2")
    with pytest.raises(InvalidInput, match="open already"):
        accounts.opening(segment, "shard-1")
    assert accounts.abandoned("cam-1", "shard-2") is None
    assert not house.rescued(segment)


def test_a_dropped_camera_is_rescued_when_its_shard_dies(house: House, whole: Path) -> None:
    dropped, mate = house.begin("cam-1", whole), house.begin("cam-2", whole)
    answer = house.keeper.drop_camera("cam-1")
    house.board.remove("cam-1")  # whoever waited for the answer has given up
    house.shard().shutdown(socket.SHUT_RDWR)
    assert answer.wait(10)
    assert house.rescued(dropped)
    assert house.rescued(mate)
    house.shard(1)


def test_the_next_process_is_begun_before_the_rescue_and_heard_after_it(house: House, whole: Path) -> None:
    torn, mate = house.begin("cam-1", whole), house.begin("cam-2", whole)
    rescued: list[bool] = []
    house.stage.at_fork = lambda: rescued.append(house.rescued(torn) or house.rescued(mate))
    house.shard().shutdown(socket.SHUT_RDWR)
    following = house.shard(1)
    following.send(pack(Opening(again := opened("cam-1"))))
    while read_down(following.recv(1 << 20)) != Opened(again.segment_id):
        pass
    assert rescued == [False]
    assert house.rescued(torn)
    assert house.rescued(mate)


@pytest.mark.parametrize("dies", [True, False])
def test_nothing_is_claimed_of_the_time_after_a_shard_s_death(house: House, whole: Path, dies: bool) -> None:
    """The camera's time had leapt, or its start was seen late: by its frames it would last longer than was recorded."""
    began_us, timeline_id = house.parts.clock.now()
    segment = house.begin("cam-1", whole, start_us=began_us, timeline_id=timeline_id)
    if dies:
        house.shard().shutdown(socket.SHUT_RDWR)
    else:
        house.shard().send(pack(Torn(segment)))
        wait_for("it to be given up", lambda: not house.parts.accounts.written_by("shard-1"))
        house.parts.accounts.rescue_leftovers("cam-1")
    wait_for("the rescue", lambda: house.rescued(segment))
    end_us = house.spool.end_of(segment.segment_id)
    assert end_us is not None
    assert began_us < end_us <= house.parts.clock.now().us


def test_what_waits_of_a_camera_that_nobody_has_is_rescued_too(house: House, whole: Path) -> None:
    segment, accounts = house.begin("cam-1", whole), house.parts.accounts
    accounts.torn(segment, "shard-1")
    accounts.try_leftovers(["cam-2"])
    assert not house.rescued(segment)
    accounts.orphaned("cam-1")
    accounts.try_leftovers(["cam-2"])
    assert house.rescued(segment)


def test_nothing_is_rescued_while_a_killed_process_may_still_write(house: House, whole: Path) -> None:
    segment = house.begin("cam-1", whole)
    house.board.set("cam-1", "recording")
    house.stage.ended.clear()
    house.shard().shutdown(socket.SHUT_RDWR)
    wait_for("it to be told", lambda: house.board.condition("cam-1") == "stalled")
    assert "does not end" in house.changes[-1].detail
    assert not house.rescued(segment)
    assert len(house.stage.shards) == 1
    house.stage.ended.set()
    wait_for("the rescue", lambda: house.rescued(segment))
    house.shard(1)


def test_whether_a_process_has_ended_is_read_from_the_kernel() -> None:
    nursery = Nursery(0)
    with subprocess.Popen(
        ["sh", "-c", f"printf {SHARD_NAME} >/proc/$$/comm; echo; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as lives:
        assert lives.stdout is not None
        lives.stdout.readline()
        assert not nursery.has_ended(Born(lives.pid))
        lives.kill()
        wait_for("it to end", lambda: nursery.has_ended(Born(lives.pid)))  # a zombie by then
    assert nursery.has_ended(Born(lives.pid))
    assert nursery.has_ended(Born(1))  # a number that another process has now


def test_messages_of_companions_that_were_dropped_are_counted(house: House) -> None:
    house.shard().send(pack(pulse(dropped=3)))
    house.shard().send(pack(pulse(dropped=3)))
    wait_for("the count", lambda: house.keeper.told_dropped == 3)
    house.shard().shutdown(socket.SHUT_RDWR)
    house.shard(1).send(pack(pulse(dropped=2)))
    wait_for("the next process's too", lambda: house.keeper.told_dropped == 5)


@pytest.mark.parametrize("kept_before", [False, True])
def test_a_process_that_dies_with_nothing_written_recorded_nothing_since_it_said_that_it_did(
    house: House, whole: Path, kept_before: bool
) -> None:
    """What is known of the camera's last segment, if anything, is of another clock."""
    began_us, timeline_id = house.parts.clock.now()
    if kept_before:
        segment = house.begin("cam-1", whole, start_us=began_us)
        shutil.move(house.spool.part_path("cam-1", segment.segment_id), house.spool.path("cam-1", segment.segment_id))
        house.shard().send(pack(finished(segment)))
    house.shard().send(pack(Torn(opened())))
    house.shard().send(pack(ConditionIs("cam-1", "recording", "", began_us, timeline_id)))
    wait_for("its word", lambda: house.board.condition("cam-1") == "recording")
    house.shard().shutdown(socket.SHUT_RDWR)
    house.shard(1)
    wait_for("it to be told", lambda: house.board.condition("cam-1") == "stalled")
    assert (house.changes[-1].since_us, house.changes[-1].timeline_id) == (house.changes[-2].since_us, timeline_id)


def test_what_is_rescued_begins_where_its_shard_said_last(house: House, whole: Path) -> None:
    """Else it would be claimed for as much too long as it was seen to begin too late, where nobody knows its end."""
    segment, late_us = house.begin("cam-1", whole), 700_000
    house.shard().send(pack(Restated(opened(), NOON_US)))  # of one that was refused
    house.shard().send(pack(Restated(segment, NOON_US - late_us)))
    wait_for("its word", lambda: house.spool.oldest_open()["cam-1"] == NOON_US - late_us)
    [left] = house.spool.opened()
    lasts_us = end_of(house, left) - (NOON_US - late_us)
    assert lasts_us == 4_000_000


def end_of(house: House, segment: OpenSegment) -> int:
    """As the next start of the agent rescues it."""
    assert rescue(house.spool, segment) == "trimmed"
    end_us = house.spool.end_of(segment.segment_id)
    assert end_us is not None
    return end_us


def test_what_companions_are_asked_never_costs_a_shard_its_life(house: House) -> None:
    """One that is busy hears some of it and loses the rest; what it must hear waits for it."""
    shard = house.shard()
    house.fill(shard)
    answer = house.keeper.set_camera(CameraSettings(id="cam-1", url="rtsp://192.0.2.2/"), "")
    shard.settimeout(5)
    while not isinstance(said := read_down(shard.recv(1 << 20)), SetCamera) or said.camera.url != "rtsp://192.0.2.2/":
        pass
    shard.send(pack(CameraSet("cam-1")))
    assert answer.wait(5)
    assert not house.stage.killed


def test_a_shard_is_told_of_each_camera_however_late_it_reads(house: House) -> None:
    """Nobody would notice that one is not recorded."""
    shard, cameras = house.shard(), [f"cam-{number}" for number in range(40)]
    house.fill(shard)
    for camera_id in cameras:
        house.keeper.set_camera(CameraSettings(id=camera_id, url="rtsp://192.0.2.1/"), "")
    shard.settimeout(5)
    told = set[str]()
    while not told.issuperset(cameras):
        if isinstance(said := read_down(shard.recv(1 << 20)), SetCamera):
            told.add(said.camera.id)
    assert not house.stage.killed


@pytest.mark.parametrize("limit", ["WAITING_MAX", "UNREAD_US_MAX"])
def test_a_shard_that_does_not_read_what_it_is_told_is_begun_again(
    house: House, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr("edge_agent.shards.keeper.SILENT_US_MAX", 10**12)  # not for being silent
    shard = house.shard()
    house.fill(shard)
    monkeypatch.setattr(downlink, limit, 20 if limit == "WAITING_MAX" else 1)
    for _ in range(40):
        house.keeper.timeline_is(house.parts.clock.timeline)
    wait_for("another shard", lambda: len(house.stage.shards) > 1)
    assert house.stage.killed
    shard.close()


def test_a_companion_that_fails_at_what_it_is_asked_ends_no_recording(tmp_path: Path, edge_box: EdgeBox) -> None:
    """The live view is asked for with a file of authorities that is gone."""
    settings = edge_box.configure({})
    server = msgspec.structs.replace(settings.server, url="https://192.0.2.1", ca_file=str(tmp_path / "gone.pem"))
    settings = msgspec.structs.replace(settings, server=server)
    clock = AgentClock(SystemClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
    ours, theirs = socket_pair()
    with ours, theirs:
        shard = Shard(theirs, Begin(settings=settings, spool=str(tmp_path), timeline=clock.timeline, room=True))
        live = next(one for one in shard._companions if isinstance(one, LiveCompanion))
        live.camera_added(
            CameraSettings(id="cam-1", url="rtsp://192.0.2.1/"), Feed("cam-1", "main"), Feed("cam-1", "main")
        )
        shard.obey(Ask(KIND, "cam-1", msgspec.msgpack.encode(LiveWish(1_000_000, "wss://192.0.2.1/", b"hello"))))
        shard.obey(Ask(KIND, "cam-1", b"no wish at all"))
        assert not live._pushers
