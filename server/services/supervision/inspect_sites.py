"""What inspectors found at a site that was drawn, and the orders that follow until somebody has looked at the repair.

Invariants: a result is written once, by one of the inspectors who were drawn, with the checklist as the rules stood then; each
finding, and each order from the docket, becomes an order and an entry of the credit file in the same transaction, and a visit
that found nothing an entry of no points. Orders stand by their acts alone (``server.domain.rectification``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.decoding import decode_json
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain.credit import POINTS_MAX, Aspect
from server.domain.rectification import Act, Kind, check, standing
from server.domain.verdict import day_of
from server.services.docket.desk import check_works
from server.services.notices.tell import ORDER, News, tell
from storage.database import docket, inspections
from storage.database import scope as scoping
from storage.database.models import (
    CreditEntryRow,
    Inspection,
    InspectionResult,
    RectificationActRow,
    RectificationOrder,
    Site,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

TOLD_CHARS_MAX = 400
RULE_CHARS_MAX = 200
FINDINGS_MAX = 40
SHOWN_MAX = 50
NUMBER_MAX = 1_000_000
NOTHING_FOUND = Aspect.SUPERVISION

log = get_logger("inspections")


class CheckItem(msgspec.Struct, frozen=True):
    """A rule of the site's pack and how it comes out by the evidence; ``title`` by language."""

    rule: str
    article: str
    title: dict[str, str]
    binding: str
    status: str


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding: ``points`` from -100 to 0, ``due`` the day by which it is put right; ``rule`` of the checklist, or empty."""

    told: str
    aspect: str
    points: int
    due: str
    rule: str = ""


class ResultOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``day``: of the visit."""

    day: str
    told: str
    findings: list[Found] = []


class ActView(msgspec.Struct, frozen=True):
    """An act on an order."""

    kind: str
    at_us: int
    by: str
    told: str
    due: str | None


class OrderView(msgspec.Struct, frozen=True):
    """A rectification order. ``allowed``: the acts that may come next."""

    id: str
    rule: str
    told: str
    status: str
    due: str
    overdue: bool
    suspended: bool
    allowed: list[str]
    acts: list[ActView]
    incident_id: str | None = None
    """Of the docket, where the order comes from there."""


class InspectionView(msgspec.Struct, frozen=True):
    """``day`` None until somebody entered what was found; ``checklist``: as it stood then."""

    draw_id: str
    number: int
    drawn_us: int
    inspectors: list[str]
    day: str | None
    told: str
    entered_by: str
    checklist: list[CheckItem]
    orders: list[OrderView]


class SiteInspections(msgspec.Struct, frozen=True):
    """The newest inspections of a site; ``checklist``: by the evidence of today; ``orders``: those from the docket."""

    site_id: str
    name: str
    timezone: str
    today: str
    checklist: list[CheckItem]
    inspections: list[InspectionView]
    orders: list[OrderView] = []


