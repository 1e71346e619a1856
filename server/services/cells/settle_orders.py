"""What an agent read back after an order: the only thing by which a hold counts as placed, a lock as longer, a recording as gone.

Invariants: an order is over when a signed read-back says so and never before; a recording is deleted, as the agent reported it,
when neither its version nor any other is left under its key; one that is missing although nobody had ordered it gone is a finding.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.errors import NotFound
from config.base.logs import get_logger
from config.wire.cells import CellOrdered
from server.domain.audit import Drift
from server.domain.cell_orders import Ordered, ReadBack, judge
from server.domain.holds import HoldSpan
from server.services.cells.answer_cell import authentic, withdraw
from storage.database import cell_orders, cells, lifetimes
from storage.database.models import Cell, CellCopy, CellOrderRow, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.changes import DELETE_S

SHORT_US = 2 * US_PER_S
"""More than a lock's end is rounded by."""

CLOCKS_S = 60
"""By so much a cell's clock may be behind ours."""

log = get_logger("cells")


@dataclass(frozen=True)
class OrderDesk:
    """Takes read-backs in."""

    database: Database
    clock: Clock

    def ordered(self, sealed: bytes) -> None:
        """A sealed CellOrdered. Raises InvalidInput, IntegrityViolation (``bad_signature``), NotFound, PermissionDenied."""
        said = authentic(self.database, sealed, CellOrdered)
        with self.database.unit_of_work() as session:
            row = session.get(CellOrderRow, said.order_id)
            if row is None or row.site_id != said.site_id or said.agent_id not in (row.agent_id, row.asked_id):
                raise NotFound("no such order")
            session.get_one(Site, row.site_id, with_for_update=True)
            session.refresh(row, with_for_update=True)
            if row.outcome in (cell_orders.DONE, cell_orders.MISSING):
                return
            row.answered_us, row.detail, row.envelope = self.clock.utc_us(), said.detail, sealed
            self._settle(session, row, said)

    def _settle(self, session: Session, row: CellOrderRow, said: CellOrdered) -> None:
        copy, segment = session.get_one(CellCopy, row.segment_id), session.get_one(Segment, row.segment_id)
        if copy.gone_us is not None:
            row.outcome, row.due_us = cell_orders.MISSING, None
            return
        found = _read(said)
        if found is not None and found.version_id == copy.version_id:
            self._note(session, segment, copy, found)
        ordered = Ordered(row.action, copy.version_id, row.until_us)  # type: ignore[arg-type]  # nothing else is stored
        verdict = judge(ordered, found, said.left)
        if verdict == "not_yet":
            if row.action == "delete" and said.left:
                row.versions = "\n".join(said.left)
            log.warning("cell_order_not_yet", action=row.action, segment=row.segment_id, said=said.detail)
        elif verdict == "missing":
            self._missing(session, row, segment, copy)
        elif row.action == "delete":
            row.outcome, row.due_us = cell_orders.DONE, None
            self._gone(session, row, segment, copy)
        elif row.action == "hold" and self._can_still_go(session, segment.id):
            log.info("hold_waits_for_a_deletion_to_lapse", segment=segment.id)  # and is asked for again
        elif row.outcome is None:
            row.outcome, row.due_us = cell_orders.DONE, None
        if verdict == "done" and row.action == "extend":
            copy.floor_us = max(copy.floor_us, row.until_us)

    def _can_still_go(self, session: Session, segment_id: str) -> bool:
        """Whether a deletion that was signed before the hold came is good still: then nothing that was read is the last word."""
        sent_us = cell_orders.deletion_sent_us(session, segment_id)
        return sent_us is not None and self.clock.utc_us() < sent_us + (DELETE_S + CLOCKS_S) * US_PER_S

    def _note(self, session: Session, segment: Segment, copy: CellCopy, found: ReadBack) -> None:
        """What it says of the version in any case; a lock that is shorter than it was is a finding."""
        now_us = self.clock.utc_us()
        copy.held = found.held
        if copy.floor_us <= now_us or (found.compliance_until_us or 0) >= copy.floor_us:
            copy.retain_until_us = max(copy.retain_until_us, found.compliance_until_us or 0)
            return
        # Short, whatever it is; it stays among what is asked for, and is lengthened.
        copy.retain_until_us = min(copy.retain_until_us, copy.floor_us - SHORT_US)
        session.get_one(Cell, copy.site_id).floor_days = None
        if copy.state != cells.UNSOUND:
            withdraw(
                session, segment, copy, Drift.LOCK_SHORT, "the lock is shorter than it was, or can be lifted", now_us
            )

    def _missing(self, session: Session, row: CellOrderRow, segment: Segment, copy: CellCopy) -> None:
        row.outcome, row.due_us = cell_orders.MISSING, None
        session.flush()
        if cell_orders.was_to_go(session, segment.id):
            self._gone(session, row, segment, copy)
            return
        copy.held = None
        withdraw(
            session,
            segment,
            copy,
            Drift.OBJECT_MISSING,
            f"not there when asked to {row.action} it",
            self.clock.utc_us(),
        )

    def _gone(self, session: Session, row: CellOrderRow, segment: Segment, copy: CellCopy) -> None:
        """Deleted, as its agent reports; it stands on a certificate with the others of its day."""
        now_us = self.clock.utc_us()
        copy.gone_us, copy.held = now_us, None
        segment.deleted_us = now_us
        for other in cell_orders.open_of(session, segment.id):
            other.outcome, other.due_us = cell_orders.MISSING, None
        holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, segment.site_id)]
        if any(hold.covers(segment.camera_id, segment.start_us, segment.end_us) for hold in holds):
            advice = "its deletion had been signed before the hold came: the hold holds what is left of its span"
            log.error("held_recording_was_gone", site=segment.site_id, segment=segment.id, order=row.id, advice=advice)


def _read(said: CellOrdered) -> ReadBack | None:
    if said.outcome == "missing" or said.seen is None:
        return None
    until_us = said.seen.retain_until_us if said.seen.lock_mode == "COMPLIANCE" else None
    return ReadBack(said.seen.version_id, said.seen.held, until_us)
