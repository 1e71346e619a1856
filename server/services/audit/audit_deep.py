"""The sampled deep audit: random camera-minutes are read back from the store by version, hashed, decoded and looked at.

Invariants: the draw can be repeated by anybody (``server/domain/sampling.py``); every look at footage stands in the site's
ledger before the first byte is read; bytes are decoded in a process of their own (``server/probe``); what is found wrong is
not covered from that moment on (I1); what could not be found out counts as a fault in the bound. No transaction waits for
the store, and a crash repeats one sample at most.
"""

import hashlib
import zlib
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.errors import (
    Conflict,
    IntegrityViolation,
    NightlightError,
    NotFound,
)
from config.base.ids import INSIDE, fresh_id
from config.base.logs import get_logger
from config.base.timespan import Span
from config.evidence import entries
from config.settings.server import ServerSettings
from server.domain.audit import DEEP, Drift
from server.domain.confidence import CONFIDENCE, faulty_at_most
from server.domain.deep_audit import Outcome, Rules
from server.domain.sampling import CameraMinute, Population, check_request, draw, population_of
from server.probe.parent import probe
from server.services.audit.look_at_recording import Looker, Prober, Seen
from server.services.audit.tell_drift import settle, tell
from storage.database import deep_audits, ledger
from storage.database.models import DeepAudit, DeepSample, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

LEASE_US = 600 * US_PER_S
"""Longer than one recording can take; a sample may be of many."""
TRIES_MAX = 3
"""After so many something is said of a sample that could not be read or decoded. A store that gives nothing is waited for."""
SEGMENTS_A_MINUTE_MAX = 32
OPEN_AUDITS_MAX = 2
"""Of one site, asked for by people: they cannot keep the daily draw from its turn."""
POPULATION_BYTES_MAX = 64 * 2**20

DEEP_AUDIT_ASKED, DEEP_AUDITED = "deep-audit-asked", "deep-audited"
log = get_logger("deep-audit")


@dataclass(frozen=True)
class Request:
    """Who wants what; the person's identity and reach have been checked. ``repeats_id``: draw from that one's population."""

    site_id: str
    seed: str
    samples: int
    asked_by: str
    repeats_id: str | None = None


@dataclass(frozen=True)
class _Work:
    """One sample with its recordings, detached."""

    audit_id: str
    site_id: str
    number: int
    segments: list[Segment]
    tries: int


def ask(database: Database, clock: Clock, request: Request) -> str:
    """Puts an audit in line; its id. Raises InvalidInput, NotFound, Conflict (``audit_running``)."""
    check_request(request.seed, request.samples)
    with database.unit_of_work() as session:
        # Locked, so that two who ask at once do not both find room.
        if session.get(Site, request.site_id, with_for_update=True) is None:
            raise NotFound(f"no site {request.site_id}")
        by_people = deep_audits.open_audits(session, request.site_id, but_by=INSIDE)
        if request.asked_by != INSIDE and by_people >= OPEN_AUDITS_MAX:
            raise Conflict("this site is being audited: wait until that is finished", code="audit_running")
        if request.repeats_id is not None:
            before = session.get(DeepAudit, request.repeats_id)
            if before is None or before.site_id != request.site_id or before.population_runs is None:
                raise NotFound(f"no drawn audit {request.repeats_id}")
        made = DeepAudit(
            id=fresh_id(),
            site_id=request.site_id,
            seed=request.seed,
            wanted=request.samples,
            asked_by=request.asked_by,
            asked_us=clock.utc_us(),
            repeats_id=request.repeats_id,
        )
        session.add(made)
        # On record before a sample is drawn by it: nobody chooses a seed by what it brings up.
        ledger.add(session, made.site_id, DEEP_AUDIT_ASKED, made.id, entries.encode(_asked(made)))
        return made.id


def _asked(audit: DeepAudit) -> entries.DeepAuditAsked:
    return entries.DeepAuditAsked(
        site_id=audit.site_id,
        at_us=audit.asked_us,
        audit_id=audit.id,
        seed=audit.seed,
        samples=audit.wanted,
        asked_by=audit.asked_by,
        repeats_id=audit.repeats_id,
    )


def sites_without_draw(database: Database, clock: Clock) -> list[str]:
    """Sites with recordings in the store that have had no draw of ours for a day, and are not at it."""
    since_us = clock.utc_us() - US_PER_DAY
    with database.reading() as session:
        due = deep_audits.sites_not_asked_for(session, INSIDE, since_us)
        return [site_id for site_id in due if deep_audits.has_recordings(session, site_id)]


