"""What the centre does by itself: each task alone, and the daily checkpoint."""

import threading

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import Unavailable
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner
from server.jobs.upkeep import Task, audit, audit_deeply, expire, keep_ledgers, sweep
from server.services.audit.audit_deep import DeepAuditor
from server.services.audit.audit_store import StoreAuditor
from server.services.custody.sweep_store import StoreSweeper
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.registers.register import Register
from storage.database import audits, deep_audits, evidence, ledger
from tests.support.clock import SimulatedClock, present_us
from tests.support.footage import RULES, FootageSite
from tests.support.past import COUNT, RETAIN_DAYS


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


def test_a_round_is_begun_and_gone_through(database, any_object_store):
    auditor = StoreAuditor(database, any_object_store.evidence, any_object_store.evidence.clock, 90)
    audit(auditor, threading.Event())
    with database.reading() as session:
        done = audits.last_round(session)
    assert done is not None
    assert done.finished_us is not None


def test_every_site_with_footage_is_drawn_from_once_a_day(database, any_object_store):
    clock = SimulatedClock(present_us())
    site = FootageSite(database, any_object_store.evidence, clock).add("sound")
    Register(database, clock).add_site("rainbow", "rainbow", "cn", "Asia/Shanghai")
    with database.unit_of_work() as session:
        evidence.activate(session, site.camera_id, site.begun_us)
    auditor = DeepAuditor(database, any_object_store.evidence, clock, RULES)

    def seeds() -> set[str]:
        with database.reading() as session:
            return {found.seed for found in deep_audits.audits_of(session, "sunflower", 9) if found.finished_us}

    audit_deeply(database, auditor, clock, 5, threading.Event())
    audit_deeply(database, auditor, clock, 5, threading.Event())
    assert len(seeds()) == 1
    clock.advance(86_401)
    audit_deeply(database, auditor, clock, 0, threading.Event())
    assert len(seeds()) == 1
    audit_deeply(database, auditor, clock, 5, threading.Event())
    assert len(seeds()) == 2
    with database.reading() as session:
        assert deep_audits.audits_of(session, "rainbow", 9) == []


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


def test_what_is_past_its_day_goes_by_itself(old):
    old.after_their_day()
    expire(old.expirer)
    sweep(StoreSweeper(old.database, old.store, old.clock, RETAIN_DAYS))
    assert old.there() == []
    assert old.certified() == COUNT
