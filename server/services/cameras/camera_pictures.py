"""What a camera is to see, as whoever hung it took it: one picture in its file of the register, drawn anew, looked at on record.

Invariants: everything goes through the person's reach (I7); a look is recorded before the first byte; a picture may show
people, so only who may look at stills looks at it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from config.base.timespan import Span
from server.probe.pictures import Picture, redraw
from server.services.people.operators import operated_site
from storage.database import scope as scoping
from storage.database.accesses import Access, record
from storage.database.models import Camera, CameraPicture, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

SUBJECT = "camera_picture"


@dataclass(frozen=True)
class CameraPictures:
    """Thread-safe."""

    database: Database
    clock: Clock
    redraw: Callable[[bytes], Picture] = redraw

    def put(self, scope: Scope, site_id: str, camera_id: str, data: bytes) -> None:
        """In place of the one before. Raises NotFound, PermissionDenied, InvalidInput, Unavailable."""
        with self.database.reading() as session:
            _camera(session, operated_site(session, scope, site_id), camera_id)
        drawn = self.redraw(data)
        with self.database.unit_of_work() as session:
            camera = _camera(session, operated_site(session, scope, site_id), camera_id)
            row = session.get(CameraPicture, camera.id) or CameraPicture(camera_id=camera.id)
            row.media_type, row.width, row.height, row.data = drawn.media_type, drawn.width, drawn.height, drawn.data
            row.sha256 = hashlib.sha256(drawn.data).hexdigest()
            row.uploaded_us, row.uploaded_by = self.clock.utc_us(), scope.account_name
            session.add(row)

    def has(self, scope: Scope, site_id: str, camera_id: str) -> bool:
        """Whether there is one. Raises NotFound."""
        with self.database.reading() as session:
            camera = _camera(session, operated_site(session, scope, site_id), camera_id)
            return session.get(CameraPicture, camera.id) is not None

    def look(self, scope: Scope, site_id: str, camera_id: str, source: str = "") -> tuple[str, bytes]:
        """Media type and bytes, after the look, and from where, has been recorded. Raises NotFound."""
        with self.database.unit_of_work() as session:
            if not is_slug(site_id):
                raise NotFound("no such site")
            site = scoping.site_in_reach(session, scope, site_id)
            row = session.get(CameraPicture, _camera(session, site, camera_id).id)
            if row is None:
                raise NotFound("there is no picture of what this camera is to see")
            span = Span(row.uploaded_us, row.uploaded_us)
            who = scope.account_name
            access = Access(site.id, camera_id, who, "still", span, SUBJECT, camera_id, source=source)
            record(session, access, self.clock.utc_us())
            return row.media_type, row.data


def _camera(session: Session, site: Site, camera_id: str) -> Camera:
    camera = session.get(Camera, camera_id) if is_slug(camera_id) else None
    if camera is None or camera.site_id != site.id:
        raise NotFound("no such camera")
    return camera
