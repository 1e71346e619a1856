"""The sites of a region in words: the tree that leads to them, worst first and why; as a page and as the lines of a file. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from babel.dates import format_skeleton

from server.services.compliance.rank_region import SITES_A_PAGE, RegionCompliance, SiteRank, Wanted, days_around
from server.services.compliance.region_tree import RegionNode
from server.services.docket.files import harmless
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import VERDICT, mark
from storage.database.scope import Scope

BASE, FILE = "/compliance", "/compliance/file"
TIMEZONE = "UTC"
"""No time of day stands here, only lengths of time."""
COLUMNS = (
    mark("Site"),
    mark("Number"),
    mark("Region"),
    mark("Result"),
    mark("Finality"),
    mark("Cameras"),
    mark("Cameras with gaps"),
    mark("Cameras not known"),
    mark("Missing, minutes"),
    mark("Longest gap, minutes"),
    mark("Open cases"),
    mark("Cases overdue"),
    mark("Rectification orders open"),
    mark("Policy pack"),
)


@dataclass(frozen=True)
class RankRow:
    """A site; ``why``: what makes it bad, in sentences' parts; ``about``: what else there is to know."""

    site_id: str
    name: str
    place: str
    status: str
    status_text: str
    why: list[str]
    about: list[str]
    calendar: str
    rules: str
    docket: str
    open_text: str


@dataclass(frozen=True)
class TreeRow:
    """A region; ``marks``: (verdict, how many sites, in words) of those verdicts that there are."""

    name: str
    address: str
    is_here: bool
    marks: list[tuple[str, int, str]]
    below: list["TreeRow"]
    more: bool


@dataclass(frozen=True)
class RegionPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def ranked(self, found: RegionCompliance, reader: Scope, language: str) -> str:
        """The page."""
        spoken = self.pages.spoken(language)
        maker = _Maker(spoken, found)
        before, after = days_around(found.period, found.today)
        is_month = len(found.period) == len("2026-11")
        return self.pages.page(
            "compliance_region.html",
            language,
            region=found,
            name=maker.node(found.tree).name if not found.region else _name(found.name, found.name_en, language),
            period=maker.period(),
            before=maker.address(period=before),
            after=maker.address(period=after) if after else "",
            today=maker.address(period="") if is_month or found.period != found.today else "",
            month="" if is_month else maker.address(period=found.period[:7]),
            statistics=f"/statistics?{urlencode({'region': found.region, 'month': found.period[:7]})}",
            verdicts=[
                (status, spoken.text(VERDICT[status]), count, maker.address(status=status))
                for status, count in found.counts.items()
            ],
            everything=maker.address(status=""),
            everywhere=maker.address(region="", search=found.search),
            sites=[maker.site(one) for one in found.sites],
            first=(found.page - 1) * SITES_A_PAGE + 1,
            tree=maker.node(found.tree),
            previous=maker.address(page=found.page - 1) if found.page > 1 else "",
            following=maker.address(page=found.page + 1) if found.page < found.pages else "",
            csv=maker.address(FILE, format="csv"),
            xlsx=maker.address(FILE, format="xlsx"),
            is_filtered=bool(found.search or found.wanted_status),
            reader=reader,
            here=maker.address(page=found.page),
        )

    def rows(self, found: RegionCompliance, language: str) -> list[list[str]]:
        """Headings and a line a site, safe for programs that take cells for formulas."""
        spoken = self.pages.spoken(language)
        lines = [[spoken.text(words) for words in COLUMNS]]
        for one in found.sites:
            finality = spoken.text("Final") if one.final else spoken.text("Provisional")
            finality = finality if one.assessed_us is not None else spoken.text("not judged for this period")
            lines.append(
                [
                    one.name,
                    one.site_id,
                    _name(one.place, one.place_en, language),
                    spoken.text(VERDICT[one.status]),
                    finality,
                    *(str(count) for count in (one.cameras, one.cameras_missing, one.cameras_unknown)),
                    _minutes(one.missing_us),
                    _minutes(one.longest_us) if one.longest_us is not None else "",
                    *(str(count) for count in (one.open_cases, one.overdue_cases, one.open_orders)),
                    one.pack or "",
                ]
            )
        return [[harmless(text) for text in line] for line in lines]


