"""The pages of the docket, of planned maintenance and of a person's notices. Pure but for rendering; every rule is in a service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from config.base.errors import NightlightError
from config.base.roles import Role
from server.domain.authorisation import Action, reach
from server.domain.coverage import Cause
from server.domain.docket import OPEN, Status
from server.domain.verdict import day_of
from server.services.docket.desk import ActView, CaseView, DocketList, Filter, IncidentFile, IncidentView, StepView
from server.services.docket.plan_maintenance import LimitView, MaintenanceView, SiteMaintenance
from server.services.notices.subscribe import MessageView, Notices, PassedOn, SubscriptionView
from server.services.notices.tell import ESCALATION, kinds_of
from server.web.compliance_words import BINDING
from server.web.credit import ASPECT
from server.web.docket_words import (
    ACT,
    CHANNEL,
    CLOSING,
    MAINTENANCE,
    MESSAGE_STATE,
    OTHER_REFUSAL,
    REFERENCE,
    REFUSAL,
    STATUS,
    WHY,
)  # fmt: skip
from server.web.formatting import Words
from server.web.inspections import DAYS_TO_REPAIR, REFUSED, OrderLine
from server.web.languages import Language
from server.web.notice_words import GUARDIANS, KIND, wording
from server.web.pages import Pages
from server.web.wording import CAUSE
from storage.database.docket import ESCALATED
from storage.database.scope import Scope

CAMERAS_NAMED_MAX = 4
TONE = {
    "unexplained": "non_compliant",
    "explained": "unverified",
    "repaired": "waiting",
    "signed_off": "compliant",
    "closed": "compliant",
}


@dataclass(frozen=True)
class IncidentRow:
    """One incident in a list."""

    path: str
    site: str
    cause: str
    cameras: str
    status: str
    tone: str
    when: str
    missing: str
    due: str
    overdue: bool
    owner: str
    lasting: bool
    passed_on: bool


@dataclass(frozen=True)
class ActRow:
    """One line of a history."""

    when: str
    who: str
    what: str
    text: str
    bounds: str
    evidence: list[tuple[str, str]]
    """(words, path or nothing)."""
    cases: str


@dataclass(frozen=True)
class DocketPages:
    """Renders."""

    pages: Pages

    def say(self, tag: str) -> Callable[[str], str]:
        """A cause, status or reason by its word."""
        language = self.pages.spoken(tag)
        known: Mapping[str, str] = {**CAUSE, **STATUS, **CLOSING}
        return lambda word: language.text(known[word]) if word in known else word

    def listed(
        self, found: DocketList, wanted: Filter, site: tuple[str, str], reader: Scope, tag: str, *, supervises: bool
    ) -> str:
        """The docket of a site (id, name), or with an empty id of every site within reach."""
        site_id, site_name = site
        language = self.pages.spoken(tag)
        base = f"/sites/{site_id}/docket" if site_id else "/docket"
        return self.pages.page(
            "docket.html",
            tag,
            reader=reader,
            here=base + _query(wanted, found.page),
            base=base,
            site_id=site_id,
            site_name=site_name,
            supervises=supervises,
            wanted=wanted,
            total=found.total,
            rows=[_incident(one, found.now_us, language, named=not site_id) for one in found.incidents],
            statuses=[("open", language.text(STATUS["open"])), *((one, language.text(STATUS[one])) for one in Status)],
            causes=[(one, language.text(CAUSE[one])) for one in Cause],
            owners=found.owners,
            steps=[_clause(one, language) for one in found.steps],
            page=found.page,
            pages=found.pages,
            previous=base + _query(wanted, found.page - 1) if found.page > 1 else "",
            following=base + _query(wanted, found.page + 1) if found.page < found.pages else "",
            query=_query(wanted, 1, "&"),
        )

    def incident(
        self,
        found: IncidentFile,
        orders: list[OrderLine],
        reader: Scope,
        tag: str,
        error: NightlightError | None,
        form: Mapping[str, str],
    ) -> str:
        """One incident, and the orders that came of it; ``form``: of an order that was refused."""
        language = self.pages.spoken(tag)
        view = found.incident
        words, today = Words(language, view.timezone), day_of(found.now_us, view.timezone)
        base = f"/sites/{view.site_id}/docket"
        names = {case.case_id: case.camera_name for case in found.cases}
        return self.pages.page(
            "incident.html",
            tag,
            reader=reader,
            here=f"{base}/{view.incident_id}",
            base=base,
            incident=view,
            row=_incident(view, found.now_us, language, named=False),
            cases=[_case(case, words, today, language) for case in found.cases],
            acts=[_act(one, view, names, words, today, language) for one in reversed(found.acts)],
            follows=[f"{base}/{one}" for one in found.follows],
            may_work=found.may_work,
            may_sign=found.may_sign,
            is_open=any(case.status in ("unexplained", "explained", "repaired") for case in found.cases),
            people=found.people,
            orders=orders,
            may_order=bool(reach(reader.role, Action.SUPERVISE)) and all(one.view.status == "closed" for one in orders),
            aspects=ASPECT,
            today=today.isoformat(),
            due=(today + timedelta(days=DAYS_TO_REPAIR)).isoformat(),
            form=form,
            error=_refusal(error, language),
        )

    def maintenance(
        self, found: SiteMaintenance, reader: Scope, tag: str, form: Mapping[str, str], error: NightlightError | None
    ) -> str:
        """What was declared, and a form."""
        language = self.pages.spoken(tag)
        words, today = Words(language, found.timezone), day_of(found.now_us, found.timezone)
        return self.pages.page(
            "maintenance.html",
            tag,
            reader=reader,
            here=f"/sites/{found.site_id}/maintenance",
            site=found,
            notice=f"{found.notice_hours:g}",
            month=f"{found.hours_a_month:g}",
            limits=[(*_clause(one, language), one.note.get(_tag(language), "")) for one in found.limits],
            rows=[_window(one, words, today, language) for one in found.windows],
            form=form,
            error=_refusal(error, language),
        )

    def notices(
        self, found: Notices, reader: Scope, tag: str, form: Mapping[str, str], error: NightlightError | None
    ) -> str:
        """A person's own subscriptions and messages."""
        language = self.pages.spoken(tag)
        return self.pages.page(
            "my_notices.html" if reader.role == Role.GUARDIAN else "notices.html",
            tag,
            reader=reader,
            here="/notices",
            found=found,
            kinds=[
                (one, language.text({**KIND, **GUARDIANS}[one] if reader.role == Role.GUARDIAN else KIND[one]))
                for one in kinds_of(reader.role)
            ],
            channels=[(one, language.text(CHANNEL[one])) for one in found.channels],
            subscriptions=[_subscription(one, language) for one in found.subscriptions],
            messages=[_message(one, found.now_us, language) for one in found.messages],
            passed_on=[_passed_on(one, found.now_us, language) for one in found.passed_on],
            form=form,
            error=_refusal(error, language),
        )


