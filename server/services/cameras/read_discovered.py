"""The cameras that agents found at a site, for whoever sets it up; and the picture of one, which is looked at on record.

Invariant: everything goes through the person's scope (I7); a picture is opened only to be shown, after the record of it
has been committed.
"""

import hashlib
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import IntegrityViolation, NotFound, Unavailable
from config.base.ids import is_slug
from config.base.timespan import Span
from config.settings.server import ServerSettings
from config.wire.discovery import DiscoveredCamera, StreamOffer
from config.wire.envelope import decode_payload, open_envelope
from config.wire.sealing import discovered_picture, open_sealed
from server.runtime import sealing_key_from
from storage.database import models
from storage.database import scope as scoping
from storage.database.accesses import Access, record
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

SUBJECT = "discovered_picture"
ROWS_MAX = 1_024


def picture_key_of(settings: ServerSettings) -> X25519PrivateKey | None:
    """The key that agents seal pictures to; None where this machine has none. Raises ConfigurationError."""
    file = settings.server.sealing_key_file or str(Path(settings.server.state_dir) / "sealing-key.pem")
    if not settings.server.sealing_key_file and not Path(file).exists():
        return None
    return sealing_key_from(file)


class DiscoveredView(msgspec.Struct, frozen=True):
    """One lens; ``problems`` are codes.

    ``configured_as`` is its id in the agent's own file, ``adopted_as`` the camera that an operator made of it; ``registered``:
    there is a camera of one of those ids in service.
    """

    agent_id: str
    discovery_id: str
    at_us: int
    received_us: int
    onvif_url: str
    name: str
    maker: str
    model: str
    firmware: str
    serial_number: str
    lens: str
    main: StreamOffer | None
    sub: StreamOffer | None
    clock_offset_us: int | None
    clock_bound_us: int | None
    problems: list[str]
    configured_as: str
    registered: bool
    has_picture: bool
    adopted_as: str
    dismissed: bool


class DiscoveredReader:
    """``key``: opens pictures; None where this process has none."""

    def __init__(self, database: Database, clock: Clock, key: X25519PrivateKey | None) -> None:
        self._database = database
        self._clock = clock
        self._key = key

    def found(self, scope: Scope, site_id: str) -> list[DiscoveredView]:
        """What was found at a site, by agent and address. Raises NotFound."""
        _check_ids(site_id)
        with self._database.reading() as session:
            in_reach = scoping.cameras_in_reach(session, scope, site_id)
            cameras = {camera.id for camera in in_reach if camera.retired_us is None}
            rows = session.scalars(
                select(models.DiscoveredCamera)
                .where(models.DiscoveredCamera.site_id == site_id)
                .order_by(models.DiscoveredCamera.agent_id, models.DiscoveredCamera.id)
                .limit(ROWS_MAX)
            )
            views = [_view(_said(row), row, cameras) for row in rows]
        return sorted(views, key=lambda view: (view.agent_id, view.onvif_url, view.lens))

    def picture(self, scope: Scope, site_id: str, agent_id: str, discovery_id: str, source: str = "") -> bytes:
        """The JPEG of one lens, after the look, and from where, has been recorded. Raises NotFound, Unavailable, IntegrityViolation."""
        _check_ids(site_id, agent_id, discovery_id)
        with self._database.unit_of_work() as session:
            said = self._one(session, scope, site_id, agent_id, discovery_id)
            span = Span(said.at_us, said.at_us)
            who = scope.account_name
            access = Access(site_id, None, who, "still", span, SUBJECT, discovery_id, source=source)
            record(session, access, self._clock.utc_us())
        if self._key is None:
            raise Unavailable("this server has no key to open pictures with: 'server.sealing_key_file'", code="no_key")
        if said.picture is None:
            raise NotFound("there is no picture of this camera")
        jpeg = open_sealed(self._key, said.picture, discovered_picture(agent_id, discovery_id))
        if hashlib.sha256(jpeg).hexdigest() != said.picture_sha256:
            raise IntegrityViolation("the picture is not the one that the agent sealed", code="bad_seal")
        return jpeg

    @staticmethod
    def _one(session: Session, scope: Scope, site_id: str, agent_id: str, discovery_id: str) -> DiscoveredCamera:
        scoping.site_in_reach(session, scope, site_id)
        row = session.get(models.DiscoveredCamera, (agent_id, discovery_id))
        if row is None or row.site_id != site_id:
            raise NotFound(f"no discovered camera {discovery_id}")
        return _said(row)


def _check_ids(*ids: str) -> None:
    """What is no id is not asked for: PostgreSQL takes no NUL, not even to compare with. Raises NotFound."""
    if not all(map(is_slug, ids)):
        raise NotFound("no such discovered camera")


def _said(row: models.DiscoveredCamera) -> DiscoveredCamera:
    said = decode_payload(open_envelope(row.envelope))
    if not isinstance(said, DiscoveredCamera):
        raise IntegrityViolation(f"what is kept of discovered camera {row.id} is no such message")
    return said


def _view(said: DiscoveredCamera, row: models.DiscoveredCamera, cameras: set[str]) -> DiscoveredView:
    return DiscoveredView(
        agent_id=row.agent_id,
        discovery_id=row.id,
        at_us=row.at_us,
        received_us=row.received_us,
        onvif_url=said.onvif_url,
        name=said.name,
        maker=said.maker,
        model=said.model,
        firmware=said.firmware,
        serial_number=said.serial_number,
        lens=said.lens,
        main=said.main,
        sub=said.sub,
        clock_offset_us=said.clock_offset_us,
        clock_bound_us=said.clock_bound_us,
        problems=said.problems,
        configured_as=said.configured_as,
        registered=said.configured_as in cameras or row.adopted_as in cameras,
        has_picture=said.picture is not None,
        adopted_as=row.adopted_as or "",
        dismissed=row.dismissed_us is not None,
    )
