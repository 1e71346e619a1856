"""The page of a site's inspections and rectification orders, in every language."""

from dataclasses import dataclass
from datetime import date, timedelta

from server.domain.authorisation import Action, reach
from server.domain.verdict import Status
from server.services.docket.desk import works_at_site
from server.services.docket.files import harmless_rows
from server.services.supervision.inspect_sites import CheckItem, InspectionView, OrderView, SiteInspections
from server.web.compliance_words import BINDING
from server.web.credit import ASPECT
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.wording import VERDICT, mark
from storage.database.scope import Scope

ACT = {
    "ordered": mark("ordered"),
    "repaired": mark("repair reported"),
    "passed": mark("repair found good"),
    "failed": mark("repair found wanting"),
    "proposed": mark("suspension proposed"),
    "suspended": mark("suspended"),
    "escalated": mark("escalated: its day is over"),
}
DO = {
    "passed": mark("It is good: close the order"),
    "failed": mark("It is wanting: order it again"),
    "proposed": mark("Propose a suspension"),
    "suspended": mark("Confirm the suspension"),
}
STATUS = {
    "open": mark("to be put right"),
    "repaired": mark("waits for a second look"),
    "closed": mark("put right"),
}
REFUSED = {
    "no_reason": mark("Say what happened, in 1 to 400 characters on one line."),
    "bad_kind": mark("Choose what the entry is about, and of which kind it is."),
    "bad_points": mark("Give from -100 to 0 points to a finding."),
    "bad_day": mark("Name a day that has been, as 2026-11-22."),
    "bad_due": mark("Name a day to put it right that is still to come, as 2026-11-30."),
    "not_drawn": mark("Only an inspector who was drawn for this site enters what was found."),
    "entered_already": mark("What was found has been entered already."),
    "not_an_operator": mark("Only the facility itself does that."),
    "ordered_already": mark("An order of this incident is open already. Close it first, or decide on it."),
    "not_now": mark("Somebody was faster: this order stands otherwise by now. Look at its history."),
    "second_person_needed": mark(
        "Somebody else has to do this: not who reported the repair or proposed the suspension."
    ),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")
COLUMNS = (
    mark("Order"),
    mark("What is to be put right"),
    mark("Rule"),
    mark("Status"),
    mark("To be put right by"),
    mark("late"),
    mark("suspended"),
    mark("History"),
)
FINDINGS_IN_FORM = 5
DAYS_TO_REPAIR = 15


@dataclass(frozen=True)
class OrderLine:
    """An order in words; ``acts``: (what, when and by whom, what was said); ``may``: acts of whoever reads."""

    view: OrderView
    status: str
    chip: str
    acts: list[tuple[str, str, str]]
    may: list[tuple[str, str]]
    may_repair: bool


@dataclass(frozen=True)
class InspectionLine:
    """An inspection in words; ``may_record``: whoever reads was drawn, and nothing is entered yet."""

    view: InspectionView
    drawn: str
    orders: list[OrderLine]
    may_record: bool


@dataclass(frozen=True)
class InspectionPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def of_site(
        self, found: SiteInspections, person: Scope, language: str, *, error: str = "", form: dict[str, str]
    ) -> str:
        """All of a site."""
        spoken = self.pages.spoken(language)
        broken = [item for item in found.checklist if item.status == Status.NON_COMPLIANT]
        return self.pages.page(
            "inspections.html",
            language,
            site=found,
            lines=[self._line(one, found, person, language) for one in found.inspections],
            from_docket=self.orders(found.orders, found.timezone, person, language),
            items=[
                (
                    item.status.lower(),
                    spoken.text(VERDICT[item.status]),
                    _title(item, language),
                    item.article,
                    spoken.text(BINDING[item.binding]),
                )
                for item in found.checklist
            ],
            prefilled=[(item.rule, _title(item, language)[:400]) for item in broken][:FINDINGS_IN_FORM],
            rows=range(FINDINGS_IN_FORM),
            aspects=ASPECT,
            due=(date.fromisoformat(found.today) + timedelta(days=DAYS_TO_REPAIR)).isoformat(),
            reader=person,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            form=form,
            here=f"/sites/{found.site_id}/inspections",
        )

    def rows(self, found: SiteInspections, language: str) -> list[list[str]]:
        """Headings and a line an order, for a file; those from the docket first."""
        text = self.pages.spoken(language).text
        every = [*found.orders, *(order for one in found.inspections for order in one.orders)]
        lines = [
            [
                one.id,
                one.told,
                one.rule,
                text(STATUS[one.status]),
                one.due,
                text("yes") if one.overdue else "",
                text("yes") if one.suspended else "",
                "; ".join(f"{text(ACT[act.kind])}: {act.told}" for act in one.acts[1:]),
            ]
            for one in every
        ]
        return harmless_rows([[text(words) for words in COLUMNS], *lines])

    def orders(self, views: list[OrderView], timezone: str, person: Scope, language: str) -> list[OrderLine]:
        """Orders in words, for whichever page shows them."""
        words = Words(self.pages.spoken(language), timezone)
        return [self._order(one, words, person, language) for one in views]

    def _line(self, view: InspectionView, found: SiteInspections, person: Scope, language: str) -> InspectionLine:
        words = Words(self.pages.spoken(language), found.timezone)
        return InspectionLine(
            view,
            words.moment(view.drawn_us, date.min),
            [self._order(one, words, person, language) for one in view.orders],
            view.day is None and person.account_name in view.inspectors,
        )

    def _order(self, view: OrderView, words: Words, person: Scope, language: str) -> OrderLine:
        text = self.pages.spoken(language).text
        supervises = bool(reach(person.role, Action.SUPERVISE))
        chip = {"closed": "compliant", "repaired": "waiting"}.get(view.status, "non_compliant")
        return OrderLine(
            view,
            text(STATUS[view.status]),
            chip,
            [
                (
                    text(ACT[act.kind]),
                    text("%(time)s by %(name)s") % {"time": words.moment(act.at_us, date.min), "name": act.by},
                    act.told,
                )
                for act in view.acts
            ],
            [(kind, text(DO[kind])) for kind in view.allowed if kind in DO] if supervises else [],
            "repaired" in view.allowed and works_at_site(person),
        )


def _title(item: CheckItem, language: str) -> str:
    return item.title.get("en" if language == "en" else "zh-CN") or item.rule
