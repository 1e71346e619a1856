"""What waits for somebody at a site besides today's coverage: cases, found cameras, and pictures that may be looked at.

Invariants: everything goes through the person's scope (I7). Nothing here opens a picture: it says when the newest one of each
camera was taken and where it is to be had, and looking at it there is put on record before its first byte.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NightlightError, NotFound
from config.base.ids import is_slug
from config.wire.discovery import DiscoveredCamera as Discovered
from config.wire.envelope import decode_payload, open_envelope
from server.domain import docket as rules
from storage.database import scope as scoping
from storage.database.models import (
    CameraPicture,
    DiscoveredCamera,
    DocketCase,
    FindingStillRow,
    PictureFindingRow,
    Site,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

REMEMBERED_MAX = 4_096


class StillView(msgspec.Struct, frozen=True):
    """The newest picture of a camera; ``kind``: finding, found (as it was discovered), or hung (by whoever hung it)."""

    kind: str
    at_us: int
    path: str
    """Where it is looked at, on record."""


class Morning(msgspec.Struct, frozen=True):
    """Incidents by what they wait for, and discovered cameras that nobody has decided on."""

    unexplained: int
    unsigned: int
    overdue: int
    found: int


@dataclass(frozen=True)
class MorningReader:
    """Reads for one person at a time; thread-safe."""

    database: Database
    clock: Clock
    _pictured: OrderedDict[str, bool] = field(default_factory=OrderedDict)
    """Message → whether it holds a picture; messages never change."""
    _lock: Lock = field(default_factory=Lock)

    def of_site(self, scope: Scope, site_id: str) -> Morning:
        """Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            incidents = select(func.count(func.distinct(DocketCase.incident_id))).where(DocketCase.site_id == site.id)
            cameras = {one.id for one in scoping.cameras_in_reach(session, scope, site.id) if one.retired_us is None}
            undecided = select(DiscoveredCamera.adopted_as).where(
                DiscoveredCamera.site_id == site.id, DiscoveredCamera.dismissed_us.is_(None)
            )
            working = (rules.Status.EXPLAINED.value, rules.Status.REPAIRED.value)
            late = (DocketCase.status.in_([status.value for status in rules.OPEN]), DocketCase.due_us < now_us)
            return Morning(
                unexplained=session.scalar(incidents.where(DocketCase.status == rules.Status.UNEXPLAINED.value)) or 0,
                unsigned=session.scalar(incidents.where(DocketCase.status.in_(working))) or 0,
                overdue=session.scalar(incidents.where(*late)) or 0,
                found=sum(adopted_as not in cameras for adopted_as in session.scalars(undecided)),
            )

    def stills(self, scope: Scope, site_id: str) -> dict[str, StillView]:
        """Camera → its newest picture. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            ids = [camera.id for camera in scoping.cameras_in_reach(session, scope, site.id)]
            newest: dict[str, StillView] = {}
            for camera_id, view in (
                *_of_findings(session, site, ids),
                *self._found(session, site, ids),
                *_hung(session, site, ids),
            ):
                if camera_id not in newest or view.at_us > newest[camera_id].at_us:
                    newest[camera_id] = view
            return newest

    def _found(self, session: Session, site: Site, ids: list[str]) -> Iterable[tuple[str, StillView]]:
        rows = session.execute(
            select(
                DiscoveredCamera.adopted_as,
                DiscoveredCamera.agent_id,
                DiscoveredCamera.id,
                DiscoveredCamera.at_us,
                DiscoveredCamera.message_id,
            ).where(DiscoveredCamera.site_id == site.id, DiscoveredCamera.adopted_as.in_(ids))
        ).all()
        for camera_id, agent_id, discovery_id, at_us, message_id in rows:
            if camera_id is not None and self._has_picture(session, agent_id, discovery_id, message_id):
                path = f"/api/v1/sites/{site.id}/discovered/{agent_id}/{discovery_id}/picture"
                yield camera_id, StillView("found", at_us, path)

    def _has_picture(self, session: Session, agent_id: str, discovery_id: str, message_id: str) -> bool:
        with self._lock:
            known = self._pictured.get(message_id)
        if known is not None:
            return known
        row = session.get(DiscoveredCamera, (agent_id, discovery_id))
        try:
            said = decode_payload(open_envelope(row.envelope)) if row is not None else None
        except NightlightError:
            said = None
        has = isinstance(said, Discovered) and said.picture is not None
        with self._lock:
            self._pictured[message_id] = has
            while len(self._pictured) > REMEMBERED_MAX:
                self._pictured.popitem(last=False)
        return has


def _site(session: Session, scope: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _of_findings(session: Session, site: Site, ids: list[str]) -> Iterable[tuple[str, StillView]]:
    newest = (
        select(PictureFindingRow.camera_id, func.max(FindingStillRow.taken_us).label("taken_us"))
        .join(FindingStillRow, FindingStillRow.finding_id == PictureFindingRow.id)
        .where(PictureFindingRow.camera_id.in_(ids))
        .group_by(PictureFindingRow.camera_id)
        .subquery()
    )
    rows = session.execute(
        select(PictureFindingRow.camera_id, PictureFindingRow.id, FindingStillRow.taken_us)
        .join(FindingStillRow, FindingStillRow.finding_id == PictureFindingRow.id)
        .join(
            newest,
            (newest.c.camera_id == PictureFindingRow.camera_id) & (newest.c.taken_us == FindingStillRow.taken_us),
        )
    ).all()
    for camera_id, finding_id, taken_us in rows:
        yield camera_id, StillView("finding", taken_us, f"/api/v1/sites/{site.id}/findings/{finding_id}/still")


def _hung(session: Session, site: Site, ids: list[str]) -> Iterable[tuple[str, StillView]]:
    query = select(CameraPicture.camera_id, CameraPicture.uploaded_us).where(CameraPicture.camera_id.in_(ids))
    for camera_id, at_us in session.execute(query).all():
        yield camera_id, StillView("hung", at_us, f"/api/v1/sites/{site.id}/cameras/{camera_id}/picture")
