"""What a person sees of a site's day: each camera's verdict, spans, gaps and what its agent says right now.

Made from the evidence at the moment of asking, never from an earlier answer: silence shows at once, and the last known
good is never shown as the present. Everything goes through the person's scope (I7).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from config.base.timespan import Span, SpanSet
from config.evidence.entries import FootageDeleted, decode
from server.domain.authorisation import Action
from server.domain.verdict import DayVerdict, day_of, day_span
from server.services.cells.read_cells import CellDay, cell_day
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_findings import FindingView, open_findings
from server.services.custody.expire_footage import FOOTAGE_DELETED
from server.services.intake.heartbeats import heartbeat_of
from server.services.people.operators import may_at_site
from storage.database import box, evidence, ledger, lifetimes, windows
from storage.database import scope as scoping
from storage.database.models import AgentStatus, Camera, Site, Zone
from storage.database.unit_of_work import Database

ARRIVALS_MAX = 200
"""Of one camera's day: a query each."""


class _Live(NamedTuple):
    """What the newest heartbeat of a living agent says of a camera."""

    condition: str
    since_us: int


@dataclass(frozen=True)
class _Known:
    """What the tables say beside the verdicts, of all cameras of a site."""

    zones: Mapping[str, Zone]
    backfilled: Mapping[str, SpanSet]
    statuses: Mapping[str, AgentStatus]
    live: Mapping[tuple[str, str], _Live]
    """By agent and camera: nobody speaks for another's camera."""
    said: Mapping[str, tuple[str, str]]
    """(condition, detail) of the newest change: heartbeats may be ahead of it."""
    findings: Mapping[str, list[FindingView]]


class VerdictView(msgspec.Struct, frozen=True):
    """The verdict as of ``assessed_until_us``; ``expected_us`` leaves out what is still in flight."""

    status: str
    final: bool
    assessed_until_us: int
    expected_us: int
    covered_us: int


class GapView(msgspec.Struct, frozen=True):
    """One gap; ``end_us`` is null while it lasts. ``status`` is missing (known) or unverified (not known)."""

    start_us: int
    end_us: int | None
    cause: str
    status: str


class ArrivalView(msgspec.Struct, frozen=True):
    """A backfilled stretch, and when it was locked: its first segment and its last, by the server's clock."""

    start_us: int
    end_us: int
    first_us: int
    last_us: int


class NoticeView(msgspec.Struct, frozen=True):
    """What a site agent said of its own box; ``end_us`` is null while it stands."""

    agent_id: str
    notice: str
    start_us: int
    end_us: int | None
    hours_left: float | None
    detail: str


class CameraDay(msgspec.Struct, frozen=True):
    """One camera's day. ``condition`` is the agent's live word, ``unknown`` where the agent is silent."""

    camera_id: str
    name: str
    zone_name: str
    zone_kind: str
    condition: str
    activated_us: int | None
    verdict: VerdictView
    covered: list[tuple[int, int]]
    backfilled: list[tuple[int, int]]
    in_flight: list[tuple[int, int]]
    gaps: list[GapView]
    longest_covered_us: int
    condition_since_us: int | None = None
    """When the camera came into its condition; null where it is unknown."""
    heard_us: int | None = None
    """When the agent was last heard; null where it never was."""
    condition_detail: str = ""
    """What the agent adds to its condition, in its own words; empty where it adds nothing."""
    arrivals: list[ArrivalView] = []
    """When what was backfilled arrived."""
    findings: list[FindingView] = []
    """What is wrong with its picture now, by the agent's last word; oldest first."""


class DeletedView(msgspec.Struct, frozen=True):
    """Recordings of a day that went after their last day; the verdict still tells what was covered then."""

    recordings: int
    kept: int
    """That are still there, under a hold or a longer lock."""
    certificates: list[int]
    """The newest first; to be had under ``deletions``."""
    deleted_us: int
    """When the newest certificate was made."""


