"""Complaints about a site: a case number, a day by which it is answered, the answer, and footage that is kept for it.

Invariants: a case number is given once and never changed; what was complained of and what was answered are not changed
either. Nothing of whoever complains is written down beyond what they say themselves.
Source: rules of several places ask for a channel with a case number and an answer (Yongan, part 5); the days are ours.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import is_slug
from config.base.logs import get_logger
from config.base.timespan import Span
from server.domain.verdict import day_of
from server.services.custody.hold_recordings import HoldKeeper
from storage.database import complaints
from storage.database import scope as scoping
from storage.database.models import Complaint, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

TEXT_CHARS_MAX = 2_000
A_DAY_MAX = 9_999
NUMBER = re.compile(r"T[0-9]{8}-[0-9]{4}")
SHOWN_MAX = 200
TRIES = 5
"""For a number, where sites receive complaints at the same moment."""

log = get_logger("complaints")


class ComplaintView(msgspec.Struct, frozen=True):
    """``overdue``: the day has passed without an answer, or the answer came after it."""

    number: str
    told: str
    by_phone: bool
    received_us: int
    received_by: str
    due_us: int
    overdue: bool
    hold_id: str | None
    answer: str | None
    answered_us: int | None
    answered_by: str | None


class SiteComplaints(msgspec.Struct, frozen=True):
    """The newest complaints of a site; ``cameras``: (id, name)."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    cameras: list[tuple[str, str]]
    complaints: list[ComplaintView]


@dataclass(frozen=True)
class ComplaintDesk:
    """Acts on behalf of one person at a time; their action was checked before, their reach is checked here."""

    database: Database
    clock: Clock
    holds: HoldKeeper
    answer_days: float

    def of_site(self, person: Scope, site_id: str) -> SiteComplaints:
        """Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            return SiteComplaints(
                site.id,
                site.name,
                site.timezone,
                now_us,
                [(camera.id, camera.name) for camera in scoping.cameras_in_reach(session, person, site.id)],
                [_view(row, now_us) for row in complaints.of_site(session, site.id, SHOWN_MAX)],
            )

    def receive(self, person: Scope, site_id: str, told: str, *, by_phone: bool) -> str:
        """The case number. Raises NotFound, InvalidInput; Conflict where there is no number left of the day."""
        told = _text(told)
        for attempt in range(TRIES):
            try:
                return self._receive(person, site_id, told, by_phone=by_phone)
            except Conflict as error:  # another site took the number in between
                if attempt == TRIES - 1 or error.code == "no_number_left":
                    raise
        raise AssertionError("unreachable")

    def answer(self, person: Scope, site_id: str, number: str, answer: str) -> None:
        """Once. Raises NotFound, InvalidInput, Conflict."""
        answer = _text(answer)
        with self.database.unit_of_work() as session:
            row = _complaint(session, _site(session, person, site_id), number)
            if row.answer is not None:
                raise Conflict("this complaint has been answered", code="answered_already")
            row.answer, row.answered_us, row.answered_by = answer, self.clock.utc_us(), person.account_name
        log.info("complaint_answered", site=site_id, complaint=number)

    def hold(self, person: Scope, site_id: str, number: str, camera_id: str | None, span: Span, review_us: int) -> None:
        """Keeps footage for a complaint, once; no camera is every one of the site.

        A hold that was placed and not linked, because the process ended in between, names the case in its reason. Raises
        NotFound, InvalidInput, Conflict.
        """
        if camera_id is not None and not is_slug(camera_id):
            raise NotFound("no such camera")
        with self.database.reading() as session:
            row = _complaint(session, _site(session, person, site_id), number)
            if row.hold_id is not None:
                raise Conflict("footage is held for this complaint already", code="held_already")
        held = self.holds.place(site_id, camera_id, span, f"complaint {number}", person.account_name, review_us)
        with self.database.unit_of_work() as session:
            row = _complaint(session, _site(session, person, site_id), number)
            if row.hold_id is not None:
                raise Conflict("footage is held for this complaint already", code="held_already")
            row.hold_id = held.id
        log.info("complaint_footage_held", site=site_id, complaint=number, hold=held.id)

    def _receive(self, person: Scope, site_id: str, told: str, *, by_phone: bool) -> str:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            prefix = f"T{day_of(now_us, site.timezone):%Y%m%d}-"
            last = complaints.last_number(session, prefix)
            count = int(last.removeprefix(prefix)) + 1 if last is not None else 1
            if count > A_DAY_MAX:
                raise Conflict("there is no case number left of this day", code="no_number_left")
            row = Complaint(
                number=f"{prefix}{count:04d}",
                site_id=site.id,
                told=told,
                by_phone=by_phone,
                received_us=now_us,
                received_by=person.account_name,
                due_us=now_us + timedelta(days=self.answer_days) // timedelta(microseconds=1),
            )
            session.add(row)
        log.info("complaint_received", site=site_id, complaint=row.number)
        return row.number


def _text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > TEXT_CHARS_MAX or not text.replace("\n", "").isprintable():
        raise InvalidInput(f"say it in 1 to {TEXT_CHARS_MAX} printable characters", code="no_reason")
    return text


def _complaint(session: Session, site: Site, number: str) -> Complaint:
    row = session.get(Complaint, number, with_for_update=True) if NUMBER.fullmatch(number) else None
    if row is None or row.site_id != site.id:
        raise NotFound("no such complaint")
    return row


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)


def _view(row: Complaint, now_us: int) -> ComplaintView:
    return ComplaintView(
        row.number,
        row.told,
        row.by_phone,
        row.received_us,
        row.received_by,
        row.due_us,
        (row.answered_us or now_us) > row.due_us,
        row.hold_id,
        row.answer,
        row.answered_us,
        row.answered_by,
    )
