"""What cameras were asked for that was missing, and what they had: evidence beside the gaps of a day."""

from datetime import date

import msgspec
from sqlalchemy import select

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from config.wire.envelope import decode_payload, open_envelope
from config.wire.replay import ReplayReport
from server.domain.verdict import day_of, day_span
from storage.database import models
from storage.database import scope as scoping
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

ROWS_MAX = 1_000


class ReplayView(msgspec.Struct, frozen=True):
    """One ask; ``had_none``: what the camera said it did not have."""

    camera_id: str
    start_us: int
    end_us: int
    asked_us: int
    outcome: str
    had_none: list[tuple[int, int]]
    detail: str


class ReplayReader:
    """Reads within the person's scope (I7)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def day(self, scope: Scope, site_id: str, day: date | None) -> list[ReplayView]:
        """The asks that touch a day of the site's own (today: None), newest first. Raises NotFound."""
        if not is_slug(site_id):
            raise NotFound(f"no site {site_id!r}")
        with self._database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            cameras = [camera.id for camera in scoping.cameras_in_reach(session, scope, site_id)]
            window = day_span(day or day_of(self._clock.utc_us(), site.timezone), site.timezone)
            rows = session.scalars(
                select(models.ReplayReport)
                .where(
                    models.ReplayReport.camera_id.in_(cameras),
                    models.ReplayReport.end_us > window.start_us,
                    models.ReplayReport.start_us < window.end_us,
                )
                .order_by(models.ReplayReport.at_us.desc())
                .limit(ROWS_MAX)
            )
            return [_view(row) for row in rows]


def _view(row: models.ReplayReport) -> ReplayView:
    said = decode_payload(open_envelope(row.envelope))
    had_none = said.had_none if isinstance(said, ReplayReport) else []
    return ReplayView(row.camera_id, row.start_us, row.end_us, row.at_us, row.outcome, had_none, row.detail)
