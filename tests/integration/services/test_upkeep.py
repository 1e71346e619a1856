"""What the centre does by itself: each task alone, and the daily checkpoint."""

import threading

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import Unavailable
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner
from server.jobs.upkeep import Task, audit, keep_ledgers
from server.services.audit_store import StoreAuditor
from server.services.keep_ledger import LedgerKeeper
from server.services.register import Register
from storage.database import audits, ledger
from tests.support.clock import SimulatedClock


def test_a_checkpoint_a_day_where_something_was_added(database):
    clock = SimulatedClock()
    Register(database, clock).add_site("rainbow", "rainbow", "cn", "Asia/Shanghai")
    keeper = LedgerKeeper(
        database, clock, NoteSigner("nightlight.example", Ed25519PrivateKey.generate()), "nightlight.example/ledger"
    )

    def tell():
        with database.unit_of_work() as session:
            ledger.add(session, "rainbow", "access", "s", b"entry")

    def newest():
        with database.reading() as session:
            row = ledger.latest_checkpoint(session, "rainbow")
        return Checkpoint.parse(row.note.decode().split("\n\n")[0] + "\n").size if row else 0

    keep_ledgers(keeper)
    assert newest() == 0
    tell()
    keep_ledgers(keeper)
    assert newest() == 1
    tell()
    keep_ledgers(keeper)
    assert newest() == 1
    clock.advance(86_401)
    keep_ledgers(keeper)
    assert newest() == 2
    clock.advance(86_401)
    keep_ledgers(keeper)
    assert newest() == 2


def test_a_round_begins_with_a_canary(database, object_store):
    auditor = StoreAuditor(database, object_store.evidence, object_store.evidence.clock, 90)
    audit(auditor, object_store.evidence, threading.Event())
    with database.reading() as session:
        done = audits.last_round(session)
    assert done is not None
    assert done.finished_us is not None


def test_a_task_that_fails_is_tried_again_and_ends_when_told():
    stop, seen = threading.Event(), threading.Event()
    calls = []

    def do():
        calls.append(1)
        if len(calls) == 1:
            seen.set()
            raise Unavailable("not now")
        seen.set()

    task = Task("trial", 0.01, do, stop)
    task.start()
    assert seen.wait(5)
    stop.set()
    task.close()
    assert calls
