"""What an account is. One account has one role; what a role may do is in ``server/domain/authorisation.py``."""

from enum import StrEnum


class Role(StrEnum):
    """The closed list of roles."""

    PLATFORM_ADMIN = "platform_admin"
    HEALTH_REGULATOR = "health_regulator"
    POLICE_AUDITOR = "police_auditor"
    FACILITY_MANAGER = "facility_manager"
    FACILITY_STAFF = "facility_staff"
    INSTALLER = "installer"
    GUARDIAN = "guardian"


REGION_ROLES = frozenset({Role.HEALTH_REGULATOR, Role.POLICE_AUDITOR})
"""They reach the sites of a region subtree."""
SITE_ROLES = frozenset({Role.FACILITY_MANAGER, Role.FACILITY_STAFF, Role.INSTALLER})
"""They reach the sites that were given to the account."""
ADDED_ROLES = frozenset(Role) - {Role.GUARDIAN}
"""What an account can be made as; a guardian is invited by the facility."""
FORMER_ROLES = {"operator": Role.FACILITY_MANAGER.value, "auditor": Role.POLICE_AUDITOR.value}
"""Words of earlier versions, still taken on the command line."""
