"""Draws inspections: the list is made and published first, the seed comes later, and what follows from both stands for ever.

Invariant: a list is drawn from once, and never changes. A person draws within their own region subtree alone (I7); what they
may not know of is not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock, to_datetime
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain import draw as drawing
from server.domain.draw import Candidate, DrawList, Inspector
from server.domain.risk import DAYS_JUDGED, Risk, weight
from storage.database import supervision
from storage.database.models import Inspection, InspectionDraw, InspectorInterest, Site
from storage.database.scope import EVERY_REGION, Scope
from storage.database.unit_of_work import Database

DRAWS_SHOWN_MAX = 100
REASON_CHARS_MAX = 200

log = get_logger("draws")


class DrawOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be drawn; ``level``, ``sites`` and ``inspectors`` as ``server.domain.draw`` says, ``team``: accounts."""

    region: str
    seed_source: str
    team: list[str]
    level: int = 0
    sites: int = 1
    inspectors: int = 2


class DrawnView(msgspec.Struct, frozen=True):
    """A site that was drawn, in the order of the draw."""

    number: int
    site_id: str
    name: str
    stratum: str
    inspectors: list[str]


class DrawView(msgspec.Struct, frozen=True):
    """A draw. Without ``seed`` nothing is drawn yet. Whoever has the list and the seed can draw again."""

    id: str
    region: str
    algorithm: str
    seed_source: str
    level: int
    sites_each: int
    inspectors_each: int
    candidates: int
    list_sha256: str
    prepared_us: int
    prepared_by: str
    seed: str | None
    drawn_us: int | None
    drawn_by: str | None
    drawn: list[DrawnView]


@dataclass(frozen=True)
class DrawDesk:
    """Acts on behalf of one person at a time."""

    database: Database
    clock: Clock

    def prepare(self, person: Scope, order: DrawOrder) -> str:
        """Makes the list and keeps it; its id. Raises NotFound out of reach, InvalidInput for what cannot be drawn from."""
        if not reaches(person, order.region):
            raise NotFound(f"no region {order.region}")
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            listed = DrawList(
                order.seed_source,
                order.region,
                order.level,
                order.sites,
                order.inspectors,
                self._candidates(session, order.region, now_us),
                _team(session, order.team),
            )
            made = InspectionDraw(
                id=fresh_id(),
                region=order.region,
                listed=listed.text(),
                list_sha256=listed.sha256,
                prepared_us=now_us,
                prepared_by=person.account_name,
            )
            session.add(made)
            log.info("draw_prepared", draw=made.id, region=order.region, sites=len(listed.sites))
            return made.id

    def draw(self, person: Scope, draw_id: str, seed: str) -> None:
        """Draws from a list, once. Raises NotFound; Conflict where it was drawn from; InvalidInput for the seed."""
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            found = _seen(person, session, draw_id, lock=True)
            if found.seed is not None:
                raise Conflict("this list has been drawn from; prepare another one", code="drawn_already")
            drawn = drawing.draw(DrawList.parse(found.listed), seed)
            found.seed, found.drawn_us, found.drawn_by = seed, now_us, person.account_name
            session.add_all(
                Inspection(
                    draw_id=draw_id,
                    number=number,
                    site_id=one.site_id,
                    stratum=one.stratum,
                    inspectors=",".join(one.inspectors),
                    made_us=now_us,
                )
                for number, one in enumerate(drawn, 1)
            )
        log.info("inspections_drawn", draw=draw_id, sites=len(drawn))

    def show(self, person: Scope, draw_id: str) -> DrawView:
        """One draw with what was drawn. Raises NotFound."""
        with self.database.reading() as session:
            return _view(session, _seen(person, session, draw_id))

    def listed(self, person: Scope, draw_id: str) -> str:
        """The list, byte for byte. Raises NotFound."""
        with self.database.reading() as session:
            return _seen(person, session, draw_id).listed

    def within_reach(self, person: Scope) -> list[DrawView]:
        """The newest draws of the person's region, without what was drawn."""
        with self.database.reading() as session:
            found = supervision.draws_of(session, person.region, DRAWS_SHOWN_MAX) if person.region else []
            return [_view(session, row, whole=False) for row in found]

    def declare(self, person: Scope, account_name: str, site_id: str, reason: str) -> None:
        """Keeps an inspector from a site in every list from now on. Raises NotFound, InvalidInput."""
        if not reason.strip() or len(reason) > REASON_CHARS_MAX or not reason.isprintable():
            raise InvalidInput(f"say why, in {REASON_CHARS_MAX} characters at most", code="no_reason")
        with self.database.unit_of_work() as session:
            site = session.get(Site, site_id)
            account = supervision.accounts_named(session, [account_name]).get(account_name)
            if site is None or not reaches(person, site.region) or account is None or not account.region:
                raise NotFound(f"no site {site_id} or no inspector {account_name}")
            if session.get(InspectorInterest, (account_name, site_id)) is None:
                session.add(
                    InspectorInterest(
                        account_name=account_name,
                        site_id=site_id,
                        reason=reason,
                        declared_us=self.clock.utc_us(),
                        declared_by=person.account_name,
                    )
                )

    def _candidates(self, session: Session, region: str, now_us: int) -> tuple[Candidate, ...]:
        sites = supervision.sites_within(session, region)
        ids = [site.id for site in sites]
        since = to_datetime(now_us - DAYS_JUDGED * US_PER_DAY).date().isoformat()
        days, last = supervision.judged_days(session, ids, since), supervision.last_drawn(session, ids)
        return tuple(
            Candidate(
                site.id,
                site.region,
                weight(
                    Risk(
                        *days.get(site.id, supervision.JudgedDays()),
                        inspected_days=(now_us - last[site.id]) // US_PER_DAY if site.id in last else None,
                        stars=site.star_rating,
                    )
                ),
            )
            for site in sites
        )


