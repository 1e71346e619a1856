"""Brings one recording from a site's own store to the centre, because somebody asked to see it.

Invariants: whoever asks is within reach (I7), gives a reason, and stands on the access record before anything is sent; what
comes is read back by version and is the manifest's bytes or nothing; it stays a day, in a place of its own, and is no
evidence of coverage. What nobody brings in time is not verified, and what is not brought does not count, until it comes (I1).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, Clock
from config.base.errors import (
    Conflict,
    IntegrityViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from config.base.timespan import Span
from config.wire.cells import CellFetch, CellFetched
from server.domain.audit import Drift
from server.domain.cells import ANSWER_US
from server.services.cells.answer_cell import authentic, make_good, went_as_ordered, withdraw
from server.services.cells.cell_doors import CellDoors
from server.services.cells.challenge_cells import ALIVE_US, unanswered
from storage.database import accesses, cells
from storage.database import scope as scoping
from storage.database.models import CellCopy, CellFetchRow, Segment
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from storage.objects.keys import FETCHED_PREFIX
from storage.objects.port import EvidenceStore
from storage.objects.tickets import TicketOffice

BRING_US = ANSWER_US
"""As a challenge: twenty recordings may stand before it on a thin line."""
AGAIN_OVERDUE_US = 60 * US_PER_MINUTE
KEEP_ASKING_US = 7 * US_PER_DAY
"""So long a recording that did not come is asked for again by itself; after that somebody has to ask."""
STAY_US = US_PER_DAY
AGAIN_US = 90 * US_PER_S
PUT_S = 600
OPEN_MAX = 20
"""Of one site: recordings are brought over the line that uploads nothing else."""
AT_ONCE_MAX = 10
REASON_CHARS_MAX = 200
HERE, OVERDUE, GONE = "here", "overdue", "gone"
ENDED = (HERE, GONE)

log = get_logger("cells")


class FetchView(msgspec.Struct, frozen=True):
    """One recording that somebody asked for; ``outcome`` null while it is on its way."""

    fetch_id: str
    camera_id: str
    segment_id: str
    start_us: int
    end_us: int
    asked_by: str
    reason: str
    asked_us: int
    expires_us: int
    outcome: str | None


@dataclass(frozen=True)
class CellFetcher:
    """``office`` and ``store`` are those of the centre."""

    database: Database
    clock: Clock
    doors: CellDoors
    office: TicketOffice
    store: EvidenceStore
    backfilled_after_us: int

    def ask(self, scope: Scope, site_id: str, camera_id: str, at_us: int, reason: str, source: str) -> FetchView:
        """Asks for the recording of one instant. Raises NotFound, InvalidInput, ResourceExhausted."""
        if not reason.strip() or len(reason) > REASON_CHARS_MAX:
            raise InvalidInput(f"a fetch needs a reason, of {REASON_CHARS_MAX} characters at most", code="no_reason")
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            if not is_slug(camera_id) or camera_id not in _cameras(session, scope, site_id):
                raise NotFound(f"no camera {camera_id} at {site_id}")
            segment = self._segment_at(session, camera_id, at_us)
            row = self._new(session, segment, scope, reason, now_us)
            accesses.record(
                session,
                accesses.Access(
                    site_id=site_id,
                    camera_id=camera_id,
                    account=scope.account_name,
                    what="playback",
                    span=Span(segment.start_us, segment.end_us),
                    subject="cell_fetch",
                    subject_id=row.id,
                    reason=reason,
                    source=source,
                ),
                now_us,
            )
            return _view(row, segment)

    def newest(self, scope: Scope, site_id: str, limit: int = OPEN_MAX) -> list[FetchView]:
        """What was asked for last at a site. Raises NotFound."""
        with self.database.reading() as session:
            cameras = _cameras(session, scope, site_id)
            query = select(CellFetchRow).where(CellFetchRow.site_id == site_id, CellFetchRow.camera_id.in_(cameras))
            rows = session.scalars(query.order_by(CellFetchRow.asked_us.desc()).limit(limit))
            return [_view(row, session.get_one(Segment, row.segment_id)) for row in rows]

    def recording(self, scope: Scope, site_id: str, fetch_id: str) -> Iterator[bytes]:
        """The bytes of a recording that is here, for whoever asked for it: every look has a person and a reason on record.

        Raises NotFound; Conflict where it is not here (any more), or another person has asked for it.
        """
        with self.database.reading() as session:
            cameras = _cameras(session, scope, site_id)
            row = session.get(CellFetchRow, fetch_id) if fetch_id.isalnum() else None
        if row is None or row.site_id != site_id or row.camera_id not in cameras:
            raise NotFound("no such fetch")
        if row.asked_by != scope.account_name:
            raise Conflict(
                "another person asked for this recording: ask for it with a reason of your own", code="not_here"
            )
        if row.outcome != HERE or row.version_id is None:
            raise Conflict("the recording is not here, or no longer: ask for it again", code="not_here")
        return self.store.chunks(_key(row), row.version_id)

    def due(self) -> list[msgspec.Struct]:
        """What agents are to be asked for now. Raises Unavailable."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            waits = session.scalar(select(func.count()).where(CellFetchRow.due_us <= now_us)) or 0
        if not waits:
            return []
        with self.database.unit_of_work() as session:
            self._end_overdue(session, now_us)
            rows = cells.take_fetches(session, now_us, now_us + AGAIN_US, AT_ONCE_MAX)
            for row in rows:
                if row.outcome is not None:
                    row.due_us = _next_try_us(row, now_us)
            return [message for row in rows if (message := self._message(session, row)) is not None]

    def fetched(self, sealed: bytes) -> None:
        """Takes a CellFetched in, and reads back what it speaks of.

        Raises as ``authentic``, and Unavailable where the store does not answer: the agent is asked again.
        """
        said = authentic(self.database, sealed, CellFetched)
        with self.database.reading() as session:
            row = session.get(CellFetchRow, said.fetch_id)
            segment = session.get_one(Segment, row.segment_id) if row is not None else None
        if row is None or segment is None or row.agent_id != said.agent_id:
            raise NotFound("no such fetch")
        if row.outcome in ENDED:
            return
        outcome = self._read_back(row, segment, said)
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            found = session.get_one(CellFetchRow, row.id, with_for_update=True)
            if found.outcome in ENDED:
                return
            found.outcome, found.version_id = outcome, said.version_id
            found.due_us = None if outcome == HERE else _next_try_us(found, now_us)
            found.expires_us = now_us + STAY_US
            session.flush()
            copy, of = session.get_one(CellCopy, segment.id), session.get_one(Segment, segment.id)
            if outcome != HERE and went_as_ordered(session, copy, Drift(outcome), now_us):
                found.outcome, found.due_us = GONE, None
            elif outcome == HERE:
                make_good(session, of, copy, now_us, self.backfilled_after_us)
            else:  # it swore to have brought what is not there, or says itself that it has it no more
                withdraw(session, of, copy, Drift(outcome), "not brought when somebody asked for it", now_us)
        log.info("recording_fetched", camera=segment.camera_id, segment=segment.id, outcome=outcome)

    def _end_overdue(self, session: Session, now_us: int) -> None:
        """Nobody brought it: its time does not count until it comes, and it is asked for again now and then."""
        for row in cells.overdue_fetches(session, now_us, AT_ONCE_MAX):
            segment, copy = session.get_one(Segment, row.segment_id), session.get_one(CellCopy, row.segment_id)
            if copy.gone_us is not None:
                row.outcome, row.due_us = GONE, None  # meanwhile, after its last day
                continue
            row.outcome, row.due_us = OVERDUE, _next_try_us(row, now_us)
            log.error("fetch_overdue", camera=row.camera_id, segment=row.segment_id)
            unanswered(session, segment, copy)

    def _segment_at(self, session: Session, camera_id: str, at_us: int) -> Segment:
        query = (
            select(Segment)
            .join(CellCopy, CellCopy.segment_id == Segment.id)
            .where(Segment.camera_id == camera_id, Segment.end_us > at_us, Segment.start_us <= at_us)
            .where(CellCopy.state.not_in((cells.CLAIMED, cells.REFUSED)), CellCopy.gone_us.is_(None))
            .order_by(Segment.secured_us.is_(None), Segment.start_us.desc())
        )
        found = session.scalars(query.limit(1)).first()
        if found is None:
            raise NotFound("the site's own store has no recording of that instant")
        return found

    def _new(self, session: Session, segment: Segment, scope: Scope, reason: str, now_us: int) -> CellFetchRow:
        waits = select(func.count()).where(CellFetchRow.site_id == segment.site_id, CellFetchRow.outcome.is_(None))
        if (session.scalar(waits) or 0) >= OPEN_MAX:
            raise ResourceExhausted(f"{OPEN_MAX} recordings are on their way already: wait for them")
        row = CellFetchRow(
            id=fresh_id(),
            site_id=segment.site_id,
            agent_id=cells.answerer(session, segment.agent_id, now_us - ALIVE_US) or segment.agent_id,
            camera_id=segment.camera_id,
            segment_id=segment.id,
            asked_by=scope.account_name,
            reason=reason,
            asked_us=now_us,
            due_us=now_us,
            expires_us=now_us + BRING_US,
        )
        session.add(row)
        session.flush()
        return row

    def _message(self, session: Session, row: CellFetchRow) -> CellFetch | None:
        access = self.doors.access(session, row.site_id)
        if access is None:
            return None
        segment, copy = session.get_one(Segment, row.segment_id), session.get_one(CellCopy, row.segment_id)
        put = self.office.mint(
            _key(row), segment.sha256, segment.size_bytes, self.clock.utc_us() + STAY_US, expires_s=PUT_S
        )
        return CellFetch(
            message_id=fresh_id(),
            site_id=row.site_id,
            agent_id=row.agent_id,
            fetch_id=row.id,
            segment_id=row.segment_id,
            version_id=copy.version_id,
            size_bytes=segment.size_bytes,
            url=self.doors.leave_to_read(access, copy.object_key, copy.version_id),
            put_url=put.url,
            put_headers=put.headers,
        )

    def _read_back(self, row: CellFetchRow, segment: Segment, said: CellFetched) -> str:
        if said.outcome == "missing" or said.version_id is None:
            return Drift.OBJECT_MISSING.value
        try:
            found = self.store.stat_version(_key(row), said.version_id)
        except (NotFound, InvalidInput, IntegrityViolation):
            return Drift.OBJECT_MISSING.value
        whole = (found.size_bytes, found.sha256) == (segment.size_bytes, segment.sha256)
        return HERE if whole else Drift.OBJECT_CORRUPT.value


