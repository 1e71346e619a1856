"""Checkpoints go to the site's agents with a proof, and their cosignatures come home; what they refuse is told."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.ids import fresh_id
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner, SignedNote
from config.wire.envelope import Signer
from config.wire.witness import CheckpointSeen, LedgerCheckpoint
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.show_checkpoints import AGAIN_US, CheckpointOutlet
from storage.database import ledger, witnesses
from storage.database.models import Agent, LedgerWitness
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

CENTRE = NoteSigner("nightlight.example", Ed25519PrivateKey.from_private_bytes(b"c" * 32))
AGENT = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
COSIGNER = NoteSigner("sunflower-box", AGENT)


class Site:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, SimulatedClock()
        self.agent = SigningAgent(database, self.clock, signer=Signer(AGENT)).register()
        self.agent.say(self.agent.heartbeat())
        self.keeper = LedgerKeeper(database, self.clock, CENTRE, "nightlight.example/ledger")
        self.outlet = CheckpointOutlet(database, self.clock)

    def grow(self, count: int) -> SignedNote:
        with self.database.unit_of_work() as session:
            for _ in range(count):
                ledger.add(session, "sunflower", "access", "s", fresh_id().encode())
        self.keeper.number_all()
        return self.keeper.checkpoint("sunflower")

    def shown(self) -> LedgerCheckpoint:
        (shown,) = self.outlet.due()
        return shown

    def answer(self, outcome: str, size: int, **more: object) -> str:
        seen = CheckpointSeen(
            message_id=fresh_id(),
            site_id="sunflower",
            agent_id="sunflower-box",
            timeline_id=self.agent.timeline_id,
            at_us=self.clock.utc_us(),
            outcome=outcome,  # type: ignore[arg-type]
            size=size,
            **{"kept_size": size, **more},
        )
        return self.agent.say(seen).result

    def cosign(self, note: SignedNote, signer: NoteSigner = COSIGNER) -> str:
        text = note.text
        line = SignedNote(text, (signer.cosign(text, 1_800_000_000),)).serialise().decode().rpartition("\n\n")[2]
        return self.answer("cosigned", Checkpoint.parse(text).size, cosignature=line)

    def row(self) -> LedgerWitness:
        with self.database.reading() as session:
            return session.get_one(LedgerWitness, "sunflower-box")


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def test_a_checkpoint_is_shown_with_a_proof_and_comes_back_cosigned(site: Site) -> None:
    first = site.grow(3)
    assert (site.shown().note.encode(), site.outlet.due()) == (first.serialise(), [])
    assert site.cosign(first) == "committed"
    assert site.cosign(first) == "duplicate"
    assert site.outlet.due() == []
    assert site.keeper.checkpoint("sunflower").verified([COSIGNER.witness_key]) == {COSIGNER.witness_key: 1_800_000_000}
    second = site.grow(4)
    shown = site.shown()
    older, newer = Checkpoint.parse(first.text), Checkpoint.parse(second.text)
    path = [bytes.fromhex(step) for step in shown.consistency]
    assert shown.older_size == 3
    assert merkle.continues((3, older.root), (7, newer.root), path)


def test_what_is_not_answered_is_shown_again_and_a_silent_agent_nothing(site: Site) -> None:
    site.grow(3)
    site.shown()
    site.clock.advance(AGAIN_US / 1e6 + 1)
    assert site.outlet.due() == []  # nothing was heard of it for ten minutes
    site.agent.say(site.agent.heartbeat())
    assert site.shown().older_size == 0


def test_an_agent_that_keeps_something_else_is_shown_the_way_from_there(site: Site) -> None:
    site.grow(3)
    site.grow(4)
    site.shown()
    assert site.answer("other_size", 7, kept_size=3) == "committed"
    site.clock.advance(6)
    shown = site.shown()
    assert (shown.older_size, len(shown.consistency) > 0) == (3, True)


def test_a_refusal_is_remembered_until_the_agent_cosigns_again(site: Site) -> None:
    note = site.grow(3)
    site.shown()
    assert site.answer("refused", 3, kept_size=2, why="not_continued") == "refused"
    with site.database.reading() as session:
        (refusing,) = witnesses.refusing(session, "sunflower")
    assert (refusing.refused_why, refusing.refused_size) == ("not_continued", 3)
    site.clock.advance(600)
    site.agent.say(site.agent.heartbeat())
    assert site.outlet.due() == []
    assert site.cosign(note) == "committed"
    assert site.row().refused_why is None


def test_a_ledger_that_lost_entries_is_told(site: Site) -> None:
    site.grow(3)
    site.shown()
    assert site.answer("other_size", 3, kept_size=9) == "refused"
    assert site.row().refused_why == "ledger_lost_entries"


def test_a_false_cosignature_is_quarantined(site: Site) -> None:
    note = site.grow(3)
    other = Checkpoint("nightlight.example/ledger/sunflower", 3, bytes(32))
    forged = COSIGNER.cosign(other.text(), 1)
    line = SignedNote(note.text, (forged,)).serialise().decode().rpartition("\n\n")[2]
    assert site.answer("cosigned", 3, cosignature=line) == "quarantined:bad_signature"
    assert site.answer("cosigned", 3, cosignature="nonsense") == "quarantined:malformed"
    assert site.answer("cosigned", 9, cosignature=line) == "quarantined:unknown_checkpoint"
    assert len(site.keeper.checkpoint("sunflower").signatures) == 1


def test_a_cosignature_by_the_key_before_is_asked_for_again(site: Site) -> None:
    note = site.grow(3)
    site.shown()
    fresh = Ed25519PrivateKey.generate()
    with site.database.unit_of_work() as session:
        session.get_one(Agent, "sunflower-box").public_key = fresh.public_key().public_bytes_raw()
    site.agent.signer = Signer(fresh)
    assert site.cosign(note) == "outdated"
    assert site.shown().note.encode() == note.serialise()
    assert site.cosign(note, NoteSigner("sunflower-box", fresh)) == "committed"