def reaches(person: Scope, region: str) -> bool:
    """Whether an authority's account has a region in its subtree; those of facilities have none."""
    return person.region == EVERY_REGION or (person.region != "" and drawing.within(region, person.region))


def _seen(person: Scope, session: Session, draw_id: str, *, lock: bool = False) -> InspectionDraw:
    # PostgreSQL takes no NUL in a text, not even to compare with; what is no id cannot be one of ours.
    found = session.get(InspectionDraw, draw_id, with_for_update=lock or None) if is_slug(draw_id) else None
    if found is None or not reaches(person, found.region):
        raise NotFound("no such draw")
    return found


def _team(session: Session, names: Sequence[str]) -> tuple[Inspector, ...]:
    """Raises InvalidInput for a name that is no account of an authority, and for too many."""
    if len(names) > drawing.INSPECTORS_MAX:
        raise InvalidInput(f"name at most {drawing.INSPECTORS_MAX} inspectors", code="no_inspector")
    known = [name for name in names if is_slug(name)]
    accounts, kept_from = supervision.accounts_named(session, known), supervision.interests(session, known)
    for name in names:
        if name not in accounts or not accounts[name].region:
            raise InvalidInput(f"{name!r} is no account of an authority", code="no_inspector")
    return tuple(Inspector(name, accounts[name].region, tuple(kept_from.get(name, ()))) for name in sorted(set(names)))


def _view(session: Session, row: InspectionDraw, *, whole: bool = True) -> DrawView:
    listed = DrawList.parse(row.listed)
    inspections = supervision.inspections_of(session, row.id) if whole else []
    names = supervision.site_names(session, [one.site_id for one in inspections])
    return DrawView(
        row.id,
        row.region,
        drawing.ALGORITHM,
        listed.seed_source,
        listed.level,
        listed.sites_each,
        listed.inspectors_each,
        len(listed.sites),
        row.list_sha256,
        row.prepared_us,
        row.prepared_by,
        row.seed,
        row.drawn_us,
        row.drawn_by,
        [
            DrawnView(one.number, one.site_id, names[one.site_id], one.stratum, one.inspectors.split(","))
            for one in inspections
        ],
    )