def _refusal(error: NightlightError | None, language: Language) -> str:
    return language.text({**REFUSED, **REFUSAL}.get(error.code, OTHER_REFUSAL)) if error is not None else ""


def _query(wanted: Filter, page: int, lead: str = "?") -> str:
    told = {"status": wanted.status, "cause": wanted.cause, "owner": wanted.owner}
    told |= {"overdue": "1" if wanted.overdue else "", "page": str(page) if page > 1 else ""}
    query = urlencode({name: value for name, value in told.items() if value})
    return f"{lead}{query}" if query else ""


def _incident(view: IncidentView, now_us: int, language: Language, *, named: bool) -> IncidentRow:
    words, today = Words(language, view.timezone), day_of(now_us, view.timezone)
    text = language.text
    some = text(", ").join(view.cameras[:CAMERAS_NAMED_MAX])
    count = language.count("%(num)s camera", "%(num)s cameras", len(view.cameras))
    end = words.moment(view.end_us, today) if view.end_us is not None else text("still lasts")
    status = text(STATUS[view.status])
    if view.status == "closed" and view.closed_why in CLOSING:
        status = text(CLOSING[view.closed_why])
    return IncidentRow(
        path=f"/sites/{view.site_id}/docket/{view.incident_id}",
        site=view.site_name if named else "",
        cause=text(CAUSE[view.cause]) if view.cause in CAUSE else view.cause,
        cameras=some
        if len(view.cameras) <= CAMERAS_NAMED_MAX
        else text("%(kind)s: %(what)s") % {"kind": count, "what": f"{some} …"},
        status=status,
        tone=TONE[view.status],
        when=f"{words.moment(view.start_us, today)} – {end}",
        missing=words.duration(view.missing_us),
        due=words.moment(view.due_us, today) if view.status in OPEN else "",
        overdue=view.overdue,
        owner=view.owner,
        lasting=view.end_us is None,
        passed_on=view.passed_on,
    )


def _case(case: CaseView, words: Words, today: date, language: Language) -> dict[str, object]:
    text = language.text
    status = text(CLOSING[case.closed_why]) if case.closed_why in CLOSING else text(STATUS[case.status])
    end = words.moment(case.end_us, today) if case.end_us is not None else text("still lasts")
    return {
        "number": case.case_id,
        "camera": case.camera_name,
        "when": f"{words.moment(case.start_us, today)} – {end}",
        "missing": words.duration(case.missing_us),
        "status": status,
        "tone": TONE[case.status],
    }