class SiteDay(msgspec.Struct, frozen=True):
    """A site's day, ``[start_us, end_us)`` in its own time zone."""

    site_id: str
    name: str
    timezone: str
    day: str
    start_us: int
    end_us: int
    now_us: int
    cameras: list[CameraDay]
    notices: list[NoticeView] = []
    """Oldest first; also those of days past that still stood."""
    cell: CellDay | None = None
    """What this coverage rests on where the site keeps its recordings itself; null where they are at the centre."""
    deleted: DeletedView | None = None
    holds_due: int = 0
    """Legal holds whose day of review has come; 0 for who may not read of holds."""


class SiteSummary(msgspec.Struct, frozen=True):
    """One line of the list of sites within reach."""

    site_id: str
    name: str
    region: str
    timezone: str
    cameras: int


@dataclass(frozen=True)
class DayReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock
    assessor: Assessor

    def sites(self, scope: scoping.Scope) -> list[SiteSummary]:
        """The sites within reach."""
        with self.database.reading() as session:
            sites = session.scalars(scoping.visible_sites(scope)).all()
            counted = select(Camera.site_id, func.count()).where(Camera.site_id.in_([site.id for site in sites]))
            cameras = dict(session.execute(counted.group_by(Camera.site_id)).all())
            return [
                SiteSummary(
                    site_id=site.id,
                    name=site.name,
                    region=site.region,
                    timezone=site.timezone,
                    cameras=cameras.get(site.id, 0),
                )
                for site in sites
            ]

    def check(self, scope: scoping.Scope, site_id: str) -> None:
        """Before what was read a moment ago is shown once more. Raises NotFound where the site is out of reach by now."""
        # PostgreSQL takes no NUL in a text, not even to compare with; what is no id cannot be one of ours.
        if not is_slug(site_id):
            raise NotFound("no such site")
        with self.database.reading() as session:
            scoping.site_in_reach(session, scope, site_id)

    def outline(self, scope: scoping.Scope, site_id: str, day: date | None = None) -> SiteDay:
        """A day without its cameras, for the frame of its page. Raises NotFound."""
        if not is_slug(site_id):
            raise NotFound("no such site")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            wanted = day if day is not None else day_of(now_us, site.timezone)
            window = day_span(wanted, site.timezone)
            return SiteDay(site.id, site.name, site.timezone, wanted.isoformat(), *window, now_us, [])

    def day(
        self,
        scope: scoping.Scope,
        site_id: str,
        day: date | None = None,
        camera_id: str = "",
        *,
        tells_arrivals: bool = True,
    ) -> SiteDay:
        """One day of one site, or of one ``camera_id`` of it; today where none is named. Raises NotFound.

        ``tells_arrivals``: also when what was backfilled arrived, a query for each stretch of it.
        """
        # PostgreSQL takes no NUL in a text, not even to compare with; what is no id cannot be one of ours.
        if not is_slug(site_id):
            raise NotFound("no such site")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            wanted = day if day is not None else day_of(now_us, site.timezone)
            window = day_span(wanted, site.timezone)
            cameras = scoping.cameras_in_reach(session, scope, site_id)
            if camera_id:
                cameras = [one for one in cameras if one.id == camera_id]
                if not cameras:
                    raise NotFound("no such camera")
            judged = self.assessor.judge_days(session, site, cameras, [wanted], now_us)
            return SiteDay(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                day=wanted.isoformat(),
                start_us=window.start_us,
                end_us=window.end_us,
                now_us=now_us,
                cameras=self._cameras(session, site.id, cameras, judged, window, now_us, tells_arrivals=tells_arrivals),
                cell=cell_day(session, site.id, now_us),
                notices=[NoticeView(*notice) for notice in box.notices_of(session, site.id, window)],
                deleted=self._deleted(session, site, wanted),
                holds_due=(
                    lifetimes.holds_to_review(session, site.id, now_us)
                    if may_at_site(scope, Action.CUSTODY_READ)
                    else 0
                ),
            )

    def _cameras(
        self,
        session: Session,
        site_id: str,
        cameras: Sequence[Camera],
        judged: Mapping[str, Sequence[DayVerdict]],
        window: Span,
        now_us: int,
        *,
        tells_arrivals: bool,
    ) -> list[CameraDay]:
        """Each table is asked once for all cameras, save for the arrival of what was backfilled."""
        ids = [camera.id for camera in cameras]
        statuses = windows.statuses_of(session, sorted({camera.agent_id for camera in cameras}))
        known = _Known(
            zones={zone.id: zone for zone in session.scalars(select(Zone).where(Zone.site_id == site_id))},
            backfilled=windows.backfilled_of(session, ids, window),
            statuses=statuses,
            live={key: told for status in statuses.values() for key, told in self._live(status, now_us)},
            said=windows.newest_details(session, ids),
            findings=open_findings(session, ids, self.assessor.policy.unsound_findings),
        )
        return [
            self._camera(session, camera, judged[camera.id][0], known, tells_arrivals=tells_arrivals)
            for camera in cameras
        ]

    def _camera(
        self, session: Session, camera: Camera, verdict: DayVerdict, known: _Known, *, tells_arrivals: bool
    ) -> CameraDay:
        zone = known.zones[camera.zone_id]
        covered = verdict.coverage.covered
        backfilled = known.backfilled.get(camera.id, SpanSet()) & covered
        status = known.statuses.get(camera.agent_id)
        live = known.live.get((camera.agent_id, camera.id))
        condition, detail = known.said.get(camera.id, ("", ""))
        return CameraDay(
            camera_id=camera.id,
            name=camera.name,
            zone_name=zone.name,
            zone_kind=zone.kind,
            condition=live.condition if live is not None else "unknown",
            activated_us=camera.activated_us,
            verdict=_verdict_view(verdict),
            covered=_pairs(covered),
            backfilled=_pairs(backfilled),
            in_flight=_pairs(verdict.coverage.in_flight),
            gaps=[GapView(gap.start_us, gap.end_us, gap.cause, gap.certainty) for gap in verdict.gaps],
            longest_covered_us=max((span.duration_us for span in covered), default=0),
            condition_since_us=live.since_us if live is not None else None,
            heard_us=status.heard_us if status is not None else None,
            condition_detail=detail if live is not None and condition == live.condition else "",
            arrivals=self._arrivals(session, camera, backfilled) if tells_arrivals else [],
            findings=known.findings.get(camera.id, []),
        )

    def _deleted(self, session: Session, site: Site, day: date) -> DeletedView | None:
        rows = ledger.entries_about(session, site.id, FOOTAGE_DELETED, [day.isoformat()])
        told = [(row.id, decode(row.body)) for row in rows]
        found = [(at, each) for at, each in reversed(told) if isinstance(each, FootageDeleted)]
        if not found:
            return None
        kept = lifetimes.kept_between(session, site.id, day_span(day, site.timezone))
        recordings = sum(each.versions for _, each in found)
        return DeletedView(recordings, kept, [at for at, _ in found], found[0][1].at_us)

    def _arrivals(self, session: Session, camera: Camera, backfilled: SpanSet) -> list[ArrivalView]:
        told = [(span, evidence.arrival_of(session, camera.id, span)) for span in list(backfilled)[:ARRIVALS_MAX]]
        return [ArrivalView(*span, *arrival) for span, arrival in told if arrival is not None]

    def _live(self, status: AgentStatus, now_us: int) -> list[tuple[tuple[str, str], _Live]]:
        """(agent, camera) and what the agent's newest heartbeat says of it; nothing where the agent is silent."""
        beat = heartbeat_of(status) if self.assessor.is_alive(status, now_us) else None
        if beat is None:
            return []
        # Where a camera is told twice, its first word holds.
        return [
            ((status.agent_id, health.camera_id), _Live(health.condition, beat.since_us(health)))
            for health in reversed(beat.cameras)
        ]


def _verdict_view(verdict: DayVerdict) -> VerdictView:
    return VerdictView(
        status=verdict.status,
        final=verdict.final,
        assessed_until_us=verdict.assessed_us,
        expected_us=verdict.expected_us,
        covered_us=verdict.covered_us,
    )


def _pairs(spans_found: SpanSet) -> list[tuple[int, int]]:
    return [(start_us, end_us) for start_us, end_us in spans_found]
