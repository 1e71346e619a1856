"""The ledger on a real database: order, proofs, checkpoints, witnesses, and a past that somebody rewrote."""

from contextlib import suppress
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import Conflict, IntegrityViolation, InvalidInput, NotFound
from config.evidence import entries, merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner, SignedNote
from server.services.evidence.keep_ledger import LedgerKeeper, kind_of
from server.services.registers.register import Register
from storage.database import ledger
from storage.database.models import LedgerEntry, LedgerTile
from tests.support.clock import SimulatedClock

SIGNER = NoteSigner("nightlight.example", Ed25519PrivateKey.generate())
AGENT = NoteSigner("edge-rainbow", Ed25519PrivateKey.generate())
OTHER = NoteSigner("edge-other", Ed25519PrivateKey.generate())


@pytest.fixture
def keeper(database):
    register = Register(database, SystemClock())
    for site in ("rainbow", "sunflower"):
        register.add_site(site, site, "cn/sichuan", "Asia/Shanghai")
    return LedgerKeeper(database, SystemClock(), SIGNER, "nightlight.example/ledger")


def tell(keeper, count, site="rainbow", start=0):
    with keeper.database.unit_of_work() as session:
        for number in range(start, start + count):
            ledger.add(session, site, "access", f"s{number}", b"entry %d" % number)


def checkpoint_of(note):
    return Checkpoint.parse(note.text)


def test_every_entry_is_proven_and_every_checkpoint_continues_the_one_before(keeper):
    notes = []
    for start, count in ((0, 1), (1, 300), (301, 257), (558, 5)):
        tell(keeper, count, start=start)
        assert keeper.number_all() == count
        notes.append(checkpoint_of(keeper.checkpoint("rainbow")))
    assert [found.size for found in notes] == [1, 301, 558, 563]
    assert notes[-1].root == merkle.root_of(merkle.leaf_hash(b"entry %d" % n) for n in range(563))
    for older in notes:
        proof = keeper.consistency("rainbow", older.size, 563)
        assert merkle.continues((older.size, older.root), (563, notes[-1].root), proof)
    for number in (0, 1, 255, 256, 300, 511, 512, 562):
        body, proof = keeper.inclusion("rainbow", "access", f"s{number}", 563)
        path = [bytes.fromhex(step) for step in proof.path]
        assert (body, proof.number) == (b"entry %d" % number, number)
        assert merkle.includes(notes[-1].root, 563, number, merkle.leaf_hash(body), path)


def test_a_checkpoint_of_a_size_is_signed_once(keeper):
    tell(keeper, 3)
    keeper.number_all()
    first = keeper.checkpoint("rainbow")
    assert keeper.checkpoint("rainbow") == first
    assert first.verified([SIGNER.key]) == {SIGNER.key: None}
    assert checkpoint_of(first).origin == "nightlight.example/ledger/rainbow"


def test_sites_have_ledgers_of_their_own(keeper):
    tell(keeper, 3)
    tell(keeper, 2, site="sunflower")
    assert keeper.number_all() == 5
    assert checkpoint_of(keeper.checkpoint("sunflower")).size == 2
    with pytest.raises(NotFound):
        keeper.inclusion("sunflower", "access", "s2", 2)


def test_writers_side_by_side_lose_nothing_and_leave_no_hole(keeper):
    faults = []

    def write(worker):
        try:
            for number in range(10):
                tell(keeper, 1, start=100 * worker + number)
                with suppress(Conflict):  # two made the head row at once: the next one numbers the entry
                    keeper.number_all()
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keeper.number_all()
    assert not faults
    with keeper.database.reading() as session:
        rows = session.scalars(select(LedgerEntry).order_by(LedgerEntry.number)).all()
        assert [row.number for row in rows] == list(range(len(rows)))
        assert len(rows) == 40
    expected = merkle.root_of(merkle.leaf_hash(row.body) for row in rows)
    assert checkpoint_of(keeper.checkpoint("rainbow")).root == expected


