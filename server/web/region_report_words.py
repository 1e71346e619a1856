"""A region's month in the words of a language, as the template of its report and the files of its tables name them. Pure."""

from collections.abc import Callable

from babel.numbers import format_decimal

from server.domain.verdict import Status
from server.services.docket.files import harmless
from server.services.reports.month_report import Issue
from server.services.reports.region_report import RegionFacts
from server.services.supervision.count_region import TIMEZONE, SiteFigures
from server.web import qr
from server.web.formatting import Words
from server.web.languages import Language
from server.web.report_words import READING, WORDS, dated, joined_names, month_name
from server.web.wording import CAUSE, VERDICT, mark

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
OF_CAUSES = (mark("Cause"), mark("Gaps"), mark("Together, s"), mark("Longest, s"))
OF_DAYS = (mark("Day"), mark("Not covered, s"), mark("Camera-days unverified"))
OF_ACTS = (mark("Question"), mark("Answer"))


class RegionReportWords:
    """Writes one report, or the tables of one."""

    def __init__(self, language: Language, facts: RegionFacts) -> None:
        self._language = language
        self._facts = facts
        self._words = Words(language, TIMEZONE)

    def told(self, issue: Issue) -> dict[str, object]:
        """What the template names."""
        facts, text = self._facts, self._language.text
        return {
            "title": text("%(region)s: video monitoring, %(month)s")
            % {"region": self.region(), "month": month_name(facts.month.days[0], self._language)},
            "subtitle": self._subtitle(),
            "author": text("Nightlight"),
            "lang": self._language.locale.language,
            "region": self._language.locale.territory or "CN",
            "footer": text("Report %(number)s, made %(time)s (%(zone)s)")
            % {"number": issue.id, "time": dated(issue.made_us, self._words, self._language), "zone": TIMEZONE},
            "status": facts.status.value,
            "sentence": text(SENTENCE[facts.status])
            + ("" if facts.final else " " + text("Some days are still provisional.")),
            "statuses": {status: text(words) for status, words in VERDICT.items()},
            "words": {key: text(words) for key, words in OWN_WORDS.items()},
            "qr": qr.link_svg(issue.verify_url),
            "figures": self._figures(),
            **self._ranking(),
            **self._chart(),
            "causes": self._causes(),
            "acts": [{"question": question, "answer": answer} for question, answer in self._acts()],
            "reading": [text(sentence) for sentence in READING],
        }

    def region(self) -> str:
        """Its name; every region has none."""
        name = joined_names(self._facts.names[-1:], self._language)
        return name or self._facts.region or self._language.text("All regions")

    def table(self, name: str) -> list[list[str]]:
        """Headings and lines of ``causes``, ``days`` or ``orders``, safe where cells may be formulas."""
        made: dict[str, Callable[[], list[list[str]]]] = {
            "causes": self._cause_lines,
            "days": self._day_lines,
            "orders": self._act_lines,
        }
        return [[harmless(cell) for cell in line] for line in made[name]()]

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
            {
                "name": text("Covered"),
                "value": self._share(facts.covered_us, facts.expected_us),
                "note": text("%(missing)s missing")
                % {"missing": self._words.duration(facts.expected_us - facts.covered_us)},
            },
            {
                "name": text("Worst site"),
                "value": self._share(worst.covered_us, worst.expected_us) if worst else "–",
                "note": worst.name if worst else "–",
            },
            {
                "name": text("Unverified share"),
                "value": self._unverified(days["unverified"], sum(days.values())),
                "note": text("%(count)s camera-days") % {"count": self._number(days["unverified"])},
            },
            {
                "name": text("Camera-days"),
                "value": self._number(days["compliant"]),
                "note": text("compliant; %(broken)s not, %(unknown)s unverified")
                % {"broken": self._number(days["non_compliant"]), "unknown": self._number(days["unverified"])},
            },
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

    def _chart(self) -> dict[str, object]:
        """Bars as shares of the highest."""
        month = self._facts.month
        most_us = max(day.missing_us for day in month.daily)
        highest = self._language.text("Highest: %(length)s.") % {"length": self._words.duration(most_us)}
        return {
            "daily": [
                {
                    "day": str(day.day),
                    "share": found.missing_us / most_us if most_us else 0,
                    "verified": not found.unverified,
                }
                for day, found in zip(month.days, month.daily, strict=True)
            ],
            "highest": highest if most_us else "",
        }

    def _causes(self) -> list[dict[str, object]]:
        found = self._facts.month.causes
        most_us = max((row.total_us for row in found), default=0)
        return [
            {
                "cause": self._language.text(CAUSE[row.cause]),
                "bar": row.total_us / most_us if most_us else 0,
                "gaps": self._number(row.gaps),
                "total": self._words.duration(row.total_us),
                "longest": self._words.duration(row.longest_us),
            }
            for row in found
        ]

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

    def _cause_lines(self) -> list[list[str]]:
        text = self._language.text
        return [
            [text(words) for words in OF_CAUSES],
            *(
                [
                    text(CAUSE[row.cause]),
                    str(row.gaps),
                    str(row.total_us // 1_000_000),
                    str(row.longest_us // 1_000_000),
                ]
                for row in self._facts.month.causes
            ),
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

    def _share(self, covered_us: int, expected_us: int) -> str:
        return self._words.share(covered_us, expected_us) if expected_us else "–"

    def _unverified(self, days: int, of: int) -> str:
        """Rounded up: what is not known is never said to be less."""
        if not of:
            return "–"
        return f"{format_decimal(-(-days * 1_000 // of) / 10, locale=self._language.locale)} %"

    def _number(self, number: int) -> str:
        return format_decimal(number, locale=self._language.locale)
