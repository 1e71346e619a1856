"""The dated duties of sites: what comes round by the rules of their packs, what runs out, and by when.

Invariant: a duty of which the register holds no record is due at once; that a rule applies has to be known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.policies.book import Applies, Book, BookRule, applies, in_force
from config.policies.metrics import METRICS
from server.domain.duties import add_months
from server.domain.registers.words import SITE_RECORDS, STAFF_RECORDS
from server.domain.verdict import day_of
from server.services.compliance.rule_books import book_of, facts_of
from storage.database.models import Camera, DatedRecord, Site, Staff

AT_ONCE = 200


class Duty(msgspec.Struct, frozen=True):
    """``kind``: of a record; ``staff_id`` empty where it is the site's; ``due_on`` empty where there is no record at all.

    ``rule``, ``article``: of the pack that asks for it; empty where a record simply runs out.
    """

    site_id: str
    staff_id: str
    kind: str
    done_on: str
    due_on: str
    overdue: bool
    rule: str = ""
    article: str = ""


@dataclass(frozen=True)
class _Known:
    """Of one site."""

    records: Mapping[tuple[str, str], DatedRecord]
    staff: Sequence[Staff]
    used_us: int | None


def duties_of(session: Session, sites: Sequence[Site], now_us: int) -> list[Duty]:
    """Every duty of some sites with the day by which it is to be done, the earliest first."""
    found: list[Duty] = []
    for number in range(0, len(sites), AT_ONCE):
        some = sites[number : number + AT_ONCE]
        known = _known(session, [site.id for site in some])
        for site in some:
            found += _of_site(site, known[site.id], day_of(now_us, site.timezone))
    return sorted(found, key=lambda duty: (duty.due_on, duty.site_id, duty.kind, duty.staff_id))


def within(duties: Sequence[Duty], until: date) -> list[Duty]:
    """Those that are due by a day, or of which there is no record."""
    return [duty for duty in duties if duty.due_on <= until.isoformat()]


def _known(session: Session, site_ids: Sequence[str]) -> dict[str, _Known]:
    records: dict[str, dict[tuple[str, str], DatedRecord]] = {site_id: {} for site_id in site_ids}
    query = select(DatedRecord).where(DatedRecord.site_id.in_(site_ids)).order_by(DatedRecord.done_on)
    for row in session.scalars(query):
        records[row.site_id][row.staff_id, row.kind] = row
    staff: dict[str, list[Staff]] = {site_id: [] for site_id in site_ids}
    for one in session.scalars(select(Staff).where(Staff.site_id.in_(site_ids)).order_by(Staff.id)):
        staff[one.site_id].append(one)
    begun = select(Camera.site_id, func.min(Camera.activated_us)).where(Camera.site_id.in_(site_ids))
    used = {str(row[0]): row[1] for row in session.execute(begun.group_by(Camera.site_id))}
    return {site_id: _Known(records[site_id], staff[site_id], used.get(site_id)) for site_id in site_ids}


def _of_site(site: Site, known: _Known, today: date) -> Iterator[Duty]:
    book, facts = book_of(site.policy_pack), facts_of(site)
    if book is not None:
        for kind in SITE_RECORDS:
            rule = _strictest(book, kind, facts)
            if rule is not None:
                yield from _by_rule(site, known, "", kind, rule, today)
    here = [
        one
        for one in known.staff
        if (one.left_on is None or one.left_on > today.isoformat())
        and (one.hired_on is None or one.hired_on <= today.isoformat())
    ]
    for one in here:
        for kind in STAFF_RECORDS if book is not None else ():
            rule = _strictest(book, kind, {**facts, "staff.role": one.role}) if book is not None else None
            if rule is not None:
                yield from _by_rule(site, known, one.id, kind, rule, today)
    people = {"", *(one.id for one in here)}
    for (staff_id, kind), row in known.records.items():
        if row.valid_until is not None and staff_id in people:
            overdue = row.valid_until < today.isoformat()
            yield Duty(site.id, staff_id, kind, row.done_on, row.valid_until, overdue)


def _strictest(book: Book, kind: str, facts: Mapping[str, str | None]) -> BookRule | None:
    """The rule that asks for the earliest day, of those that are known to apply."""
    about = [found for found in book.about(kind) if applies(found.rule, facts) is Applies.YES]
    return min(in_force(about), key=lambda found: float(found.rule.value), default=None)


def _by_rule(site: Site, known: _Known, staff_id: str, kind: str, found: BookRule, today: date) -> Iterator[Duty]:
    row, rule = known.records.get((staff_id, kind)), found.rule
    unit, due = METRICS[kind].unit, ""
    if unit == "month" and row is not None:
        due = add_months(date.fromisoformat(row.done_on), int(float(rule.value))).isoformat()
    elif unit == "day" and row is None and known.used_us is not None:
        due = (day_of(known.used_us, site.timezone) + timedelta(days=int(float(rule.value)))).isoformat()
    elif row is not None or (unit == "day" and known.used_us is None):
        return  # done once for all, or not begun
    overdue = bool(due) and due < today.isoformat()
    yield Duty(site.id, staff_id, kind, row.done_on if row else "", due, overdue or not due, rule.id, rule.article)
