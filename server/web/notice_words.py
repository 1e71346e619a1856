"""What notices say, in the words of the pages: what happened, and of which site. Nothing of a person stands in them."""

from functools import cache

from server.services.notices.plan_messages import Wording
from server.services.notices.tell import DUTY, ESCALATION, GUARDIAN_KINDS, LATE
from server.web.agenda import KIND as EVENT
from server.web.agenda import record_name
from server.web.audits import DRIFT
from server.web.languages import DEFAULT_LANGUAGE, Language, load_languages
from server.web.wording import ALARM_KIND, CAUSE, FINDING, mark

KIND = {
    "gap": mark("Recording gap"),
    "alarm": mark("Alarm"),
    "finding": mark("Picture fault"),
    "drift": mark("Recording in the store is not as it was"),
    "duty": mark("Due by the rules"),
    "docket": mark("Case of the docket is due"),
    "live": mark("Live view"),
    "order": mark("Rectification order"),
    "complaint": mark("Complaint is to be answered"),
    "request": mark("A guardian asks to see a recording"),
    "lease": mark("My access"),
    "answer": mark("Answer to my request"),
    "support": mark("Support's access"),
}
REFUSED = {
    "object_missing": "object_missing",
    "object_corrupt": "object_corrupt",
    "lock_refused": "lock_too_short",
    "undecodable": "object_corrupt",
    "picture_frozen": "picture_frozen",
    "picture_too_dark": "picture_too_dark",
    "clock_off": "clock_error",
}
GUARDIANS = {
    "live": mark("my child's room can be watched, or is dark for a while"),
    "lease": mark("my hours or my access change"),
    "answer": mark("the facility has answered me"),
}
"""What a guardian may wish to hear of."""
ORDER = {
    "ordered": mark("made"),
    "due": mark("its day is near"),
    "overdue": mark("its day is over"),
    "failed": mark("the repair did not pass"),
    "proposed": mark("a suspension is proposed"),
    "suspended": mark("work rests until the repair has passed"),
    "passed": mark("passed and closed"),
}
TO_GUARDIAN = {
    "live_now": mark("Your child's room can be watched now."),
    "live_dark": mark(
        "Your child's room is dark for now: the facility has switched its live picture off for everybody."
    ),
    "live_again": mark("Your child's room can be watched again."),
    "lease_granted": mark("You may now look into your child's room, in the hours that stand on your page."),
    "lease_hours": mark("The hours in which you may look have changed."),
    "lease_ended": mark("The facility has ended your access."),
    "consent_written": mark("The facility has written down your consent on paper."),
    "consent_withdrawn": mark("The facility has written down that you withdrew your consent."),
    "answer": mark("The facility has answered your request."),
    "shown": mark("The recording that you asked for can be seen, for some days."),
}
"""What a guardian is told. The title names the facility; nothing names a child or a room."""
OF_SUPPORT = {
    "asked": mark("asked for"),
    "confirmed": mark("confirmed by a second person; you may approve it"),
    "approved": mark("approved"),
    "ended": mark("over"),
}
STRANGERS = frozenset({"delete_marker", "foreign_version", "foreign_object"})


@cache
def wording() -> Wording:
    """The words of both languages."""
    languages = load_languages()

    def say(kind: str, about: str, tag: str) -> str:
        language = languages.get(tag, languages[DEFAULT_LANGUAGE])
        if kind in GUARDIAN_KINDS and about in TO_GUARDIAN:
            return language.text(TO_GUARDIAN[about])
        if kind == DUTY:
            return _duty(about, language)
        if kind == ESCALATION:
            inner, _, what = about.partition(":")
            return language.text("Nobody has answered: %(what)s") % {"what": say(inner, what, tag)}
        words = _about(kind, about)
        said = language.text(KIND[kind]) if kind in KIND else kind
        if not words:
            return said
        return language.text("%(kind)s: %(what)s") % {"kind": said, "what": language.text(words)}

    def title(site: str, what: str, tag: str) -> str:
        language = languages.get(tag, languages[DEFAULT_LANGUAGE])
        return language.text("[Nightlight] %(site)s: %(what)s") % {"site": site, "what": what}

    def several(count: int, tag: str) -> str:
        language = languages.get(tag, languages[DEFAULT_LANGUAGE])
        return language.count("%(num)s event", "%(num)s events", count)

    return Wording(say, title, several)


def _duty(about: str, language: Language) -> str:
    """What comes round, or is over its day."""
    what = about.removeprefix(LATE)
    called = language.text(EVENT[what]) if what in EVENT else record_name(what, language)
    words = mark("Past its day: %(what)s") if about.startswith(LATE) else mark("Due soon: %(what)s")
    return language.text(words) % {"what": called}


def _about(kind: str, about: str) -> str:
    if kind == "alarm":
        return ALARM_KIND.get(about, "")
    if kind == "finding":
        return FINDING.get(about, "")
    if kind == "support":
        return OF_SUPPORT.get(about, "")
    if kind == "order":
        return ORDER.get(about, "")
    if kind == "drift" and about in STRANGERS:
        return DRIFT[about]
    return CAUSE.get(REFUSED.get(about, about), "")
