"""One minute of one camera: what is known of it, and by what that is proven; no picture is shown by it.

Through the scope (I7). A recording counts as proven by what the ledger says of it: the entry that was made when the server had read
this version back, whole and locked, and gave its receipt; and the first checkpoint that covers the entry, with whoever signed it.
What is not there is told as not there (I1).
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE
from config.base.timespan import Span
from config.evidence.note import SignedNote
from server.domain.authorisation import Action, reach
from server.domain.verdict import day_of
from server.services.coverage.read_day import CameraDay, DayReader
from server.services.custody.play_back import Playback, PlaybackView
from server.services.docket.refer import CaseRef, DocketReference
from storage.database import ledger
from storage.database.models import AuditFinding, AuditRound, LedgerCheckpoint, LedgerEntry
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

SECURED = "segment-secured"


class CheckpointView(msgspec.Struct, frozen=True):
    """The first checkpoint that covers an entry; ``signed_by``: the centre first, then whoever witnessed it."""

    size: int
    made_us: int
    signed_by: list[str]
    stamped_us: int | None


class ProofView(msgspec.Struct, frozen=True):
    """What stands in the ledger of a recording; ``number`` null until its entry has one, ``checkpoint`` until one covers it."""

    segment_id: str
    number: int | None
    checkpoint: CheckpointView | None
    drifts: list[str]
    """What audits found wrong with this version and is so still."""


class MinuteView(msgspec.Struct, frozen=True):
    """A minute, ``[start_us, end_us)``, with the day of its camera, and what there is around it to be played."""

    playback: PlaybackView
    start_us: int
    end_us: int
    day: str
    day_start_us: int
    day_end_us: int
    now_us: int
    camera: CameraDay
    deleted: int
    """How many recordings of the day went on their last day."""
    proofs: list[ProofView]
    audited_us: int | None
    """When the newest finished audit of every version under retention began."""
    cases: list[CaseRef]
    """Of the camera, that touch the minute."""


@dataclass(frozen=True)
class MinuteReader:
    """Reads on behalf of one person at a time."""

    database: Database
    reader: DayReader
    playback: Playback
    references: DocketReference

    def of(self, person: Scope, site_id: str, camera_id: str, at_us: int) -> MinuteView:
        """The minute in which an instant lies. Raises NotFound."""
        found = self.playback.around(person, site_id, camera_id, at_us)
        start_us = at_us - at_us % US_PER_MINUTE
        minute = Span(start_us, start_us + US_PER_MINUTE)
        day = self.reader.day(person, site_id, day_of(start_us, found.timezone), camera_id, tells_arrivals=False)
        cases: list[CaseRef] = []
        if reach(person.role, Action.COMPLIANCE_READ):
            touching = self.references.touching(person, site_id, minute)
            cases = [one for one in touching if one.camera_id == camera_id]
        wanted = [one.segment_id for one in found.recordings if one.start_us < minute.end_us and one.end_us > start_us]
        with self.database.reading() as session:
            proofs = [_proof(session, found.site_id, segment_id) for segment_id in wanted]
            audited_us = session.scalar(
                select(AuditRound.started_us)
                .where(AuditRound.finished_us.is_not(None))
                .order_by(AuditRound.id.desc())
                .limit(1)
            )
        return MinuteView(
            playback=found,
            start_us=minute.start_us,
            end_us=minute.end_us,
            day=day.day,
            day_start_us=day.start_us,
            day_end_us=day.end_us,
            now_us=day.now_us,
            camera=day.cameras[0],
            deleted=day.deleted.recordings if day.deleted is not None else 0,
            proofs=proofs,
            audited_us=audited_us,
            cases=cases,
        )


def _proof(session: Session, site_id: str, segment_id: str) -> ProofView:
    entries = list(ledger.entries_about(session, site_id, SECURED, [segment_id]))
    entry: LedgerEntry | None = entries[-1] if entries else None
    number = entry.number if entry is not None else None
    checkpoint = None
    if number is not None:
        checkpoint = session.scalars(
            select(LedgerCheckpoint)
            .where(LedgerCheckpoint.site_id == site_id, LedgerCheckpoint.size > number)
            .order_by(LedgerCheckpoint.size)
            .limit(1)
        ).first()
    drifts = session.scalars(
        select(AuditFinding.drift).where(
            AuditFinding.site_id == site_id, AuditFinding.segment_id == segment_id, AuditFinding.settled_us.is_(None)
        )
    )
    return ProofView(
        segment_id, number, _checkpoint(checkpoint) if checkpoint is not None else None, sorted(set(drifts))
    )


def _checkpoint(row: LedgerCheckpoint) -> CheckpointView:
    signed_by = list(dict.fromkeys(one.name for one in SignedNote.parse(row.note).signatures))
    return CheckpointView(row.size, row.made_us, signed_by, row.stamped_us)
