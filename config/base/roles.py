"""What an account is, and how a person can stand to an object. What that allows is in ``server/domain/authorisation.py``."""

from enum import StrEnum


class Role(StrEnum):
    """One account has one role."""

    PLATFORM_ADMIN = "platform_admin"
    HEALTH_REGULATOR = "health_regulator"
    POLICE_AUDITOR = "police_auditor"
    FACILITY_MANAGER = "facility_manager"
    FACILITY_STAFF = "facility_staff"
    INSTALLER = "installer"
    GUARDIAN = "guardian"


class Relation(StrEnum):
    """Found from the database, never from the request."""

    STRANGER = "stranger"
    SELF = "self"
    """It is the person's own: account, session, passkey."""
    SITE = "site"
    """It belongs to a site that the account was given."""
    REGION = "region"
    """It belongs to a site in the account's region subtree."""
    CHILD = "child"
    """It concerns the room of a child whose guardian the person is."""
    SUPPORT = "support"
    """It belongs to a site whose facility lets this person help for some hours (``server/services/people/give_support.py``)."""
    ANY = "any"
    """It belongs to nobody: a list of whatever is within reach, the choice of a language."""


REGION_ROLES = frozenset({Role.HEALTH_REGULATOR, Role.POLICE_AUDITOR})
"""They reach the sites of a region subtree."""
SITE_ROLES = frozenset({Role.FACILITY_MANAGER, Role.FACILITY_STAFF, Role.INSTALLER})
"""They reach the sites that were given to the account."""
ADDED_ROLES = frozenset(Role) - {Role.GUARDIAN}
"""What an account can be made as; a guardian is invited by the facility."""
FORMER_ROLES = {"operator": Role.FACILITY_MANAGER.value, "auditor": Role.POLICE_AUDITOR.value}
"""Words of earlier versions, still taken on the command line."""
