"""What an operator sees and does at a console about a site's cameras: add, adopt, change, take out of service.

Invariants: everything goes through the operator's reach (I7); no camera looks into a forbidden place (I9); a camera and
how it is reached are written together or not at all; a password comes here sealed to the agent, and cannot be opened.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound, ResourceExhausted
from config.base.ids import is_slug
from config.wire.desired_state import DesiredCamera
from server.domain.zones import FORBIDDEN_KINDS, check_camera_allowed
from server.services.cameras.configure_cameras import CameraConfigurer, Configured, decode_source
from server.services.people.operators import operated_site
from server.services.registers.register import Register
from storage.database.models import Agent, Camera, CameraSource, DiscoveredCamera, Site, Zone
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

NAME_CHARS_MAX = 120
ZONES_MAX = 256
"""Of one site."""

Change = Callable[[DesiredCamera | None], DesiredCamera]


class ZoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A place; no camera may look into one that is ``forbidden``."""

    zone_id: str
    name: str
    kind: str
    forbidden: bool


class RecorderView(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that may record; ``sealing_key`` is base64 of 32 bytes, empty where it has given none."""

    agent_id: str
    sealing_key: str


class CameraView(msgspec.Struct, frozen=True, kw_only=True):
    """A camera, and how it is reached; null where nobody has said."""

    camera_id: str
    name: str
    zone_id: str
    agent_id: str
    activated_us: int | None
    retired_us: int | None
    settings: DesiredCamera | None


class SiteCameras(msgspec.Struct, frozen=True, kw_only=True):
    """What there is at a site to set up, by id."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    zones: list[ZoneView]
    recorders: list[RecorderView]
    cameras: list[CameraView]
    free_id: str
    """An id that no camera has."""


class NewCamera(NamedTuple):
    """What is registered of a camera once and for all."""

    camera_id: str
    name: str
    zone_id: str
    agent_id: str


class Found(NamedTuple):
    """The discovered camera that a new one is made of."""

    agent_id: str
    discovery_id: str


@dataclass(frozen=True)
class CameraSetup:
    """Every method raises NotFound and PermissionDenied as ``operated_site`` does."""

    database: Database
    clock: Clock

    def of_site(self, scope: Scope, site_id: str) -> SiteCameras:
        """As of now."""
        with self.database.reading() as session:
            site = operated_site(session, scope, site_id)
            zones = session.scalars(select(Zone).where(Zone.site_id == site.id).order_by(Zone.id))
            agents = session.scalars(
                select(Agent).where(Agent.site_id == site.id, Agent.revoked_us.is_(None)).order_by(Agent.id)
            )
            rows = session.execute(
                select(Camera, CameraSource)
                .outerjoin(CameraSource, CameraSource.camera_id == Camera.id)
                .where(Camera.site_id == site.id)
                .order_by(Camera.id)
            )
            stem = f"{site.id[:48]}-camera"
            return SiteCameras(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=self.clock.utc_us(),
                zones=[_zone(zone) for zone in zones],
                recorders=[_recorder(agent) for agent in agents],
                cameras=[_camera(camera, source) for camera, source in rows],
                free_id=_free(stem, session.scalars(select(Camera.id).where(Camera.id.startswith(stem)))),
            )

    def add_zone(self, scope: Scope, site_id: str, name: str, kind: str) -> str:
        """A place, named as people name it; its id. Raises InvalidInput, ResourceExhausted."""
        _check_name(name)
        with self.database.reading() as session:
            operated_site(session, scope, site_id)
            taken = list(session.scalars(select(Zone.id).where(Zone.site_id == site_id)))
        if len(taken) >= ZONES_MAX:
            raise ResourceExhausted(f"a site has at most {ZONES_MAX} places", code="too_many_zones")
        zone_id = _free(kind.replace("_", "-") or "zone", taken)
        self._register.add_zone(site_id, zone_id, name, kind)
        return zone_id

    def add(self, scope: Scope, site_id: str, new: NewCamera, change: Change, found: Found | None = None) -> Configured:
        """Registers a camera and says how it is reached; ``found`` is then marked as adopted.

        Raises as ``Register.add_camera`` and ``CameraConfigurer.change`` do; Conflict where a camera in service has been
        made of it already: of several who try at once, one does.
        """
        _check_name(new.name)
        with self.database.unit_of_work() as session:
            site = operated_site(session, scope, site_id)
            _check_ids(new)
            row = _to_adopt(session, site, found, new.camera_id) if found is not None else None
            check_camera_allowed(_one_zone(session, site, new.zone_id).kind)
            self._register.put_camera(session, site.id, new.camera_id, new.zone_id, new.agent_id, new.name)
            done = self._configurer.change_in(session, site.id, new.camera_id, change)
            if row is not None:
                row.adopted_as, row.dismissed_us, row.dismissed_by = new.camera_id, None, None
        return done

    def change(self, scope: Scope, site_id: str, camera_id: str, change: Change) -> Configured:
        """Puts a change of the camera's settings into force. Raises as ``CameraConfigurer.change`` does."""
        with self.database.unit_of_work() as session:
            operated_site(session, scope, site_id)
            _check_camera_id(camera_id)
            return self._configurer.change_in(session, site_id, camera_id, change)

    def retire(self, scope: Scope, site_id: str, camera_id: str) -> None:
        """Takes a camera out of service from now on; what it recorded stays as long as it must."""
        with self.database.reading() as session:
            operated_site(session, scope, site_id)
        _check_camera_id(camera_id)
        self._register.retire_camera(site_id, camera_id)

    def dismiss(self, scope: Scope, site_id: str, found: Found, *, dismissed: bool) -> None:
        """A discovered camera is to be shown no more, or again."""
        with self.database.unit_of_work() as session:
            row = _discovered(session, operated_site(session, scope, site_id), found)
            row.dismissed_us = self.clock.utc_us() if dismissed else None
            row.dismissed_by = scope.account_name if dismissed else None

    @property
    def _register(self) -> Register:
        return Register(self.database, self.clock)

    @property
    def _configurer(self) -> CameraConfigurer:
        return CameraConfigurer(self.database, self.clock)


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise InvalidInput(f"a name has 1 to {NAME_CHARS_MAX} characters", code="bad_name")


def _check_ids(new: NewCamera) -> None:
    if not is_slug(new.camera_id):
        raise InvalidInput("an id has a-z, 0-9 and inner hyphens, at most 64", code="bad_camera_id")
    if not is_slug(new.agent_id):
        raise InvalidInput("name the box that is to record the camera", code="no_box")


def _check_camera_id(camera_id: str) -> None:
    if not is_slug(camera_id):
        raise NotFound("no such camera")


def _one_zone(session: Session, site: Site, zone_id: str) -> Zone:
    zone = session.get(Zone, (site.id, zone_id)) if is_slug(zone_id) else None
    if zone is None:
        raise InvalidInput("name the place that the camera looks into", code="no_zone")
    return zone


def _to_adopt(session: Session, site: Site, found: Found, camera_id: str) -> DiscoveredCamera:
    """Its row, kept from everybody else until this transaction ends. Raises NotFound, Conflict."""
    row = _discovered(session, site, found, alone=True)
    made = session.get(Camera, row.adopted_as) if row.adopted_as not in (None, camera_id) else None
    if made is not None and made.retired_us is None:
        raise Conflict(f"it was set up as {made.id}", code="found_taken")
    return row


def _discovered(session: Session, site: Site, found: Found, *, alone: bool = False) -> DiscoveredCamera:
    known = is_slug(found.agent_id) and is_slug(found.discovery_id)
    key = (found.agent_id, found.discovery_id)
    row = session.get(DiscoveredCamera, key, with_for_update=alone) if known else None
    if row is None or row.site_id != site.id:
        raise NotFound("no such discovered camera")
    return row


def _free(stem: str, taken: Iterable[str]) -> str:
    known = set(taken)
    return next(name for number in range(1, len(known) + 2) if (name := f"{stem}-{number}") not in known)


def _zone(zone: Zone) -> ZoneView:
    return ZoneView(zone_id=zone.id, name=zone.name, kind=zone.kind, forbidden=zone.kind in FORBIDDEN_KINDS)


def _recorder(agent: Agent) -> RecorderView:
    key = base64.b64encode(agent.sealing_key).decode() if agent.sealing_key else ""
    return RecorderView(agent_id=agent.id, sealing_key=key)


def _camera(camera: Camera, source: CameraSource | None) -> CameraView:
    return CameraView(
        camera_id=camera.id,
        name=camera.name,
        zone_id=camera.zone_id,
        agent_id=camera.agent_id,
        activated_us=camera.activated_us,
        retired_us=camera.retired_us,
        settings=decode_source(source) if source is not None else None,
    )
