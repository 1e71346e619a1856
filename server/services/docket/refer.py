"""Which cases of the docket a stretch of time stands under, for pages that show the time itself. Through the scope (I7)."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import or_, select

from config.base.ids import is_slug
from config.base.timespan import Span
from storage.database import scope as scoping
from storage.database.models import DocketCase
from storage.database.unit_of_work import Database

CASES_MAX = 2_000


class CaseRef(msgspec.Struct, frozen=True):
    """A case that stands: open, or signed off. ``end_us`` null while its gap lasts."""

    camera_id: str
    incident_id: str
    cause: str
    status: str
    start_us: int
    end_us: int | None

    def touches(self, start_us: int, end_us: int) -> bool:
        """Whether it is about any of the time between."""
        return self.start_us < end_us and (self.end_us is None or self.end_us > start_us)


@dataclass(frozen=True)
class DocketReference:
    """Reads on behalf of one person at a time."""

    database: Database

    def touching(self, scope: scoping.Scope, site_id: str, span: Span) -> list[CaseRef]:
        """Raises NotFound where the site is not within reach."""
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id if is_slug(site_id) else "")
            query = (
                select(DocketCase)
                .where(DocketCase.site_id == site.id, DocketCase.closed_why == "", DocketCase.start_us < span.end_us)
                .where(or_(DocketCase.end_us.is_(None), DocketCase.end_us > span.start_us))
                .order_by(DocketCase.start_us, DocketCase.id)
                .limit(CASES_MAX)
            )
            return [
                CaseRef(row.camera_id, row.incident_id, row.cause, row.status, row.start_us, row.end_us)
                for row in session.scalars(query)
            ]