def sweep_fetched(database: Database, store: EvidenceStore, clock: Clock) -> None:
    """Takes away what has been here for its day, a few at a time. Raises Unavailable."""
    now_us = clock.utc_us()
    with database.reading() as session:
        query = select(CellFetchRow).where(CellFetchRow.outcome == HERE, CellFetchRow.expires_us <= now_us)
        over = list(session.scalars(query.limit(AT_ONCE_MAX)))
    for row in over:
        try:
            store.delete_version(_key(row), row.version_id or "")
        except PermissionDenied:
            continue  # locked by a second still: the next sweep comes by
        except NotFound:
            log.warning("fetched_recording_was_gone", fetch=row.id)
        with database.unit_of_work() as session:
            session.get_one(CellFetchRow, row.id).outcome = GONE


def _cameras(session: Session, scope: Scope, site_id: str) -> list[str]:
    if not is_slug(site_id):
        raise NotFound("no such site")
    scoping.site_in_reach(session, scope, site_id)
    return [camera.id for camera in scoping.cameras_in_reach(session, scope, site_id)]


def _next_try_us(row: CellFetchRow, now_us: int) -> int | None:
    again_us = now_us + AGAIN_OVERDUE_US
    return again_us if again_us < row.asked_us + KEEP_ASKING_US else None


def brought_between(
    session: Session, camera_id: str, window: Span, now_us: int, limit: int
) -> dict[str, tuple[str, str]]:
    """Recordings of a camera that count, lie in its site's own store and are here: by id, where (key and version)."""
    found = cells.brought(session, camera_id, window, now_us, limit)
    return {row.segment_id: (_key(row), row.version_id or "") for row in found}


def _key(row: CellFetchRow) -> str:
    return f"{FETCHED_PREFIX}{row.site_id}/{row.id}.mp4"


def _view(row: CellFetchRow, segment: Segment) -> FetchView:
    return FetchView(
        fetch_id=row.id,
        camera_id=row.camera_id,
        segment_id=row.segment_id,
        start_us=segment.start_us,
        end_us=segment.end_us,
        asked_by=row.asked_by,
        reason=row.reason,
        asked_us=row.asked_us,
        expires_us=row.expires_us,
        outcome=row.outcome,
    )
