"""The facility answers a guardian's request: no; come and look together; or masked pictures for some days.

Invariants: a yes holds the recording first, so that nothing that was promised goes on its day; masked pictures are shown after
somebody of the facility has looked them through, never before, and unmasked ones never; every look of the facility's own at the
recording is on record (I4). What cannot be masked is answered another way.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Conflict, NotFound
from config.base.timespan import Span, SpanSet
from server.domain import requests as rules
from server.domain.authorisation import Action
from server.probe.mask import still
from server.services.custody.hold_recordings import REASON_CHARS_MAX as HOLD_CHARS_MAX
from server.services.custody.hold_recordings import HoldKeeper
from server.services.notices.tell import ANSWER, News, tell_guardian
from server.services.people.ask_footage import LOOK_US, RequestView, part_of, saw_forbidden, view_of
from server.services.people.mask_footage import fetched
from server.services.people.operators import site_for
from storage.database import accesses
from storage.database import requests as stored
from storage.database.models import AccessRecord, Camera, FootageRequest, Segment
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

HOLD_REVIEW_US = 30 * US_PER_DAY
SUBJECT = "request"
Stiller = Callable[[BinaryIO, int], bytes]


@dataclass(frozen=True)
class Answer:
    """``answer``: declined, in_person or masking; ``cells``: the numbers of the fields that stay clear."""

    answer: str
    reason: str
    cells: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kept:
    """How much of what was asked for is kept, and how much of that lies in the site's own store."""

    asked_us: int
    here_us: int
    in_cell_us: int


@dataclass(frozen=True)
class AnswerDesk:
    """For the facility. Raises NotFound out of reach, PermissionDenied for who may not manage people, everywhere."""

    database: Database
    clock: Clock
    holds: HoldKeeper
    store: EvidenceStore
    stiller: Stiller = still

    def of_site(self, person: Scope, site_id: str) -> tuple[str, list[RequestView]]:
        """The site's name and all its requests, the newest first."""
        with self.database.reading() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            return site.name, [view_of(session, row, self.clock.utc_us()) for row in stored.of_site(session, site)]

    def one(self, person: Scope, site_id: str, request_id: str) -> tuple[RequestView, Kept]:
        """One request, and what there is of it."""
        with self.database.reading() as session:
            row = _of_site(session, person, site_id, request_id)
            span = Span(row.start_us, row.end_us)
            found = stored.recordings(session, row.site_id, row.camera_id, span)
            asked = SpanSet.of((span.start_us, span.end_us))
            here, cell = (
                SpanSet((one.start_us, one.end_us) for one, in_cell in found if in_cell is there) & asked
                for there in (False, True)
            )
            kept = Kept(span.duration_us, _length(here), _length(cell))
            return view_of(session, row, self.clock.utc_us()), kept

    def answer(self, person: Scope, site_id: str, request_id: str, answer: Answer) -> None:
        """Raises InvalidInput for an answer that is none, Conflict where it is answered."""
        cells = rules.cells_of(answer.cells) if answer.answer == rules.State.MASKING else ""
        with self.database.reading() as session:
            row = _of_site(session, person, site_id, request_id)
            rules.check_answer(row.state, answer.answer, answer.reason)
            needs_hold = answer.answer != rules.State.DECLINED and row.hold_id is None
        hold_id = self._hold(row, person) if needs_hold else row.hold_id
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            row = _of_site(session, person, site_id, request_id, lock=True)
            rules.check_answer(row.state, answer.answer, answer.reason)
            stored.drop_parts(session, row.id)
            row.state, row.reason, row.cells = answer.answer, answer.reason.strip(), cells
            row.answered_us, row.answered_by = now_us, person.account_name
            row.hold_id, row.made_us, row.fault = hold_id, None, ""
            if answer.answer != rules.State.MASKING:
                self._tell(session, row, "answer", now_us)

    def release(self, person: Scope, site_id: str, request_id: str) -> None:
        """What was looked through is shown to its guardian, for some days.

        Raises Conflict where nothing is ready, or nobody has looked at these pictures yet (``not_looked``).
        """
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            row = _of_site(session, person, site_id, request_id, lock=True)
            if row.state != rules.State.READY:
                raise Conflict("there are no masked pictures to release", code="not_ready")
            if not _looked_at(session, row, "playback", row.made_us or now_us):
                raise Conflict("look the pictures through first", code="not_looked")
            row.state, row.released_us, row.released_by = rules.State.SHOWN, now_us, person.account_name
            row.until_us = now_us + rules.SHOWN_US
            self._tell(session, row, "shown", now_us)

    def still(self, person: Scope, site_id: str, request_id: str, source: str) -> bytes:
        """The first picture of the recording, not masked, for who chooses the fields; on record before its first byte.

        Raises NotFound, InvalidInput, Unavailable.
        """
        with self.database.reading() as session:
            row = _of_site(session, person, site_id, request_id)
            segment = _first_here(session, row)
        self._put_on_record(row, person, "still", segment, source)
        with tempfile.TemporaryFile() as file:
            fetched(self.store, segment, file)
            return self.stiller(file, max(0, row.start_us - segment.start_us))

    def part(self, person: Scope, site_id: str, request_id: str, number: int, source: str) -> tuple[bytes, str]:
        """Masked pictures, for the facility to look through; on record."""
        with self.database.reading() as session:
            row = _of_site(session, person, site_id, request_id)
            if row.state != rules.State.READY:
                raise NotFound("nothing to look through")
            found = part_of(session, row, number)
        self._put_on_record(row, person, "playback", None, source)
        return found

    def _hold(self, row: FootageRequest, person: Scope) -> str:
        now_us = self.clock.utc_us()
        reason = f"a guardian asked to see it: request {row.id[:8]}"[:HOLD_CHARS_MAX]
        span = Span(row.start_us, row.end_us)
        return self.holds.place(
            row.site_id, row.camera_id, span, reason, person.account_name, now_us + HOLD_REVIEW_US
        ).id

    def _tell(self, session: Session, row: FootageRequest, about: str, now_us: int) -> None:
        news = News(f"{row.id}:{about}:{now_us}", row.site_id, ANSWER, about, f"/my/requests/{row.id}", now_us)
        tell_guardian(session, row.guardian_id, news)

    def _put_on_record(
        self, row: FootageRequest, person: Scope, what: accesses.What, segment: Segment | None, source: str
    ) -> None:
        start_us, end_us = (segment.start_us, segment.end_us) if segment is not None else (row.start_us, row.end_us)
        access = accesses.Access(
            site_id=row.site_id,
            camera_id=row.camera_id,
            account=person.account_name,
            what=what,
            span=Span(start_us, end_us),
            subject=SUBJECT,
            subject_id=_looked_id(row, what),
            reason=f"request {row.id[:8]}",
            source=source,
        )
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            # Once a look: a player asks for many ranges of the same. Pictures that were made anew are another.
            since_us = max(now_us - LOOK_US, row.made_us or 0) if what == "playback" else now_us - LOOK_US
            if not _looked_at(session, row, what, since_us, person.account_name):
                accesses.record(session, access, now_us)


