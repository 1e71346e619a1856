"""How full the spool is, when that is told, and what goes when it is full."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import InvalidInput, NightlightError
from config.base.ids import fresh_id
from config.settings.edge import ClockSettings, SpoolSettings
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.evictions import SegmentEvicted
from config.wire.notices import CLOCK_STEPPED, SPOOL_FILLING, SPOOL_FULL, BoxNotice
from config.wire.segments import Receipt, UploadRefused
from edge_agent.messages import Sealer
from edge_agent.reporting.composing import spool_health
from edge_agent.reporting.notices import NoticeBook
from edge_agent.shards.accounts import SegmentAccounts
from edge_agent.shards.messages import Finished
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.disk import DiskGuard, DiskUse
from edge_agent.spool.forecast import RecordingRate, forecast, is_filling, lacking_bytes
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recovery import recover
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from edge_agent.spool.watch import Room, SpoolWatch
from edge_agent.timekeeping import AgentClock
from tests.support.clock import NOON_US, SimulatedClock

MB = 1 << 20
SIZE = 1_000


def settings(bytes_max: int = 0, free_min: int = 0, when_full: str = "keep_old") -> SpoolSettings:
    return SpoolSettings(
        bytes_max=bytes_max,
        free_bytes_min=free_min,
        upload_workers=1,
        resend_s=30,
        alarm_fraction=0.8,
        when_full=when_full,  # type: ignore[arg-type]
    )


class Box:
    """A spool with its watch; segments in it have as many bytes as they say."""

    def __init__(self, folder: Path, chosen: SpoolSettings) -> None:
        self.system_clock = SimulatedClock()
        self.clock = AgentClock(self.system_clock, ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
        self.database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
        self.folder = folder
        self.sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
        self.outbox = Outbox(self.database)
        self.spool = SegmentSpool(self.database, folder, self.sealer, self.outbox)
        self.guard = DiskGuard(folder, chosen, self.system_clock, self.spool.finalised_bytes)
        self.in_hand: set[str] = set()
        self.rate = 8 * SIZE
        self.notices = NoticeBook(self.database, self.outbox, self.sealer, self.clock)
        room = Room(self.guard, self.spool, lambda: self.rate, lambda: self.in_hand)
        self.watch = SpoolWatch(room, chosen, self.notices, self.clock)

    def record(self, count: int) -> list[str]:
        made = []
        for _ in range(count):
            start_us = NOON_US + len(self.files()) * 1_000
            segment = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), start_us, "h264", 640, 360)
            self.spool.open(segment)
            path = self.spool.path("cam-1", segment.segment_id)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(bytes(SIZE))
            self.spool.finalise(segment, end_us=start_us + 1, sha256="0" * 64, size_bytes=SIZE, frames=1)
            made.append(segment.segment_id)
        return made

    def files(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*/*.mp4")}

    def said(self, kind: type) -> list[object]:
        found = [decode_payload(open_envelope(row.body)) for row in self.outbox.between(0, None, 1_000, lane="live")]
        found += [decode_payload(open_envelope(row.body)) for row in self.outbox.between(0, None, 1_000)]
        return [message for message in found if isinstance(message, kind)]

    def upload(self, segment_id: str) -> None:
        (segment,) = [one for one in self.spool.waiting(1_000) if one.segment_id == segment_id]
        self.spool.uploaded(segment, "key", "v1")

    def questions(self) -> int:
        return len(self.database.all("SELECT 1 FROM outbox WHERE name = 'segment-uploaded'"))

    def look(self, seconds: float = 1) -> None:
        self.system_clock.advance(seconds)
        self.watch.turn()


@pytest.mark.parametrize(
    ("use", "chosen", "used", "hours"),
    [
        (DiskUse(0, 36 * MB), settings(), 0.0, 10.0),
        (DiskUse(80 * MB, 36 * MB), settings(bytes_max=100 * MB), 0.8, 20 / 3.6),
        (DiskUse(80 * MB, 36 * MB), settings(bytes_max=200 * MB, free_min=16 * MB), 0.8, 20 / 3.6),
        (DiskUse(80 * MB, 8 * MB), settings(free_min=16 * MB), 1.0, 0.0),
    ],
)
def test_how_full_and_for_how_long(use: DiskUse, chosen: SpoolSettings, used: float, hours: float) -> None:
    found = forecast(use, chosen, MB / 1_000)
    assert found.used == pytest.approx(used)
    assert found.hours_left == pytest.approx(hours, rel=0.01)


def test_without_a_stream_nothing_can_be_said_of_the_hours() -> None:
    assert forecast(DiskUse(0, MB), settings(), 0.0).hours_left is None


def test_the_rate_is_smoothed_and_believed_at_once_when_it_is_the_first() -> None:
    rate = RecordingRate()
    rate.note(0, 0)
    rate.note(8_000_000, 1_000_000)
    assert rate.bytes_per_second == 1_000_000
    for second in range(2, 62):
        rate.note(0, second * 1_000_000)
    assert 800_000 < rate.bytes_per_second < 950_000


def test_the_heartbeat_and_the_alarm_name_the_same_hours(tmp_path: Path) -> None:
    box = Box(tmp_path, settings(bytes_max=100 * SIZE))
    box.record(85)
    box.rate = SIZE // 40
    box.system_clock.advance(600)
    box.look()
    box.rate *= 10  # of this moment; the forecast smooths it
    box.look()
    told = spool_health(box.spool, box.guard, box.outbox, box.watch.forecast, NOON_US)
    (filling,) = box.said(BoxNotice)
    assert isinstance(filling, BoxNotice)
    assert told.hours_left == filling.hours_left == 1.3
    assert told.used_percent == 85
    box.database.close()


def test_full_is_said_only_where_no_room_is_left(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    for use, percent in ((DiskUse(999 * MB, 1), 99), (DiskUse(MB, 0), 100), (DiskUse(0, MB), 0)):
        found = forecast(use, settings(), 0.0)
        told = spool_health(box.spool, box.guard, box.outbox, found, NOON_US)
        assert (told.used_percent, told.hours_left) == (percent, None)
    box.database.close()


def test_the_alarm_does_not_flutter() -> None:
    assert [is_filling(used, 0.8, was_filling=False) for used in (0.79, 0.8)] == [False, True]
    assert [is_filling(used, 0.8, was_filling=True) for used in (0.76, 0.74)] == [True, False]


def test_room_is_made_before_recording_would_have_to_stop() -> None:
    assert lacking_bytes(DiskUse(0, 1_000 * MB), settings(free_min=100 * MB)) == 0
    assert lacking_bytes(DiskUse(0, 150 * MB), settings(free_min=100 * MB)) == 14 * MB
    assert lacking_bytes(DiskUse(90 * MB, 1_000 * MB), settings(bytes_max=100 * MB)) == 10 * MB


def test_the_alarm_is_told_once_with_the_hours_left_and_once_when_it_is_over(tmp_path: Path) -> None:
    box = Box(tmp_path, settings(bytes_max=10 * SIZE))
    box.record(7)
    box.look()
    assert not box.said(BoxNotice)
    box.record(1)
    for _ in range(3):
        box.look()
    (filling,) = box.said(BoxNotice)
    assert isinstance(filling, BoxNotice)
    assert (filling.notice, filling.raised, filling.hours_left) == (SPOOL_FILLING, True, 0.0)
    box.record(2)
    box.look()
    assert [(m.notice, m.raised) for m in box.said(BoxNotice)] == [(SPOOL_FILLING, True), (SPOOL_FULL, True)]  # type: ignore[attr-defined]
    box.database.close()

    again = Box(tmp_path, settings(bytes_max=10 * SIZE))  # a restart tells nothing twice
    again.look()
    assert len(again.said(BoxNotice)) == 2
    for segment_id in again.files():
        with again.database.transaction() as connection:
            connection.execute("UPDATE segments SET state = 'freed' WHERE segment_id = ?", (segment_id,))
    again.look()
    assert [(m.notice, m.raised) for m in again.said(BoxNotice)][2:] == [(SPOOL_FILLING, False), (SPOOL_FULL, False)]  # type: ignore[attr-defined]
    assert len(again.files()) == 10  # nothing was evicted
    again.database.close()


def test_a_clock_that_was_set_is_told_until_it_is_right_again(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    box.system_clock.jump(3_600)
    box.look()
    box.system_clock.jump(-3_600)
    box.look()
    said = [(m.notice, m.raised) for m in box.said(BoxNotice)]  # type: ignore[attr-defined]
    assert said == [(CLOCK_STEPPED, True), (CLOCK_STEPPED, False)]
    box.database.close()


def test_to_keep_the_newest_the_oldest_goes_and_the_server_is_told_first(tmp_path: Path) -> None:
    box = Box(tmp_path, settings(bytes_max=10 * SIZE, when_full="keep_new"))
    made = box.record(10)
    box.in_hand = {made[0]}  # on its way: let it arrive
    box.look()
    assert box.files() == {made[0], *made[3:]}
    evicted = box.said(SegmentEvicted)
    assert [message.segment_id for message in evicted] == made[1:3]  # type: ignore[attr-defined]
    assert box.guard.has_room()
    assert [(m.notice, m.raised) for m in box.said(BoxNotice)] == [(SPOOL_FILLING, True), (SPOOL_FULL, True)]  # type: ignore[attr-defined]
    box.database.close()


@pytest.mark.parametrize(("when_full", "room", "left"), [("keep_new", True, 8), ("keep_old", False, 10)])
def test_who_sees_first_that_there_is_no_room_has_some_made(
    tmp_path: Path, when_full: str, room: bool, left: int
) -> None:
    box = Box(tmp_path, settings(bytes_max=10 * SIZE, when_full=when_full))
    box.record(10)  # since the last look
    assert box.guard.has_room() is room
    assert len(box.files()) == left
    box.database.close()


def test_nothing_goes_without_a_word_where_the_next_look_finds_room_again(tmp_path: Path) -> None:
    box = Box(tmp_path, settings(bytes_max=10 * SIZE, when_full="keep_new"))
    box.record(10)
    assert box.guard.has_room()  # two went
    with box.database.transaction() as connection:
        connection.execute("UPDATE segments SET state = 'freed'")
    for _ in range(2):
        box.look()
    said = [(m.notice, m.raised) for m in box.said(BoxNotice)]  # type: ignore[attr-defined]
    assert said == [(SPOOL_FILLING, True), (SPOOL_FULL, True), (SPOOL_FILLING, False), (SPOOL_FULL, False)]
    box.database.close()


def test_a_crash_between_the_word_and_the_deed_leaves_nothing_behind(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    kept, lost = box.record(2)
    path = box.spool.path("cam-1", lost)
    saved = path.read_bytes()
    assert box.spool.evict(lost, NOON_US)
    path.write_bytes(saved)  # as if it had ended before the file went
    with box.database.transaction() as connection:
        connection.execute(
            "INSERT INTO segments SELECT ?, camera_id, run_id, timeline_id, 'freed', start_us, codec, width, height,"
            " end_us, sha256, size_bytes, frames, NULL, NULL FROM segments WHERE segment_id = ?",
            (lost, kept),
        )
    assert recover(box.spool, box.folder).freed == 1
    assert box.files() == {kept}
    assert len(box.said(SegmentEvicted)) == 1
    assert not box.spool.evict(lost, NOON_US)
    box.database.close()


def test_where_the_word_cannot_be_stored_the_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(tmp_path, settings())
    (only,) = box.record(1)
    box.database.all("PRAGMA max_page_count=1")
    with pytest.raises(NightlightError):
        box.record(100)
    for _ in range(50):
        try:
            box.spool.evict(only, NOON_US)
        except NightlightError:
            break
    kept, told = only in box.files(), len(box.said(SegmentEvicted))
    assert kept == (told == 0)
    box.database.close()


def test_a_shard_that_dies_between_two_segments_leaves_off_where_the_last_one_ended(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    accounts = SegmentAccounts(box.spool, box.guard)
    assert accounts.abandoned("cam-1", "s") is None
    segment = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), NOON_US, "h264", 640, 360)
    assert not accounts.opening(segment, "s").error
    said = Finished(
        segment=segment, start_us=NOON_US - 3, end_us=NOON_US + 7, sha256="0" * 64, size_bytes=SIZE, frames=1
    )
    with pytest.raises(InvalidInput, match="did not open"):
        accounts.finished(said, "another")
    accounts.finished(said, "s")
    (claimed,) = box.spool.waiting(9)
    assert (claimed.start_us, claimed.end_us) == (NOON_US - 3, NOON_US + 7)  # as is known by now
    assert accounts.abandoned("cam-1", "s") == (NOON_US + 7, segment.timeline_id)
    assert accounts.abandoned("cam-2", "s") is None
    box.database.close()


def test_only_want_of_room_is_said_to_be_want_of_room(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    accounts = SegmentAccounts(box.spool, box.guard)
    segment = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), NOON_US, "h264", 640, 360)
    box.spool.open(segment)
    again = accounts.opening(
        segment, "s"
    )  # its row is there already: the database refuses, with all the room in the world
    assert again.error
    assert not again.full
    assert box.guard.has_room()
    box.database.all("PRAGMA max_page_count=1")
    for _ in range(100):
        other = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), NOON_US, "h264", 640, 360)
        if (refused := accounts.opening(other, "s")).error:
            break
    assert refused.full
    box.database.close()


def test_an_upload_that_was_under_way_counts_all_the_same_and_its_question_ends(tmp_path: Path) -> None:
    box = Box(tmp_path, settings())
    under_way, uploaded, refused = box.record(3)
    (segment, *_) = box.spool.waiting(3)
    for other in (uploaded, refused):
        box.upload(other)
    for segment_id in (under_way, uploaded, refused):
        assert box.spool.evict(segment_id, NOON_US)
    assert segment.segment_id == under_way
    box.spool.uploaded(segment, "key", "v1")
    assert box.questions() == 3
    word = {
        "message_id": fresh_id(),
        "site_id": "site-1",
        "agent_id": "agent-1",
        "object_key": "key",
        "version_id": "v1",
    }
    for segment_id in (under_way, uploaded):
        receipt = Receipt(**word, segment_id=segment_id, sha256="0" * 64, retain_until_us=1, verified_us=1)
        assert box.spool.release(receipt) == "unknown"
    assert not box.spool.upload_again(UploadRefused(**word, segment_id=refused, reason="object_missing", detail=""))
    assert box.questions() == 0
    assert not box.files()
    box.database.close()
