"""The ways through the console: those that the reader's role may take, and no others. Pure.

A page says where it is (its path); the ways of a site are there on every page of that site, and on every page for whoever has
one site alone; those of a region for whoever supervises one, and a person's own always.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.domain.authorisation import Action, reach
from server.web.wording import mark


@dataclass(frozen=True)
class Way:
    """One link. ``words`` are in English, for the catalogue."""

    path: str
    words: str
    is_here: bool


@dataclass(frozen=True)
class Group:
    """Links that belong together."""

    words: str
    ways: tuple[Way, ...]


Line = tuple[str, Action, str]
OF_REGION: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        mark("My region"),
        (
            ("/compliance", Action.SUPERVISE, mark("All sites")),
            ("/docket", Action.SUPERVISE, mark("Docket of all sites")),
            ("/draws", Action.SUPERVISE, mark("Inspection draws")),
            ("/agenda", Action.SUPERVISE, mark("Agenda")),
            ("/statistics", Action.SUPERVISE, mark("Statistics")),
        ),
    ),
    (mark("On duty"), (("/wall", Action.WALL, mark("Duty room")),)),
)
OF_SITE: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        mark("Every day"),
        (
            ("", Action.COVERAGE_READ, mark("Board")),
            ("/docket", Action.COMPLIANCE_READ, mark("Docket")),
            ("/live", Action.LIVE, mark("Live view")),
            ("/today", Action.DAY_MARK, mark("Rooms and people")),
            ("/requests", Action.PEOPLE_MANAGE, mark("Guardians' requests")),
        ),
    ),
    (
        mark("Recordings"),
        (
            ("/calendar", Action.COVERAGE_READ, mark("Calendar of recordings")),
            ("/playback", Action.PLAYBACK, mark("Playback")),
            ("/custody", Action.CUSTODY_READ, mark("Keeping and evidence")),
            ("/audit", Action.AUDIT_READ, mark("Audits")),
        ),
    ),
    (
        mark("Supervision"),
        (
            ("/compliance", Action.COMPLIANCE_READ, mark("Rules and compliance")),
            ("/inspections", Action.COMPLIANCE_READ, mark("Inspections")),
            ("/complaints", Action.COMPLIANCE_READ, mark("Complaints")),
            ("/credit", Action.COMPLIANCE_READ, mark("Credit file")),
            ("/documents", Action.SUPERVISE, mark("Documents")),
            ("/agenda", Action.COMPLIANCE_READ, mark("Agenda")),
            ("/reports", Action.COMPLIANCE_READ, mark("Reports")),
        ),
    ),
    (
        mark("Set up"),
        (
            ("/setup", Action.SETUP, mark("Set up step by step")),
            ("/cameras", Action.SETUP, mark("Cameras and site agents")),
            ("/maintenance", Action.COMPLIANCE_ACT, mark("Planned maintenance")),
            ("/support", Action.SUPPORT_APPROVE, mark("Support's access")),
        ),
    ),
)
OF_PLATFORM: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (mark("Platform"), (("/support", Action.SUPPORT_ASK, mark("Support's access")),)),
)
OF_PERSON: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        mark("Mine"),
        (
            ("/live", Action.CHILD_OWN, mark("My child's room")),
            ("/my/looks", Action.LOOKS_OWN, mark("Who looked")),
            ("/my/consents", Action.CONSENT_OWN, mark("My consents")),
            ("/my/requests", Action.CHILD_OWN, mark("See a past incident")),
            ("/notices", Action.NOTICES_OWN, mark("My notices")),
            ("/me", Action.ACCOUNT_OWN, mark("My account")),
            ("/help", Action.HOME, mark("Help")),
        ),
    ),
)
ALSO = {
    "/setup": ("/plan",),
    "/cameras": ("/found", "/boxes", "/registers"),
    "/calendar": ("/days",),
    "/today": ("/people", "/looks"),
    "/custody": ("/cell", "/attestations"),
}
"""Pages that stand under another one's line."""


def navigation(role: str, here: str, home: str = "") -> tuple[Group, ...]:
    """The groups of links beside the page at the path ``here``, for a reader of this role; empty groups are left out.

    ``home``: the site whose ways are there where the page is of none.
    """
    path = urlsplit(here).path
    parts = path.split("/")
    site = "/".join(parts[:3]) if len(parts) > 2 and parts[1] == "sites" else f"/sites/{home}" if home else ""
    of_role = (*OF_PLATFORM, *OF_REGION)
    found = [*_groups(of_role, role, "", path), *(_groups(OF_SITE, role, site, path) if site else ())]
    return (*found, *_groups(OF_PERSON, role, "", path))


def _groups(groups: tuple[tuple[str, tuple[Line, ...]], ...], role: str, site: str, path: str) -> Iterator[Group]:
    for words, lines in groups:
        ways = tuple(
            Way(f"{site}{page}" or "/", said, _is_at(path, site, page))
            for page, action, said in lines
            if reach(role, action)
        )
        if ways:
            yield Group(words, ways)


def _is_at(path: str, site: str, page: str) -> bool:
    if not page:
        return path == site
    return any(path == f"{site}{one}" or path.startswith(f"{site}{one}/") for one in (page, *ALSO.get(page, ())))
