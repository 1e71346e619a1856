"""The credit files of a site and of its staff: entries by the authority, objections by the facility, decisions by somebody else.

Invariants: an entry is never changed; what an upheld objection strikes stays in the file, struck. Nobody decides on an
objection to an entry of their own. A ban for life is an entry too: it stands until an objection to it is upheld, whatever the
register says meanwhile. The card is worked out from the entries each time (``server.domain.credit``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain.credit import FORMULA, POINTS_MAX, Aspect, CreditEntry, card
from server.domain.verdict import day_of
from storage.database import scope as scoping
from storage.database import supervision
from storage.database.models import CreditEntryRow, CreditObjection, Site, Staff
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

BAN = "ban"
KINDS = frozenset({"inspection", "rectification", "complaint", "award", "penalty", "other", BAN})
TOLD_CHARS_MAX = 400
SOURCE_CHARS_MAX = 200

log = get_logger("credit")


class EntryOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``day``: when it happened, ISO 8601; ``source``: number of the record that says so; ``staff_id``: whom else it is about."""

    aspect: str
    points: int
    day: str
    kind: str
    told: str
    source: str
    staff_id: str | None = None


class ObjectionView(msgspec.Struct, frozen=True):
    """``upheld`` None until it is decided."""

    id: str
    told: str
    raised_us: int
    raised_by: str
    upheld: bool | None
    answer: str | None
    decided_us: int | None
    decided_by: str | None


class EntryView(msgspec.Struct, frozen=True):
    """``counts``: today, by the formula; ``struck``: an objection was upheld."""

    id: str
    aspect: str
    points: int
    day: str
    kind: str
    told: str
    source: str
    staff_id: str | None
    entered_us: int
    entered_by: str
    counts: bool
    struck: bool
    objections: list[ObjectionView]


class StaffCard(msgspec.Struct, frozen=True):
    """Somebody of the staff. ``banned``: for life, by the register or by an entry that stands."""

    staff_id: str
    name: str
    role: str
    left_on: str | None
    banned: bool
    entries: int


class CreditFileView(msgspec.Struct, frozen=True):
    """A credit file on a day. ``tenths``: the whole in tenths of a point; ``stars`` None where nothing is known."""

    site_id: str
    name: str
    timezone: str
    formula: str
    day: str
    scores: dict[str, int]
    tenths: int
    stars: int | None
    entries: list[EntryView]
    staff: list[StaffCard]
    """Everybody; of a member's own file that one alone."""
    staff_id: str | None = None
    """Whose file it is; None: the site's."""


