"""Live views: on the access record before their first byte, and one at a time for a guardian.

Invariants: a view that is not on record shows nothing; beginning another marks a guardian's older ones to be ended, whichever
process serves them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, update

from config.base.clock import Clock
from config.base.roles import Role
from server.domain.lease import Permit
from server.domain.marking import CodeWord
from server.services.live.marking import Marker, marked, marked_sites, needed
from server.services.people.access_record import AccessBook
from storage.database.models import LiveView
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class OpenView:
    """A view that may be served; ``code`` and the permit's mark are drawn over the picture."""

    view_id: str
    code: str
    session_sha256: str
    permit: Permit
    word: CodeWord | None = None
    """Which of the two variants it is shown, where the site marks its live view."""


class ViewDesk:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock, marker: Marker | None = None) -> None:
        self._database = database
        self._clock = clock
        self.marker = marker
        self._record = AccessBook(database)

    def open(self, permit: Permit, session_sha256: str, reason: str, source: str) -> OpenView:
        """Raises Unavailable: there is no view then."""
        now_us = self._clock.utc_us()
        with self._database.reading() as session:
            marker = needed(self.marker) if marked(session, permit.site_id) else None
        seen = self._record.begin(permit, now_us, reason=reason, source=source, session_sha256=session_sha256)
        name = marker.name if marker is not None else None
        with self._database.unit_of_work() as session:
            if permit.role == Role.GUARDIAN:
                older = (LiveView.account_name == permit.person, LiveView.ended_us.is_(None))
                session.execute(update(LiveView).where(*older).values(replaced_us=now_us))
            session.add(LiveView(id=seen.view_id, account_name=permit.person, opened_us=now_us, marking_key=name))
        word = marker.word(seen.view_id) if marker is not None else None
        return OpenView(seen.view_id, seen.code, session_sha256, permit, word)

    def replaced(self, view_ids: Collection[str]) -> set[str]:
        """Those of these views that are to end because their person began another."""
        with self._database.reading() as session:
            query = select(LiveView.id).where(LiveView.replaced_us.is_not(None), LiveView.id.in_(list(view_ids)))
            return set(session.scalars(query))

    def marks(self, site_id: str) -> bool:
        """Whether the site marks its live view. Raises Unavailable."""
        with self._database.reading() as session:
            return marked(session, site_id)

    def changed(self, views: Collection[OpenView]) -> set[str]:
        """Those of these views whose site began or ceased to mark since. Raises Unavailable."""
        with self._database.reading() as session:
            marking = marked_sites(session, {view.permit.site_id for view in views})
        return {view.view_id for view in views if (view.permit.site_id in marking) != (view.word is not None)}

    def close(self, view: OpenView, why: str, sent_bytes: int) -> None:
        """Raises Unavailable; may be called again."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            row = session.get_one(LiveView, view.view_id)
            if row.ended_us is None:
                row.ended_us, row.sent_bytes = now_us, sent_bytes
        self._record.end(view.view_id, now_us, why)

    def abandon(self) -> int:
        """At the start of the one process that serves live views: closes what an earlier one left open; how many."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(update(LiveView).where(LiveView.ended_us.is_(None)).values(ended_us=now_us))
        return self._record.abandon(now_us)
