"""How far the set-up of a site has come, read off what there is: nothing here counts clicks.

Invariants: everything goes through the operator's reach (I7). A test of the cameras is its beginning and nothing more: every
step after it counts only on what this server itself has seen since (I1), the read-back and the lock as the store told them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Conflict
from config.base.timespan import SpanSet
from server.domain.authorisation import Action
from server.domain.verdict import day_of
from server.domain.zones import FORBIDDEN_KINDS
from server.services.agents.acceptance import first_minute_in
from server.services.coverage.assess_day import Assessor
from server.services.intake.heartbeats import heartbeat_of
from server.services.people.operators import may_at_site, operated_site
from storage.database import evidence
from storage.database.models import (
    Agent,
    AgentStatus,
    Camera,
    CameraSource,
    DiscoveredCamera,
    FloorPlan,
    Invitation,
    PendingVerification,
    PlanPoint,
    Segment,
    SetupTest,
    Site,
    Zone,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

WATCHED_US = US_PER_DAY
"""How long after its beginning a test is watched."""
FACTS = ("type", "ownership", "inclusive", "places")
"""What a facility itself says of its site, and may not have said yet."""
MORE_FACTS = ("indoor_m2", "outdoor_m2")


class BoxProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A trusted box; ``alive``: it is heard now."""

    agent_id: str
    heard_us: int | None
    alive: bool


class CameraProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What this server has seen of a camera since the test began; null is not seen yet."""

    camera_id: str
    name: str
    zone_name: str
    condition: str
    """What its box says now; empty where that is silent."""
    stream: bool
    """Its box has said since then that pictures come, or a recording has."""
    claimed_us: int | None
    """The manifest of a first recording came."""
    uploaded: bool
    read_back_us: int | None
    locked_until_us: int | None
    minute_us: int | None
    """When the first whole minute since then was verified."""


class BegunTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test; ``over``: it is watched no more."""

    begun_us: int
    begun_by: str
    over: bool


class SiteProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A site's set-up as of ``now_us``."""

    site_id: str
    name: str
    region: str
    timezone: str
    now_us: int
    unknown_facts: list[str]
    """Of ``FACTS``, by name."""
    may_register: bool
    """The reader may fill them in."""
    plans: int
    zones: int
    forbidden_zones: int
    zones_on_plan: int
    boxes: list[BoxProgress]
    open_codes: int
    found: int
    """Discovered cameras that nobody has decided on."""
    unreached: list[str]
    """Names of cameras in service that nobody has said how to reach."""
    cameras_on_plan: int
    test: BegunTest | None
    cameras: list[CameraProgress]
    """Those in service, by name."""


class _Seen(msgspec.Struct):
    claimed_us: int | None = None
    uploaded: bool = False
    secured_us: int | None = None
    locked_until_us: int | None = None


