"""Pictures that are recorded and that nobody looks at: the server hears of it, and of its end."""

import random
from contextlib import suppress

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from config.settings.edge import load_edge
from config.wire.envelope import Signer, decode_payload, open_envelope
from edge_agent.cameras.board import CameraBoard
from edge_agent.cameras.figures import CameraFigures
from edge_agent.diagnosis.book import FindingBook
from edge_agent.diagnosis.examination import Examination
from edge_agent.diagnosis.reports import DiagnosisReport, encode
from edge_agent.diagnosis.source import quiet_us
from edge_agent.messages import Sealer
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock
from tests.support.clock import SimulatedClock

SEALER = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
CAMERA = "nap-room"


class Watch:
    """A main process's parts around the examination; time passes by hand."""

    def __init__(self, folder, *, enabled: bool = True) -> None:
        settings = load_edge(enrolled=False)
        self.time = SimulatedClock()
        self.clock = AgentClock(self.time, settings.clock)
        self.database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
        self.outbox = Outbox(self.database)
        self.board = CameraBoard([CAMERA], self.clock, lambda status: None)
        self.book = FindingBook(self.database, self.outbox, SEALER, None)
        diagnosis = msgspec.structs.replace(settings.diagnosis, enabled=enabled)
        self.examination = Examination(self.book, self.board, self.clock, diagnosis)

    def pass_s(self, seconds: int, *, looking: bool = False) -> None:
        for second in range(seconds):
            self.time.advance(1)
            if second % 5 == 0:
                self.examination.turn()
            if looking and second % 15 == 0:
                self.look()

    def look(self) -> int:
        now_us, timeline_id = self.clock.now()
        self.examination.take(CAMERA, encode(DiagnosisReport(timeline_id, now_us, [])))
        return now_us

    def said(self) -> list:
        rows = self.outbox.between(0, None, 100, lane="live") + self.outbox.between(0, None, 100)
        return [decode_payload(open_envelope(row.body)) for row in rows]

    def states(self) -> list[str]:
        return [said.state for said in self.said()]


@pytest.fixture
def watch(tmp_path):
    return Watch(tmp_path)


def test_a_camera_that_records_unseen_is_told_from_its_last_look_to_its_next(watch):
    watch.board.set(CAMERA, "recording")
    watch.pass_s(60, looking=True)
    last_us = watch.look()
    watch.pass_s(70)
    raised = watch.said()[-1]
    assert (raised.finding, raised.state, raised.since_us) == ("unexamined", "raised", last_us)
    assert watch.book.open_findings() == {"unexamined": [CAMERA]}
    next_us = watch.look()
    watch.pass_s(60, looking=True)
    cleared = watch.said()[-1]
    assert (cleared.finding_id, cleared.state, cleared.until_us) == (raised.finding_id, "cleared", next_us)
    assert watch.states() == ["cleared", "raised", "cleared"]


def test_one_that_was_never_looked_at_is_told_from_when_it_was_seen_to_record(watch):
    watch.board.set(CAMERA, "recording")
    begun_us = watch.clock.utc_us()
    watch.pass_s(90)
    (raised,) = watch.said()
    assert raised.state == "raised"
    assert begun_us <= raised.since_us <= begun_us + 2 * US_PER_S
    assert raised.no_still == "no_picture"


def test_breaks_in_the_recording_neither_count_nor_hide_it(watch):
    watch.board.set(CAMERA, "recording")
    watch.pass_s(20, looking=True)
    watch.board.set(CAMERA, "unreachable")
    watch.pass_s(3_600)
    watch.board.set(CAMERA, "recording")
    watch.pass_s(10)
    assert watch.states() == ["cleared"]
    for _ in range(10):
        watch.board.set(CAMERA, "stalled")
        watch.pass_s(5)
        watch.board.set(CAMERA, "recording")
        watch.pass_s(10)
    assert watch.states() == ["cleared", "raised"]


def test_a_camera_with_rare_keyframes_is_given_its_time(watch):
    watch.board.set(CAMERA, "recording")
    watch.board.note(CAMERA, None, CameraFigures(keyframe_interval_us=60 * US_PER_S))
    watch.pass_s(170)
    assert watch.states() == []
    watch.pass_s(60)
    assert watch.states() == ["raised"]


def test_a_full_spool_is_tried_again(watch):
    watch.board.set(CAMERA, "recording")
    watch.pass_s(5)
    watch.database.all("PRAGMA max_page_count=1")
    with suppress(Exception):
        watch.database.all("CREATE TABLE filler AS SELECT randomblob(100000) AS data")
    watch.pass_s(120)
    watch.database.all("PRAGMA max_page_count=1000000")
    watch.pass_s(10)
    assert watch.states() == ["raised"]


def test_what_is_switched_off_is_no_fault_and_what_was_told_is_taken_back(tmp_path):
    before = Watch(tmp_path)
    before.board.set(CAMERA, "recording")
    before.pass_s(90)
    before.database.close()
    after = Watch(tmp_path, enabled=False)
    after.board.set(CAMERA, "recording")
    after.pass_s(200)
    assert after.states() == ["raised", "cleared"]
    assert after.book.open_findings() == {}


def test_a_report_that_makes_no_sense_is_no_look(watch):
    with pytest.raises(InvalidInput):
        watch.examination.take(CAMERA, random.Random(1).randbytes(20))
    assert watch.states() == []


def test_how_long_is_too_long_follows_the_settings():
    assert quiet_us(2.0) == 30 * US_PER_S
    assert quiet_us(60.0) == 600 * US_PER_S


def test_it_is_told_which_cameras_are_looked_at_on_another_stream_or_not_at_all(watch, tmp_path):
    assert watch.examination.examined() == {"recorded": []}
    now_us, timeline_id = watch.clock.now()
    watch.examination.take(CAMERA, encode(DiagnosisReport(timeline_id, now_us, [], on_recorded=True)))
    assert watch.examination.examined() == {"recorded": [CAMERA]}
    watch.look()
    assert watch.examination.examined() == {"recorded": []}
    (tmp_path / "off").mkdir()
    assert Watch(tmp_path / "off", enabled=False).examination.examined() == {"off": [CAMERA]}
