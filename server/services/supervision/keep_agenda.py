"""The calendar that authorities and facilities share: joint meetings, drills, tests of equipment and filings, done and coming.

Invariants: an event is closed once, with its minutes or with the reason why it does not take place; what was done at a site
becomes a record of its register in the same transaction. Duties of the packs are worked out each time and stand in no table.
A facility sees what its authority calls for in its region, and nothing of other sites (I7).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain.registers.words import SITE_RECORDS
from server.domain.verdict import day_of
from server.services.compliance.rule_books import book_of
from server.services.supervision.count_region import TIMEZONE
from server.services.supervision.duties import Duty, duties_of, within
from server.services.supervision.reach import check_region, has_region, own_region
from storage.database import agenda
from storage.database import scope as scoping
from storage.database.models import AgendaEvent, DatedRecord, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

MEETING, TRAINING, OTHER = "meeting", "training", "other"
RECORDED = ("fire_drill", "alarm_equipment_test", "yearly_inspection", "police_filing", "health_filing")
KINDS = (MEETING, *RECORDED, TRAINING, OTHER)
TOLD_CHARS_MAX = 400
MINUTES_CHARS_MAX = 4_000
AHEAD = timedelta(days=60)
AHEAD_MAX = timedelta(days=730)
BACK = timedelta(days=365)
SITES_MAX = 5_000
SHOWN_MAX = 300

log = get_logger("agenda")


class EventOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``kind``: one of ``KINDS``; ``day``: ISO 8601; ``region``: a path, empty for a site's own."""

    kind: str
    day: str
    told: str
    region: str = ""


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``minutes``: what was done and where the evidence is, or why it does not take place; ``done_on`` empty: it does not."""

    minutes: str
    done_on: str = ""


class EventView(msgspec.Struct, frozen=True):
    """``state``: coming, overdue, done or cancelled; ``site_id`` None: of a whole region; ``may_close``: by whoever reads."""

    id: str
    kind: str
    day: str
    told: str
    region: str
    site_id: str | None
    site_name: str
    made_by: str
    state: str
    done_on: str | None
    minutes: str
    closed_by: str | None
    may_close: bool


class AgendaView(msgspec.Struct, frozen=True):
    """``duties``: within sixty days, overdue, or without any record; ``cut``: there are more.

    ``without_pack``: sites of which no rules are known here, nor what is due by them.
    """

    today: str
    region: str
    site_id: str | None
    site_name: str
    events: list[EventView]
    duties: list[Duty]
    names: dict[str, str]
    cut: bool
    without_pack: int


@dataclass(frozen=True)
class AgendaDesk:
    """Acts on behalf of one person at a time."""

    database: Database
    clock: Clock

    def of_region(self, person: Scope) -> AgendaView:
        """What an authority has before it. Raises NotFound for whoever has no region."""
        region = own_region(person)
        check_region(person, region)
        now_us = self.clock.utc_us()
        today = day_of(now_us, TIMEZONE)
        with self.database.reading() as session:
            sites = list(session.scalars(scoping.visible_sites(person).limit(SITES_MAX)))
            events = agenda.of_region(
                session, region, [site.id for site in sites], (today - BACK).isoformat(), SHOWN_MAX
            )
            duties = within(duties_of(session, sites, now_us), today + AHEAD)
            return self._view(person, today, region, None, events, duties, sites)

    def of_site(self, person: Scope, site_id: str) -> AgendaView:
        """What a facility has before it. Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            today = day_of(now_us, site.timezone)
            events = agenda.of_site(session, site, (today - BACK).isoformat(), SHOWN_MAX)
            duties = within(duties_of(session, [site], now_us), today + AHEAD)
            return self._view(person, today, site.region, site, events, duties, [site])

    def add(self, person: Scope, site_id: str | None, order: EventOrder) -> str:
        """An event of a site or, where ``site_id`` is None, of a region; its id. Raises NotFound, InvalidInput."""
        day = _day(order.day)
        if order.kind not in KINDS:
            raise InvalidInput("there is no such kind of event", code="bad_kind")
        _check_text(order.told, TOLD_CHARS_MAX)
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id) if site_id is not None else None
            if site is None:
                check_region(person, order.region)
            today = day_of(now_us, site.timezone if site is not None else TIMEZONE)
            if not today <= day <= today + AHEAD_MAX:
                raise InvalidInput("an event is of today or to come, within two years", code="bad_day")
            row = AgendaEvent(
                id=fresh_id(),
                region=site.region if site is not None else order.region,
                site_id=site.id if site is not None else None,
                kind=order.kind,
                day=day.isoformat(),
                told=order.told.strip(),
                made_us=now_us,
                made_by=person.account_name,
            )
            session.add(row)
        log.info("agenda_event_added", number=row.id, kind=row.kind, site=site_id)
        return row.id

    def close(self, person: Scope, site_id: str | None, event_id: str, closing: Closing) -> None:
        """With its minutes, or with why it does not take place. Raises NotFound, InvalidInput, Conflict."""
        _check_text(closing.minutes, MINUTES_CHARS_MAX, lines=True)
        done = _day(closing.done_on) if closing.done_on else None
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            row = session.get(AgendaEvent, event_id, with_for_update=True) if is_slug(event_id) else None
            site = _site(session, person, site_id) if site_id is not None else None
            if row is None or row.site_id != (site.id if site is not None else None):
                raise NotFound("no such event")
            if site is None:
                check_region(person, row.region)
            if row.closed_us is not None:
                raise Conflict("it is closed already", code="closed_already")
            if done is not None and done > day_of(now_us, site.timezone if site is not None else TIMEZONE):
                raise InvalidInput("what is done was done by today", code="bad_day")
            row.minutes, row.closed_us, row.closed_by = closing.minutes.strip(), now_us, person.account_name
            row.done_on = done.isoformat() if done is not None else None
            if site is not None and done is not None and row.kind in SITE_RECORDS:
                _record(session, site.id, row.kind, done, row.id)
        log.info("agenda_event_closed", number=event_id, done=done is not None)

    def _view(
        self,
        person: Scope,
        today: date,
        region: str,
        site: Site | None,
        events: list[AgendaEvent],
        duties: list[Duty],
        sites: Sequence[Site],
    ) -> AgendaView:
        names = {one.id: one.name for one in sites}
        shown = [_event(row, person, today, names) for row in events]
        return AgendaView(
            today.isoformat(),
            region,
            site.id if site is not None else None,
            site.name if site is not None else "",
            shown,
            duties[:SHOWN_MAX],
            {duty.site_id: names[duty.site_id] for duty in duties[:SHOWN_MAX]},
            len(duties) > SHOWN_MAX or len(events) >= SHOWN_MAX,
            sum(book_of(one.policy_pack) is None for one in sites),
        )


