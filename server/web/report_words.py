"""A month in the words of a language, as the templates of reports and the files of their tables name them; a site's. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from babel.dates import format_skeleton
from babel.numbers import format_decimal

from config.base.clock import US_PER_S, to_datetime
from server.domain.month import CameraMonth, GapOf
from server.domain.verdict import Status
from server.services.docket.files import harmless
from server.services.reports.month_report import MonthFacts
from server.services.reports.press import Issue
from server.services.reports.region_report import RegionFacts
from server.web import qr
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import CAUSE, VERDICT, mark

WORDS = {
    "product": mark("Nightlight · video monitoring of childcare facilities"),
    "qr": mark("Scan to check"),
    "qr_alt": mark("Code of the page on which this report can be checked"),
    "days": mark("Every camera, every day"),
    "camera": mark("Camera"),
    "covered": mark("Covered"),
    "chart": mark("Time not covered, all cameras together, day by day"),
    "uncovered": mark("What was not covered"),
    "causes": mark("Causes"),
    "no_gaps": mark("No gap stands in the record of this month."),
    "cause": mark("Cause"),
    "gaps": mark("Gaps"),
    "total": mark("Together"),
    "longest": mark("Longest"),
    "longest_gaps": mark("The longest gaps"),
    "when": mark("When"),
    "length": mark("Length"),
    "keeping": mark("Keeping of recordings"),
    "question": mark("Question"),
    "answer": mark("Answer"),
    "reading": mark("How to read this"),
}
SENTENCE = {
    Status.COMPLIANT: mark("Every required minute of every day is recorded, locked and sound."),
    Status.NON_COMPLIANT: mark("On some days required minutes are missing."),
    Status.UNVERIFIED: mark("Nothing is known to be missing, but not every day could be verified."),
}
READING = (
    mark(
        "Covered is only what was recorded, read back from the store by the server, locked against deletion, and sound: a"
        " clock that could be trusted and a picture that shows the room."
    ),
    mark("What is not known is unverified. It never counts as covered."),
    mark("Planned maintenance is not covered either; it stands among the causes."),
    mark("Percentages are rounded down: only what is whole is called 100 %."),
    mark(
        "This file is signed. A PDF reader shows whether it was changed since; the page behind the code shows its SHA-256"
        " as the server keeps it."
    ),
)
REFUSED = {
    "bad_month": mark("Choose a month."),
    "month_to_come": mark("This month has not begun yet."),
    "too_many_reports": mark("There are too many reports of this month already. Use one of them."),
    "region_too_large": mark("There are more than 5,000 sites here. Choose a smaller region."),
    "no_font": mark(
        "This server has no font with Chinese characters. Whoever operates it installs one, or names a folder with one in"
        " reports.fonts_dir."
    ),
    "no_timestamp": mark("The timestamp authority does not answer. Try again in some minutes."),
    "no_authority": mark(
        "This server has no certificate to sign reports with. Whoever operates it runs: server.admin init"
    ),
}
OF_CAUSES = (mark("Cause"), mark("Gaps"), mark("Together, s"), mark("Longest, s"))
OF_GAPS = (mark("Camera"), mark("From"), mark("To"), mark("Length, s"), mark("Cause"))
OTHER_REFUSAL = mark("The report could not be made. Try again in some minutes.")


class PaperWords:
    """What the reports of a site and of a region say alike. ``facts``: of either."""

    own_words: Mapping[str, str]
    sentences: Mapping[Status, str]

    def __init__(self, language: Language, facts: MonthFacts | RegionFacts, timezone: str) -> None:
        self._language = language
        self._of, self._days, self._totals = facts, facts.month.days, facts.month.causes
        self._words = Words(language, timezone)

    def common(self, issue: Issue, title: str, subtitle: str) -> dict[str, object]:
        """What every template names."""
        text, status = self._language.text, self._of.status
        number = {"number": issue.id, "time": self._date(issue.made_us), "zone": str(self._words.zone)}
        return {
            "title": title,
            "subtitle": subtitle,
            "author": text("Nightlight"),
            "lang": self._language.locale.language,
            "region": self._language.locale.territory or "CN",
            "footer": text("Report %(number)s, made %(time)s (%(zone)s)") % number,
            "status": status.value,
            "sentence": text(self.sentences[status])
            + ("" if self._of.final else " " + text("Some days are still provisional.")),
            "statuses": {status: text(words) for status, words in VERDICT.items()},
            "words": {key: text(words) for key, words in self.own_words.items()},
            "qr": qr.link_svg(issue.verify_url),
            "causes": self._causes(),
            "reading": [text(sentence) for sentence in READING],
        }

    def table(self, name: str) -> list[list[str]]:
        """Headings and lines of one of ``tables``, safe where cells may be formulas."""
        return [[harmless(cell) for cell in line] for line in self.tables()[name]()]

    def tables(self) -> dict[str, Callable[[], list[list[str]]]]:
        """By name."""
        return {"causes": self._cause_lines}

    def _covered(self) -> dict[str, str]:
        missing = self._words.duration(self._of.expected_us - self._of.covered_us)
        return {
            "name": self._language.text("Covered"),
            "value": self._share(self._of.covered_us, self._of.expected_us),
            "note": self._language.text("%(missing)s missing") % {"missing": missing},
        }

    def _camera_days(self, compliant: int, broken: int, unknown: int) -> dict[str, str]:
        text, counts = self._language.text, {"broken": self._number(broken), "unknown": self._number(unknown)}
        return {
            "name": text("Camera-days"),
            "value": self._number(compliant),
            "note": text("compliant; %(broken)s not, %(unknown)s unverified") % counts,
        }

    def _chart(self, verified: Sequence[bool]) -> dict[str, object]:
        """Bars as shares of the highest; a day with something unverified has a mark."""
        missing = [day.missing_us for day in self._of.month.daily]
        most_us = max(missing)
        highest = self._language.text("Highest: %(length)s.") % {"length": self._words.duration(most_us)}
        return {
            "daily": [
                {"day": str(day.day), "share": one_us / most_us if most_us else 0, "verified": known}
                for day, one_us, known in zip(self._days, missing, verified, strict=True)
            ],
            "highest": highest if most_us else "",
        }

    def _causes(self) -> list[dict[str, object]]:
        most_us = max((row.total_us for row in self._totals), default=0)
        return [
            {
                "cause": self._language.text(CAUSE[row.cause]),
                "bar": row.total_us / most_us if most_us else 0,
                "gaps": self._number(row.gaps),
                "total": self._words.duration(row.total_us),
                "longest": self._words.duration(row.longest_us),
            }
            for row in self._totals
        ]

    def _cause_lines(self) -> list[list[str]]:
        text = self._language.text
        rows = (
            [text(CAUSE[row.cause]), str(row.gaps), str(row.total_us // US_PER_S), str(row.longest_us // US_PER_S)]
            for row in self._totals
        )
        return [[text(words) for words in OF_CAUSES], *rows]

    def _share(self, covered_us: int, expected_us: int) -> str:
        return self._words.share(covered_us, expected_us) if expected_us else "–"

    def _date(self, at_us: int) -> str:
        """With its year: what is kept may be of another one."""
        day = format_skeleton("yMMMd", to_datetime(at_us), tzinfo=self._words.zone, locale=self._language.locale)
        return f"{day} {self._words.clock(at_us)}"

    def _number(self, number: int) -> str:
        return format_decimal(number, locale=self._language.locale)


class ReportWords(PaperWords):
    """Writes a site's report, or the tables of one."""

    own_words = WORDS
    sentences = SENTENCE

    def __init__(self, language: Language, facts: MonthFacts) -> None:
        super().__init__(language, facts, facts.timezone)
        self._facts = facts

    def told(self, issue: Issue) -> dict[str, object]:
        """What the template names."""
        facts, month, text = self._facts, self._facts.month, self._language.text
        title = text("%(site)s: video monitoring, %(month)s")
        name = {"site": facts.site_name, "month": month_name(month.days[0], self._language)}
        return {
            **self.common(issue, title % name, f"{self._region()} · {facts.site_id}"),
            "figures": self._figures(),
            "legend": " · ".join(f"{sign} {text(VERDICT[status])}" for status, sign in _SIGNS)
            + f" · – {self._unused()}",
            "days": [str(day.day) for day in month.days],
            "cameras": [self._camera(camera) for camera in month.cameras],
            **self._chart([day.verified for day in month.daily]),
            "longest": [self._gap(gap) for gap in month.longest],
            "longest_note": text("%(shown)s of %(all)s.")
            % {"shown": self._number(len(month.longest)), "all": self._number(month.gaps)},
            "keeping": [{"question": question, "answer": answer} for question, answer in self._keeping()],
        }

    def tables(self) -> dict[str, Callable[[], list[list[str]]]]:
        """By name: the tables of the report."""
        return {"days": self._day_lines, **super().tables(), "gaps": self._gap_lines, "keeping": self._keeping_lines}

    def _day_lines(self) -> list[list[str]]:
        """A line a camera, a column a day."""
        month, text = self._facts.month, self._language.text
        lines = [
            [
                self._facts.camera_names[camera.camera_id],
                *(text(VERDICT[status]) if status else self._unused() for status in camera.days),
                self._share(camera.covered_us, camera.expected_us),
            ]
            for camera in month.cameras
        ]
        camera, covered = (text(words) for words in (WORDS["camera"], WORDS["covered"]))
        return [[camera, *(day.isoformat() for day in month.days), covered], *lines]

    def _gap_lines(self) -> list[list[str]]:
        text = self._language.text
        lines = [
            [
                self._facts.camera_names[gap.camera_id],
                self._instant(gap.start_us),
                self._instant(gap.end_us),
                str(gap.length_us // US_PER_S),
                text(CAUSE[gap.cause]),
            ]
            for gap in self._facts.month.longest
        ]
        return [[text(words) for words in OF_GAPS], *lines]

    def _keeping_lines(self) -> list[list[str]]:
        return [[self._language.text(WORDS[key]) for key in ("question", "answer")], *map(list, self._keeping())]

    def _instant(self, at_us: int) -> str:
        return f"{to_datetime(at_us).astimezone(self._words.zone):%Y-%m-%d %H:%M:%S}"

    def _figures(self) -> list[dict[str, str]]:
        month, text = self._facts.month, self._language.text
        worst = month.worst
        return [
            self._covered(),
            {
                "name": text("Worst camera"),
                "value": self._words.share(worst.covered_us, worst.expected_us) if worst else "–",
                "note": self._facts.camera_names[worst.camera_id] if worst else "–",
            },
            {
                "name": text("Longest gap"),
                "value": self._words.duration(month.longest[0].length_us) if month.longest else "–",
                "note": self._facts.camera_names[month.longest[0].camera_id] if month.longest else text("no gap"),
            },
            self._camera_days(*(month.count(Status(status)) for status, _ in _SIGNS)),
        ]

    def _camera(self, camera: CameraMonth) -> dict[str, object]:
        return {
            "name": self._facts.camera_names[camera.camera_id],
            "days": [status.value if status else None for status in camera.days],
            "share": self._share(camera.covered_us, camera.expected_us),
        }

    def _gap(self, gap: GapOf) -> dict[str, str]:
        return {
            "camera": self._facts.camera_names[gap.camera_id],
            "when": f"{self._moment(gap.start_us)} – {self._words.moment(gap.end_us, self._day(gap.start_us))}",
            "length": self._words.duration(gap.length_us),
            "cause": self._language.text(CAUSE[gap.cause]),
        }

    def _keeping(self) -> list[tuple[str, str]]:
        facts, text, never = self._facts, self._language.text, self._language.text("never so far")
        pack = facts.policy_pack or text("none set; the server's own")
        return [
            (text("Policy pack"), pack),
            (
                text("Every recording is kept for at least"),
                self._language.count("%(num)s day", "%(num)s days", facts.retain_days),
            ),
            (text("The oldest recording kept is of"), self._or(facts.oldest_kept_us, text("no recording is kept"))),
            (text("Every locked recording was last looked at"), self._or(facts.last_round_us, never)),
            (text("Recordings found missing, damaged or not locked, and still so"), self._number(facts.drifts)),
            (text("Standing legal holds"), self._number(facts.holds)),
        ]

    def _unused(self) -> str:
        return self._language.text("not in service")

    def _region(self) -> str:
        return joined_names(self._facts.regions, self._language)

    def _or(self, at_us: int | None, otherwise: str) -> str:
        return self._date(at_us) if at_us is not None else otherwise

    def _moment(self, at_us: int) -> str:
        return self._words.moment(at_us, date.min)

    def _day(self, at_us: int) -> date:
        return to_datetime(at_us).astimezone(self._words.zone).date()


_SIGNS = (("COMPLIANT", "✓"), ("NON_COMPLIANT", "✕"), ("UNVERIFIED", "?"))


def joined_names(names: Sequence[tuple[str, str]], language: Language) -> str:
    """A region and all above it, as one writes them: the largest first."""
    english = language.locale.language == "en"
    said = [(name_en if english and name_en else name) for name, name_en in names]
    if not english and all(not name.isascii() for name in said):
        return "".join(said)
    # A region that nobody has named yet is called by its step of the path.
    return " ".join(said) if english and all(name_en for _, name_en in names) else " / ".join(said)


def month_name(first: date, language: Language) -> str:
    """November 2026."""
    return format_skeleton("yMMMM", first, locale=language.locale)
