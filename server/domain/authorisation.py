"""Who may do what to which object: the one place that decides (invariant I7). Pure.

Deny by default: what no line of the table allows is refused, and so is every role, action or relation that is not known.
A person's *relation* to an object is found by ``storage/database/scope.py``; STRANGER makes it not found, never forbidden.

Source: OWASP ASVS 5.0, V8 (authorization).
"""

from collections.abc import Mapping
from enum import StrEnum

from config.base.roles import Role


class Relation(StrEnum):
    """How a person stands to an object, found from the database and never from the request."""

    STRANGER = "stranger"
    SELF = "self"
    """It is the person's own: account, session, passkey, consent."""
    SITE = "site"
    """It belongs to a site that the account was given."""
    REGION = "region"
    """It belongs to a site in the account's region subtree."""
    CHILD = "child"
    """It concerns the room of a child whose guardian the person is."""
    ANY = "any"
    """It belongs to nobody: a page of the person's own choice, such as the list of what is theirs."""


class Action(StrEnum):
    """What may be asked. A route declares exactly one."""

    HOME = "home"
    ACCOUNT_OWN = "account.own"
    PEOPLE_READ = "people.read"
    PEOPLE_MANAGE = "people.manage"
    PICK_UP = "pick_up"
    BLANK = "blank"
    CONSENT_OWN = "consent.own"
    LOOKS_READ = "looks.read"
    LOOKS_OWN = "looks.own"
    LIVE = "live"
    PLAYBACK = "playback"
    COVERAGE_READ = "coverage.read"
    ALARM_READ = "alarm.read"
    ALARM_HANDLE = "alarm.handle"
    FINDING_PICTURE = "finding.picture"
    CUSTODY_READ = "custody.read"
    CUSTODY_ACT = "custody.act"
    AUDIT_READ = "audit.read"
    ATTESTATION_READ = "attestation.read"
    CELL_READ = "cell.read"
    CELL_FETCH = "cell.fetch"
    SETUP = "setup"
    REGISTERS_READ = "registers.read"
    REGISTERS_WRITE = "registers.write"
    SUPPORT_ASK = "support.ask"
    SUPPORT_APPROVE = "support.approve"


_R, _A = Role, Action
_AUTHORITY_READS = frozenset(
    {
        _A.COVERAGE_READ, _A.ALARM_READ, _A.CUSTODY_READ, _A.AUDIT_READ, _A.ATTESTATION_READ, _A.CELL_READ,
        _A.REGISTERS_READ, _A.LOOKS_READ,
    }
)  # fmt: skip
_STAFF_READS = frozenset({_A.COVERAGE_READ, _A.ALARM_READ, _A.PEOPLE_READ})
_EVERYBODY = frozenset({_A.HOME, _A.ACCOUNT_OWN})

ALLOWED: Mapping[Role, Mapping[Relation, frozenset[Action]]] = {
    _R.PLATFORM_ADMIN: {Relation.ANY: frozenset({_A.SUPPORT_ASK})},
    _R.HEALTH_REGULATOR: {Relation.REGION: _AUTHORITY_READS - {_A.CUSTODY_READ}},
    _R.POLICE_AUDITOR: {
        Relation.REGION: _AUTHORITY_READS
        | {_A.LIVE, _A.PLAYBACK, _A.FINDING_PICTURE, _A.CUSTODY_ACT, _A.CELL_FETCH, _A.REGISTERS_WRITE}
    },
    _R.FACILITY_MANAGER: {
        Relation.SITE: _AUTHORITY_READS
        | _STAFF_READS
        | {
            _A.PEOPLE_MANAGE, _A.PICK_UP, _A.BLANK, _A.LIVE, _A.PLAYBACK, _A.ALARM_HANDLE, _A.FINDING_PICTURE,
            _A.CUSTODY_ACT, _A.CELL_FETCH, _A.SETUP, _A.REGISTERS_WRITE, _A.SUPPORT_APPROVE,
        }
    },
    _R.FACILITY_STAFF: {Relation.SITE: _STAFF_READS | {_A.PICK_UP, _A.BLANK, _A.ALARM_HANDLE, _A.CONSENT_OWN}},
    _R.INSTALLER: {Relation.SITE: frozenset({_A.SETUP, _A.COVERAGE_READ, _A.CELL_READ})},
    _R.GUARDIAN: {Relation.CHILD: frozenset({_A.LIVE, _A.LOOKS_OWN, _A.CONSENT_OWN})},
}  # fmt: skip
"""Role → relation to the object → what may be done with it."""


def may(role: str, action: str, relation: str) -> bool:
    """Whether somebody of this role may do this to an object that they stand in this relation to."""
    if role not in set(Role) or action not in set(Action) or relation not in set(Relation):
        return False
    if action in _EVERYBODY:
        return relation in (Relation.SELF, Relation.ANY)
    return action in ALLOWED[Role(role)].get(Relation(relation), frozenset())


def may_ever(role: str, action: str) -> bool:
    """Whether the role allows the action to any object at all; where not, the object need not be looked for."""
    return any(may(role, action, relation) for relation in Relation)
