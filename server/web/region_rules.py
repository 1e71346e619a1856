"""What the rules ask of an authority itself, as a page in every language."""

from dataclasses import dataclass
from urllib.parse import urlencode

from server.domain.verdict import Status
from server.services.compliance.examine_region import RegionRules
from server.services.compliance.told import OutcomeTold, Value
from server.web.compliance_words import BINDING, CONFIDENCE, OPERATOR, UNIT, WHY
from server.web.languages import Language
from server.web.pages import Pages
from server.web.report_words import joined_names
from server.web.wording import VERDICT, mark
from storage.database.scope import Scope

OPEN_AT = {
    "joint_meetings": ("/agenda", mark("Agenda")),
    "inspection_levels": ("/draws", mark("Inspection draws")),
    "inspection_results_published": ("/public", mark("Public page")),
    "site_ledger": ("/statistics", mark("Statistics")),
}
ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)


@dataclass(frozen=True)
class RuleLine:
    """One rule in words."""

    title: str
    source: str
    clause: str
    binding: str
    confidence: str
    required: str
    measured: str
    status: str
    status_text: str
    why: str
    link: tuple[str, str] | None


@dataclass(frozen=True)
class RegionRulePages:
    """Renders; every rule is in a service."""

    pages: Pages

    def rules(self, found: RegionRules, person: Scope, language: str) -> str:
        """Pack by pack."""
        spoken = self.pages.spoken(language)
        here = "/statistics/rules" + (f"?{urlencode({'region': found.region})}" if found.region else "")
        return self.pages.page(
            "region_rules.html",
            language,
            found=found,
            name=joined_names([found.name], spoken) or spoken.text("All regions"),
            packs=[
                (
                    pack.title[language],
                    pack.sites,
                    [
                        _line(one, spoken)
                        for one in sorted(pack.outcomes, key=lambda one: ORDER.index(Status(one.status)))
                    ],
                )
                for pack in found.packs
            ],
            reader=person,
            back=f"/statistics?{urlencode({'region': found.region})}",
            here=here,
        )


def _line(one: OutcomeTold, language: Language) -> RuleLine:
    text, tag = language.text, language.tag
    path, words = OPEN_AT.get(one.metric, ("", ""))
    return RuleLine(
        one.title[tag],
        " ".join(part for part in (one.source[tag], one.number) if part),
        one.article,
        text(BINDING[one.binding]),
        text(CONFIDENCE[one.confidence]),
        text(OPERATOR[one.operator]) % {"limit": _value(one.required, one.unit, language)},
        _value(one.value, one.unit, language) if one.value is not None else text("not measured"),
        one.status,
        text(VERDICT[one.status]),
        text(WHY[one.why]) if one.why else "",
        (path, text(words)) if path else None,
    )


def _value(value: Value, unit: str, language: Language) -> str:
    if isinstance(value, bool):
        return language.text("yes") if value else language.text("no")
    if isinstance(value, int | float):
        return language.text(UNIT[unit]) % {"value": f"{value:g}"}
    return str(value)
