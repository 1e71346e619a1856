"""A region's month in the words of a language, as the template of its report and the files of its tables name them. Pure."""

from collections.abc import Callable

from babel.numbers import format_decimal

from server.domain.verdict import Status
from server.services.reports.press import Issue
from server.services.reports.region_report import RegionFacts
from server.services.supervision.count_region import TIMEZONE, SiteFigures
from server.web.languages import Language
from server.web.report_words import WORDS, PaperWords, joined_names, month_name
from server.web.wording import mark

SITES_LISTED = 40
OWN_WORDS = {
    "product": WORDS["product"],
    "qr": WORDS["qr"],
    "qr_alt": WORDS["qr_alt"],
    "ranking": mark("Sites, worst first"),
    "place": mark("No."),
    "site": mark("Site"),
    "share": mark("Covered"),
    "result": mark("Result"),
    "camera_days": mark("Camera-days ✓ / ✕ / ?"),
    "cases": mark("Open cases"),
    "orders": mark("Orders open"),
    "uncovered": WORDS["uncovered"],
    "chart": mark("Camera time not covered, all sites together, day by day; ? where a camera-day is unverified"),
    "causes": WORDS["causes"],
    "no_gaps": WORDS["no_gaps"],
    "cause": WORDS["cause"],
    "gaps": WORDS["gaps"],
    "total": WORDS["total"],
    "longest": WORDS["longest"],
    "acts": mark("Work of the authority"),
    "question": WORDS["question"],
    "answer": WORDS["answer"],
    "reading": WORDS["reading"],
}
SENTENCE = {
    Status.COMPLIANT: mark("Every required minute of every day at every site is recorded, locked and sound."),
    Status.NON_COMPLIANT: mark("At some sites required minutes are missing on some days."),
    Status.UNVERIFIED: mark("Nothing is known to be missing, but not every day could be verified."),
}
OF_DAYS = (mark("Day"), mark("Not covered, s"), mark("Camera-days unverified"))
OF_ACTS = (mark("Question"), mark("Answer"))


class RegionReportWords(PaperWords):
    """Writes one report, or the tables of one."""

    own_words = OWN_WORDS
    sentences = SENTENCE

    def __init__(self, language: Language, facts: RegionFacts) -> None:
        super().__init__(language, facts, TIMEZONE)
        self._facts = facts

    def told(self, issue: Issue) -> dict[str, object]:
        """What the template names."""
        title = self._language.text("%(region)s: video monitoring, %(month)s")
        name = {"region": self.region(), "month": month_name(self._days[0], self._language)}
        return {
            **self.common(issue, title % name, self._subtitle()),
            "figures": self._figures(),
            **self._ranking(),
            **self._chart([not day.unverified for day in self._facts.month.daily]),
            "acts": [{"question": question, "answer": answer} for question, answer in self._acts()],
        }

    def region(self) -> str:
        """Its name; every region has none."""
        name = joined_names(self._facts.names[-1:], self._language)
        return name or self._facts.region or self._language.text("All regions")

    def tables(self) -> dict[str, Callable[[], list[list[str]]]]:
        """By name: the tables of the report, but for the sites."""
        return {**super().tables(), "days": self._day_lines, "orders": self._act_lines}

    def _subtitle(self) -> str:
        names = joined_names(self._facts.names, self._language)
        sites = self._language.count("%(num)s site", "%(num)s sites", len(self._facts.figures.sites))
        cameras = self._language.count(
            "%(num)s camera", "%(num)s cameras", sum(site.cameras for site in self._facts.figures.sites)
        )
        return " · ".join(part for part in (names, self._facts.region, sites, cameras) if part)

    def _figures(self) -> list[dict[str, str]]:
        facts, text = self._facts, self._language.text
        sites = facts.figures.sites
        days = {
            name: sum(getattr(site, f"{name}_days") for site in sites)
            for name in ("compliant", "non_compliant", "unverified")
        }
        worst = min(
            (site for site in sites if site.expected_us),
            key=lambda site: site.covered_us / site.expected_us,
            default=None,
        )
        return [
            self._covered(),
            {
                "name": text("Worst site"),
                "value": self._share(worst.covered_us, worst.expected_us) if worst else "–",
                "note": worst.name if worst else "–",
            },
            {
                "name": text("Unverified share"),
                "value": self._unverified(days["unverified"], sum(days.values())),
                "note": self._language.count("%(num)s camera-day", "%(num)s camera-days", days["unverified"]),
            },
            self._camera_days(*days.values()),
        ]

    def _ranking(self) -> dict[str, object]:
        text, sites = self._language.text, self._facts.figures.sites
        rest = len(sites) - SITES_LISTED
        return {
            "sites": [self._site(place, site) for place, site in enumerate(sites[:SITES_LISTED], start=1)],
            "ranking_note": text("First those at which something is missing, then those that could not be verified."),
            "ranking_rest": text("%(count)s more stand in the table that can be downloaded beside this report.")
            % {"count": self._number(rest)}
            if rest > 0
            else "",
        }

    def _site(self, place: int, site: SiteFigures) -> dict[str, object]:
        return {
            "place": str(place),
            "name": site.name,
            "region": site.region.removeprefix(f"{self._facts.region}/") if site.region != self._facts.region else "",
            "bar": site.covered_us / site.expected_us if site.expected_us else 0,
            "share": self._share(site.covered_us, site.expected_us),
            "status": site.status,
            "days": f"{site.compliant_days} / {site.non_compliant_days} / {site.unverified_days}",
            "cases": self._number(site.open_cases),
            "orders": self._number(site.open_orders),
        }

    def _acts(self) -> list[tuple[str, str]]:
        text, orders, sites = self._language.text, self._facts.orders, self._facts.figures.sites
        late = "– " + text("of these past their day")
        return [
            (text("Rectification orders made this month"), self._number(orders.made)),
            (text("Rectification orders closed this month"), self._number(orders.passed)),
            (text("Rectification orders open now"), self._number(orders.open)),
            (late, self._number(orders.overdue)),
            (text("Sites whose work rests by an order"), self._number(orders.suspended)),
            (text("Cases of the docket open now"), self._number(sum(site.open_cases for site in sites))),
            (late, self._number(sum(site.overdue_cases for site in sites))),
            (text("Complaints to be answered"), self._number(sum(site.open_complaints for site in sites))),
        ]

    def _day_lines(self) -> list[list[str]]:
        month = self._facts.month
        return [
            [self._language.text(words) for words in OF_DAYS],
            *(
                [day.isoformat(), str(found.missing_us // 1_000_000), str(found.unverified)]
                for day, found in zip(month.days, month.daily, strict=True)
            ),
        ]

    def _act_lines(self) -> list[list[str]]:
        return [[self._language.text(words) for words in OF_ACTS], *([name, count] for name, count in self._acts())]

    def _unverified(self, days: int, of: int) -> str:
        """Rounded up: what is not known is never said to be less."""
        if not of:
            return "–"
        return f"{format_decimal(-(-days * 1_000 // of) / 10, locale=self._language.locale)}%"
