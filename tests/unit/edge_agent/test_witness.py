"""The agent never cosigns two ledgers that contradict each other, whatever it is shown and whenever it is killed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from config.base.ids import fresh_id
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner, SignedNote
from config.settings.edge import ClockSettings
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.notices import BoxNotice
from config.wire.witness import CheckpointSeen, LedgerCheckpoint
from edge_agent.messages import Sealer
from edge_agent.reporting.notices import NoticeBook
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock
from edge_agent.witness import CheckpointWitness
from tests.support.clock import NOON_US, SimulatedClock

SERVER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
AGENT = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
COSIGNER = NoteSigner("edge-rainbow", AGENT)
ORIGIN = "nightlight.example/ledger/rainbow"


class Ledger:
    """A centre's ledger of numbered entries, told in checkpoints; another ``tale`` is another history."""

    def __init__(self, tale: str = "", origin: str = ORIGIN, key: Ed25519PrivateKey = SERVER) -> None:
        self._tale, self._origin = tale, origin
        self._signer = NoteSigner("nightlight.example", key)

    def leaves(self, size: int) -> list[bytes]:
        return [merkle.leaf_hash(f"{self._tale if n else ''}{n}".encode()) for n in range(size)]

    def node(self, level: int, number: int) -> bytes:
        return merkle.root_of(self.leaves((number + 1) << level)[number << level :])

    def text(self, size: int) -> str:
        return Checkpoint(self._origin, size, merkle.root_of(self.leaves(size))).text()

    def shown(self, size: int, older: int = 0) -> LedgerCheckpoint:
        text = self.text(size)
        return LedgerCheckpoint(
            message_id=fresh_id(),
            site_id="rainbow",
            agent_id="edge-rainbow",
            note=SignedNote(text, (self._signer.sign(text),)).serialise().decode(),
            older_size=older,
            consistency=[step.hex() for step in merkle.consistency_proof(older, size, self.node)],
        )


class Box:
    def __init__(self, folder: Path) -> None:
        clock = AgentClock(SimulatedClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
        self.database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
        self.outbox = Outbox(self.database)
        sealer = Sealer("rainbow", "edge-rainbow", Signer(AGENT))
        self.notices = NoticeBook(self.database, self.outbox, sealer, clock)
        self.witness = CheckpointWitness(
            self.database, self.outbox, sealer, self.notices, clock, SERVER.public_key(), COSIGNER
        )

    def said(self) -> list[CheckpointSeen]:
        """What waits in the outbox, which the server then answers."""
        found = []
        for row in self.outbox.between(0, None, 100):
            message = decode_payload(open_envelope(row.body))
            if isinstance(message, CheckpointSeen):
                found.append(message)
                self.outbox.acknowledge(row.message_id, "committed", "", 0)
        return found

    def shown(self, checkpoint: LedgerCheckpoint) -> CheckpointSeen:
        self.witness.show(checkpoint)
        (answer,) = self.said()
        return answer


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def signed_texts(answer: CheckpointSeen, text: str) -> dict[object, int | None]:
    """Who cosigned ``text``, by the answer."""
    return SignedNote.parse((text + "\n" + answer.cosignature).encode()).verified([COSIGNER.witness_key])


def test_what_continues_the_kept_checkpoint_is_cosigned(box: Box, tmp_path: Path) -> None:
    ledger = Ledger()
    first = box.shown(ledger.shown(5))
    assert (first.outcome, first.kept_size) == ("cosigned", 5)
    assert signed_texts(first, ledger.text(5)) == {COSIGNER.witness_key: NOON_US // 1_000_000}
    second = box.shown(ledger.shown(13, older=5))
    assert (second.outcome, second.kept_size) == ("cosigned", 13)
    assert box.shown(ledger.shown(13)).outcome == "cosigned"  # again, for an answer that got lost
    box.database.close()
    assert Box(tmp_path).witness.kept().size == 13


def test_a_proof_from_elsewhere_is_answered_with_what_is_kept(box: Box) -> None:
    ledger = Ledger()
    box.shown(ledger.shown(9))
    for shown in (ledger.shown(12, older=4), ledger.shown(12), ledger.shown(7, older=3)):
        answer = box.shown(shown)
        assert (answer.outcome, answer.kept_size, answer.cosignature) == ("other_size", 9, "")
        assert answer.kept_root == box.witness.kept().root.hex()
    assert box.witness.kept().size == 9


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (Ledger("other").shown(9), "forked"),
        (Ledger("other").shown(12, older=9), "not_continued"),
        (Ledger(origin="nightlight.example/ledger/tulip").shown(12, older=9), "foreign_ledger"),
        (Ledger(origin="elsewhere.example/ledger/rainbow").shown(12, older=9), "foreign_ledger"),
        (Ledger(key=AGENT).shown(12, older=9), "bad_signature"),
    ],
)
def test_a_fork_is_refused_and_raises_an_alarm(box: Box, shown: LedgerCheckpoint, why: str) -> None:
    box.shown(Ledger().shown(9))
    answer = box.shown(shown)
    assert (answer.outcome, answer.why, answer.cosignature, answer.kept_size) == ("refused", why, "", 9)
    assert box.notices.is_raised("ledger_forked")
    (notice,) = [decode_payload(open_envelope(row.body)) for row in box.outbox.between(0, None, 9, lane="live")]
    assert isinstance(notice, BoxNotice)
    assert why in notice.detail
    row = box.database.one("SELECT refused FROM witnessed")
    assert row is not None
    assert bytes(row["refused"]).decode() == shown.note
    assert box.shown(Ledger().shown(12, older=9)).outcome == "cosigned"  # the true history goes on
    assert not box.notices.is_raised("ledger_forked")


