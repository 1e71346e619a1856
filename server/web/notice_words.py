"""What notices say, in the words of the pages: what happened, and of which site. Nothing of a person stands in them."""

from server.domain.registers.words import ANSWERS
from server.services.notices.plan_messages import Wording
from server.web.audits import DRIFT
from server.web.languages import DEFAULT_LANGUAGE, load_languages
from server.web.wording import ALARM_KIND, CAUSE, FINDING, mark

KIND = {
    "gap": mark("Recording gap"),
    "alarm": mark("Alarm"),
    "finding": mark("Picture fault"),
    "drift": mark("Recording in the store is not as it was"),
    "duty": mark("Record ends soon"),
    "docket": mark("Case of the docket is due"),
    "live": mark("Live view"),
    "complaint": mark("Complaint is to be answered"),
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
STRANGERS = frozenset({"delete_marker", "foreign_version", "foreign_object"})


def wording() -> Wording:
    """The words of both languages."""
    languages = load_languages()

    def say(kind: str, about: str, tag: str) -> str:
        language = languages.get(tag, languages[DEFAULT_LANGUAGE])
        words = _about(kind, about, tag)
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


def _about(kind: str, about: str, tag: str) -> str:
    if kind == "alarm":
        return ALARM_KIND.get(about, "")
    if kind == "finding":
        return FINDING.get(about, "")
    if kind == "duty":
        return ANSWERS["record"].get(about, "") if tag == DEFAULT_LANGUAGE else about.replace("_", " ")
    if kind == "drift" and about in STRANGERS:
        return DRIFT[about]
    return CAUSE.get(REFUSED.get(about, about), "")
