"""A site's month in the words of a language, as the template of the report names them. Pure."""

from collections.abc import Sequence
from datetime import date

from babel.dates import format_skeleton
from babel.numbers import format_decimal

from config.base.clock import to_datetime
from server.domain.month import CameraMonth, GapOf
from server.domain.verdict import Status
from server.services.reports.month_report import Issue, MonthFacts
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
OTHER_REFUSAL = mark("The report could not be made. Try again in some minutes.")


class ReportWords:
    """Writes one report."""

    def __init__(self, language: Language, facts: MonthFacts, issue: Issue) -> None:
        self._language = language
        self._facts = facts
        self._issue = issue
        self._words = Words(language, facts.timezone)

    def told(self) -> dict[str, object]:
        """What the template names."""
        facts, month, text = self._facts, self._facts.month, self._language.text
        return {
            "title": text("%(site)s: video monitoring, %(month)s")
            % {"site": facts.site_name, "month": month_name(month.days[0], self._language)},
            "subtitle": f"{self._region()} · {facts.site_id}",
            "author": text("Nightlight"),
            "lang": self._language.locale.language,
            "region": self._language.locale.territory or "CN",
            "footer": text("Report %(number)s, made %(time)s (%(zone)s)")
            % {"number": self._issue.id, "time": self._date(self._issue.made_us), "zone": facts.timezone},
            "status": month.status.value,
            "sentence": text(SENTENCE[month.status]) + self._provisional(),
            "statuses": {status: text(words) for status, words in VERDICT.items()},
            "words": {key: text(words) for key, words in WORDS.items()},
            "qr": qr.link_svg(self._issue.verify_url),
            "figures": self._figures(),
            "legend": " · ".join(f"{sign} {text(VERDICT[status])}" for status, sign in _SIGNS)
            + f" · – {self._unused()}",
            "days": [str(day.day) for day in month.days],
            "cameras": [self._camera(camera) for camera in month.cameras],
            **self._chart(),
            "causes": [
                {
                    "cause": text(CAUSE[row.cause]),
                    "gaps": self._number(row.gaps),
                    "total": self._words.duration(row.total_us),
                    "longest": self._words.duration(row.longest_us),
                }
                for row in month.causes
            ],
            "longest": [self._gap(gap) for gap in month.longest],
            "longest_note": text("%(shown)s of %(all)s.")
            % {"shown": self._number(len(month.longest)), "all": self._number(month.gaps)},
            "keeping": [{"question": question, "answer": answer} for question, answer in self._keeping()],
            "reading": [text(sentence) for sentence in READING],
        }

    def _figures(self) -> list[dict[str, str]]:
        month, text = self._facts.month, self._language.text
        worst = month.worst
        return [
            {
                "name": text("Covered"),
                "value": self._words.share(month.covered_us, month.expected_us) if month.expected_us else "–",
                "note": text("%(missing)s missing")
                % {"missing": self._words.duration(month.expected_us - month.covered_us)},
            },
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
            {
                "name": text("Camera-days"),
                "value": self._number(month.count(Status.COMPLIANT)),
                "note": text("compliant; %(broken)s not, %(unknown)s unverified")
                % {
                    "broken": self._number(month.count(Status.NON_COMPLIANT)),
                    "unknown": self._number(month.count(Status.UNVERIFIED)),
                },
            },
        ]

    def _camera(self, camera: CameraMonth) -> dict[str, object]:
        return {
            "name": self._facts.camera_names[camera.camera_id],
            "days": [status.value if status else None for status in camera.days],
            "share": self._words.share(camera.covered_us, camera.expected_us) if camera.expected_us else "–",
        }

    def _chart(self) -> dict[str, object]:
        """Bars as shares of the highest; a day with something unverified has a mark."""
        month = self._facts.month
        most_us = max(day.missing_us for day in month.daily)
        highest = self._language.text("Highest: %(length)s.") % {"length": self._words.duration(most_us)}
        return {
            "daily": [
                {"day": str(day.day), "share": told.missing_us / most_us if most_us else 0, "verified": told.verified}
                for day, told in zip(month.days, month.daily, strict=True)
            ],
            "highest": highest if most_us else "",
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

    def _provisional(self) -> str:
        return "" if self._facts.month.final else " " + self._language.text("Some days are still provisional.")

    def _unused(self) -> str:
        return self._language.text("not in service")

    def _region(self) -> str:
        return joined_names(self._facts.regions, self._language)

    def _or(self, at_us: int | None, otherwise: str) -> str:
        return self._date(at_us) if at_us is not None else otherwise

    def _date(self, at_us: int) -> str:
        return dated(at_us, self._words, self._language)

    def _moment(self, at_us: int) -> str:
        return self._words.moment(at_us, date.min)

    def _day(self, at_us: int) -> date:
        return to_datetime(at_us).astimezone(self._words.zone).date()

    def _number(self, number: int) -> str:
        return format_decimal(number, locale=self._language.locale)


_SIGNS = (("COMPLIANT", "✓"), ("NON_COMPLIANT", "✕"), ("UNVERIFIED", "?"))


def dated(at_us: int, words: Words, language: Language) -> str:
    """With its year: what is kept may be of another one."""
    instant = to_datetime(at_us)
    day = format_skeleton("yMMMd", instant, tzinfo=words.zone, locale=language.locale)
    return f"{day} {words.clock(at_us)}"


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
