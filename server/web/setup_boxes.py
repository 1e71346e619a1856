"""What the page of boxes and codes says. Pure."""

from dataclasses import dataclass

from server.domain.verdict import day_of
from server.services.agents.set_up_boxes import BoxView, CodeView, SiteBoxes
from server.web.formatting import Words
from server.web.languages import Language


@dataclass(frozen=True)
class BoxRow:
    """One box."""

    agent_id: str
    trusted: bool
    state: str
    facts: list[str]


@dataclass(frozen=True)
class CodeRow:
    """One open code."""

    agent_id: str
    facts: list[str]
    warning: str


def box_rows(site: SiteBoxes, language: Language) -> list[BoxRow]:
    """Trusted ones first."""
    rows = [_box(site, box, language) for box in site.boxes]
    return sorted(rows, key=lambda row: not row.trusted)


def code_rows(site: SiteBoxes, language: Language) -> list[CodeRow]:
    """By id."""
    return [_code(site, code, language) for code in site.codes]


def until(site: SiteBoxes, at_us: int, language: Language) -> str:
    """An instant as the site's people say it."""
    return Words(language, site.timezone).moment(at_us, day_of(site.now_us, site.timezone))


def _box(site: SiteBoxes, box: BoxView, language: Language) -> BoxRow:
    text = language.text
    facts = [text("in since %(time)s") % {"time": until(site, box.created_us, language)}]
    if box.heard_us is None:
        facts.append(text("never heard from"))
    else:
        facts.append(text("last heard %(time)s") % {"time": until(site, box.heard_us, language)})
    if box.revoked_us is not None:
        at = until(site, box.revoked_us, language)
        state = text("shut out since %(time)s: %(why)s") % {"time": at, "why": box.revoked_reason}
        return BoxRow(box.agent_id, False, state, facts)
    if box.certificate_ends_us is not None:
        ends = until(site, box.certificate_ends_us, language)
        facts.append(text("certificate until %(time)s, renewed by itself") % {"time": ends})
    if not box.may_get_passwords:
        facts.append(text("cannot be given camera passwords yet: enrol it with a code"))
    return BoxRow(box.agent_id, True, text("trusted"), facts)


def _code(site: SiteBoxes, code: CodeView, language: Language) -> CodeRow:
    text = language.text
    facts = [
        text("ends %(time)s") % {"time": until(site, code.expires_us, language)},
        text("made by %(name)s, %(time)s") % {"name": code.created_by, "time": until(site, code.created_us, language)},
    ]
    warning = text("An agent of this id is in already: whoever uses the code takes its place.") if code.known else ""
    return CodeRow(code.agent_id, facts, warning)