def _event(row: AgendaEvent, person: Scope, today: date, names: dict[str, str]) -> EventView:
    if row.closed_us is not None:
        state = "done" if row.done_on is not None else "cancelled"
    else:
        state = "overdue" if row.day < today.isoformat() else "coming"
    return EventView(
        row.id, row.kind, row.day, row.told, row.region, row.site_id, names.get(row.site_id or "", ""), row.made_by,
        state, row.done_on, row.minutes or "", row.closed_by,
        row.closed_us is None and (row.site_id is not None or has_region(person, row.region)),
    )  # fmt: skip


def _record(session: Session, site_id: str, kind: str, done: date, event_id: str) -> None:
    if session.get(DatedRecord, (site_id, "", kind, done.isoformat())) is None:
        session.add(DatedRecord(site_id=site_id, staff_id="", kind=kind, done_on=done.isoformat(), reference=event_id))


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("write a day as 2026-11-22", code="bad_day") from error
    if found.isoformat() != text:
        raise InvalidInput("write a day as 2026-11-22", code="bad_day")
    return found


def _check_text(text: str, most: int, *, lines: bool = False) -> None:
    plain = text.replace("\r\n", " ").replace("\n", " ") if lines else text
    if not plain.strip() or len(text) > most or not plain.isprintable():
        raise InvalidInput(f"say it in 1 to {most} printable characters", code="no_reason")


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)
