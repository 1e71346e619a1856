"""Which action a route asks for, by what its path is about. A path that is not in here is refused to everybody (I7).

    action_of("/api/v1/sites/{site}/alarms", "GET")  → Action.ALARM_READ

A test goes over every route: one without an action fails it.
"""

from collections.abc import Mapping

from server.domain.authorisation import Action

READING = frozenset({"GET", "HEAD"})
OF_SITE: Mapping[str, tuple[Action, Action | None]] = {
    "": (Action.COVERAGE_READ, None),
    "board": (Action.COVERAGE_READ, None),
    "events": (Action.COVERAGE_READ, None),
    "days": (Action.COVERAGE_READ, None),
    "calendar": (Action.COVERAGE_READ, None),
    "health": (Action.COVERAGE_READ, None),
    "findings": (Action.COVERAGE_READ, None),
    "discovered": (Action.COVERAGE_READ, None),
    "attestations": (Action.AUDIT_READ, None),
    "checkpoint": (Action.AUDIT_READ, None),
    "audit": (Action.AUDIT_READ, None),
    "audits": (Action.AUDIT_READ, Action.AUDIT_ASK),
    "alarms": (Action.ALARM_READ, Action.ALARM_HANDLE),
    "cell": (Action.CELL_READ, Action.CELL_FETCH),
    "fetches": (Action.CELL_READ, Action.CELL_FETCH),
    "custody": (Action.CUSTODY_READ, None),
    "holds": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "deletion": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "deletions": (Action.CUSTODY_READ, None),
    "exports": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "accesses": (Action.LOOKS_READ, None),
    "looks": (Action.LOOKS_READ, None),
    "boxes": (Action.SETUP, Action.SETUP),
    "agents": (Action.SETUP, Action.SETUP),
    "found": (Action.SETUP, Action.SETUP),
    "cameras": (Action.SETUP, Action.SETUP),
    "zones": (Action.SETUP, Action.SETUP),
    "setup": (Action.SETUP, Action.SETUP),
    "plan": (Action.SETUP, Action.SETUP),
    "plans": (Action.COVERAGE_READ, None),
    "registers": (Action.REGISTERS_READ, Action.REGISTERS_WRITE),
    "compliance": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "docket": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "maintenance": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "reports": (Action.COMPLIANCE_READ, Action.COMPLIANCE_READ),
    "credit": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "complaints": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "inspections": (Action.COMPLIANCE_READ, Action.SUPERVISE),
    "agenda": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "orders": (Action.COMPLIANCE_READ, Action.COMPLIANCE_ACT),
    "people": (Action.PEOPLE_READ, Action.PEOPLE_MANAGE),
    "documents": (Action.DOCUMENTS_READ, Action.PEOPLE_MANAGE),
    "requests": (Action.PEOPLE_MANAGE, Action.PEOPLE_MANAGE),
    "today": (Action.DAY_READ, Action.DAY_MARK),
    "live": (Action.LIVE, Action.LIVE),
    "playback": (Action.PLAYBACK, Action.PLAYBACK),
    "support": (Action.SUPPORT_APPROVE, Action.SUPPORT_APPROVE),
}
"""The word behind ``/sites/{site}/``: the action for reading, and for changing where anything can be changed."""
ELSEWHERE: Mapping[str, tuple[Action, Action | None]] = {
    "": (Action.HOME, None),
    "sites": (Action.HOME, None),
    "holds": (Action.CUSTODY_READ, None),
    "deletion": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "draws": (Action.SUPERVISE, Action.SUPERVISE),
    "agenda": (Action.SUPERVISE, Action.SUPERVISE),
    "statistics": (Action.SUPERVISE, Action.SUPERVISE),
    "wall": (Action.WALL, None),
    "docket": (Action.SUPERVISE, Action.SUPERVISE),
    "compliance": (Action.SUPERVISE, None),
    "notices": (Action.NOTICES_OWN, Action.NOTICES_OWN),
    "kept": (Action.HOME, Action.HOME),
    "help": (Action.HOME, None),
    "me": (Action.ACCOUNT_OWN, Action.ACCOUNT_OWN),
    "my": (Action.CHILD_OWN, Action.CHILD_OWN),
    "live": (Action.LIVE, Action.LIVE),
    "support": (Action.SUPPORT_ASK, Action.SUPPORT_ASK),
}
"""The first word of every other path."""
OF_PATH: Mapping[str, tuple[Action, Action | None]] = {
    "/sites/{site}/discovered/{agent}/{camera}/picture": (Action.PICTURE_READ, None),
    "/sites/{site}/findings/{finding}/still": (Action.PICTURE_READ, None),
    "/sites/{site}/cameras/{camera}/picture": (Action.PICTURE_READ, Action.SETUP),
    "/sites/{site}/setup/facts": (Action.REGISTERS_WRITE, Action.REGISTERS_WRITE),
    "/sites/{site}/fetches/{fetch_id}.mp4": (Action.PLAYBACK, None),
    "/sites/{site}/cameras/{camera}/exports": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "/sites/{site}/looks/clip": (Action.LOOKS_READ, Action.LOOKS_READ),
    "/sites/{site}/complaints/{complaint}/hold": (Action.CUSTODY_READ, Action.CUSTODY_ACT),
    "/sites/{site}/orders": (Action.COMPLIANCE_READ, Action.SUPERVISE),
    "/sites/{site}/orders/{order}/acts": (Action.SUPERVISE, Action.SUPERVISE),
    "/sites/{site}/credit/entries": (Action.SUPERVISE, Action.SUPERVISE),
    "/sites/{site}/credit/objections/{objection}": (Action.SUPERVISE, Action.SUPERVISE),
    "/my/consents": (Action.CONSENT_OWN, Action.CONSENT_OWN),
    "/my/looks": (Action.LOOKS_OWN, None),
    "/wall/screen": (Action.ALARM_READ, Action.ALARM_READ),
}
"""Paths that ask for another action than their word does."""


def action_of(template: str, method: str) -> Action | None:
    """The action of a route by its path with its parameters' names; None where nobody has said."""
    path = template.removeprefix("/api/v1")
    found = OF_PATH.get(path)
    if found is None:
        steps = path.strip("/").split("/")
        if steps[:2] == ["sites", "{site}"]:
            found = OF_SITE.get(steps[2] if len(steps) > 2 else "")
        else:
            found = ELSEWHERE.get(steps[0])
    if found is None:
        return None
    return found[0] if method in READING else found[1]