@dataclass(frozen=True)
class SetupProgress:
    """Every method raises NotFound and PermissionDenied as ``operated_site`` does."""

    database: Database
    clock: Clock
    assessor: Assessor

    def check(self, scope: Scope, site_id: str) -> None:
        """Before what was read a moment ago is shown once more."""
        with self.database.reading() as session:
            operated_site(session, scope, site_id)

    def of_site(self, scope: Scope, site_id: str) -> SiteProgress:
        """As of now."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = operated_site(session, scope, site_id)
            cameras = _in_service(session, site)
            boxes, told = self._boxes(session, site, now_us)
            zones = list(session.scalars(select(Zone).where(Zone.site_id == site.id)))
            points = session.execute(select(PlanPoint.kind, PlanPoint.subject_id).where(PlanPoint.site_id == site.id))
            placed = {(kind, subject_id) for kind, subject_id in points}
            reached = set(session.scalars(select(CameraSource.camera_id)))
            row = _last_test(session, site)
            return SiteProgress(
                site_id=site.id,
                name=site.name,
                region=site.region,
                timezone=site.timezone,
                now_us=now_us,
                unknown_facts=[name for name in FACTS if getattr(site, name) in (None, "")],
                may_register=may_at_site(scope, Action.REGISTERS_WRITE),
                plans=_count(session, select(func.count()).select_from(FloorPlan).where(FloorPlan.site_id == site.id)),
                zones=sum(zone.kind not in FORBIDDEN_KINDS for zone in zones),
                forbidden_zones=sum(zone.kind in FORBIDDEN_KINDS for zone in zones),
                zones_on_plan=sum(("zone", zone.id) in placed for zone in zones),
                boxes=boxes,
                open_codes=_open_codes(session, site, now_us),
                found=_found(session, site, {camera.id for camera in cameras}),
                unreached=[camera.name for camera in cameras if camera.id not in reached and camera.id not in told],
                cameras_on_plan=sum(("camera", camera.id) in placed for camera in cameras),
                test=_view(row, now_us) if row is not None else None,
                cameras=self._progress(session, site, cameras, told, row, now_us),
            )

    def facts(self, scope: Scope, site_id: str) -> dict[str, str]:
        """What the register holds of the site, as a file of it would say; empty is not known."""
        with self.database.reading() as session:
            site = operated_site(session, scope, site_id)
            return {name: _cell(getattr(site, name)) for name in ("name", *FACTS, *MORE_FACTS)}

    def begin(self, scope: Scope, site_id: str) -> None:
        """Begins a test from this instant on. Raises Conflict where there is no camera to test."""
        with self.database.unit_of_work() as session:
            site = operated_site(session, scope, site_id)
            if not _in_service(session, site):
                raise Conflict("there is no camera to test yet", code="no_cameras_yet")
            session.add(SetupTest(site_id=site.id, begun_us=self.clock.utc_us(), begun_by=scope.account_name))

    def _boxes(self, session: Session, site: Site, now_us: int) -> tuple[list[BoxProgress], dict[str, tuple[str, int]]]:
        """The boxes, and camera → what its living box says of it, and when that was heard."""
        trusted = select(Agent.id).where(Agent.site_id == site.id, Agent.revoked_us.is_(None)).order_by(Agent.id)
        boxes: list[BoxProgress] = []
        told: dict[str, tuple[str, int]] = {}
        for agent_id in session.scalars(trusted):
            status = session.get(AgentStatus, agent_id)
            alive = self.assessor.is_alive(status, now_us)
            boxes.append(BoxProgress(agent_id=agent_id, heard_us=status.heard_us if status else None, alive=alive))
            beat = heartbeat_of(status) if status is not None and alive else None
            if beat is not None and status is not None:
                told |= {camera.camera_id: (camera.condition, status.heard_us) for camera in beat.cameras}
        return boxes, told

    def _progress(
        self,
        session: Session,
        site: Site,
        cameras: Sequence[Camera],
        told: Mapping[str, tuple[str, int]],
        test: SetupTest | None,
        now_us: int,
    ) -> list[CameraProgress]:
        since_us = test.begun_us if test is not None else now_us
        seen = _seen(session, [camera.id for camera in cameras], since_us) if test is not None else {}
        minutes = self._minutes(session, site, cameras, since_us, now_us) if test is not None else {}
        zones = {zone.id: zone.name for zone in session.scalars(select(Zone).where(Zone.site_id == site.id))}
        found = []
        for camera in sorted(cameras, key=lambda one: (one.name, one.id)):
            condition, heard_us = told.get(camera.id, ("", 0))
            one = seen.get(camera.id, _Seen())
            found.append(
                CameraProgress(
                    camera_id=camera.id,
                    name=camera.name,
                    zone_name=zones.get(camera.zone_id, camera.zone_id),
                    condition=condition,
                    stream=test is not None
                    and (one.claimed_us is not None or (condition == "recording" and heard_us >= since_us)),
                    claimed_us=one.claimed_us,
                    uploaded=one.uploaded or one.secured_us is not None,
                    read_back_us=one.secured_us,
                    locked_until_us=one.locked_until_us,
                    minute_us=minutes.get(camera.id),
                )
            )
        return found

    def _minutes(
        self, session: Session, site: Site, cameras: Sequence[Camera], since_us: int, now_us: int
    ) -> dict[str, int]:
        """Camera → when its first whole minute of the test was verified, by the same judgement as every verdict (I1)."""
        until_us = min(now_us, since_us + WATCHED_US)
        first, last = day_of(since_us, site.timezone), day_of(until_us, site.timezone)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        begun = [camera for camera in cameras if camera.activated_us is not None]
        verdicts = self.assessor.judge_days(session, site, begun, days, now_us)
        found: dict[str, int] = {}
        for camera in begun:
            covered = SpanSet(span for verdict in verdicts[camera.id] for span in verdict.coverage.covered)
            minute = first_minute_in(covered.clip(since_us, until_us))
            arrived = evidence.arrival_of(session, camera.id, minute) if minute is not None else None
            if arrived is not None:
                found[camera.id] = arrived[1]
        return found


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _in_service(session: Session, site: Site) -> list[Camera]:
    return list(session.scalars(select(Camera).where(Camera.site_id == site.id, Camera.retired_us.is_(None))))


def _last_test(session: Session, site: Site) -> SetupTest | None:
    newest = (
        select(SetupTest).where(SetupTest.site_id == site.id).order_by(SetupTest.begun_us.desc(), SetupTest.id.desc())
    )
    return session.scalar(newest.limit(1))


def _seen(session: Session, camera_ids: Iterable[str], since_us: int) -> dict[str, _Seen]:
    """Of recordings that began since then, the first of each kind."""
    ids = list(camera_ids)
    mine = (Segment.camera_id.in_(ids), Segment.end_us > since_us, Segment.start_us >= since_us)
    found: dict[str, _Seen] = {}
    query = select(
        Segment.camera_id, func.min(Segment.received_us), func.count(Segment.object_key), func.min(Segment.secured_us)
    )
    for camera_id, claimed_us, uploads, secured_us in session.execute(query.where(*mine).group_by(Segment.camera_id)):
        found[camera_id] = _Seen(claimed_us, uploads > 0, secured_us)
    locked = select(Segment.camera_id, func.min(Segment.retain_until_us)).where(*mine, Segment.secured_us.is_not(None))
    for camera_id, until_us in session.execute(locked.group_by(Segment.camera_id)):
        found[camera_id].locked_until_us = until_us
    waiting = select(Segment.camera_id).join(PendingVerification, PendingVerification.segment_id == Segment.id)
    for camera_id in session.scalars(waiting.where(*mine).distinct()):
        found[camera_id].uploaded = True
    return found


def _open_codes(session: Session, site: Site, now_us: int) -> int:
    return _count(
        session,
        select(func.count())
        .select_from(Invitation)
        .where(
            Invitation.site_id == site.id,
            Invitation.redeemed_us.is_(None),
            Invitation.voided_us.is_(None),
            Invitation.expires_us > now_us,
        ),
    )


def _found(session: Session, site: Site, in_service: set[str]) -> int:
    undecided = select(DiscoveredCamera.adopted_as).where(
        DiscoveredCamera.site_id == site.id, DiscoveredCamera.dismissed_us.is_(None)
    )
    return sum(adopted_as not in in_service for adopted_as in session.scalars(undecided))


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(query) or 0


def _view(row: SetupTest, now_us: int) -> BegunTest:
    return BegunTest(begun_us=row.begun_us, begun_by=row.begun_by, over=now_us - row.begun_us > WATCHED_US)
