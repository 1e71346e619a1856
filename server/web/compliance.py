"""A site by its rules, and a region's sites, in words; every rule is in a service."""

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

from config.base.clock import US_PER_S
from server.domain.authorisation import Action, reach
from server.domain.compliance import worst
from server.domain.duties import add_months
from server.domain.verdict import Status
from server.services.compliance.read_compliance import SiteCompliance
from server.services.compliance.rule_books import usual_pack
from server.services.compliance.told import OutcomeTold, Value, ZoneTold
from server.web.compliance_words import (
    BINDING,
    CONFIDENCE,
    EVIDENCE,
    MODE,
    OPERATOR,
    STATUS_OF_ALL,
    SUBJECT,
    UNIT,
    UNIT_ONE,
    WHY,
)
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import VERDICT
from storage.database.scope import Scope

SUBJECTS_SHOWN_MAX = 40
ASKS = {
    "custody": Action.CUSTODY_READ,
    "people": Action.PEOPLE_READ,
    "camera": Action.REGISTERS_READ,
    "register": Action.REGISTERS_READ,
}
"""Evidence that not every reader of a verdict may open: no link where it would be refused."""
TABLES = frozenset({"sites", "zones", "cameras", "staff", "records", "classes"})
BINDS = BINDING["mandatory"]
ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)


@dataclass(frozen=True)
class Line:
    """One subject of a rule; ``links``: (words, address)."""

    name: str
    status: str
    status_text: str
    measured: str
    why: str
    due: str
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class RuleRow:
    """A rule with its clause; ``lines``: how it came out, the worst first."""

    rule: str
    title: str
    clause: str
    source: str
    binding: str
    confidence: str
    required: str
    status: str
    status_text: str
    lines: list[Line]
    more: int


@dataclass(frozen=True)
class ZoneRow:
    """A place: what was due there and what of it was covered."""

    zone_id: str
    name: str
    status: str
    status_text: str
    share: str
    unwatched: str
    longest: str
    cameras: str


@dataclass(frozen=True)
class ComplianceView:
    """The page; ``packless``: nobody has chosen a pack, or this release does not have it."""

    status: str
    status_text: str
    sentence: str
    finality: str
    as_of: str
    pack: str
    book: str
    kept: str
    live: str
    rules: list[RuleRow]
    zones: list[ZoneRow]
    days: list[tuple[str, str, str]]
    history: list[tuple[str, str, str, str]]
    """(when, status, its words, packs)."""
    packless: bool = False
    counts: dict[str, int] = field(default_factory=dict)


class CompliancePages:
    """Renders."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def site(self, found: SiteCompliance, reader: Scope, language: str, *, sees_region: bool = False) -> str:
        """The page of one site's rules; ``sees_region``: with the way to its region."""
        spoken = self._pages.spoken(language)
        before, after = _around(found.period, found.today)
        return self._pages.page(
            "compliance.html",
            language,
            site=found,
            page=_Maker(spoken, found, reader.role).view(),
            command=f"python -m server.admin compliance set-pack {found.site_id} {usual_pack(found.region, {}) or 'PACK'}",
            before=before,
            after=after,
            sees_region=sees_region,
            is_month=len(found.period) == len("2026-11"),
            reader=reader,
            here=f"/sites/{found.site_id}/compliance?period={found.period}",
        )


