"""The rule book of a site: what its policy pack decides for the rest of the server.

Invariant: a pack never shortens what the store has locked already, and a site whose pack is not known here keeps its
recordings for as long as any pack asks. Source: config/policies.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S
from config.policies.book import Applies, Book, BookRule, applies, stricter
from config.policies.reading import Library
from server.domain.clock_trust import ClockRule
from server.domain.compliance import retention_floor_days
from storage.database.models import Site

MAINTENANCE = ("planned_maintenance", "maintenance_notice")


@cache
def library() -> Library:
    """The packs that come with this release. Raises ConfigurationError."""
    return Library()


@cache
def book_of(pack: str | None) -> Book | None:
    """The book of a pack; None where none is set, and where this release does not have it."""
    return library().book(pack) if pack in library().names else None


@cache
def _packs_of_places() -> dict[str, str]:
    """Jurisdiction, in lower case → its pack."""
    return {library().book(name).packs[-1].jurisdiction.lower(): name for name in library().names}


def usual_pack(region: str, codes: Mapping[str, str | None]) -> str | None:
    """By which pack a site is judged until somebody chooses: that of the smallest region around it that has one; None without.

    ``codes``: path → administrative code, of the regions of which one is known. Their first step is the country.
    """
    steps = region.lower().split("/")
    around = ("/".join(steps[:count]) for count in range(len(steps), 0, -1))
    places = [f"{steps[0]}-{codes[path]}".lower() for path in around if codes.get(path)]
    packs = _packs_of_places()
    return next((packs[place] for place in (*places, steps[0]) if place in packs), None)


@cache
def retain_days(pack: str | None, setting_days: int) -> int:
    """For how many days a site with this pack keeps its recordings; ``setting_days`` where no rule says."""
    if pack is None:
        return setting_days
    book = book_of(pack)
    if book is None:
        floors = [retention_floor_days(library().book(name)) for name in library().names]
        return max(setting_days, *floors)
    return retention_floor_days(book) or setting_days


def retain_days_of(session: Session, site_id: str, setting_days: int) -> int:
    """The same for a site by its id."""
    return retain_days(session.scalar(select(Site.policy_pack).where(Site.id == site_id)), setting_days)


def longest_retain_days(session: Session, setting_days: int) -> int:
    """The longest that any site keeps its recordings for: what a store has to have room for."""
    packs = session.scalars(select(Site.policy_pack).distinct()).all()
    return max((retain_days(pack, setting_days) for pack in packs), default=setting_days)


def facts_of(site: Site, *, live: bool = False) -> dict[str, str | None]:
    """What a rule's ``applies_if`` may ask of a site; None where nobody has said it."""
    inclusive = {True: "yes", False: "no", None: None}[site.inclusive]
    return {
        "site.type": site.type,
        "site.ownership": site.ownership,
        "site.inclusive": inclusive,
        "site.reg799_class": site.reg799_class,
        "site.live_view": "on" if live else "off",
    }


def maintenance_rules(site: Site) -> dict[str, BookRule]:
    """By metric, the strictest rule of its pack on planned maintenance; one that may apply holds, whatever its binding."""
    book, facts = book_of(site.policy_pack), facts_of(site)
    found: dict[str, BookRule] = {}
    for each in book.rules if book is not None else ():
        metric = each.rule.metric
        if metric in MAINTENANCE and applies(each.rule, facts) is not Applies.NO:
            before = found.get(metric)
            if before is None or stricter(each.rule, before.rule):
                found[metric] = each
    return found


def rule_for(session: Session, site_id: str, setting: ClockRule) -> ClockRule:
    """How far off the clock of footage that counts may be: the setting, or less where the site's pack asks so.

    Never more than the setting: a rule that is content with a minute does not make footage count that did not (I1).
    """
    if not _tolerances_below(setting.tolerance_us):
        return setting  # no pack is stricter: nothing to look up, message by message
    pack = session.scalar(select(Site.policy_pack).where(Site.id == site_id))
    tolerance_us = _tolerances_below(setting.tolerance_us).get(pack or "", setting.tolerance_us)
    return replace(setting, tolerance_us=tolerance_us)


@cache
def _tolerances_below(setting_us: int) -> dict[str, int]:
    """Pack → its tolerance, in microseconds, of those that are stricter than the setting."""
    found = {}
    for name in library().names:
        limits = [float(each.rule.value) for each in library().book(name).about("site_clock_error")]
        if limits and min(limits) * US_PER_S < setting_us:
            found[name] = int(min(limits) * US_PER_S)
    return found
