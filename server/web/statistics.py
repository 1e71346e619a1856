"""The statistics of a region, in every language; as a page and as the lines of a file."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from babel.numbers import format_decimal

from server.services.docket.files import harmless
from server.services.reports.region_report import RegionFacts
from server.services.supervision.count_region import RegionFigures, SiteFigures
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.region_report_words import RegionReportWords
from server.web.report_words import month_name
from server.web.wording import VERDICT, mark
from storage.database.scope import Scope

COLUMNS = (
    mark("Site"),
    mark("Number"),
    mark("Region"),
    mark("Cameras"),
    mark("Result"),
    mark("Covered"),
    mark("Camera-days compliant"),
    mark("Camera-days non-compliant"),
    mark("Camera-days unverified"),
    mark("Open cases"),
    mark("Cases overdue"),
    mark("Complaints to be answered"),
    mark("Rectification orders open"),
)
TABLES = {
    "sites": mark("Sites"),
    "causes": mark("Causes"),
    "days": mark("Days"),
    "orders": mark("Work of the authority"),
}
TIMEZONE = "Asia/Shanghai"
"""No time of day stands here."""


@dataclass(frozen=True)
class StatisticsPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def region(self, found: RegionFigures, reader: Scope, language: str) -> str:
        """The page."""
        spoken = self.pages.spoken(language)
        first = date.fromisoformat(f"{found.month}-01")
        before, after = (first - timedelta(days=1)).isoformat()[:7], (first + timedelta(days=31)).isoformat()[:7]
        return self.pages.page(
            "statistics.html",
            language,
            region=found.region,
            cut=found.cut,
            month=month_name(first, spoken),
            totals=_totals(found.sites, spoken),
            sites=[(one, spoken.text(VERDICT[one.status]), _share(one, spoken)) for one in found.sites],
            before=_address("/statistics", found.region, before),
            after=_address("/statistics", found.region, after),
            tables=[
                (spoken.text(words), f"{_address('/statistics/file', found.region, found.month)}&table={table}")
                for table, words in TABLES.items()
            ],
            reports=f"/statistics/reports?{urlencode({'region': found.region})}"
            if found.region
            else "/statistics/reports",
            reader=reader,
            here=_address("/statistics", found.region, found.month),
        )

    def table(self, facts: RegionFacts, table: str, language: str) -> list[list[str]]:
        """``causes``, ``days`` or ``orders`` of a month."""
        return RegionReportWords(self.pages.spoken(language), facts).table(table)

    def rows(self, found: RegionFigures, language: str) -> list[list[str]]:
        """Headings and a line a site, safe for programs that take cells for formulas."""
        spoken = self.pages.spoken(language)
        lines = [[spoken.text(words) for words in COLUMNS]]
        lines += [
            [
                one.name,
                one.site_id,
                one.region,
                str(one.cameras),
                spoken.text(VERDICT[one.status]),
                _share(one, spoken),
                *(str(count) for count in _counts(one)),
            ]
            for one in found.sites
        ]
        return [[harmless(text) for text in line] for line in lines]


def _counts(one: SiteFigures) -> tuple[int, ...]:
    return (
        one.compliant_days,
        one.non_compliant_days,
        one.unverified_days,
        one.open_cases,
        one.overdue_cases,
        one.open_complaints,
        one.open_orders,
    )


def _totals(sites: list[SiteFigures], language: Language) -> list[tuple[str, str]]:
    words = Words(language, TIMEZONE)
    expected_us, covered_us = sum(one.expected_us for one in sites), sum(one.covered_us for one in sites)
    columns = list(zip(*map(_counts, sites), strict=True)) if sites else [()] * (len(COLUMNS) - 6)
    counts = [len(sites), sum(one.cameras for one in sites), *(sum(column) for column in columns)]
    names = (mark("Sites"), COLUMNS[3], *COLUMNS[6:])
    figures = [
        (language.text(name), format_decimal(count, locale=language.locale))
        for name, count in zip(names, counts, strict=True)
    ]
    share = words.share(covered_us, expected_us) if expected_us else "–"
    return [*figures[:2], (language.text(COLUMNS[5]), share), *figures[2:]]


def _share(one: SiteFigures, language: Language) -> str:
    return Words(language, TIMEZONE).share(one.covered_us, one.expected_us) if one.expected_us else "–"


def _address(path: str, region: str, month: str) -> str:
    return f"{path}?{urlencode({'region': region, 'month': month})}"
