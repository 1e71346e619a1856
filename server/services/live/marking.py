"""Which sites mark their live view, by which key, and the code word of each view.

Invariant (closed where unknown): a view of a site that marks is never begun without its code word on record.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import ConfigurationError, Conflict, NotFound, Unavailable
from config.base.ids import is_slug
from config.base.timespan import Span
from config.settings.loader import read_secret
from config.settings.server import ServerSettings
from server.domain.authorisation import Action
from server.domain.marking import KEY_BYTES, CodeWord, key_name, pattern_seed
from server.services.people.operators import site_for
from storage.database import accesses
from storage.database.models import AccessRecord, Camera, SiteLive
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

KEY_FILE = "marking-key"
SWITCHED, TRACED = "marking", "identify"
"""Subjects of the access record: the choice to mark, and a question whose view a clip shows."""
ENTRIES_MAX = 12


@dataclass(frozen=True)
class MarkingEntry:
    """``says``: ``on``, ``off``, or ``asked`` about ``camera_id`` for a ``reason``."""

    at_us: int
    account: str
    says: str
    camera_id: str
    reason: str


@dataclass(frozen=True)
class MarkingState:
    """``is_chosen``: the site has chosen at all whether it is watched live; ``has_key``: this server can mark."""

    site_id: str
    name: str
    timezone: str
    is_chosen: bool
    is_marked: bool
    has_key: bool
    entries: tuple[MarkingEntry, ...]
    """The newest first."""
    cameras: tuple[tuple[str, str], ...]

    @property
    def switched(self) -> MarkingEntry | None:
        """Who switched it last, where that is among the newest."""
        return next((one for one in self.entries if one.says != "asked"), None)


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


class MarkingDesk:
    """The facility's choice, and what stands on record of it and of questions whose view a clip shows; thread-safe."""

    def __init__(self, database: Database, clock: Clock, marker: Marker | None) -> None:
        self._database = database
        self._clock = clock
        self.marker = marker

    def state(self, person: Scope, site_id: str, action: Action = Action.PEOPLE_READ) -> MarkingState:
        """``action``: what the reader asks for. Raises NotFound, PermissionDenied."""
        with self._database.reading() as session:
            site = site_for(session, person, site_id, action)
            chosen = session.get(SiteLive, site.id)
            entries = (
                select(AccessRecord)
                .where(AccessRecord.site_id == site.id, AccessRecord.subject.in_((SWITCHED, TRACED)))
                .order_by(AccessRecord.at_us.desc(), AccessRecord.id.desc())
                .limit(ENTRIES_MAX)
            )
            cameras = select(Camera.id, Camera.name).where(Camera.site_id == site.id).order_by(Camera.name)
            return MarkingState(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                is_chosen=chosen is not None,
                is_marked=chosen is not None and chosen.marked,
                has_key=self.marker is not None,
                entries=tuple(_entry(row) for row in session.scalars(entries)),
                cameras=tuple((camera_id, name) for camera_id, name in session.execute(cameras)),
            )

    def choose(self, person: Scope, site_id: str, *, wanted: bool, source: str = "") -> None:
        """On record; views that run end and begin again within a second. Saying the same again changes nothing.

        Raises NotFound, PermissionDenied, Conflict (``not_live``), Unavailable (``no_marking_key``).
        """
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            row = session.get(SiteLive, site.id, with_for_update=True)
            if row is None:
                raise Conflict(
                    "the site has not chosen yet whether it is watched live: choose that first", code="not_live"
                )
            if wanted:
                needed(self.marker)
            if row.marked == wanted:
                return
            now_us = self._clock.utc_us()
            row.marked = wanted
            row.changed_us, row.changed_by = now_us, person.account_name
            access = accesses.Access(
                site_id=site.id,
                camera_id=None,
                account=person.account_name,
                what="live",
                span=Span(now_us, now_us),
                subject=SWITCHED,
                subject_id="on" if wanted else "off",
                reason=f"marking of the live view: {'on' if wanted else 'off'}",
                source=source,
            )
            accesses.record(session, access, now_us)

    def publish_word(self, person: Scope, site_id: str, camera_id: str) -> str:
        """For whoever sets the site up. Raises NotFound, PermissionDenied, Unavailable (``no_marking_key``)."""
        with self._database.reading() as session:
            site = site_for(session, person, site_id, Action.SETUP)
            camera = session.get(Camera, camera_id) if is_slug(camera_id) else None
            if camera is None or camera.site_id != site.id:
                raise NotFound("the site has no such camera")
        return needed(self.marker).publish_word(camera_id)


def _entry(row: AccessRecord) -> MarkingEntry:
    says = row.subject_id if row.subject == SWITCHED else "asked"
    return MarkingEntry(row.at_us, row.account_name, says, row.camera_id or "", row.reason or "")


def needed(marker: Marker | None) -> Marker:
    """Raises Unavailable (``no_marking_key``)."""
    if marker is None:
        raise Unavailable(
            "the site marks its live view, and this server has no key to do it with: python -m server.admin init makes one",
            code="no_marking_key",
        )
    return marker
