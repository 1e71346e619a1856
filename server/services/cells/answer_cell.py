"""What an agent's answer to a challenge does: the leaf is checked against the root that the centre has held all along.

Invariant I1: a right answer lets count what the leaf was drawn among, and nothing that was taken in later; a wrong one
takes the recording out of what is covered in the same transaction, until every leaf of it that was missed is there again.
A late answer is judged like any other.
"""

import hashlib
from dataclasses import dataclass
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, PermissionDenied
from config.base.logs import get_logger
from config.evidence.leaves import LEAF_BYTES
from config.wire.cells import CellAnswer, CellFetched, CellOrdered
from config.wire.envelope import decode_payload, open_envelope
from server.domain.audit import Drift
from server.domain.cells import Asked, Read, judge
from server.services.audit import tell_drift
from server.services.cells import take_into_cell
from server.services.cells.challenge_cells import CHALLENGE_OVERDUE, OVERDUE
from storage.database import audits, cell_orders, cells
from storage.database.models import Agent, CellChallengeRow, CellCopy, Segment, Site
from storage.database.unit_of_work import Database

RIGHT = "right"
Said = TypeVar("Said", CellAnswer, CellFetched, CellOrdered)

log = get_logger("cells")


@dataclass(frozen=True)
class CellDesk:
    """Takes answers in."""

    database: Database
    clock: Clock
    backfilled_after_us: int

    def answer(self, data: bytes) -> None:
        """A sealed CellAnswer, a line feed, and the leaf's bytes.

        Raises InvalidInput, IntegrityViolation (``bad_signature``), NotFound, PermissionDenied.
        """
        sealed, _, leaf = data.partition(b"\n")
        if len(leaf) > LEAF_BYTES:
            raise InvalidInput(f"a leaf has at most {LEAF_BYTES} bytes", code="oversized")
        answer = authentic(self.database, sealed, CellAnswer)
        if answer.leaf_sha256 is not None and hashlib.sha256(leaf).hexdigest() != answer.leaf_sha256:
            raise InvalidInput("these are not the bytes that were signed for", code="bad_leaf")
        with self.database.unit_of_work() as session:
            row = session.get(CellChallengeRow, answer.challenge_id, with_for_update=True)
            if row is None or answer.agent_id not in (row.agent_id, row.asked_id):
                raise NotFound("no such challenge")
            if row.outcome in (None, OVERDUE):
                self._judge(session, row, answer, leaf if answer.leaf_sha256 is not None else b"")
                row.envelope = sealed

    def _judge(self, session: Session, row: CellChallengeRow, answer: CellAnswer, leaf: bytes) -> None:
        now_us = self.clock.utc_us()
        segment, copy = session.get_one(Segment, row.segment_id), session.get_one(CellCopy, row.segment_id)
        asked = Asked(
            bytes.fromhex(copy.leaf_root), segment.size_bytes, segment.sha256, copy.version_id, copy.floor_us, row.leaf
        )
        drift, detail = judge(asked, _read(answer, leaf))
        if drift is not None and went_as_ordered(session, copy, drift, now_us):
            row.due_us = None
            if row.outcome is None:
                session.delete(row)  # it says nothing of what is kept
            return
        row.due_us, row.answered_us = None, now_us
        row.outcome, row.detail = drift.value if drift is not None else RIGHT, detail
        if drift is not None:
            withdraw(session, segment, copy, drift, detail, now_us)
            return
        cells.note_proven(session, row)
        if answer.seen is not None and answer.seen.retain_until_us is not None:
            copy.retain_until_us = answer.seen.retain_until_us
        session.flush()
        if row.why == "again" or segment.refusal == CHALLENGE_OVERDUE:
            make_good(session, segment, copy, now_us, self.backfilled_after_us)
        if row.until_leaf is not None:
            for waiting, _ in cells.waiting(session, row.agent_id):
                if (waiting.first_leaf or 0) < row.until_leaf:
                    of = session.get_one(Segment, waiting.segment_id)
                    take_into_cell.secure(session, of, waiting, now_us, self.backfilled_after_us)


def make_good(session: Session, segment: Segment, copy: CellCopy, now_us: int, backfilled_after_us: int) -> None:
    """What had failed counts again, where every leaf that was missed came and whatever was to be brought was brought.

    A leaf does not stand for a recording that nobody brought: whoever is silent is not asked something easier.
    """
    if copy.gone_us is not None or copy.state != cells.UNSOUND or cells.failed_leaves(session, copy.segment_id):
        return
    if cells.unbrought(session, copy.segment_id) or copy.retain_until_us < copy.floor_us:
        return
    for found in audits.open_findings_of_camera(session, segment.camera_id):
        if found.segment_id == segment.id:
            found.settled_us = now_us
    take_into_cell.secure(session, segment, copy, now_us, backfilled_after_us)
    log.info("challenge_made_good", camera=segment.camera_id, segment=segment.id)


def went_as_ordered(session: Session, copy: CellCopy, drift: Drift, now_us: int) -> bool:
    """Whether a recording is not there because it went after its last day, or is going: its day stays as it was."""
    if copy.gone_us is not None:
        return True
    past = drift is Drift.OBJECT_MISSING and copy.retain_until_us <= now_us
    return past and cell_orders.was_to_go(session, copy.segment_id)


def withdraw(session: Session, segment: Segment, copy: CellCopy, drift: Drift, detail: str, now_us: int) -> None:
    """What was found wrong does not count from now on, and stands on the list of findings and in the ledger."""
    copy.state = cells.UNSOUND
    site = session.get_one(Site, segment.site_id)
    tell_drift.tell(session, now_us, site, segment, drift, detail)
    segment.refusal = tell_drift.REFUSAL_OF[drift]  # also of one that had not counted yet


def authentic(database: Database, sealed: bytes, kind: type[Said]) -> Said:
    """What a trusted agent said over HTTPS. Raises InvalidInput, IntegrityViolation, NotFound, PermissionDenied."""
    opened = open_envelope(sealed)
    message = decode_payload(opened)
    if not isinstance(message, kind):
        raise InvalidInput(f"this address takes a {kind.__name__}", code="unknown_kind")
    with database.reading() as session:
        agent = session.get(Agent, message.agent_id)
    if agent is None or agent.site_id != message.site_id:
        raise NotFound("no such agent at this site", code="unknown_agent")
    opened.verify(Ed25519PublicKey.from_public_bytes(agent.public_key))
    if agent.revoked_us is not None:
        raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
    return message


def _read(answer: CellAnswer, leaf: bytes) -> Read | None:
    if answer.outcome == "missing" or answer.seen is None:
        return None
    return Read(
        version_id=answer.seen.version_id,
        size_bytes=answer.seen.size_bytes,
        sha256=answer.seen.sha256,
        compliance_until_us=answer.seen.retain_until_us if answer.seen.lock_mode == "COMPLIANCE" else None,
        leaf=leaf,
        path=[bytes.fromhex(step) for step in answer.path],
    )
