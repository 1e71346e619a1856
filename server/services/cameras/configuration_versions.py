"""Which version of its desired state an agent says it works by, and what follows from that.

Invariant: the server's version is never below one that the agent works by: after a restore from a backup it is lifted
above, for an agent takes nothing older.
"""

from sqlalchemy.orm import Session

from config.base.clock import US_PER_S
from storage.database import inventory
from storage.database.models import AgentConfiguration

AGAIN_US = 3 * US_PER_S
"""A desired state is sent at most so often while an agent goes on naming an older one."""
VERSION_MAX = 2**52
"""No version that we ever gave: a claim beyond it is not followed."""


def works_by(session: Session, agent_id: str, version: int, now_us: int) -> None:
    """Notes the version that an agent names; an older one makes the newest due again."""
    configuration = session.get(AgentConfiguration, agent_id)
    if configuration is None:
        return  # it works by a local file, and nobody has named cameras for it here
    configuration.reported_version = min(version, VERSION_MAX)
    if version == configuration.version:
        configuration.due_us = None
    elif version < configuration.version:
        if configuration.due_us is None:
            configuration.due_us = max(now_us, configuration.sent_us + AGAIN_US)
    elif version < VERSION_MAX:
        inventory.bump(session, agent_id, now_us, above=version)
