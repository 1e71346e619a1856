"""Says before it is due what comes round by the rules or stands in the shared calendar, and once more where it is late.

Invariant: each due date is told once beforehand and once when it is over. Of what the register holds no record at all there
is no day to tell of; the page of due dates shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from server.domain.rectification import Act, Kind, standing
from server.domain.verdict import day_of
from server.services.notices.tell import DUTY, LATE, ORDER, News, tell
from server.services.supervision.duties import duties_of
from storage.database import agenda, statistics
from storage.database.models import RectificationActRow, RectificationOrder, Site
from storage.database.unit_of_work import Database

AHEAD = timedelta(days=30)
EVENT_AHEAD = timedelta(days=7)
ORDER_AHEAD = timedelta(days=3)
BACK = timedelta(days=30)
"""What is late for longer was told, or nobody looked for so long; it stands on the pages."""
SITES_AT_ONCE = 100
EVENTS_MAX = 2_000


@dataclass(frozen=True)
class DutyWatch:
    """One round at a time; a transaction for some sites each."""

    database: Database
    clock: Clock

    def look(self) -> None:
        """Writes down what was not told yet."""
        with self.database.reading() as session:
            site_ids = list(session.scalars(select(Site.id).order_by(Site.id)))
        for number in range(0, len(site_ids), SITES_AT_ONCE):
            with self.database.unit_of_work() as session:
                some = list(session.scalars(select(Site).where(Site.id.in_(site_ids[number : number + SITES_AT_ONCE]))))
                now_us = self.clock.utc_us()
                self._duties(session, some, now_us)
                self._events(session, some, now_us)
                self._orders(session, some, now_us)

    def _duties(self, session: Session, sites: Sequence[Site], now_us: int) -> None:
        today = {site.id: day_of(now_us, site.timezone) for site in sites}
        for duty in duties_of(session, sites, now_us):
            if not duty.due_on:
                continue
            key = f"{duty.site_id}:{duty.staff_id}:{duty.kind}"
            _tell_of(
                session, duty.site_id, duty.kind, key, date.fromisoformat(duty.due_on), today[duty.site_id], now_us
            )

    def _events(self, session: Session, sites: Sequence[Site], now_us: int) -> None:
        today = day_of(now_us, "UTC")
        rows = agenda.coming(session, (today - BACK).isoformat(), (today + EVENT_AHEAD).isoformat(), EVENTS_MAX)
        for row in rows:
            for site in sites:
                called = row.site_id is None and (
                    not row.region or site.region == row.region or site.region.startswith(f"{row.region}/")
                )
                if row.site_id == site.id or called:
                    here = day_of(now_us, site.timezone)
                    key = f"{site.id}:{row.id}"
                    _tell_of(
                        session, site.id, row.kind, key, date.fromisoformat(row.day), here, now_us, ahead=EVENT_AHEAD
                    )

    def _orders(self, session: Session, sites: Sequence[Site], now_us: int) -> None:
        zones = {site.id: site.timezone for site in sites}
        acts = statistics.order_acts(session, list(zones))
        query = select(RectificationOrder).where(RectificationOrder.id.in_(list(acts)))
        for order in session.scalars(query).all():
            today = day_of(now_us, zones[order.site_id])
            now = standing([_act(row) for row in acts[order.id]], today)
            key = f"order:{order.id}:{now.due.isoformat()}"
            link = f"/sites/{order.site_id}/inspections"
            if now.overdue and today - now.due <= BACK:
                tell(session, News(f"late:{key}", order.site_id, ORDER, "overdue", link, now_us))
            elif now.status == "open" and now.due - today <= ORDER_AHEAD and not now.overdue:
                tell(session, News(key, order.site_id, ORDER, "due", link, now_us))


def _tell_of(
    session: Session,
    site_id: str,
    kind: str,
    key: str,
    due: date,
    today: date,
    now_us: int,
    *,
    ahead: timedelta = AHEAD,
) -> None:
    link, tail = f"/sites/{site_id}/agenda", f":{due.isoformat()}"
    if today > due and today - due <= BACK:
        tell(session, News(f"late:{key}"[:108] + tail, site_id, DUTY, f"{LATE}{kind}", link, now_us))
    elif today <= due <= today + ahead:
        tell(session, News(f"duty:{key}"[:108] + tail, site_id, DUTY, kind, link, now_us))


def _act(row: RectificationActRow) -> Act:
    return Act(Kind(row.kind), row.by, date.fromisoformat(row.due) if row.due is not None else None)
