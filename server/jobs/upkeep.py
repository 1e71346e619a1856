"""What the centre does by itself, day and night: ledgers, audits, holds, deletions past the day, old stills.

Invariant: each task fails alone, with a bounded wait, and none of them is needed for footage to be secured.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from prometheus_client import Counter

from config.base.backoff import Backoff
from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Conflict, IntegrityViolation, NightlightError, NotFound
from config.base.ids import INSIDE
from config.base.logs import get_logger
from config.evidence.note import NoteSigner
from config.settings.server import ServerSettings
from server.runtime import note_signer_from
from server.services.audit.audit_deep import DeepAuditor, Request, ask, rules_of, sites_without_draw
from server.services.audit.audit_store import StoreAuditor
from server.services.audit.watch_store import GIGA, StoreWatch
from server.services.cells.expire_cells import CellExpirer
from server.services.cells.fetch_from_cell import sweep_fetched
from server.services.cells.order_cells import CellKeeper
from server.services.compliance.keep_verdicts import ComplianceKeeper
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_findings import delete_old_stills
from server.services.custody.expire_footage import FootageExpirer
from server.services.custody.hold_recordings import HoldKeeper
from server.services.custody.sweep_store import StoreSweeper
from server.services.evidence.attest_day import DayAttestor
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.stamp_checkpoints import CheckpointStamper, stamper_from
from server.services.people.access_record import AccessBook
from server.services.people.give_support import SupportDesk
from server.services.people.mask_footage import FootageMasker
from server.services.people.steady_time import SteadyTime
from storage.database.unit_of_work import Database
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore

LEDGER_S = 5.0
READINGS_S = 60.0
COMPLIANCE_S = 20.0
ATTEST_S = 60.0
STAMP_S = 300.0
AUDIT_S = 10.0
STORE_S = 60.0
DEEP_S = 2.0
HOLDS_S = 10.0
REQUESTS_S = 5.0
CELLS_S = 10.0
EXPIRY_S = 600.0
SWEEP_S = 6 * 3_600.0
STILLS_S = 60.0
SUPPORT_S = 20.0
RETRY_FIRST_S, RETRY_LIMIT_S = 5.0, 300.0
CLOSE_WITHIN_S = 10.0

log = get_logger("upkeep")
FAILURES = Counter("nightlight_upkeep_failures", "Tasks that failed and will be tried again", ["task"])


class Task:
    """A thread that does one thing again and again."""

    def __init__(self, name: str, every_s: float, do: Callable[[], None], stop: Event) -> None:
        self._name = name
        self._every_s = every_s
        self._do = do
        self._stop = stop
        self._thread = Thread(target=self._run, name=name)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """After ``stop`` was set."""
        self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, RETRY_LIMIT_S)
        while not self._stop.is_set():
            try:
                self._do()
            except NightlightError as error:
                FAILURES.labels(self._name).inc()
                wait_s = backoff.next_s()
                log.warning("task_failed", task=self._name, code=error.code, why=str(error), again_in_s=round(wait_s))
                self._stop.wait(wait_s)
            except Exception:  # the top of the thread: a fault of ours must not end what the others depend on
                FAILURES.labels(self._name).inc()
                log.exception("task_failed", task=self._name)
                self._stop.wait(backoff.next_s())
            else:
                backoff.reset()
                self._stop.wait(self._every_s)


def keep_ledgers(keeper: LedgerKeeper, every_us: int = US_PER_DAY) -> None:
    """Numbers what waits, and signs a checkpoint of every ledger that has grown since a day ago."""
    keeper.number_all()
    for site_id in keeper.without_checkpoint(every_us):
        try:
            keeper.checkpoint(site_id)
        except IntegrityViolation as error:
            log.exception("ledger_rewritten", site=site_id, why=str(error))
        except NotFound:
            continue


def audit(auditor: StoreAuditor, stop: Event) -> None:
    """Begins the day's round, and goes on with it as far as it is behind."""
    auditor.begin()
    while auditor.behind() and not stop.is_set():
        if not auditor.step():
            return


def drop_stills(database: Database, clock: Clock, retain_days: int) -> None:
    """Stills of findings go when the footage of their instant may go."""
    gone = delete_old_stills(database, clock, retain_days)
    if gone:
        log.info("stills_deleted", count=gone)


def audit_deeply(database: Database, auditor: DeepAuditor, clock: Clock, samples: int, stop: Event) -> None:
    """Asks for each site's daily draw, by a seed that nobody could know before, and works on whatever was asked for."""
    if samples:
        for site_id in sites_without_draw(database, clock):
            with suppress(Conflict):
                ask(database, clock, Request(site_id, secrets.token_hex(16), samples, INSIDE))
    while not stop.is_set() and auditor.step():
        continue


