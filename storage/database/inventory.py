"""How cameras are reached, and which version of that each agent should have."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.database import registers
from storage.database.models import Agent, AgentConfiguration, Camera, CameraSource


def sources_of_agent(session: Session, agent_id: str) -> list[tuple[CameraSource, set[str]]]:
    """What an agent is to record, with the kinds of all that is seen: its cameras in service that are set up, by id."""
    rows = session.execute(
        select(CameraSource, Camera)
        .join(Camera, Camera.id == CameraSource.camera_id)
        .where(Camera.agent_id == agent_id, Camera.retired_us.is_(None))
        .order_by(Camera.id)
    )
    return [(source, registers.kinds_seen(session, camera)) for source, camera in rows]


def not_set_up(session: Session, agent_id: str) -> list[str]:
    """An agent's cameras in service of which nobody has said how they are reached."""
    return list(
        session.scalars(
            select(Camera.id)
            .outerjoin(CameraSource, CameraSource.camera_id == Camera.id)
            .where(Camera.agent_id == agent_id, Camera.retired_us.is_(None), CameraSource.camera_id.is_(None))
            .order_by(Camera.id)
        )
    )


def bump(session: Session, agent_id: str, now_us: int, *, above: int = 0) -> AgentConfiguration:
    """The next version of an agent's desired state, due at once; belongs into the transaction of the change."""
    session.get_one(Agent, agent_id, with_for_update=True)  # the first change too has something to wait for
    configuration = session.get(AgentConfiguration, agent_id, with_for_update=True)
    if configuration is None:
        configuration = AgentConfiguration(agent_id=agent_id, version=0, sent_us=0, reported_version=0)
        session.add(configuration)
    configuration.version = max(configuration.version, above) + 1
    configuration.changed_us = configuration.due_us = now_us
    return configuration


def bump_if_any(session: Session, agent_id: str, now_us: int) -> None:
    """The same, for an agent that has a desired state at all."""
    if session.get(AgentConfiguration, agent_id) is not None:
        bump(session, agent_id, now_us)


def agents_due(session: Session, now_us: int, limit: int) -> list[str]:
    """The agents whose desired state is to be sent, longest waiting first."""
    return list(
        session.scalars(
            select(AgentConfiguration.agent_id)
            .where(AgentConfiguration.due_us <= now_us)
            .order_by(AgentConfiguration.due_us)
            .limit(limit)
        )
    )


def take_due(session: Session, agent_id: str, now_us: int) -> AgentConfiguration | None:
    """Claims one that is due; None where somebody else was first."""
    claimed = session.execute(
        update(AgentConfiguration)
        .where(AgentConfiguration.agent_id == agent_id, AgentConfiguration.due_us <= now_us)
        .values(due_us=None, sent_us=now_us)
        .execution_options(synchronize_session=False)
    )
    if not getattr(claimed, "rowcount", 0):
        return None
    return session.get(AgentConfiguration, agent_id, populate_existing=True)
