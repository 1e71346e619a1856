"""What the server is told of findings: each change once, over lost reports and restarts."""

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.errors import InvalidInput, ResourceExhausted
from config.base.ids import fresh_id
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.findings import FINDING_NAMES, PictureFinding
from edge_agent.diagnosis.book import WAITING_MAX, FindingBook
from edge_agent.diagnosis.reports import DiagnosisReport, FindingChange, FindingNow, encode
from edge_agent.messages import Sealer
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox

KEY = X25519PrivateKey.generate().public_key()
SEALER = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
TIMELINE = fresh_id()


class Desk:
    """A book with its spool; ``reopen`` is a restart."""

    def __init__(self, folder: Path, key=KEY) -> None:
        self.folder, self.key = folder, key
        self.database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
        self.outbox = Outbox(self.database)
        self.book = FindingBook(self.database, self.outbox, SEALER, key)

    def report(
        self, state: str, since_us: int, *, still: bytes | None = b"\xff\xd8 jpeg", name: str = "occluded"
    ) -> None:
        findings = [FindingNow(name, state, since_us, 0.6, 0.25)]
        self.book.take("nap-room", encode(DiagnosisReport(TIMELINE, since_us + 10, findings, still)))

    def episode(self, since_us: int, until_us: int, still: bytes | None = None, still_us: int | None = None) -> None:
        """A report of a finding that was raised and cleared since the last one."""
        changes = [
            FindingChange(TIMELINE, since_us + 5, FindingNow("occluded", "open", since_us, 0.6, 0.25)),
            FindingChange(TIMELINE, until_us + 5, FindingNow("occluded", "clear", until_us, 0.1, 0.25)),
        ]
        now = [FindingNow("occluded", "clear", until_us, 0.1, 0.25)]
        report = DiagnosisReport(TIMELINE, until_us + 10, now, still, still_us=still_us, changes=changes)
        self.book.take("nap-room", encode(report))

    def fill(self, pages: int = 1) -> None:
        self.database.all(f"PRAGMA max_page_count={pages}")

    def said(self) -> list:
        rows = self.outbox.between(0, None, 100, lane="live") + self.outbox.between(0, None, 100)
        return [decode_payload(open_envelope(row.body)) for row in rows]

    def reopen(self) -> "Desk":
        self.database.close()
        return Desk(self.folder, self.key)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_what_stays_is_told_once(desk):
    for _ in range(3):
        desk.report("open", 100)
    desk = desk.reopen()
    desk.report("open", 100)
    raised, still = desk.said()
    assert (raised.state, raised.since_us, raised.until_us) == ("raised", 100, None)
    assert (still.finding_id, still.sha256) == (raised.finding_id, raised.still_sha256)
    assert desk.book.open_findings() == {"occluded": ["nap-room"]}
    desk.report("clear", 500)
    cleared = next(said for said in desk.said() if getattr(said, "state", "") == "cleared")
    assert (cleared.finding_id, cleared.since_us, cleared.until_us) == (raised.finding_id, 100, 500)
    assert desk.book.open_findings() == {}


def test_what_nobody_knows_is_not_told_and_closes_nothing(desk):
    desk.report("unknown", 0)
    assert desk.said() == []
    desk.report("open", 100)
    desk = desk.reopen()
    desk.report("unknown", 0)
    assert len(desk.said()) == 2
    assert desk.book.open_findings() == {"occluded": ["nap-room"]}


def test_a_fresh_spool_tells_once_that_all_is_clear(desk):
    for _ in range(2):
        for name in FINDING_NAMES:
            desk.report("clear", 300, still=None, name=name)
    assert [said.finding for said in desk.said()] == list(FINDING_NAMES)
    assert all((said.state, said.since_us, said.until_us) == ("cleared", 300, 300) for said in desk.said())


def test_without_the_servers_key_a_finding_goes_without_its_still_and_says_so(tmp_path):
    desk = Desk(tmp_path, key=None)
    desk.report("open", 100)
    (raised,) = desk.said()
    assert (raised.still_sha256, raised.no_still) == (None, "no_key")


def test_what_could_not_be_decoded_has_no_still(desk):
    desk.report("open", 100, still=None)
    (raised,) = desk.said()
    assert (raised.still_sha256, raised.no_still) == (None, "no_picture")


def test_a_report_that_makes_no_sense_is_refused(desk):
    with pytest.raises(InvalidInput):
        desk.book.take("nap-room", b"\xc1")
    assert desk.said() == []


def test_what_was_raised_and_cleared_between_two_reports_is_told_with_its_picture(desk):
    desk.report("clear", 50, still=None)
    desk.episode(100, 200, b"\xff\xd8 jpeg", still_us=105)
    found = {type(said).__name__: [] for said in desk.said()}
    for said in desk.said():
        found[type(said).__name__].append(said)
    first, raised, cleared = found["PictureFinding"]
    assert (raised.state, raised.since_us, raised.at_us, raised.until_us) == ("raised", 100, 105, None)
    assert (cleared.state, cleared.since_us, cleared.until_us) == ("cleared", 100, 200)
    assert first.finding_id != raised.finding_id == cleared.finding_id
    (still,) = found["FindingStill"]
    assert (still.finding_id, still.taken_us) == (raised.finding_id, 105)


def test_a_picture_of_another_finding_is_not_shown_for_this_one(desk):
    desk.episode(100, 200, b"\xff\xd8 jpeg", still_us=999)
    assert [said.no_still for said in desk.said() if said.state == "raised"] == ["no_picture"]


def test_what_the_spool_refused_is_told_with_the_next_report(desk):
    desk.report("clear", 50, still=None)
    desk.fill()
    for since_us in (100, 300):
        with pytest.raises(ResourceExhausted):
            desk.episode(since_us, since_us + 100, random.Random(1).randbytes(16_000), still_us=since_us + 5)
    assert len(desk.said()) == 1
    desk.fill(1_000_000)
    for _ in range(2):
        desk.report("clear", 400, still=None)
    found = [said for said in desk.said() if isinstance(said, PictureFinding)]
    assert [(said.state, said.since_us, said.until_us) for said in found[1:]] == [
        ("raised", 100, None),
        ("cleared", 100, 200),
        ("raised", 300, None),
        ("cleared", 300, 400),
    ]


def test_what_waits_for_room_is_bounded_and_keeps_the_newest(desk):
    desk.fill()
    for number in range(WAITING_MAX + 3):
        with pytest.raises(ResourceExhausted):
            desk.episode(number * 100, number * 100 + 50, random.Random(1).randbytes(16_000), number * 100 + 5)
    desk.fill(1_000_000)
    desk.report("clear", 9_000, still=None)
    raised = [said.since_us for said in desk.said() if getattr(said, "state", "") == "raised"]
    assert raised == [number * 100 for number in range(3, WAITING_MAX + 3)]
