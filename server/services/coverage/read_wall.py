"""Everything within a person's reach at this moment, for a screen on a duty room's wall: alarms, boxes, cameras, worst first.

Invariants: everything goes through the person's scope (I7). What no living agent says is unknown, and never the last known
good. A few queries in all, however many sites there are.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.settings.server import PolicySettings
from server.domain.alarms import URGENT, Status
from server.services.coverage.gather_evidence import is_alive
from server.services.intake.heartbeats import heartbeat_of
from storage.database import scope as scoping
from storage.database.models import AgentStatus, AlarmAct, AlarmEventRow, AlarmRow, Camera, PictureFindingRow, Site
from storage.database.unit_of_work import Database

ALARMS_SHOWN_MAX = 60
RECORDING, STARTING, SPOILED, UNKNOWN, WAITING = "recording", "starting", "picture_spoiled", "unknown", "not_in_service"
CALM = frozenset({RECORDING, STARTING, WAITING})
Mark = tuple[tuple[str, ...], int, int, int, int]
"""The sites within reach, and what is known of their alarms."""


class WallAlarm(msgspec.Struct, frozen=True):
    """An alarm that is not cleared; ``unseen``: nobody has acknowledged it."""

    alarm_id: int
    site_id: str
    site_name: str
    timezone: str
    kind: str
    detail: str
    partition: str
    point: str
    urgent: bool
    unseen: bool
    raised_us: int
    count: int


class WallCamera(msgspec.Struct, frozen=True):
    """``state``: an agent's live word, or ``picture_spoiled``, ``unknown``, ``not_in_service``."""

    camera_id: str
    name: str
    state: str


class WallSite(msgspec.Struct, frozen=True):
    """A facility now; ``silent_us``: since when no box of it was heard, 0 where none ever was, null where all were."""

    site_id: str
    name: str
    unseen: int
    urgent: int
    silent_us: int | None
    cameras: list[WallCamera]


class Wall(msgspec.Struct, frozen=True):
    """The worst site first; ``alarms``: unseen and urgent ones first, ``unshown`` more besides."""

    now_us: int
    timezone: str
    sites: list[WallSite]
    alarms: list[WallAlarm]
    unshown: int