def _of_site(session: Session, person: Scope, site_id: str, request_id: str, *, lock: bool = False) -> FootageRequest:
    site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
    known = request_id.isalnum() and len(request_id) == 32
    row = session.get(FootageRequest, request_id, with_for_update=lock) if known else None
    if row is None or row.site_id != site.id:
        raise NotFound("no such request")
    return row


def _looked_id(row: FootageRequest, what: str) -> str:
    return f"{row.id} {what}"


def _looked_at(session: Session, row: FootageRequest, what: str, since_us: int, account_name: str = "") -> bool:
    """Whether it is on record since then, of one account or of anybody at the facility."""
    there = select(AccessRecord.id).where(
        AccessRecord.site_id == row.site_id,
        AccessRecord.at_us >= since_us,
        AccessRecord.subject == SUBJECT,
        AccessRecord.subject_id == _looked_id(row, what),
    )
    if account_name:
        there = there.where(AccessRecord.account_name == account_name)
    return session.scalar(there.limit(1)) is not None


def _length(spans: SpanSet) -> int:
    return sum(span.duration_us for span in spans)


def _first_here(session: Session, row: FootageRequest) -> Segment:
    camera = session.get(Camera, row.camera_id)
    if camera is None or saw_forbidden(session, camera, row):
        raise NotFound("no such camera")
    found = stored.recordings(session, row.site_id, row.camera_id, Span(row.start_us, row.end_us))
    segment = next((one for one, in_cell in found if not in_cell and one.object_key and one.version_id), None)
    if segment is None:
        raise NotFound("the store at the centre has no recording of that time")
    return segment
