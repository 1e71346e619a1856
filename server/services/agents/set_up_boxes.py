"""What an operator sees and does at a console about a site's agents: who is in, which codes are open, and an end to either.

Invariants: everything goes through the operator's reach (I7); a code is told once, in the answer to whoever made it.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from server.services.agents.invite_agent import Inviter, MadeInvitation
from server.services.agents.revoke_agent import Revoker
from server.services.people.operators import operated_site
from storage.database.models import Agent, AgentCertificate, AgentStatus, Invitation
from storage.database.scope import Scope
from storage.database.unit_of_work import Database


class BoxView(msgspec.Struct, frozen=True, kw_only=True):
    """One agent of a site; ``certificate_ends_us`` of its newest certificate that nobody took back."""

    agent_id: str
    created_us: int
    heard_us: int | None
    certificate_ends_us: int | None
    revoked_us: int | None
    revoked_reason: str
    may_get_passwords: bool


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code that somebody may still redeem; the code itself is known to nobody but who was told."""

    agent_id: str
    created_by: str
    created_us: int
    expires_us: int
    known: bool
    """The agent came in before: whoever redeems it takes its place."""


class SiteBoxes(msgspec.Struct, frozen=True, kw_only=True):
    """The agents and open codes of a site, by id."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    code_minutes: int
    boxes: list[BoxView]
    codes: list[CodeView]


@dataclass(frozen=True)
class BoxSetup:
    """Every method raises NotFound and PermissionDenied as ``operated_site`` does."""

    database: Database
    clock: Clock
    inviter: Inviter
    revoker: Revoker

    def of_site(self, scope: Scope, site_id: str) -> SiteBoxes:
        """As of now."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = operated_site(session, scope, site_id)
            agents = list(session.scalars(select(Agent).where(Agent.site_id == site.id).order_by(Agent.id)))
            ids = [agent.id for agent in agents]
            heard = session.execute(
                select(AgentStatus.agent_id, AgentStatus.heard_us).where(AgentStatus.agent_id.in_(ids))
            )
            ends = session.execute(
                select(AgentCertificate.agent_id, func.max(AgentCertificate.ends_us))
                .where(AgentCertificate.agent_id.in_(ids), AgentCertificate.revoked_us.is_(None))
                .group_by(AgentCertificate.agent_id)
            )
            heard_us = {agent_id: at_us for agent_id, at_us in heard}  # noqa: C416 - a Row is no tuple to the type checker
            ends_us = {agent_id: at_us for agent_id, at_us in ends}  # noqa: C416
            codes = session.scalars(
                select(Invitation)
                .where(
                    Invitation.site_id == site.id,
                    Invitation.redeemed_us.is_(None),
                    Invitation.voided_us.is_(None),
                    Invitation.expires_us > now_us,
                )
                .order_by(Invitation.agent_id)
            )
            return SiteBoxes(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                code_minutes=self.inviter.code_minutes,
                boxes=[_box(agent, heard_us.get(agent.id), ends_us.get(agent.id)) for agent in agents],
                codes=[_code(code, ids) for code in codes],
            )

    def invite(self, scope: Scope, site_id: str, agent_id: str) -> MadeInvitation:
        """A code, told this once. Raises as ``Inviter.invite`` does."""
        with self.database.reading() as session:
            operated_site(session, scope, site_id)
        return self.inviter.invite(scope, site_id, agent_id)

    def withdraw(self, scope: Scope, site_id: str, agent_id: str) -> None:
        """The open code for an agent works no more; what the agent itself may do stays. Raises NotFound for none."""
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            operated_site(session, scope, site_id)
            _check(agent_id)
            codes = session.scalars(
                select(Invitation)
                .where(
                    Invitation.site_id == site_id,
                    Invitation.agent_id == agent_id,
                    Invitation.redeemed_us.is_(None),
                    Invitation.voided_us.is_(None),
                )
                .with_for_update()
            ).all()
            if not codes:
                raise NotFound(f"no open code for agent {agent_id}", code="no_open_code")
            for code in codes:
                code.voided_us = now_us

    def revoke(self, scope: Scope, site_id: str, agent_id: str, reason: str) -> None:
        """From now on nothing of the agent is believed. Raises as ``Revoker.revoke`` does."""
        with self.database.reading() as session:
            operated_site(session, scope, site_id)
        _check(agent_id)
        self.revoker.revoke(site_id, agent_id, reason)


def _check(agent_id: str) -> None:
    if not is_slug(agent_id):
        raise NotFound("no such agent")


def _box(agent: Agent, heard_us: int | None, ends_us: int | None) -> BoxView:
    return BoxView(
        agent_id=agent.id,
        created_us=agent.created_us,
        heard_us=heard_us,
        certificate_ends_us=ends_us,
        revoked_us=agent.revoked_us,
        revoked_reason=agent.revoked_reason or "",
        may_get_passwords=agent.sealing_key is not None,
    )


def _code(code: Invitation, known: list[str]) -> CodeView:
    return CodeView(
        agent_id=code.agent_id,
        created_by=code.created_by,
        created_us=code.created_us,
        expires_us=code.expires_us,
        known=code.agent_id in known,
    )