@dataclass(frozen=True)
class WallReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock
    policy: PolicySettings

    def now(self, scope: scoping.Scope) -> Wall:
        """The present."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            sites = {site.id: site for site in session.scalars(scoping.visible_sites(scope))}
            alarms = _alarms(session, scope, sites)
            cameras = self._cameras(session, scope, now_us)
            silent = self._silent(session, scope, now_us)
        unseen = Counter(alarm.site_id for alarm in alarms if alarm.unseen)
        urgent = Counter(alarm.site_id for alarm in alarms if alarm.unseen and alarm.urgent)
        found = [
            WallSite(site.id, site.name, unseen[site.id], urgent[site.id], silent.get(site.id), cameras[site.id])
            for site in sites.values()
        ]
        found.sort(key=_rank)
        zones = Counter(site.timezone for site in sites.values())
        return Wall(
            now_us=now_us,
            timezone=zones.most_common(1)[0][0] if zones else "Asia/Shanghai",
            sites=found,
            alarms=alarms[:ALARMS_SHOWN_MAX],
            unshown=max(0, len(alarms) - ALARMS_SHOWN_MAX),
        )

    def mark(self, scope: scoping.Scope) -> Mark:
        """Changes as soon as there is something new about any alarm within reach, or about the reach; cheap."""
        with self.database.reading() as session:
            sites = tuple(sorted(session.scalars(_ids(scope))))
            ids = _ids(scope)
            newest = session.scalar(select(func.max(AlarmEventRow.received_us)).where(AlarmEventRow.site_id.in_(ids)))
            acted = session.scalar(select(func.max(AlarmAct.id)).where(AlarmAct.site_id.in_(ids)))
            open_ones = select(func.count(), func.coalesce(func.max(AlarmRow.id), 0)).where(
                AlarmRow.site_id.in_(ids), AlarmRow.status != Status.CLEARED
            )
            count, last = session.execute(open_ones).one()
            return sites, newest or 0, acted or 0, count, last

    def _cameras(self, session: Session, scope: scoping.Scope, now_us: int) -> Mapping[str, list[WallCamera]]:
        ids = _ids(scope)
        spoiled = set(
            session.scalars(
                select(PictureFindingRow.camera_id)
                .join(Camera, Camera.id == PictureFindingRow.camera_id)
                .where(
                    Camera.site_id.in_(ids),
                    PictureFindingRow.until_us.is_(None),
                    PictureFindingRow.finding.in_(self.policy.unsound_findings),
                )
            )
        )
        told = self._told(session, scope, now_us)
        found: dict[str, list[WallCamera]] = defaultdict(list)
        for camera in session.scalars(
            select(Camera)
            .where(Camera.site_id.in_(ids), Camera.retired_us.is_(None))
            .order_by(Camera.site_id, Camera.id)
        ):
            state = told.get(camera.id, UNKNOWN) if camera.activated_us is not None else WAITING
            if state == RECORDING and camera.id in spoiled:
                state = SPOILED
            found[camera.site_id].append(WallCamera(camera.id, camera.name, state))
        return found

    def _told(self, session: Session, scope: scoping.Scope, now_us: int) -> dict[str, str]:
        """Camera → its condition by the newest heartbeat of a living agent."""
        agents = select(Camera.agent_id).where(Camera.site_id.in_(_ids(scope)))
        found: dict[str, str] = {}
        for status in session.scalars(select(AgentStatus).where(AgentStatus.agent_id.in_(agents))):
            beat = heartbeat_of(status) if is_alive(self.policy, status, now_us) else None
            if beat is not None:
                found |= {health.camera_id: health.condition for health in beat.cameras}
        return found

    def _silent(self, session: Session, scope: scoping.Scope, now_us: int) -> dict[str, int]:
        """Sites with a box that has cameras and was not heard lately → when the one that was silent longest was."""
        query = (
            select(Camera.site_id, Camera.agent_id)
            .where(Camera.site_id.in_(_ids(scope)), Camera.activated_us.is_not(None), Camera.retired_us.is_(None))
            .distinct()
        )
        pairs = session.execute(query).all()
        statuses = {
            status.agent_id: status
            for status in session.scalars(
                select(AgentStatus).where(AgentStatus.agent_id.in_({agent_id for _, agent_id in pairs}))
            )
        }
        found: dict[str, int] = {}
        for site_id, agent_id in pairs:
            status = statuses.get(agent_id)
            if not is_alive(self.policy, status, now_us):
                heard_us = status.heard_us if status is not None else 0
                found[site_id] = min(found.get(site_id, heard_us), heard_us)
        return found


def _ids(scope: scoping.Scope) -> Select[Any]:
    return scoping.visible_sites(scope).order_by(None).with_only_columns(Site.id)


def _alarms(session: Session, scope: scoping.Scope, sites: Mapping[str, Site]) -> list[WallAlarm]:
    rows = session.scalars(select(AlarmRow).where(AlarmRow.site_id.in_(_ids(scope)), AlarmRow.status != Status.CLEARED))
    found = [
        WallAlarm(
            alarm_id=row.id,
            site_id=row.site_id,
            site_name=sites[row.site_id].name,
            timezone=sites[row.site_id].timezone,
            kind=row.kind,
            detail=row.detail,
            partition=row.partition,
            point=row.point,
            urgent=row.kind in URGENT,
            unseen=row.status == Status.RAISED,
            raised_us=row.raised_us,
            count=row.count,
        )
        for row in rows
        if row.site_id in sites
    ]
    return sorted(found, key=lambda one: (not one.unseen, not one.urgent, -one.raised_us, one.alarm_id))


def _rank(site: WallSite) -> tuple[object, ...]:
    bad = sum(camera.state not in CALM for camera in site.cameras)
    return -site.urgent, -site.unseen, site.silent_us is None, -bad, site.name, site.site_id