@dataclass(frozen=True)
class InspectionDesk:
    """Acts on behalf of one person at a time. ``checklist``: the site's rules as the person may see them."""

    database: Database
    clock: Clock
    checklist: Callable[[Scope, str], list[CheckItem]]

    def of_site(self, person: Scope, site_id: str) -> SiteInspections:
        """Raises NotFound."""
        items = self.checklist(person, site_id)
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            today = day_of(self.clock.utc_us(), site.timezone)
            rows = inspections.of_site(session, site.id, SHOWN_MAX)
            results = inspections.results_of(session, [row.draw_id for row in rows])
            orders = inspections.orders_of(session, site.id)
            loose = inspections.orders_from_docket(session, site.id, SHOWN_MAX)
            acts = inspections.acts_of(session, [one.id for some in (*orders.values(), loose) for one in some])
            return SiteInspections(
                site.id,
                site.name,
                site.timezone,
                today.isoformat(),
                items,
                [
                    _view(row, results.get(key), [_order(one, acts[one.id], today) for one in orders.get(key, [])])
                    for row in rows
                    for key in [(row.draw_id, row.number)]
                ],
                [_order(one, acts[one.id], today) for one in loose],
            )

    def record(self, person: Scope, site_id: str, draw_id: str, number: int, order: ResultOrder) -> None:
        """Enters what was found. Raises NotFound, InvalidInput; PermissionDenied to whoever was not drawn; Conflict."""
        day = _day(order.day)
        _check_text(order.told)
        if len(order.findings) > FINDINGS_MAX:
            raise InvalidInput(f"at most {FINDINGS_MAX} findings", code="too_many")
        for found in order.findings:
            _check_finding(found, day)
        items = self.checklist(person, site_id)
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            drawn = _drawn(session, site, draw_id, number)
            if person.account_name not in drawn.inspectors.split(","):
                raise PermissionDenied("only who was drawn enters what was found", code="not_drawn")
            if session.get(InspectionResult, (draw_id, number)) is not None:
                raise Conflict("what was found has been entered", code="entered_already")
            if day > day_of(now_us, site.timezone):
                raise InvalidInput("a visit is entered after it was made", code="bad_day")
            session.add(
                InspectionResult(
                    draw_id=draw_id,
                    number=number,
                    day=order.day,
                    told=order.told.strip(),
                    checklist=msgspec.json.encode(items).decode(),
                    entered_us=now_us,
                    entered_by=person.account_name,
                )
            )
            session.flush()
            origin = _Origin(site.id, order.day, "inspection", f"{draw_id}/{number}", draw_id, number)
            for found in order.findings:
                _put_right(session, origin, found, person.account_name, now_us)
            if not order.findings:
                session.add(_entry(origin, NOTHING_FOUND.value, 0, order.told, person.account_name, now_us))
        log.info("inspection_recorded", site=site_id, draw=draw_id, number=number, findings=len(order.findings))

    def of_incidents(self, person: Scope, site_id: str, incident_ids: Sequence[str]) -> list[OrderView]:
        """The orders that come from some incidents, the newest first. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            rows = inspections.orders_from_docket(session, site.id, SHOWN_MAX, incident_ids) if incident_ids else []
            acts = inspections.acts_of(session, [row.id for row in rows])
            today = day_of(self.clock.utc_us(), site.timezone)
            return [_order(row, acts[row.id], today) for row in rows]

    def order_from_docket(self, person: Scope, site_id: str, incident_id: str, found: Found) -> str:
        """Orders that what an incident shows be put right, with its entry in the credit file; the order's id.

        Raises NotFound, InvalidInput; Conflict while another order of the incident is open.
        """
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            session.get_one(Site, site.id, with_for_update=True)
            cases = docket.cases_of_incident(session, site.id, incident_id) if is_slug(incident_id) else []
            if not cases:
                raise NotFound("no such incident")
            today = day_of(now_us, site.timezone)
            _check_finding(found, today)
            before = inspections.orders_from_docket(session, site.id, SHOWN_MAX, [incident_id])
            acts = inspections.acts_of(session, [row.id for row in before])
            if any(standing([_act(row) for row in rows], today).status != "closed" for rows in acts.values()):
                raise Conflict("an order of this incident is open already", code="ordered_already")
            origin = _Origin(site.id, today.isoformat(), "rectification", incident_id, incident_id=incident_id)
            order_id = _put_right(session, origin, found, person.account_name, now_us)
            docket.note_order(session, cases, order_id, person.account_name, found.told.strip(), now_us)
        log.info("rectification_ordered", site=site_id, order=order_id, incident=incident_id)
        return order_id

    def act(self, person: Scope, site_id: str, order_id: str, kind: str, told: str, due: str = "") -> None:
        """Adds an act to an order. Raises NotFound, InvalidInput, Conflict, PermissionDenied."""
        _check_text(told)
        if kind not in set(Kind):
            raise InvalidInput("there is no such act", code="bad_kind")
        if kind == Kind.REPAIRED:
            check_works(person)
        act = Act(Kind(kind), person.account_name, _day(due) if due and kind == Kind.FAILED else None)
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, person, site_id)
            order = session.get(RectificationOrder, order_id, with_for_update=True) if is_slug(order_id) else None
            if order is None or order.site_id != site.id:
                raise NotFound("no such order")
            before = inspections.acts_of(session, [order.id])[order.id]
            check([_act(row) for row in before], act, day_of(now_us, site.timezone))
            session.add(_act_row(order.id, len(before), act, told, now_us))
            if act.kind is not Kind.REPAIRED:
                _tell(session, order.id, site.id, act.kind, len(before), now_us)
        log.info("rectification_act", site=site_id, order=order_id, kind=kind)


@dataclass(frozen=True)
class _Origin:
    """Where findings come from: a visit, or an incident of the docket. ``kind`` and ``source``: of the credit entry."""

    site_id: str
    day: str
    kind: str
    source: str
    draw_id: str | None = None
    number: int | None = None
    incident_id: str | None = None


def _put_right(session: Session, origin: _Origin, found: Found, by: str, now_us: int) -> str:
    """A finding becomes an order, an entry of the credit file and news of it; the order's id."""
    order = RectificationOrder(
        id=fresh_id(),
        draw_id=origin.draw_id,
        number=origin.number,
        incident_id=origin.incident_id,
        site_id=origin.site_id,
        rule=found.rule,
        told=found.told.strip(),
    )
    session.add(order)
    session.flush()
    session.add(_act_row(order.id, 0, Act(Kind.ORDERED, by, date.fromisoformat(found.due)), found.told, now_us))
    session.add(_entry(origin, found.aspect, found.points, found.told, by, now_us))
    _tell(session, order.id, origin.site_id, Kind.ORDERED, 0, now_us)
    return order.id


