"""The page of a credit file, in every language."""

from dataclasses import dataclass
from datetime import date

from babel.numbers import format_decimal

from server.domain.authorisation import Action, reach
from server.domain.credit import Aspect
from server.services.docket.files import harmless_rows
from server.services.supervision.keep_credit import CreditFileView, EntryView, ObjectionView
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

ASPECT = {
    "filing": mark("Filing"),
    "intake": mark("Taking in and handing over"),
    "care": mark("Care"),
    "safety": mark("Safety"),
    "health": mark("Health"),
    "supervision": mark("Video and supervision"),
    "service": mark("Service"),
    "satisfaction": mark("Satisfaction of families"),
}
KIND = {
    "inspection": mark("inspection"),
    "rectification": mark("rectification"),
    "complaint": mark("complaint"),
    "award": mark("award"),
    "penalty": mark("penalty"),
    "other": mark("something else"),
    "ban": mark("ban for life"),
}
RULES = (
    mark("An entry counts from its day for 365 days, unless an objection to it was upheld; then it never counted."),
    mark("A score is 100 plus the points of the entries that count, at least 0 and at most 100."),
    mark("The whole is the mean of the eight, in tenths, rounded down."),
    mark(
        "Stars: 5 from 95.0, 4 from 85.0, 3 from 75.0, 2 from 60.0, else 1. With any score under 60 no more than 3, under"
        " 40 no more than 1. Where no entry counts there are none, for nothing is known."
    ),
)
REFUSED = {
    "bad_kind": mark("Choose what the entry is about, and of which kind it is."),
    "bad_ban": mark("A ban for life is of one of the staff: name the number, and take points away."),
    "bad_points": mark("Give from -100 to 100 points."),
    "bad_day": mark("Name a day that has been, as 2026-11-22."),
    "no_reason": mark("Say what happened, in 1 to 400 characters on one line."),
    "no_source": mark("Name the record that says so, in 1 to 200 characters."),
    "not_found": mark("There is no such person on the staff of this site. Look the number up in the registers."),
    "objected_already": mark("There is an objection to this entry already."),
    "decided_already": mark("Somebody has decided on this objection already."),
    "second_person_needed": mark("Who made the entry or the objection does not decide on it. Ask somebody else."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")
ROLE = {
    "guard": mark("Guard"),
    "carer": mark("Carer"),
    "health": mark("Health carer"),
    "manager": mark("Head"),
    "cook": mark("Cook"),
    "other": mark("Other staff"),
}
COLUMNS = (
    mark("Day"),
    mark("About"),
    mark("Points"),
    mark("Kind"),
    mark("What happened"),
    mark("Record that says so"),
    mark("Staff"),
    mark("Entered by"),
    mark("Counts"),
    mark("Objection"),
)
STARS_MAX = 5


@dataclass(frozen=True)
class ObjectionLine:
    """An objection with its times in words; ``may_decide``: by whoever reads."""

    view: ObjectionView
    raised: str
    decided: str
    may_decide: bool


@dataclass(frozen=True)
class EntryLine:
    """An entry in words; ``may_object``: nobody has, or nobody was right so far."""

    view: EntryView
    aspect: str
    kind: str
    points: str
    entered: str
    objections: list[ObjectionLine]
    may_object: bool


@dataclass(frozen=True)
class CreditPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def file(
        self, found: CreditFileView, person: Scope, language: str, *, error: str = "", form: dict[str, str]
    ) -> str:
        """One."""
        spoken = self.pages.spoken(language)
        return self.pages.page(
            "credit.html",
            language,
            file=found,
            whole=format_decimal(found.tenths / 10, "0.0", locale=spoken.locale),
            stars=stars_drawn(found.stars),
            scores=[(spoken.text(ASPECT[aspect]), found.scores[aspect]) for aspect in Aspect],
            entries=[self._entry(found, one, person, language) for one in found.entries],
            rules=RULES,
            aspects=ASPECT,
            kinds=KIND,
            may_enter=bool(reach(person.role, Action.SUPERVISE)),
            reader=person,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            form=form,
            member=found.staff[0] if found.staff_id is not None else None,
            staff=[(one, ROLE.get(one.role, "")) for one in found.staff],
            here=f"/sites/{found.site_id}/credit" + (f"/staff/{found.staff_id}" if found.staff_id is not None else ""),
        )

    def rows(self, found: CreditFileView, language: str) -> list[list[str]]:
        """Headings and a line an entry, for a file: whoever has them works out the same card."""
        text = self.pages.spoken(language).text
        lines = [
            [
                one.day,
                text(ASPECT[one.aspect]),
                str(one.points),
                text(KIND[one.kind]),
                one.told,
                one.source,
                one.staff_id or "",
                one.entered_by,
                text("struck") if one.struck else text("yes") if one.counts else text("no"),
                "; ".join(objection.told for objection in one.objections),
            ]
            for one in found.entries
        ]
        return harmless_rows([[text(words) for words in COLUMNS], *lines])

    def _entry(self, found: CreditFileView, view: EntryView, person: Scope, language: str) -> EntryLine:
        spoken = self.pages.spoken(language)
        words, today = Words(spoken, found.timezone), date.fromisoformat(found.day)
        decides = bool(reach(person.role, Action.SUPERVISE)) and person.account_name != view.entered_by
        return EntryLine(
            view,
            spoken.text(ASPECT[view.aspect]),
            spoken.text(KIND[view.kind]),
            f"{view.points:+d}".replace("-", "\N{MINUS SIGN}") if view.points else "0",
            words.moment(view.entered_us, today),
            [
                ObjectionLine(
                    one,
                    words.moment(one.raised_us, today),
                    words.moment(one.decided_us, today) if one.decided_us is not None else "",
                    one.upheld is None and decides and person.account_name != one.raised_by,
                )
                for one in view.objections
            ],
            all(one.upheld is False for one in view.objections),
        )


def stars_drawn(stars: int | None) -> str:
    """Full and empty ones; nothing where nothing is known."""
    if stars is None:
        return ""
    return "\N{BLACK STAR}" * stars + "\N{WHITE STAR}" * (STARS_MAX - stars)