def test_what_is_no_checkpoint_is_refused(box: Box) -> None:
    spoiled = LedgerCheckpoint(
        message_id=fresh_id(), site_id="rainbow", agent_id="edge-rainbow", note="no note", older_size=0, consistency=[]
    )
    assert box.shown(spoiled).why == "malformed"


def test_a_ledger_of_no_entries_has_one_root(box: Box) -> None:
    assert box.shown(Ledger().shown(0)).outcome == "cosigned"
    text = Checkpoint(ORIGIN, 0, b"x" * 32).text()
    note = SignedNote(text, (NoteSigner("nightlight.example", SERVER).sign(text),)).serialise().decode()
    answer = box.shown(replace(Ledger().shown(0), note=note))
    assert (answer.outcome, answer.cosignature) == ("refused", "")


def test_one_answer_waits_at_a_time(box: Box) -> None:
    ledger = Ledger()
    for size in (3, 4, 5):
        box.witness.show(ledger.shown(size, older=size - 1 if size > 3 else 0))
    assert [(seen.size, seen.kept_size) for seen in box.said()] == [(3, 3)]
    assert box.shown(ledger.shown(5)).outcome == "cosigned"


def test_killed_between_keeping_and_signing_it_still_signs_no_fork(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        box = Box(tmp_path)
        box.witness.before_signing = lambda: os.kill(os.getpid(), signal.SIGKILL)
        box.witness.show(Ledger().shown(9))
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    box = Box(tmp_path)
    assert box.said() == []
    assert box.witness.kept().size == 9
    assert box.shown(Ledger("other").shown(9)).why == "forked"
    assert box.shown(Ledger().shown(9)).outcome == "cosigned"


def test_killed_before_the_answer_is_stored_it_answers_again(tmp_path: Path) -> None:
    box = Box(tmp_path)
    real: Callable[..., None] = box.outbox.put

    def fails(*arguments: object) -> None:
        raise OSError("the process died here")

    box.outbox.put = fails  # type: ignore[method-assign]
    with pytest.raises(OSError, match="died"):
        box.witness.show(Ledger().shown(9))
    box.outbox.put = real  # type: ignore[method-assign]
    assert box.shown(Ledger().shown(9)).outcome == "cosigned"
