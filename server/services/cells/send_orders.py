"""Sends orders to agents of sites with a store of their own: signed for one version each, again until a read-back settles them.

Invariants: a deletion is signed only while it is still due: past its lock and today's floor, which may have grown since it was
ordered, and under no hold, all under the site's row; what is sent is committed first; a silent site is not asked, a living one
at growing intervals and at most ``TRIES_MAX`` times.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.errors import IntegrityViolation, Unavailable
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.wire.cells import CellOrder, SignedRequest
from server.domain import cell_orders as rules
from server.domain.holds import HoldSpan, Recording, may_go
from server.domain.retention import retain_until_us
from server.services.cells.cell_doors import CellDoors
from server.services.cells.challenge_cells import ALIVE_US
from server.services.compliance.rule_books import retain_days_of
from storage.database import cell_orders, cells, lifetimes
from storage.database.models import CellCopy, CellOrderRow, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.changes import Change, ChangeOffice
from storage.objects.connection import StoreAccess

AT_ONCE_MAX = 16
ON_THEIR_WAY_MAX = 32
"""Of one site: its agent has room for 64 tasks, and answers challenges among them."""
UNHEARD_US = 60 * US_PER_S
SILENT_US = 30 * US_PER_S

log = get_logger("cells")


@dataclass(frozen=True)
class OrderSender:
    """Call ``due`` once a second; several processes may. ``retain_days``: where a site's rules ask for no more."""

    database: Database
    clock: Clock
    doors: CellDoors
    retain_days: int

    def due(self) -> list[msgspec.Struct]:
        """What is to be sent now. Raises Unavailable."""
        with self.database.reading() as session:
            sites = cell_orders.sites_with_due(session, self.clock.utc_us())
        return [message for site_id in sites for message in self._of_site(site_id)]

    def _of_site(self, site_id: str) -> list[msgspec.Struct]:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            session.get_one(Site, site_id, with_for_update=True)  # no hold comes between the look and the signature
            access = self._access(session, site_id)
            room = ON_THEIR_WAY_MAX - cell_orders.on_their_way(session, site_id, now_us - UNHEARD_US)
            if access is None or room <= 0:
                return []
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, site_id)]
            rows = cell_orders.due_of(session, site_id, now_us, min(room, AT_ONCE_MAX))
            made = (self._message(session, row, access, holds, now_us) for row in rows)
            return [message for message in made if message is not None]

    def _access(self, session: Session, site_id: str) -> StoreAccess | None:
        try:
            return self.doors.access(session, site_id)
        except IntegrityViolation as error:
            raise Unavailable(f"the secret of the cell of {site_id} cannot be opened: {error}") from error

    def _message(
        self, session: Session, row: CellOrderRow, access: StoreAccess, holds: list[HoldSpan], now_us: int
    ) -> CellOrder | None:
        segment, copy = session.get_one(Segment, row.segment_id), session.get_one(CellCopy, row.segment_id)
        if row.action == "delete" and not self._is_due(session, segment, copy, holds, now_us):
            row.outcome, row.due_us = cell_orders.CANCELLED, None
            return None
        asked_id = cells.answerer(session, row.agent_id, now_us - ALIVE_US)
        if asked_id is None:
            row.due_us = now_us + SILENT_US
            return None
        if row.tries >= rules.TRIES_MAX:
            row.outcome, row.due_us = cell_orders.GIVEN_UP, None
            log.error("cell_order_given_up", action=row.action, segment=row.segment_id, said=row.detail)
            return None
        row.tries, row.sent_us, row.asked_id = row.tries + 1, now_us, asked_id
        row.due_us = now_us + rules.wait_us(row.tries)
        return CellOrder(
            message_id=fresh_id(),
            site_id=row.site_id,
            agent_id=asked_id,
            order_id=row.id,
            segment_id=row.segment_id,
            action=row.action,  # type: ignore[arg-type]  # the column holds nothing else
            object_key=copy.object_key,
            version_id=copy.version_id,
            requests=[_signed(change) for change in self._changes(row, copy, access)],
            look_url=self.doors.leave_to_look(access, copy.object_key, copy.version_id),
            list_url=self.doors.leave_to_list(access, copy.object_key) if row.action == "delete" else "",
        )

    def _is_due(self, session: Session, segment: Segment, copy: CellCopy, holds: list[HoldSpan], now_us: int) -> bool:
        """Asked again: a site may have been silent for weeks since its order was given."""
        recording = Recording(segment.camera_id, segment.start_us, segment.end_us, copy.retain_until_us)
        days = retain_days_of(session, segment.site_id, self.retain_days)
        return may_go(recording, holds, retain_until_us(segment.end_us, segment.received_us, days), now_us)

    def _changes(self, row: CellOrderRow, copy: CellCopy, access: StoreAccess) -> list[Change]:
        office, key = ChangeOffice(access, self.doors.clock.utc_us()), copy.object_key
        if row.action == "extend":
            return [office.extend(key, copy.version_id, row.until_us)]
        if row.action == "delete":  # the recording itself comes last
            others = [version for version in row.versions.split("\n") if version and version != copy.version_id]
            return [office.delete(key, version) for version in [*others[: rules.VERSIONS_MAX - 1], copy.version_id]]
        return [office.hold(key, copy.version_id, on=row.action == "hold")]


def _signed(change: Change) -> SignedRequest:
    return SignedRequest(
        method="DELETE" if change.method == "DELETE" else "PUT",
        url=change.url,
        headers=change.headers,
        body=change.body,
    )
