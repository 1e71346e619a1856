"""The page of a site's complaints, in every language."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from config.base.clock import to_datetime
from server.domain.authorisation import Action, reach
from server.services.docket.files import harmless_rows
from server.services.supervision.keep_complaints import ComplaintView, SiteComplaints
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

REFUSED = {
    "no_reason": mark("Say it in 1 to 2,000 characters."),
    "answered_already": mark("Somebody has answered this complaint already."),
    "held_already": mark(
        "Footage is held for this complaint already. Place a further hold under keeping and evidence."
    ),
    "bad_time": mark("Enter day and time of beginning and end."),
    "bad_span": mark("The end has to be after the beginning, by 400 days at most."),
    "bad_review": mark("The day of review has to be still to come."),
    "no_number_left": mark("There are too many complaints on this day. Enter it tomorrow."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")


COLUMNS = (
    mark("Case"),
    mark("Received"),
    mark("What it is about"),
    mark("by telephone"),
    mark("Due"),
    mark("Answered"),
    mark("Answer"),
    mark("late"),
)


@dataclass(frozen=True)
class ComplaintLine:
    """A complaint with its times in words."""

    view: ComplaintView
    received: str
    due: str
    answered: str


@dataclass(frozen=True)
class ComplaintPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def of_site(
        self,
        found: SiteComplaints,
        person: Scope,
        language: str,
        *,
        error: str = "",
        form: dict[str, str],
        case: str = "",
    ) -> str:
        """All of a site, and the form. What was refused stands in its ``form`` again: that of a ``case``, or of a new one."""
        words = Words(self.pages.spoken(language), found.timezone)
        return self.pages.page(
            "complaints.html",
            language,
            site=found,
            lines=[
                ComplaintLine(
                    one,
                    words.moment(one.received_us, date.min),
                    words.moment(one.due_us, date.min),
                    words.moment(one.answered_us, date.min) if one.answered_us is not None else "",
                )
                for one in found.complaints
            ],
            today=to_datetime(found.now_us).astimezone(words.zone).date().isoformat(),
            may_act=bool(reach(person.role, Action.COMPLIANCE_ACT)),
            may_hold=bool(reach(person.role, Action.CUSTODY_ACT)),
            reader=person,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            form=form if not case else {},
            case=case,
            given=form,
            here=f"/sites/{found.site_id}/complaints",
        )

    def rows(self, found: SiteComplaints, language: str) -> list[list[str]]:
        """Headings and a line a case, for a file."""
        text, zone = self.pages.spoken(language).text, ZoneInfo(found.timezone)

        def at(at_us: int | None) -> str:
            return f"{to_datetime(at_us).astimezone(zone):%Y-%m-%d %H:%M:%S}" if at_us is not None else ""

        lines = [
            [
                one.number,
                at(one.received_us),
                one.told,
                text("yes") if one.by_phone else "",
                at(one.due_us),
                at(one.answered_us),
                one.answer or "",
                text("yes") if one.overdue else "",
            ]
            for one in found.complaints
        ]
        return harmless_rows([[text(words) for words in COLUMNS], *lines])