class _Maker:
    def __init__(self, language: Language, found: RegionCompliance) -> None:
        self._language, self._found = language, found
        self._words = Words(language, TIMEZONE)

    def address(self, base: str = BASE, **changes: object) -> str:
        """The page as it is, but for ``changes``; a change of what is asked for begins at the first page."""
        found = self._found
        period = found.period if found.period != found.today else ""
        told: dict[str, object] = {
            "region": found.region,
            "period": period,
            "q": found.search,
            "status": found.wanted_status,
        }
        changes = {"q" if name == "search" else name: value for name, value in changes.items()}
        told |= changes
        if told.get("page") == 1:
            del told["page"]
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{base}?{query}" if query else base

    def period(self) -> str:
        """The day or the month in words."""
        told = self._found.period
        if len(told) == len("2026-11"):
            return format_skeleton("yMMMM", date.fromisoformat(f"{told}-01"), locale=self._language.locale)
        return self._words.day(date.fromisoformat(told))

    def node(self, node: RegionNode) -> TreeRow:
        text, found = self._language.text, self._found
        name = _name(node.name, node.name_en, self._language.tag) or text("All regions")
        marks = [
            (status.lower(), count, f"{text(VERDICT[status])}: {self._sites(count)}")
            for status, count in node.counts.items()
            if count
        ]
        period = found.period if found.period != found.today else ""
        query = urlencode({name: value for name, value in (("region", node.path), ("period", period)) if value})
        address = f"{BASE}?{query}" if query else BASE
        return TreeRow(name, address, node.is_here, marks, [self.node(one) for one in node.below], node.more)

    def site(self, one: SiteRank) -> RankRow:
        text, found = self._language.text, self._found
        on = f"?period={found.period}"
        last = f"?last={found.period}" if len(found.period) > len("2026-11") and found.period != found.today else ""
        about = [self._language.count("%(num)s camera", "%(num)s cameras", one.cameras)]
        if one.assessed_us is None:
            about.append(text("not judged for this period") if one.pack else text("no policy pack is set"))
        elif not one.final:
            about.append(text("Provisional"))
        return RankRow(
            site_id=one.site_id,
            name=one.name,
            place=_name(one.place, one.place_en, self._language.tag),
            status=one.status,
            status_text=text(VERDICT[one.status]),
            why=self._why(one),
            about=about,
            calendar=f"/sites/{one.site_id}/calendar{last}",
            rules=f"/sites/{one.site_id}/compliance{on}",
            docket=f"/sites/{one.site_id}/docket?status=open" if one.open_cases else "",
            open_text=self._open(one),
        )

    def _why(self, one: SiteRank) -> list[str]:
        language, text = self._language, self._language.text
        said: list[str] = []
        if one.cameras_missing:
            gaps = language.count("%(num)s camera with gaps", "%(num)s cameras with gaps", one.cameras_missing)
            if one.longest_us:
                gaps = text("%(cameras)s, longest %(length)s") % {
                    "cameras": gaps,
                    "length": self._words.duration(one.longest_us),
                }
            elif one.longest_us is None and one.missing_us:
                gaps = text("%(cameras)s, %(length)s not covered") % {
                    "cameras": gaps,
                    "length": self._words.duration(one.missing_us),
                }
            said.append(gaps)
        if one.cameras_unknown:
            said.append(
                language.count("%(num)s camera not fully known", "%(num)s cameras not fully known", one.cameras_unknown)
            )
        if one.broken:
            broken = language.count("%(num)s binding rule broken", "%(num)s binding rules broken", len(one.broken))
            said.append(broken + text(": ") + _title(one.broken[0], language.tag))
        if not said and not one.cameras:
            said.append(text("no camera in service"))
        return said

    def _open(self, one: SiteRank) -> str:
        if not one.open_cases:
            return ""
        said = self._language.count("%(num)s open case", "%(num)s open cases", one.open_cases)
        late = self._language.text("%(num)s overdue") % {"num": one.overdue_cases}
        return f"{said}{self._language.text(', ')}{late}" if one.overdue_cases else said

    def _sites(self, count: int) -> str:
        return self._language.count("%(num)s site", "%(num)s sites", count)


def _minutes(length_us: int) -> str:
    """Rounded up: what is missing is never called nothing."""
    return str(-(-length_us // 60_000_000))


def _name(name: str, english: str, tag: str) -> str:
    return (english or name) if tag == "en" else name


def _title(title: Mapping[str, str], tag: str) -> str:
    return title.get("en" if tag == "en" else "zh-CN", "")


def wanted_of(region: str, period: str, search: str, status: str) -> Wanted:
    """What an address asks for; a verdict that there is none of is every verdict."""
    return Wanted(region.strip(" /"), period, search.strip(), status if status in VERDICT else "")