def test_a_witness_signs_and_nobody_signs_for_it(keeper):
    tell(keeper, 3)
    keeper.number_all()
    note = keeper.checkpoint("rainbow")
    keeper.cosign("rainbow", 3, AGENT.witness_key, AGENT.cosign(note.text, 1_800_000_000))
    assert keeper.checkpoint("rainbow").verified([AGENT.witness_key]) == {AGENT.witness_key: 1_800_000_000}
    with pytest.raises(InvalidInput):
        keeper.cosign("rainbow", 3, AGENT.witness_key, OTHER.cosign(note.text, 1))
    forged = AGENT.cosign("another text\n", 2)
    with pytest.raises(IntegrityViolation):
        keeper.cosign("rainbow", 3, AGENT.witness_key, forged)
    with pytest.raises(NotFound):
        keeper.cosign("rainbow", 2, AGENT.witness_key, AGENT.cosign(note.text, 1))
    assert len(keeper.checkpoint("rainbow").signatures) == 2


def test_a_rewritten_ledger_is_not_signed(keeper):
    tell(keeper, 300)
    keeper.number_all()
    keeper.checkpoint("rainbow")
    with keeper.database.unit_of_work() as session:
        tile = session.get_one(LedgerTile, ("rainbow", 0, 1))
        tile.hashes = bytes(32) + tile.hashes[32:]
    tell(keeper, 1, start=300)
    keeper.number_all()
    with pytest.raises(IntegrityViolation, match="rewritten"):
        keeper.checkpoint("rainbow")


def test_a_shortened_ledger_is_not_signed(keeper):
    tell(keeper, 5)
    keeper.number_all()
    keeper.checkpoint("rainbow")
    with keeper.database.unit_of_work() as session:
        session.execute(update(ledger.Ledger).values(size=4))
    with pytest.raises(IntegrityViolation, match="lost entries"):
        keeper.checkpoint("rainbow")


def test_what_is_not_there_is_said(keeper):
    with pytest.raises(NotFound):
        keeper.checkpoint("rainbow")
    tell(keeper, 2)
    with pytest.raises(NotFound):
        keeper.inclusion("rainbow", "access", "s0", 1)
    keeper.number_all()
    with pytest.raises(NotFound):
        keeper.inclusion("rainbow", "access", "s1", 1)
    with pytest.raises(InvalidInput):
        keeper.consistency("rainbow", 1, 3)


def test_an_entry_knows_its_kind():
    entry = entries.AccessRecorded(
        site_id="rainbow", at_us=1, account="a", what="export", camera_id=None, start_us=0, end_us=1, reason=""
    )
    assert kind_of(entry) == "access"
    assert entries.decode(entries.encode(entry)) == entry
    assert b'"kind":"access"' in entries.encode(entry)
    with pytest.raises(InvalidInput):
        entries.decode(b'{"kind":"unheard-of"}')


def test_a_note_of_the_database_is_read_as_it_was_signed(keeper):
    tell(keeper, 1)
    keeper.number_all()
    note = keeper.checkpoint("rainbow")
    assert SignedNote.parse(note.serialise()) == note


def test_a_checkpoint_that_a_wrong_clock_dated_to_the_future_keeps_no_other_from_being_made(database):
    clock = SimulatedClock()
    Register(database, clock).add_site("rainbow", "rainbow", "cn/sichuan", "Asia/Shanghai")
    keeper = LedgerKeeper(database, clock, SIGNER, "nightlight.example/ledger")
    for start in (0, 1):
        clock.jump(365 * 86_400)
        tell(keeper, 1, start=2 * start)
        keeper.number_all()
        keeper.checkpoint("rainbow")
        clock.jump(-365 * 86_400)
        tell(keeper, 1, start=2 * start + 1)
        keeper.number_all()
        assert keeper.without_checkpoint(US_PER_DAY) == ["rainbow"]
    keeper.checkpoint("rainbow")
    tell(keeper, 1, start=9)
    keeper.number_all()
    assert keeper.without_checkpoint(US_PER_DAY) == []
    clock.advance(86_401)
    assert keeper.without_checkpoint(US_PER_DAY) == ["rainbow"]
