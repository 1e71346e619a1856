"""Says what ought to stand in sites' own stores and is not known to: holds, their end, longer locks. Tells what is overdue.

Invariant: an order is given for whatever no agent has read back as it ought to be, and it is over only by such a read-back;
what is open too long is told once and stays on the site's page. A hold goes before everything else about its recording.
"""

from dataclasses import dataclass

from prometheus_client import Counter
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.ids import fresh_id
from config.base.logs import get_logger
from server.domain import cell_orders as rules
from server.domain.retention import retain_until_us
from server.services.compliance.rule_books import retain_days_of
from storage.database import cell_orders
from storage.database.models import Cell, CellCopy, CellOrderRow, Segment, Site
from storage.database.unit_of_work import Database

BATCH = 200
OPEN_MAX = 2_000
"""Of one kind at one site: what is beyond follows once these are over."""

log = get_logger("cells")
OVERDUE = Counter(
    "nightlight_cell_orders_overdue", "Orders to sites' own stores that did not come to pass in time", ["action"]
)


@dataclass(frozen=True)
class CellKeeper:
    """Call ``plan`` every few seconds; several processes may. ``retain_days``: where a site's rules ask for no more."""

    database: Database
    clock: Clock
    retain_days: int

    def plan(self) -> int:
        """Gives the orders that are missing; how many."""
        with self.database.reading() as session:
            sites = cell_orders.sites_with_cells(session)
        given = sum(self._site(site_id) for site_id in sites)
        self._tell_overdue()
        return given

    def _site(self, site_id: str) -> int:
        since_us = self.clock.utc_us() - rules.PAUSE_US
        with self.database.reading() as session:
            if not self._wants(session, site_id, since_us):
                return 0
        with self.database.unit_of_work() as session:
            # Whoever places a hold, deletes or sends holds this row too.
            site = session.get_one(Site, site_id, with_for_update=True)
            return sum(
                (
                    self._order(session, "hold", cell_orders.to_hold(session, site.id, since_us, BATCH)),
                    self._order(session, "release", cell_orders.to_release(session, site.id, since_us, BATCH)),
                    self._lengthen(session, site.id, since_us),
                )
            )

    def _wants(self, session: Session, site_id: str, since_us: int) -> bool:
        if cell_orders.to_hold(session, site_id, since_us, 1) or cell_orders.to_release(session, site_id, since_us, 1):
            return True
        return session.get_one(Cell, site_id).floor_days != retain_days_of(session, site_id, self.retain_days)

    def _lengthen(self, session: Session, site_id: str, since_us: int) -> int:
        """Only where the policy's days are others than every lock is known to last for."""
        days, cell = retain_days_of(session, site_id, self.retain_days), session.get_one(Cell, site_id)
        if cell.floor_days == days:
            return 0
        floor = cell_orders.Floor(days, self.clock.utc_us())
        shorter = cell.floor_days is not None and days < cell.floor_days
        if shorter or not cell_orders.are_short(session, site_id, floor):
            cell.floor_days = days
            return 0
        if cell_orders.open_count(session, site_id, "extend") >= OPEN_MAX:
            return 0
        return self._order(session, "extend", cell_orders.to_extend(session, site_id, floor, since_us, BATCH), days)

    def _order(self, session: Session, action: rules.Action, copies: list[CellCopy], days: int = 0) -> int:
        for copy in copies:
            segment = session.get_one(Segment, copy.segment_id)
            until_us = retain_until_us(segment.end_us, segment.received_us, days) if action == "extend" else 0
            give(session, copy, action, self.clock.utc_us(), until_us)
        if copies:
            log.info("cell_orders_given", site=copies[0].site_id, action=action, count=len(copies))
        return len(copies)

    def _tell_overdue(self) -> None:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            late = cell_orders.newly_overdue(session, now_us)
        for each in late:
            OVERDUE.labels(each.action).inc(each.orders)
            advice = f"see /sites/{each.site_id}/cell: is an agent of this site alive, and does its store answer?"
            log.error("cell_orders_overdue", site=each.site_id, action=each.action, count=each.orders, advice=advice)


def give(session: Session, copy: CellCopy, action: rules.Action, now_us: int, until_us: int = 0) -> None:
    """One order; a hold ends whatever else was asked of the recording, what was sent of that included."""
    for other in cell_orders.open_of(session, copy.segment_id):
        if action == "hold" or other.action == "release":
            other.outcome, other.due_us = cell_orders.CANCELLED, None
    session.add(
        CellOrderRow(
            id=fresh_id(),
            site_id=copy.site_id,
            agent_id=copy.agent_id,
            camera_id=copy.camera_id,
            segment_id=copy.segment_id,
            action=action,
            until_us=until_us,
            versions="",
            made_us=now_us,
            due_us=now_us,
            tries=0,
            deadline_us=now_us + rules.DEADLINE_US[action],
            detail="",
        )
    )
