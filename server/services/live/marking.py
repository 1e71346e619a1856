"""Which sites mark their live view, by which key, and the code word of each view.

Invariant (closed where unknown): a view of a site that marks is never begun without its code word on record.
"""

import hashlib
import hmac
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import ConfigurationError, Conflict, NotFound, Unavailable
from config.base.ids import is_slug
from config.settings.loader import read_secret
from config.settings.server import ServerSettings
from server.domain.authorisation import Action
from server.domain.marking import KEY_BYTES, CodeWord, key_name, pattern_seed
from server.services.people.operators import site_for
from storage.database.models import Camera, SiteLive
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

KEY_FILE = "marking-key"


class Marker:
    """Makes code words and patterns; thread-safe."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.name = key_name(key)

    def word(self, view_id: str) -> CodeWord:
        return CodeWord(self._key, view_id)

    def publish_word(self, camera_id: str) -> str:
        """The password with which the camera's stream is published to a relay of the site."""
        return hmac.new(self._key, b"nightlight publish v1\0" + camera_id.encode(), hashlib.sha256).hexdigest()[:32]

    def seed(self, camera_id: str) -> str:
        return pattern_seed(self._key, camera_id)


def marker_file(settings: ServerSettings) -> Path:
    """Where the key is, or would be."""
    return Path(settings.live.marking_key_file or Path(settings.server.state_dir) / KEY_FILE)


def marker_of(settings: ServerSettings) -> Marker | None:
    """None where there is no key. Raises ConfigurationError where there is one that is none."""
    file = marker_file(settings)
    if not file.exists() and not settings.live.marking_key_file:
        return None
    try:
        key = bytes.fromhex(read_secret(str(file), "live.marking_key_file"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"'live.marking_key_file': {file} does not hold {2 * KEY_BYTES} hexadecimal digits")
    return Marker(key)


def marked(session: Session, site_id: str) -> bool:
    """Whether the site marks its live view."""
    chosen = session.get(SiteLive, site_id)
    return chosen is not None and chosen.marked


def marked_sites(session: Session, site_ids: Collection[str]) -> set[str]:
    """Those of these sites that do."""
    query = select(SiteLive.site_id).where(SiteLive.site_id.in_(list(site_ids)), SiteLive.marked.is_(True))
    return set(session.scalars(query))


def choose_marking(database: Database, clock: Clock, person: Scope, site_id: str, *, wanted: bool) -> None:
    """The facility's choice; views that run end and begin again within a second. Raises NotFound, PermissionDenied, Conflict."""
    with database.unit_of_work() as session:
        site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
        row = session.get(SiteLive, site.id)
        if row is None:
            raise Conflict("the site has not chosen yet whether it is watched live: choose that first", code="not_live")
        row.marked = wanted
        row.changed_us, row.changed_by = clock.utc_us(), person.account_name


def publish_word(database: Database, marker: Marker, person: Scope, site_id: str, camera_id: str) -> str:
    """For whoever sets the site up. Raises NotFound, PermissionDenied."""
    with database.reading() as session:
        site = site_for(session, person, site_id, Action.SETUP)
        camera = session.get(Camera, camera_id) if is_slug(camera_id) else None
        if camera is None or camera.site_id != site.id:
            raise NotFound("the site has no such camera")
    return marker.publish_word(camera_id)


def needed(marker: Marker | None) -> Marker:
    """Raises Unavailable (``no_marking_key``)."""
    if marker is None:
        raise Unavailable(
            "the site marks its live view, and this server has no key to do it with: python -m server.admin init makes one",
            code="no_marking_key",
        )
    return marker
