"""Takes the trust back from an agent: its messages, its tickets, its certificates and its open codes.

What it said before stays what it was. The broker hears of it from ``server.jobs``, within seconds.
"""

from dataclasses import dataclass

from sqlalchemy import select, update

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.base.logs import get_logger
from storage.database.models import Agent, AgentCertificate, Invitation
from storage.database.unit_of_work import Database

REASON_CHARS_MAX = 200

log = get_logger("enrolment")


@dataclass(frozen=True)
class Revoker:
    """Revokes agents."""

    database: Database
    clock: Clock

    def revoke(self, site_id: str, agent_id: str, reason: str) -> bool:
        """From now on; False where it was revoked before. Raises InvalidInput, NotFound.

        An agent that never came in yet has open codes alone: they end.
        """
        if not 0 < len(reason.strip()) <= REASON_CHARS_MAX:
            raise InvalidInput(f"say why, in at most {REASON_CHARS_MAX} characters", code="no_reason")
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            agent = session.get(Agent, agent_id, with_for_update=True)
            if agent is not None and agent.site_id != site_id:
                raise NotFound(f"no agent {agent_id} at site {site_id}")
            fresh = agent is None or agent.revoked_us is None
            if agent is not None and fresh:
                agent.revoked_us, agent.revoked_reason = now_us, reason.strip()
            held = (AgentCertificate.agent_id == agent_id, AgentCertificate.revoked_us.is_(None))
            session.execute(update(AgentCertificate).where(*held).values(revoked_us=now_us))
            still_open = (Invitation.redeemed_us.is_(None), Invitation.voided_us.is_(None))
            of_agent = (Invitation.site_id == site_id, Invitation.agent_id == agent_id)
            codes = list(session.scalars(select(Invitation).where(*of_agent, *still_open).with_for_update()))
            for code in codes:
                code.voided_us = now_us
            if agent is None and not codes:
                raise NotFound(f"no agent {agent_id} at site {site_id}")
        if fresh:
            log.warning("agent_revoked", site=site_id, agent=agent_id)
        return fresh


def revoked_serials(database: Database, since_us: int) -> dict[str, int]:
    """Serial → when, of every certificate that was revoked and has not ended before ``since_us``."""
    with database.reading() as session:
        rows = session.execute(
            select(AgentCertificate.serial, AgentCertificate.revoked_us).where(
                AgentCertificate.revoked_us.is_not(None), AgentCertificate.ends_us > since_us
            )
        )
        return {row.serial: row.revoked_us or 0 for row in rows}
