"""What the pages of the live view are given, built from the settings."""

import asyncio
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import BinaryIO
from urllib.parse import urlsplit

from config.base.clock import Clock
from config.base.ids import is_slug
from config.settings.server import ServerSettings
from server.services.compliance.rule_books import library
from server.services.live.identify import Identified, Question, identify
from server.services.live.marking import MarkingDesk, marker_of
from server.services.live.tickets import TicketDesk
from server.services.people.leases import LeaseDesk
from server.services.people.my_children import ChildrenReader
from server.services.people.steady_time import SteadyTime
from storage.database.models import Camera
from storage.database.unit_of_work import Database

STREAM_PREFIX = "/stream"
CLIPS_AT_ONCE = 3


@dataclass(frozen=True)
class LiveFace:
    """The pages' side: who may look, tickets, and where the pictures are."""

    database: Database
    desk: LeaseDesk
    children: ChildrenReader
    tickets: TicketDesk
    marking: MarkingDesk
    clock: Clock
    base: str
    """Before ``ws`` and ``hls``: an address, or a path where a proxy brings both under one name."""
    sources: tuple[str, ...]
    """What the content policy of a page with a player lets it connect to besides its own name."""
    arriving: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(CLIPS_AT_ONCE))
    """Clips that are on their way here, or wait."""
    tracing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a clip is looked at: one at a time, and who waits holds no thread."""

    def trace(self, clip: BinaryIO, question: Question) -> Identified:
        """Raises as ``identify``."""
        return identify(self.database, self.clock, self.marking.marker, clip, question)

    def site_of(self, camera_id: str) -> str:
        """Whose camera it is; says nothing of who may know. Of none, a site that is none: both are looked for alike."""
        with self.database.reading() as session:
            camera = session.get(Camera, camera_id) if is_slug(camera_id) else None
        return camera.site_id if camera is not None else camera_id


def live_of(settings: ServerSettings, database: Database, clock: Clock) -> LiveFace:
    """Raises ConfigurationError."""
    time = SteadyTime(database, clock)
    desk = LeaseDesk(database, time, library())
    public = urlsplit(settings.live.public_url or settings.api.public_origin)
    sources: tuple[str, ...] = ()
    if public.netloc:
        sources = (f"{public.scheme}://{public.netloc}", f"ws{public.scheme.removeprefix('http')}://{public.netloc}")
    base = f"{settings.live.public_url.rstrip('/')}{STREAM_PREFIX}/"
    return LiveFace(
        database,
        desk,
        ChildrenReader(database, desk, clock),
        TicketDesk(database, desk, time),
        MarkingDesk(database, clock, marker_of(settings)),
        clock,
        base,
        sources,
    )