def _tell(session: Session, order_id: str, site_id: str, kind: Kind, place: int, now_us: int) -> None:
    """The facility, and whoever hears of it; a suspension does not wait for a digest."""
    link = f"/sites/{site_id}/inspections#order-{order_id}"
    urgent = kind is Kind.SUSPENDED
    tell(session, News(f"order:{order_id}:act:{place}", site_id, ORDER, kind.value, link, now_us, urgent))


def _entry(origin: _Origin, aspect: str, points: int, told: str, by: str, now_us: int) -> CreditEntryRow:
    return CreditEntryRow(
        id=fresh_id(),
        site_id=origin.site_id,
        staff_id=None,
        aspect=aspect,
        points=points,
        day=origin.day,
        kind=origin.kind,
        told=told.strip(),
        source=origin.source,
        entered_us=now_us,
        entered_by=by,
    )


def _check_finding(found: Found, day: date) -> None:
    _check_text(found.told)
    if found.aspect not in set(Aspect):
        raise InvalidInput("a finding names one of the eight S", code="bad_kind")
    if not -POINTS_MAX <= found.points <= 0:
        raise InvalidInput(f"a finding has -{POINTS_MAX} to 0 points", code="bad_points")
    if len(found.rule) > RULE_CHARS_MAX or not (found.rule.isprintable()):
        raise InvalidInput("not a rule of the checklist", code="bad_kind")
    if _day(found.due) < day:
        raise InvalidInput("what was found is put right after the visit", code="bad_due")


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > TOLD_CHARS_MAX or not text.isprintable():
        raise InvalidInput(f"say it in 1 to {TOLD_CHARS_MAX} printable characters", code="no_reason")


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("write a day as 2026-11-22", code="bad_day") from error
    if found.isoformat() != text:
        raise InvalidInput("write a day as 2026-11-22", code="bad_day")
    return found


def _drawn(session: Session, site: Site, draw_id: str, number: int) -> Inspection:
    known = is_slug(draw_id) and 0 < number <= NUMBER_MAX
    row = session.get(Inspection, (draw_id, number), with_for_update=True) if known else None
    if row is None or row.site_id != site.id:
        raise NotFound("no such inspection")
    return row


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)


def _act_row(order_id: str, place: int, act: Act, told: str, now_us: int) -> RectificationActRow:
    return RectificationActRow(
        order_id=order_id,
        place=place,
        kind=act.kind.value,
        at_us=now_us,
        by=act.by,
        told=told.strip(),
        due=act.due.isoformat() if act.due is not None else None,
    )


def _act(row: RectificationActRow) -> Act:
    return Act(Kind(row.kind), row.by, date.fromisoformat(row.due) if row.due is not None else None)


def _order(row: RectificationOrder, acts: list[RectificationActRow], today: date) -> OrderView:
    now = standing([_act(one) for one in acts], today)
    return OrderView(
        row.id,
        row.rule,
        row.told,
        now.status,
        now.due.isoformat(),
        now.overdue,
        now.suspended,
        sorted(now.allowed),
        [ActView(one.kind, one.at_us, one.by, one.told, one.due) for one in acts],
        row.incident_id,
    )


def _view(row: Inspection, result: InspectionResult | None, orders: list[OrderView]) -> InspectionView:
    return InspectionView(
        row.draw_id,
        row.number,
        row.made_us,
        row.inspectors.split(","),
        result.day if result is not None else None,
        result.told if result is not None else "",
        result.entered_by if result is not None else "",
        decode_json(result.checklist, list[CheckItem]) if result is not None else [],
        orders,
    )
