"""Who may do what to which object: the one place that decides (invariant I7). Pure.

Deny by default: what no line of the table allows is refused, and so is every role, action or relation that is not known.
``storage/database/scope.py`` turns the relations that an action allows into conditions of queries: whoever stands in none of
them to an object does not find it.

Source: OWASP ASVS 5.0, V8 (authorization).
"""

from collections.abc import Mapping
from enum import StrEnum

from config.base.roles import Relation, Role


class Action(StrEnum):
    """What may be asked. A route declares one for reading and one for writing (``server/api/actions.py``)."""

    HOME = "home"
    ACCOUNT_OWN = "account.own"
    PEOPLE_READ = "people.read"
    PEOPLE_MANAGE = "people.manage"
    DOCUMENTS_READ = "documents.read"
    """What a site keeps on paper about its cameras: the impact assessment, the sign at the door."""
    DAY_READ = "day.read"
    DAY_MARK = "day.mark"
    """A child was fetched, a room goes dark."""
    CONSENT_OWN = "consent.own"
    LOOKS_READ = "looks.read"
    LOOKS_OWN = "looks.own"
    CHILD_OWN = "child.own"
    """A guardian's page of a child."""
    LIVE = "live"
    PLAYBACK = "playback"
    COVERAGE_READ = "coverage.read"
    ALARM_READ = "alarm.read"
    ALARM_HANDLE = "alarm.handle"
    WALL = "wall"
    """The duty room's screen."""
    PICTURE_READ = "picture.read"
    CUSTODY_READ = "custody.read"
    CUSTODY_ACT = "custody.act"
    AUDIT_READ = "audit.read"
    AUDIT_ASK = "audit.ask"
    CELL_READ = "cell.read"
    CELL_FETCH = "cell.fetch"
    SETUP = "setup"
    REGISTERS_READ = "registers.read"
    REGISTERS_WRITE = "registers.write"
    COMPLIANCE_READ = "compliance.read"
    COMPLIANCE_ACT = "compliance.act"
    SUPERVISE = "supervise"
    """An authority's own work over its region: draws, the docket of all its sites."""
    NOTICES_OWN = "notices.own"
    SUPPORT_ASK = "support.ask"
    SUPPORT_APPROVE = "support.approve"


_A = Action
_AUTHORITY = frozenset(
    {
        _A.HOME, _A.COVERAGE_READ, _A.ALARM_READ, _A.WALL, _A.AUDIT_READ, _A.AUDIT_ASK, _A.CELL_READ, _A.REGISTERS_READ,
        _A.LOOKS_READ, _A.COMPLIANCE_READ, _A.COMPLIANCE_ACT, _A.SUPERVISE, _A.NOTICES_OWN, _A.DOCUMENTS_READ,
    }
)  # fmt: skip
_LOOKS = frozenset({_A.LIVE, _A.PLAYBACK})
"""Authorities give a reason for each look, and it stands on the site's record."""
_OFFICER = _LOOKS | {_A.PICTURE_READ, _A.CUSTODY_READ, _A.CUSTODY_ACT, _A.CELL_FETCH}
_SUPPORT = frozenset({_A.COVERAGE_READ, _A.AUDIT_READ, _A.CELL_READ})
"""How boxes, cameras and the store do, to read; no picture, no person, and nothing to change."""
_STAFF = frozenset(
    {
        _A.HOME, _A.COVERAGE_READ, _A.ALARM_READ, _A.ALARM_HANDLE, _A.WALL, _A.PEOPLE_READ, _A.DAY_READ, _A.DAY_MARK,
        _A.CONSENT_OWN, _A.NOTICES_OWN, _A.DOCUMENTS_READ,
    }
)  # fmt: skip
_MANAGER = (
    _STAFF
    | (_AUTHORITY - {_A.SUPERVISE})
    | _OFFICER
    | {_A.PEOPLE_MANAGE, _A.SETUP, _A.REGISTERS_WRITE, _A.SUPPORT_APPROVE}
)

ALLOWED: Mapping[Role, Mapping[Relation, frozenset[Action]]] = {
    Role.PLATFORM_ADMIN: {Relation.ANY: frozenset({_A.SUPPORT_ASK}), Relation.SUPPORT: _SUPPORT},
    Role.HEALTH_REGULATOR: {Relation.REGION: _AUTHORITY | _LOOKS},
    Role.POLICE_AUDITOR: {Relation.REGION: _AUTHORITY | _OFFICER},
    Role.FACILITY_MANAGER: {Relation.SITE: _MANAGER},
    Role.FACILITY_STAFF: {Relation.SITE: _STAFF},
    Role.INSTALLER: {Relation.SITE: frozenset({_A.HOME, _A.SETUP, _A.COVERAGE_READ, _A.CELL_READ, _A.PICTURE_READ})},
    Role.GUARDIAN: {
        Relation.CHILD: frozenset({_A.LIVE, _A.LOOKS_OWN, _A.CONSENT_OWN, _A.CHILD_OWN}),
        Relation.SELF: frozenset({_A.NOTICES_OWN}),
    },
}
"""Role → relation to the object → what may be done with it."""
SCREENS: Mapping[str, frozenset[Action]] = {"wall": frozenset({_A.WALL})}
"""What is left of a role in a session that a person has left to a screen which stands open for days."""
_EVERYBODY: Mapping[Relation, frozenset[Action]] = {
    Relation.SELF: frozenset({_A.ACCOUNT_OWN}),
    Relation.ANY: frozenset({_A.HOME}),
}


def may(role: str, action: str, relation: str) -> bool:
    """Whether somebody of this role may do this to an object that they stand in this relation to."""
    try:
        known, wanted, stands = Role(role), Action(action), Relation(relation)
    except ValueError:
        return False
    return wanted in ALLOWED[known].get(stands, frozenset()) | _EVERYBODY.get(stands, frozenset())


def reach(role: str, action: str, only: str = "") -> frozenset[Relation]:
    """The relations in which the role may do the action; none: never, and no object need be looked for.

    ``only``: what the session is for alone, one of ``SCREENS``; empty where it is for all that the role may.
    """
    if only and action not in SCREENS.get(only, frozenset()):
        return frozenset()
    return frozenset(relation for relation in Relation if may(role, action, relation))