@dataclass(frozen=True)
class CreditDesk:
    """Acts on behalf of one person at a time; their action was checked before, their reach is checked here."""

    database: Database
    clock: Clock

    def of_site(self, person: Scope, site_id: str) -> CreditFileView:
        """Raises NotFound."""
        with self.database.reading() as session:
            return self.view(session, _site(session, person, site_id))

    def of_staff(self, person: Scope, site_id: str, staff_id: str) -> CreditFileView:
        """The file of one of the staff. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            if not is_slug(staff_id) or session.get(Staff, (site.id, staff_id)) is None:
                raise NotFound("no such member of the staff")
            return self.view(session, site, staff_id)

    def view(self, session: Session, site: Site, staff_id: str | None = None) -> CreditFileView:
        """The file as it stands today."""
        today = day_of(self.clock.utc_us(), site.timezone)
        every = supervision.credit_entries(session, site.id)
        rows = [row for row in every if staff_id is None or row.staff_id == staff_id]
        objections = supervision.objections_to(session, [row.id for row in rows])
        struck = {entry_id for entry_id, told in objections.items() if any(one.upheld for one in told)}
        found = card((_entry(row) for row in rows), struck, today)
        return CreditFileView(
            site.id,
            site.name,
            site.timezone,
            FORMULA,
            today.isoformat(),
            {aspect.value: score for aspect, score in found.scores.items()},
            found.tenths,
            found.stars,
            [
                EntryView(
                    row.id,
                    row.aspect,
                    row.points,
                    row.day,
                    row.kind,
                    row.told,
                    row.source,
                    row.staff_id,
                    row.entered_us,
                    row.entered_by,
                    row.id in found.counted,
                    row.id in struck,
                    [_objection(one) for one in objections.get(row.id, [])],
                )
                for row in rows
            ],
            _staff(session, site.id, staff_id, every),
            staff_id,
        )

    def enter(self, person: Scope, site_id: str, order: EntryOrder) -> str:
        """Adds an entry; its id. Raises NotFound, InvalidInput."""
        day = _checked(order)
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            if day > day_of(self.clock.utc_us(), site.timezone):
                raise InvalidInput("what an entry tells of has happened", code="bad_day")
            if order.staff_id is not None and (
                not is_slug(order.staff_id) or session.get(Staff, (site.id, order.staff_id)) is None
            ):
                raise NotFound("no such member of the staff")
            row = CreditEntryRow(
                id=fresh_id(),
                site_id=site.id,
                staff_id=order.staff_id,
                aspect=order.aspect,
                points=order.points,
                day=day.isoformat(),
                kind=order.kind,
                told=order.told.strip(),
                source=order.source.strip(),
                entered_us=self.clock.utc_us(),
                entered_by=person.account_name,
            )
            session.add(row)
        log.info("credit_entered", site=site_id, entry=row.id, aspect=order.aspect, points=order.points)
        return row.id

    def object_to(self, person: Scope, site_id: str, entry_id: str, told: str) -> None:
        """Raises an objection. Raises NotFound, InvalidInput; Conflict while another is open or where one was upheld."""
        _check_text(told, TOLD_CHARS_MAX, "no_reason")
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            row = session.get(CreditEntryRow, entry_id, with_for_update=True) if is_slug(entry_id) else None
            if row is None or row.site_id != site.id:
                raise NotFound("no such entry")
            if any(one.upheld is not False for one in supervision.objections_to(session, [entry_id]).get(entry_id, [])):
                raise Conflict("there is an objection to this entry already", code="objected_already")
            session.add(
                CreditObjection(
                    id=fresh_id(),
                    entry_id=entry_id,
                    told=told.strip(),
                    raised_us=self.clock.utc_us(),
                    raised_by=person.account_name,
                )
            )

    def decide(self, person: Scope, site_id: str, objection_id: str, *, upheld: bool, answer: str) -> None:
        """Raises NotFound, InvalidInput; Conflict where it is decided; PermissionDenied to whoever made entry or objection."""
        _check_text(answer, TOLD_CHARS_MAX, "no_reason")
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            row = session.get(CreditObjection, objection_id, with_for_update=True) if is_slug(objection_id) else None
            entry = session.get(CreditEntryRow, row.entry_id) if row is not None else None
            if row is None or entry is None or entry.site_id != site.id:
                raise NotFound("no such objection")
            if row.upheld is not None:
                raise Conflict("this objection has been decided", code="decided_already")
            if person.account_name in {entry.entered_by, row.raised_by}:
                raise PermissionDenied("somebody else has to decide on it", code="second_person_needed")
            row.upheld, row.answer = upheld, answer.strip()
            row.decided_us, row.decided_by = self.clock.utc_us(), person.account_name
        log.info("objection_decided", site=site_id, objection=objection_id, upheld=upheld)


def _checked(order: EntryOrder) -> date:
    _check_text(order.told, TOLD_CHARS_MAX, "no_reason")
    _check_text(order.source, SOURCE_CHARS_MAX, "no_source")
    if order.aspect not in set(Aspect) or order.kind not in KINDS:
        raise InvalidInput("an entry names one of the eight S and a kind", code="bad_kind")
    if order.kind == BAN and (order.staff_id is None or order.points >= 0):
        raise InvalidInput("a ban is of one of the staff, and takes points", code="bad_ban")
    if not -POINTS_MAX <= order.points <= POINTS_MAX:
        raise InvalidInput(f"an entry has -{POINTS_MAX} to {POINTS_MAX} points", code="bad_points")
    try:
        return date.fromisoformat(order.day)
    except ValueError as error:
        raise InvalidInput("write a day as 2026-11-22", code="bad_day") from error


def _staff(session: Session, site_id: str, staff_id: str | None, rows: Sequence[CreditEntryRow]) -> list[StaffCard]:
    query = select(Staff).where(Staff.site_id == site_id).order_by(Staff.left_on.is_not(None), Staff.id)
    if staff_id is not None:
        query = query.where(Staff.id == staff_id)
    banned = supervision.banned_staff(session, site_id)
    counts = Counter(row.staff_id for row in rows)
    return [
        StaffCard(one.id, one.name, one.role, one.left_on, one.banned or one.id in banned, counts[one.id])
        for one in session.scalars(query)
    ]


def _check_text(text: str, chars_max: int, code: str) -> None:
    if not text.strip() or len(text) > chars_max or not text.isprintable():
        raise InvalidInput(f"say it in 1 to {chars_max} printable characters", code=code)


def _entry(row: CreditEntryRow) -> CreditEntry:
    return CreditEntry(row.id, Aspect(row.aspect), row.points, date.fromisoformat(row.day))


def _objection(row: CreditObjection) -> ObjectionView:
    return ObjectionView(
        row.id,
        row.told,
        row.raised_us,
        row.raised_by,
        row.upheld,
        row.answer,
        row.decided_us,
        row.decided_by,
    )


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)
