"""Rows of the agents that witness their site's ledger."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.database.models import Agent, AgentStatus, LedgerCheckpoint, LedgerWitness


def due(session: Session, now_us: int, heard_since_us: int, limit: int) -> list[str]:
    """Agents that are there and have not cosigned the newest checkpoint of their site."""
    newest = (
        select(LedgerCheckpoint.site_id, func.max(LedgerCheckpoint.size).label("size"))
        .group_by(LedgerCheckpoint.site_id)
        .subquery()
    )
    query = (
        select(Agent.id)
        .join(newest, newest.c.site_id == Agent.site_id)
        .join(AgentStatus, AgentStatus.agent_id == Agent.id)
        .outerjoin(LedgerWitness, LedgerWitness.agent_id == Agent.id)
        .where(
            Agent.revoked_us.is_(None),
            AgentStatus.gone.is_(False),
            AgentStatus.heard_us >= heard_since_us,
            or_(LedgerWitness.agent_id.is_(None), LedgerWitness.due_us <= now_us),
            or_(LedgerWitness.agent_id.is_(None), LedgerWitness.cosigned_size < newest.c.size),
        )
        .order_by(Agent.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def of_agent(session: Session, agent_id: str) -> LedgerWitness:
    """The row of an agent, locked for the caller; made where there is none."""
    row = session.get(LedgerWitness, agent_id, with_for_update=True)
    if row is None:
        row = LedgerWitness(agent_id=agent_id, size=0, cosigned_size=0, due_us=0)
        session.add(row)
        session.flush()
    return row


def refusing(session: Session, site_id: str) -> list[LedgerWitness]:
    """The agents of a site that refused what they were shown last."""
    query = select(LedgerWitness).join(Agent, Agent.id == LedgerWitness.agent_id)
    return list(session.scalars(query.where(Agent.site_id == site_id, LedgerWitness.refused_us.is_not(None))))