def rules_of(settings: ServerSettings) -> Rules:
    """What footage is judged by."""
    audit, policy = settings.audit, settings.policy
    return Rules(
        audit.frozen_share, audit.dark_share, policy.clock_tolerance_us, frozenset(map(str, policy.unsound_findings))
    )


@dataclass(frozen=True)
class DeepAuditor:
    """Works on what ``ask`` put in line, one sample a ``step``."""

    database: Database
    store: EvidenceStore
    clock: Clock
    rules: Rules
    prober: Prober = probe

    def step(self, audit_id: str | None = None) -> bool:
        """Looks at one sample of the oldest open audit, or of the one named; False where there is nothing to do.

        Raises Unavailable where the store does not answer: the same sample comes again.
        """
        taken = self._take(audit_id)
        if taken is None:
            return False
        try:
            self._go_on(taken)
        finally:
            self._release(taken)
        return True

    def _take(self, audit_id: str | None) -> str | None:
        with self.database.unit_of_work() as session:
            found = deep_audits.take(session, audit_id, self.clock.utc_us(), LEASE_US)
            return found.id if found is not None else None

    def _release(self, audit_id: str) -> None:
        with self.database.unit_of_work() as session:
            session.get_one(DeepAudit, audit_id).leased_until_us = 0

    def _go_on(self, audit_id: str) -> None:
        with self.database.reading() as session:
            audit = session.get_one(DeepAudit, audit_id)
            sample = deep_audits.next_sample(session, audit_id)
        if audit.drawn_us is None:
            self._draw(audit)
        elif sample is None:
            self._finish(audit_id)
        else:
            work = self._begin(audit, sample)
            self._write(work, [self._look_and_tell(work, segment) for segment in work.segments])

    def _draw(self, audit: DeepAudit) -> None:
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            population = self._population(session, audit, now_us)
        drawn = draw(population, audit.seed, audit.wanted)
        with self.database.unit_of_work() as session:
            row = session.get_one(DeepAudit, audit.id)
            row.drawn_us, row.population, row.population_sha256 = now_us, population.size, population.sha256
            row.population_runs = zlib.compress(population.text().encode())
            row.samples = len(drawn)
            session.add_all(
                DeepSample(
                    audit_id=audit.id,
                    number=number,
                    camera_id=minute.camera_id,
                    minute=minute.minute,
                    outcome=Outcome.WAITING,
                )
                for number, minute in enumerate(drawn)
            )
        log.info("deep_audit_drawn", audit=audit.id, population=population.size, samples=len(drawn))

    @staticmethod
    def _population(session: Session, audit: DeepAudit, now_us: int) -> Population:
        if audit.repeats_id is None:
            return population_of(deep_audits.footage(session, audit.site_id, now_us))
        return population_in(session.get_one(DeepAudit, audit.repeats_id))

    def _begin(self, audit: DeepAudit, sample: DeepSample) -> _Work:
        """Puts the look on record."""
        span = CameraMinute(sample.camera_id, sample.minute).span
        with self.database.unit_of_work() as session:
            row = session.get_one(DeepSample, (audit.id, sample.number))
            row.tries += 1
            segments = deep_audits.versions_within(session, sample.camera_id, span, SEGMENTS_A_MINUTE_MAX)
            if row.tries == 1 and any(segment.deleted_us is None for segment in segments):
                ledger.add(
                    session,
                    audit.site_id,
                    "access",
                    sample.camera_id,
                    entries.encode(self._access(audit, sample, span)),
                )
            return _Work(audit.id, audit.site_id, sample.number, segments, row.tries)

    def _access(self, audit: DeepAudit, sample: DeepSample, span: Span) -> entries.AccessRecorded:
        return entries.AccessRecorded(
            site_id=audit.site_id,
            at_us=self.clock.utc_us(),
            account=audit.asked_by,
            what="deep-audit",
            camera_id=sample.camera_id,
            start_us=span.start_us,
            end_us=span.end_us,
            reason=f"deep audit {audit.id}, sample {sample.number + 1} of {audit.samples}",
        )

    def _look_and_tell(self, work: _Work, segment: Segment) -> Seen:
        """What is wrong is told before the next recording is read, which may take long or fail. Raises Unavailable."""
        with self.database.unit_of_work() as session:
            session.get_one(DeepAudit, work.audit_id).leased_until_us = self.clock.utc_us() + LEASE_US
        looker = Looker(self.store, self.rules, self.prober)
        seen = looker.look(segment, lambda: self._gives_out_others(work, segment), last=work.tries >= TRIES_MAX)
        if seen.drift is not None:
            with self.database.unit_of_work() as session:
                self._tell(session, self.clock.utc_us(), session.get_one(Site, work.site_id), seen)
        return seen

    def _gives_out_others(self, work: _Work, segment: Segment) -> bool:
        with self.database.reading() as session:
            other = deep_audits.another_version(session, work.site_id, segment.id, self.clock.utc_us())
        try:
            return other is not None and bool(self.store.read(other.object_key or "", other.version_id or "", 0, 1))
        except NightlightError:
            return False

    def _write(self, work: _Work, seen: list[Seen]) -> None:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            audit = session.get_one(DeepAudit, work.audit_id, with_for_update=True)
            sample = session.get_one(DeepSample, (work.audit_id, work.number))
            if sample.outcome != Outcome.WAITING:
                return
            site = session.get_one(Site, work.site_id)
            for one in seen:
                self._tell(session, now_us, site, one)
            worst = next((one for one in seen if one.drift is not None), None)
            unknown = next((one for one in seen if one.unknown), None)
            gone = all(segment.deleted_us is not None for segment in work.segments)
            if worst is not None and worst.drift is not None:
                sample.outcome, sample.drift, sample.detail = Outcome.FAULT, worst.drift, worst.detail[:200]
                audit.faults += 1
            elif unknown is not None:
                sample.outcome, sample.detail = Outcome.UNKNOWN, unknown.detail[:200]
                audit.unknown += 1
            elif gone:
                sample.outcome = Outcome.GONE
                audit.gone += 1
            else:
                sample.outcome = Outcome.SOUND
            sample.segments, sample.checked_us = len(seen), now_us
            sample.bytes_read, sample.pictures = sum(s.bytes_read for s in seen), sum(s.pictures for s in seen)
            audit.checked += 1
            audit.bytes_read += sample.bytes_read

    def _tell(self, session: Session, now_us: int, site: Site, seen: Seen) -> None:
        segment = session.get_one(Segment, seen.segment_id)
        if segment.deleted_us is not None or seen.unknown:
            return
        if seen.drift is not None:
            tell(session, now_us, site, segment, seen.drift, seen.detail, spoils=self.rules.spoils(seen.drift))
        for found in deep_audits.open_findings_of_segment(session, segment.id):
            if found.drift in DEEP and found.drift != seen.drift and seen.drift is not Drift.OBJECT_MISSING:
                settle(session, now_us, found)

    def _finish(self, audit_id: str) -> None:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            audit = session.get_one(DeepAudit, audit_id, with_for_update=True)
            if audit.finished_us is not None:
                return
            audit.finished_us = now_us
            entry = entries.DeepAudited(
                site_id=audit.site_id,
                at_us=now_us,
                audit_id=audit.id,
                seed=audit.seed,
                asked_sha256=_asked_sha256(session, audit),
                population=audit.population,
                population_sha256=audit.population_sha256 or "",
                samples=audit.checked,
                faults=audit.faults,
                unknown=audit.unknown,
                faulty_at_most=bound_of(audit),
                confidence_permille=round(CONFIDENCE * 1_000),
            )
            ledger.add(session, audit.site_id, DEEP_AUDITED, audit.id, entries.encode(entry))
        log.info(
            "deep_audit_finished", audit=audit_id, checked=audit.checked, faults=audit.faults, unknown=audit.unknown
        )


def _asked_sha256(session: Session, audit: DeepAudit) -> str | msgspec.UnsetType:
    """Of the ledger's entry about the request; an audit from before there were such has none."""
    for row in ledger.entries_about(session, audit.site_id, DEEP_AUDIT_ASKED, [audit.id]):
        return hashlib.sha256(row.body).hexdigest()
    return msgspec.UNSET


def bound_of(audit: DeepAudit) -> int:
    """How many camera-minutes of the population are at fault at most, by what has been looked at so far."""
    population, checked = audit.population - audit.gone, audit.checked - audit.gone
    return faulty_at_most(population, checked, audit.faults + audit.unknown)


def population_in(audit: DeepAudit) -> Population:
    """The population that an audit was drawn from. Raises IntegrityViolation where it is not the one that was noted."""
    unpacked = zlib.decompressobj()
    text = unpacked.decompress(audit.population_runs or b"", POPULATION_BYTES_MAX).decode()
    found = Population.parse(text)
    if found.sha256 != audit.population_sha256:
        raise IntegrityViolation("the audit's population is not the one it was drawn from", code="bad_population")
    return found