class _Maker:
    def __init__(self, language: Language, site: SiteCompliance, role: str) -> None:
        self._language, self._site, self._role = language, site, role
        self._tag = "en" if language.tag == "en" else "zh-CN"
        self._words = Words(language, site.timezone)
        self._names = {zone.zone_id: zone.name for zone in site.zones}

    def view(self) -> ComplianceView:
        site, text = self._site, self._language.text
        status = site.status or Status.UNVERIFIED
        limit = text("%(value)s days") % {"value": site.retain_days}
        of = text("by the policy pack") if site.retain_days_of == "pack" else text("by this server's setting")
        as_of = self._moment(site.assessed_us) if site.assessed_us else ""
        grouped: dict[str, list[OutcomeTold]] = {}
        for outcome in site.outcomes:
            grouped.setdefault(outcome.rule, []).append(outcome)
        rules, binding = [self._rule(outcomes) for outcomes in grouped.values()], text(BINDS)
        return ComplianceView(
            status=status,
            status_text=text(VERDICT[status]),
            sentence=text(STATUS_OF_ALL[status]),
            finality=text("Final") if site.final else text("Provisional"),
            as_of=as_of,
            pack=site.pack_title.get(self._tag, site.pack or ""),
            book=site.book,
            kept=f"{limit} · {of}",
            live=text(MODE[site.live_view]),
            rules=sorted(rules, key=lambda row: (row.binding != binding, ORDER.index(Status(row.status)))),
            zones=[self._zone(zone) for zone in site.zones if zone.required],
            days=[(day, told, text(VERDICT[told])) for day, told in sorted(site.days.items())],
            history=[
                (self._moment(entry.assessed_us), entry.status, text(VERDICT[entry.status]), entry.book)
                for entry in site.history
            ],
            packless=site.status is None,
            counts={one: sum(row.status == one for row in rules) for one in ORDER},
        )

    def _moment(self, instant_us: int) -> str:
        return self._words.moment(instant_us, date.min)

    def _rule(self, outcomes: list[OutcomeTold]) -> RuleRow:
        first, text = outcomes[0], self._language.text
        status = worst(Status(outcome.status) for outcome in outcomes)
        ordered = sorted(outcomes, key=lambda one: ORDER.index(Status(one.status)))
        limit = self._value(first.required, first.unit)
        wanted = text(OPERATOR[first.operator]) % {"limit": limit}
        return RuleRow(
            rule=first.rule,
            title=first.title[self._tag],
            clause=first.article,
            source=" ".join(part for part in (first.source[self._tag], first.number) if part),
            binding=text(BINDING[first.binding]),
            confidence=text(CONFIDENCE[first.confidence]),
            required=f"{wanted} · {first.hours}" if first.hours else wanted,
            status=status,
            status_text=text(VERDICT[status]),
            lines=[self._line(outcome) for outcome in ordered[:SUBJECTS_SHOWN_MAX]],
            more=max(0, len(outcomes) - SUBJECTS_SHOWN_MAX),
        )

    def _line(self, outcome: OutcomeTold) -> Line:
        text = self._language.text
        measured = self._value(outcome.value, outcome.unit) if outcome.value is not None else text("not measured")
        if outcome.could_be is not None and outcome.status == Status.UNVERIFIED and outcome.value is not None:
            best = self._value(outcome.could_be, outcome.unit)
            measured = text("%(certain)s, at best %(best)s") % {"certain": measured, "best": best}
        name = "" if outcome.kind == "site" else self._names.get(outcome.subject, outcome.subject)
        return Line(
            name=name and f"{text(SUBJECT[outcome.kind])} {name}",
            status=outcome.status,
            status_text=text(VERDICT[outcome.status]),
            measured=measured,
            why=text(WHY[outcome.why]) if outcome.why else "",
            due=text("Due by %(day)s") % {"day": outcome.due_on} if outcome.due_on else "",
            links=self._links(outcome.evidence),
        )

    def _links(self, evidence: list[str]) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        site, text = self._site.site_id, self._language.text
        on = f"?day={self._site.period}" if len(self._site.period) > len("2026-11") else ""
        for reference in evidence:
            kind, _, what = reference.partition(":")
            table = what.partition("/")[0]
            to = {
                "verdict": f"/sites/{site}{on}",
                "audit": f"/sites/{site}/audit",
                "alarms": f"/sites/{site}",
                "clock": f"/sites/{site}",
                "custody": f"/sites/{site}/custody",
                "people": f"/sites/{site}/people",
                "credit": f"/sites/{site}/credit",
                "maintenance": f"/sites/{site}/maintenance",
                "camera": f"/api/v1/sites/{site}/registers?table=cameras&format=csv",
                "register": f"/api/v1/sites/{site}/registers?table={table}&format=csv" if table in TABLES else "",
            }.get(kind, "")
            if to and (kind not in ASKS or reach(self._role, ASKS[kind])):
                found.setdefault(text(EVIDENCE[kind]), to)
        return list(found.items())

    def _value(self, value: Value, unit: str) -> str:
        text = self._language.text
        if isinstance(value, bool):
            return text("yes") if value else text("no")
        if isinstance(value, str) or value is None:
            return text(MODE[value]) if value in MODE else str(value)
        # Rounded to the worse side nobody could complain about: only the whole is ever called 100 %.
        shown = math.floor(value * 100) / 100
        unit_words = UNIT_ONE[unit] if shown == 1 and unit in UNIT_ONE else UNIT[unit]
        return text(unit_words) % {"value": f"{shown:g}"}

    def _zone(self, zone: ZoneTold) -> ZoneRow:
        text = self._language.text
        longest = self._words.duration(zone.longest_gap_us) if zone.longest_gap_us >= US_PER_S else ""
        return ZoneRow(
            zone_id=zone.zone_id,
            name=zone.name,
            status=zone.status,
            status_text=text(VERDICT[zone.status]),
            share=self._words.share(zone.covered_us, zone.due_us) if zone.due_us else "–",
            unwatched=self._words.duration(zone.unwatched_us) if zone.unwatched_us else "",
            longest=longest,
            cameras=", ".join(zone.cameras),
        )


def _around(period: str, today: str) -> tuple[str, str]:
    """The period before this one and the one after it; empty where that has not come."""
    if len(period) == len("2026-11"):
        first = date.fromisoformat(f"{period}-01")
        before, after = (first - timedelta(days=1)).isoformat()[:7], add_months(first, 1).isoformat()[:7]
        return before, after if after <= today[:7] else ""
    day = date.fromisoformat(period)
    before, after = (day - timedelta(days=1)).isoformat(), (day + timedelta(days=1)).isoformat()
    return before, after if after <= today else ""
