"""The shared calendar as a page and as a file, in every language."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from babel.dates import format_skeleton

from server.domain.authorisation import Action, reach
from server.domain.registers.words import ANSWERS
from server.services.supervision.duties import Duty
from server.services.supervision.keep_agenda import KINDS, AgendaView, EventView
from server.web.calendar_file import CalendarEvent, calendar
from server.web.languages import DEFAULT_LANGUAGE, Language
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

KIND = {
    "meeting": mark("Joint meeting"),
    "fire_drill": mark("Fire drill"),
    "alarm_equipment_test": mark("Test of the alarm equipment"),
    "yearly_inspection": mark("Yearly inspection"),
    "police_filing": mark("Filing with the police"),
    "health_filing": mark("Filing with the health authority"),
    "training": mark("Training"),
    "other": mark("something else"),
}
STATE = {
    "coming": mark("coming"),
    "overdue": mark("overdue"),
    "done": mark("done"),
    "cancelled": mark("did not take place"),
}
CHIP = {"coming": "waiting", "overdue": "non_compliant", "done": "compliant", "cancelled": "unverified"}
REFUSED = {
    "bad_kind": mark("Choose what it is."),
    "bad_day": mark("Choose a day: one to come within two years, or the day on which it was done."),
    "no_reason": mark("Say it in a few words."),
    "closed_already": mark("Somebody has closed this already."),
    "not_found": mark("There is no such event. Open the agenda again."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")


@dataclass(frozen=True)
class EventLine:
    """An event in words; ``close_at``: where it is closed."""

    view: EventView
    kind: str
    day: str
    state: str
    chip: str
    done: str
    close_at: str


@dataclass(frozen=True)
class DutyLine:
    """A duty in words; ``at``: where its record is entered."""

    what: str
    whose: str
    due: str
    done: str
    overdue: bool
    article: str
    at: str


@dataclass(frozen=True)
class AgendaPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def agenda(self, found: AgendaView, person: Scope, language: str, *, error: str = "", form: dict[str, str]) -> str:
        """Of a site or of a region."""
        spoken = self.pages.spoken(language)
        lines = [self._event(one, spoken) for one in found.events]
        here = f"/sites/{found.site_id}/agenda" if found.site_id is not None else "/agenda"
        return self.pages.page(
            "agenda.html",
            language,
            found=found,
            site=(found.site_id, found.site_name) if found.site_id is not None else None,
            coming=[line for line in lines if line.view.state in ("coming", "overdue")],
            past=[line for line in reversed(lines) if line.view.state in ("done", "cancelled")],
            duties=[self._duty(one, found, spoken) for one in found.duties],
            kinds={kind: KIND[kind] for kind in KINDS if found.site_id is None or kind != "meeting"},
            may_add=bool(reach(person.role, Action.COMPLIANCE_ACT)),
            reader=person,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            form=form,
            file=f"{here}/calendar.ics",
            here=here,
        )

    def file(self, found: AgendaView, language: str, made: str) -> bytes:
        """Events and duties with a day, for a calendar program."""
        spoken = self.pages.spoken(language)
        events = [
            CalendarEvent(
                one.id,
                date.fromisoformat(one.done_on or one.day),
                " · ".join(part for part in (spoken.text(KIND[one.kind]), one.site_name) if part),
                "\n".join(part for part in (one.told, one.minutes) if part),
                cancelled=one.state == "cancelled",
            )
            for one in found.events
        ]
        for duty in found.duties:
            if duty.due_on:
                uid = f"{duty.site_id}.{duty.staff_id}.{duty.kind}.{duty.due_on}"
                title = (
                    f"{spoken.text('Due by the rules')}: {record_name(duty.kind, spoken)} · {found.names[duty.site_id]}"
                )
                events.append(CalendarEvent(uid, date.fromisoformat(duty.due_on), title, duty.article))
        return calendar(spoken.text("Nightlight"), events, made)

    def _event(self, view: EventView, language: Language) -> EventLine:
        at = f"/sites/{view.site_id}/agenda" if view.site_id is not None else "/agenda"
        return EventLine(
            view,
            language.text(KIND[view.kind]),
            _date(view.day, language),
            language.text(STATE[view.state]),
            CHIP[view.state],
            _date(view.done_on, language) if view.done_on else "",
            f"{at}/{view.id}",
        )

    def _duty(self, duty: Duty, found: AgendaView, language: Language) -> DutyLine:
        whose = "" if found.site_id is not None else found.names[duty.site_id]
        person = language.text("staff %(id)s") % {"id": duty.staff_id} if duty.staff_id else ""
        query = urlencode({"table": "records"})
        return DutyLine(
            record_name(duty.kind, language),
            " · ".join(part for part in (whose, person) if part),
            _date(duty.due_on, language) if duty.due_on else "",
            _date(duty.done_on, language) if duty.done_on else "",
            duty.overdue,
            duty.article,
            f"/sites/{duty.site_id}/registers?{query}",
        )


def record_name(kind: str, language: Language) -> str:
    """A record in the words of the registers."""
    if language.tag == DEFAULT_LANGUAGE:
        return ANSWERS["record"].get(kind, kind)
    return kind.replace("_", " ").capitalize()


def _date(day: str, language: Language) -> str:
    return format_skeleton("yMMMd", date.fromisoformat(day), locale=language.locale)
