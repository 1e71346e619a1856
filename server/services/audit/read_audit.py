"""What the audits say of a site and of the store its recordings lie in, for whoever may see the site; and asking for one.

Everything goes through the person's scope (I7). Of other sites nothing is told but how far the daily round has come.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from server.domain.confidence import CONFIDENCE
from server.domain.forecast import Forecast
from server.domain.sampling import ALGORITHM
from server.services.audit import audit_deep
from server.services.audit.audit_deep import bound_of, population_in
from server.services.audit.watch_store import ANSWERS, CANARY, CLOCK, FORECAST, SETTINGS, forecast_in
from storage.database import audits, deep_audits
from storage.database import scope as scoping
from storage.database.models import AuditFinding, AuditRound, DeepAudit, DeepSample, Segment, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

DRIFTS_SHOWN_MAX = 200
WATCH_US_MAX = 15 * US_PER_MINUTE
AUDITS_SHOWN_MAX = 30


class ConditionView(msgspec.Struct, frozen=True):
    """One matter of the store.

    ``clock`` (amount: microseconds ahead of the server), ``canary``, ``answers``, ``settings`` (detail: which of the
    bucket's were changed).
    """

    name: str
    good: bool
    since_us: int
    checked_us: int
    amount: int
    detail: str


class RoundView(msgspec.Struct, frozen=True):
    """The daily round over every version: of the versions there were at its start so large a share is done."""

    started_us: int
    finished_us: int | None
    done_share: float


class DriftView(msgspec.Struct, frozen=True):
    """Something that an audit found wrong and that is so still; the recording's time where it is one."""

    drift: str
    camera_id: str | None
    start_us: int | None
    end_us: int | None
    object_key: str
    version_id: str
    detail: str
    found_us: int


class DeepView(msgspec.Struct, frozen=True):
    """One sampled deep audit. With ``confidence`` at most ``faulty_at_most`` of ``population`` minutes are at fault.

    The bound is null until something has been looked at. ``algorithm`` names how the minutes are drawn.
    """

    id: str
    site_id: str
    seed: str
    algorithm: str
    asked_by: str
    asked_us: int
    drawn_us: int | None
    finished_us: int | None
    repeats_id: str | None
    population: int
    population_sha256: str | None
    samples: int
    wanted: int
    checked: int
    faults: int
    unknown: int
    gone: int
    bytes_read: int
    confidence: float
    faulty_at_most: int | None


class SampleView(msgspec.Struct, frozen=True):
    """One camera-minute in the order of the draw; ``outcome``: waiting, sound, fault, unknown, gone."""

    number: int
    camera_id: str
    start_us: int
    outcome: str
    drift: str
    detail: str
    segments: int
    pictures: int
    bytes_read: int
    checked_us: int | None


class DeepResult(msgspec.Struct, frozen=True):
    """An audit with its samples."""

    audit: DeepView
    timezone: str
    now_us: int
    samples: list[SampleView]
    cameras: dict[str, str] = {}
    """The names of the site's cameras."""


class SiteAudit(msgspec.Struct, frozen=True):
    """Everything that audits say of a site now."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    conditions: list[ConditionView]
    forecast: Forecast | None
    last_round: RoundView | None
    round_overdue: bool
    """There are recordings, and no round has begun for two days."""
    watch_overdue: bool
    """Nobody has looked after the store for a quarter of an hour."""
    drifts: list[DriftView]
    deep: list[DeepView]
    cameras: dict[str, str] = {}
    """The names of the site's cameras."""


@dataclass(frozen=True)
class AuditReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock

    def of_site(self, scope: Scope, site_id: str) -> SiteAudit:
        """Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            rows = [deep_audits.condition(session, name) for name in (CANARY, CLOCK, ANSWERS, SETTINGS)]
            known = [row for row in rows if row is not None]
            told = deep_audits.condition(session, FORECAST)
            last = audits.last_round(session)
            return SiteAudit(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                conditions=[
                    ConditionView(row.name, row.good, row.since_us, row.checked_us, row.amount, row.detail)
                    for row in known
                ],
                forecast=forecast_in(told.detail) if told is not None else None,
                last_round=_round_view(last) if last is not None else None,
                round_overdue=now_us - (last.started_us if last is not None else site.created_us) > 2 * US_PER_DAY
                and deep_audits.has_recordings(session, site.id),
                watch_overdue=bool(known) and now_us - max(row.checked_us for row in known) > WATCH_US_MAX,
                drifts=[_drift_view(session, row) for row in audits.open_findings(session, site.id, DRIFTS_SHOWN_MAX)],
                deep=[_view(row) for row in deep_audits.audits_of(session, site.id, AUDITS_SHOWN_MAX)],
                cameras={camera.id: camera.name for camera in scoping.cameras_in_reach(session, scope, site.id)},
            )

    def deep(self, scope: Scope, site_id: str, audit_id: str) -> DeepResult:
        """Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            row = _audit(session, site, audit_id)
            samples = [_sample_view(sample) for sample in deep_audits.samples_of(session, row.id)]
            names = {camera.id: camera.name for camera in scoping.cameras_in_reach(session, scope, site.id)}
            return DeepResult(_view(row), site.timezone, self.clock.utc_us(), samples, names)

    def population(self, scope: Scope, site_id: str, audit_id: str) -> str:
        """The lines that an audit was drawn from. Raises NotFound, also where it has not been drawn yet."""
        with self.database.reading() as session:
            row = _audit(session, _site(session, scope, site_id), audit_id)
        if row.population_runs is None:
            raise NotFound("the audit has not been drawn yet")
        return population_in(row).text()

    def ask(self, scope: Scope, site_id: str, seed: str, samples: int, repeats_id: str | None = None) -> str:
        """Puts an audit in line for the person. Raises NotFound, InvalidInput, Conflict."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            if repeats_id is not None:
                _audit(session, site, repeats_id)
        request = audit_deep.Request(site.id, seed, samples, scope.account_name, repeats_id)
        return audit_deep.ask(self.database, self.clock, request)


def _site(session: Session, scope: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _audit(session: Session, site: Site, audit_id: str) -> DeepAudit:
    row = session.get(DeepAudit, audit_id) if is_slug(audit_id) else None
    if row is None or row.site_id != site.id:
        raise NotFound(f"no deep audit of {site.id} by that id")
    return row


def _round_view(row: AuditRound) -> RoundView:
    done = 1.0 if row.finished_us is not None else min(1.0, row.checked / row.versions) if row.versions else 0.0
    return RoundView(row.started_us, row.finished_us, int(done * 1_000) / 1_000)


def _drift_view(session: Session, row: AuditFinding) -> DriftView:
    segment = session.get(Segment, row.segment_id) if row.segment_id else None
    return DriftView(
        drift=row.drift,
        camera_id=row.camera_id,
        start_us=segment.start_us if segment is not None else None,
        end_us=segment.end_us if segment is not None else None,
        object_key=row.object_key,
        version_id=row.version_id,
        detail=row.detail,
        found_us=row.found_us,
    )


def _view(row: DeepAudit) -> DeepView:
    return DeepView(
        id=row.id,
        site_id=row.site_id,
        seed=row.seed,
        algorithm=ALGORITHM,
        asked_by=row.asked_by,
        asked_us=row.asked_us,
        drawn_us=row.drawn_us,
        finished_us=row.finished_us,
        repeats_id=row.repeats_id,
        population=row.population,
        population_sha256=row.population_sha256,
        samples=row.samples,
        wanted=row.wanted,
        checked=row.checked,
        faults=row.faults,
        unknown=row.unknown,
        gone=row.gone,
        bytes_read=row.bytes_read,
        confidence=CONFIDENCE,
        faulty_at_most=bound_of(row) if row.checked > row.gone else None,
    )


def _sample_view(row: DeepSample) -> SampleView:
    return SampleView(
        number=row.number,
        camera_id=row.camera_id,
        start_us=row.minute * US_PER_MINUTE,
        outcome=row.outcome,
        drift=row.drift,
        detail=row.detail,
        segments=row.segments,
        pictures=row.pictures,
        bytes_read=row.bytes_read,
        checked_us=row.checked_us,
    )