def _act(
    one: ActView, view: IncidentView, names: Mapping[int, str], words: Words, today: date, language: Language
) -> ActRow:
    text = language.text
    bounds = ""
    if one.start_us is not None:
        end = words.moment(one.end_us, today) if one.end_us is not None else text("still lasts")
        bounds = f"{words.moment(one.start_us, today)} – {end}"
    return ActRow(
        when=words.moment(one.at_us, today),
        who=one.account or text("the system"),
        what=text({**ACT, **CLOSING}.get(one.act, one.act)),
        text=_told(one, language),
        bounds=bounds,
        evidence=[_reference(word, view.site_id, language) for word in one.evidence],
        cases=text(", ").join(names.get(case, str(case)) for case in one.cases),
    )


def _told(one: ActView, language: Language) -> str:
    if one.act != ESCALATED:
        return one.text
    text = language.text
    return text("to %(names)s") % {"names": one.text} if one.text else text("Nobody holds this office here.")


def _reference(word: str, site_id: str, language: Language) -> tuple[str, str]:
    kind, _, name = word.partition(":")
    paths = {
        "verdict": f"/sites/{site_id}?day={name}",
        "drift": f"/sites/{site_id}/audit",
        "maintenance": f"/sites/{site_id}/maintenance",
        "order": f"/sites/{site_id}/inspections#order-{name}",
    }
    said = language.text(REFERENCE[kind]) if kind in REFERENCE else kind
    return f"{said} {name if kind not in ('finding', 'order') else name[:8]}", paths.get(kind, "")


def _window(one: MaintenanceView, words: Words, today: date, language: Language) -> dict[str, object]:
    text = language.text
    cut = text("ended by %(name)s") % {"name": one.cut_by} if one.cut_by else ""
    return {
        "number": one.maintenance_id,
        "camera": one.camera_name if one.camera_id is not None else text("every camera"),
        "when": f"{words.moment(one.start_us, today)} – {words.moment(one.end_us, today)}",
        "status": text(MAINTENANCE[one.status]),
        "tone": {"planned": "waiting", "running": "unverified"}.get(one.status, "compliant"),
        "may_end": one.status in ("planned", "running"),
        "reason": one.reason,
        "declared": text("declared by %(name)s, %(time)s")
        % {"name": one.declared_by, "time": words.moment(one.declared_us, today)},
        "cut": cut,
    }


def _tag(language: Language) -> str:
    return "en" if language.tag == "en" else "zh-CN"


def _clause(one: LimitView | StepView, language: Language) -> tuple[str, str]:
    """What a rule of the pack says, and where that stands."""
    source = f"{one.source[_tag(language)]} · {one.article} · {language.text(BINDING[one.binding])} · {one.pack}"
    return one.title[_tag(language)], source


def _subscription(one: SubscriptionView, language: Language) -> dict[str, object]:
    text = language.text
    told = [text(CHANNEL[one.channel]), one.shown]
    if one.quiet_from_min is not None and one.quiet_until_min is not None:
        hours = [f"{at // 60:02}:{at % 60:02}" for at in (one.quiet_from_min, one.quiet_until_min)]
        told.append(text("quiet from %(start)s to %(end)s") % {"start": hours[0], "end": hours[1]})
    if one.escalate_to:
        told.append(
            text("after %(num)s min without being seen: to %(name)s")
            % {"num": one.escalate_min, "name": one.escalate_to}
        )
    return {
        "number": one.subscription_id,
        "site": one.site_name,
        "kinds": text(", ").join(text(KIND[kind]) for kind in one.kinds if kind in KIND),
        "how": " · ".join(word for word in told if word),
        "secret": one.secret,
    }


def _passed_on(one: PassedOn, now_us: int, language: Language) -> dict[str, str]:
    when = Words(language, one.timezone).moment(one.at_us, day_of(now_us, one.timezone))
    return {
        "site": one.site_name,
        "what": wording().say(ESCALATION, one.about, language.tag),
        "link": one.link,
        "when": when,
    }


def _message(one: MessageView, now_us: int, language: Language) -> dict[str, object]:
    text = language.text
    words, today = Words(language, one.timezone), day_of(now_us, one.timezone)
    state = text(MESSAGE_STATE[one.state])
    at_us = one.sent_us or (one.due_us if one.state == "waiting" else one.made_us)
    why = text(WHY[one.why]) if one.why in WHY else one.why
    tone = {"sent": "compliant", "waiting": "waiting", "claimed": "waiting", "unknown": "unverified"}
    return {
        "number": one.message_id,
        "title": one.title,
        "lines": one.body.splitlines(),
        "link": one.link,
        "when": words.moment(at_us, today),
        "channel": text(CHANNEL[one.channel]),
        "state": state,
        "tone": tone.get(one.state, "non_compliant"),
        "why": why,
        "seen": text("seen %(time)s") % {"time": words.moment(one.seen_us, today)} if one.seen_us is not None else "",
        "escalated": one.escalated,
    }