def tasks(settings: ServerSettings, database: Database, clock: Clock, stop: Event) -> list[Task]:
    """Everything that ``jobs`` does beside its verdicts. Raises ConfigurationError."""
    keeper = ledger_keeper(settings, database, clock)
    store = S3EvidenceStore(access_from(settings.store), clock)
    auditor = StoreAuditor(database, store, clock, settings.policy.retain_days)
    deep = DeepAuditor(database, store, clock, rules_of(settings))
    watch = StoreWatch(database, store, clock, settings.policy.retain_days, int(settings.store.capacity_gb * GIGA))
    holds = HoldKeeper(database, clock)
    masker = FootageMasker(database, store, clock)
    cells = CellKeeper(database, clock, settings.policy.retain_days)
    cell_expirer = CellExpirer(database, clock, settings.policy.retain_days)
    expirer = FootageExpirer(database, store, clock, settings.policy.retain_days)
    sweeper = StoreSweeper(database, store, clock, settings.policy.retain_days)
    attestor = DayAttestor(database, clock)
    support = SupportDesk(database, clock, SteadyTime(database, clock))
    rules = ComplianceKeeper(database, clock, Assessor(settings.policy))
    stamper = stamper_from(settings, database, clock)
    stamping = [] if stamper is None else [Task("timestamp", STAMP_S, lambda: _stamp(stamper), stop)]
    return [
        *stamping,
        Task("attestation", ATTEST_S, lambda: _attest(attestor), stop),
        Task("readings", READINGS_S, rules.sample_all, stop),
        Task("compliance", COMPLIANCE_S, lambda: judge_by_rules(rules), stop),
        Task("ledger", LEDGER_S, lambda: keep_ledgers(keeper), stop),
        Task("stills", STILLS_S, lambda: drop_stills(database, clock, settings.policy.retain_days), stop),
        Task("audit", AUDIT_S, lambda: audit(auditor, stop), stop),
        Task("store", STORE_S, watch.look, stop),
        Task(
            "deep-audit", DEEP_S, lambda: audit_deeply(database, deep, clock, settings.audit.deep_samples, stop), stop
        ),
        Task("fetched", STORE_S, lambda: sweep_fetched(database, store, clock), stop),
        Task("requests", REQUESTS_S, lambda: mask_requested(masker, stop), stop),
        Task("holds", HOLDS_S, lambda: _apply(holds, store), stop),
        Task("cell-orders", CELLS_S, lambda: _plan(cells), stop),
        Task("cell-expiry", EXPIRY_S, lambda: _expire_cells(cell_expirer), stop),
        Task("expiry", EXPIRY_S, lambda: expire(expirer), stop),
        Task("over", SUPPORT_S, lambda: close_over(support, AccessBook(database), clock), stop),
        Task("sweep", SWEEP_S, lambda: sweep(sweeper), stop),
    ]


def close_over(desk: SupportDesk, book: AccessBook, clock: Clock) -> None:
    """Writes down what ended by itself: support's access, and looks whose session is over."""
    desk.close_ended()
    book.close_over(clock.utc_us())


def mask_requested(masker: FootageMasker, stop: Event) -> None:
    """Masked pictures that were promised to guardians; what is past its last day goes."""
    while not stop.is_set() and masker.step():
        continue
    masker.tidy()


def _apply(holds: HoldKeeper, store: S3EvidenceStore) -> None:
    holds.apply(store)


def _plan(cells: CellKeeper) -> None:
    cells.plan()


def _expire_cells(expirer: CellExpirer) -> None:
    expirer.run()


def _attest(attestor: DayAttestor) -> None:
    attestor.attest_all()


def _stamp(stamper: CheckpointStamper) -> None:
    stamper.stamp_all()


def judge_by_rules(keeper: ComplianceKeeper) -> None:
    """Verdicts by rule of the sites whose turn it is, and of their regions."""
    keeper.keep_all()


def expire(expirer: FootageExpirer) -> None:
    """Deletes the days that are past their last."""
    expirer.run()


def sweep(sweeper: StoreSweeper) -> None:
    """Deletes what lies there past its day and no recording is."""
    sweeper.sweep()


def ledger_keeper(settings: ServerSettings, database: Database, clock: Clock) -> LedgerKeeper:
    signer: NoteSigner = note_signer_from(settings.server.signing_key_file, settings.ledger.name)
    return LedgerKeeper(database, clock, signer, f"{settings.ledger.name}/ledger")
