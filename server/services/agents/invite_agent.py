"""Makes one-time codes: for whom, by whom, until when.

Invariants: the code itself is in the answer and nowhere else; the database holds a digest that nothing can be signed
with. An agent has one open code at most, a site a bounded number.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, update

from config.base.clock import US_PER_MINUTE, Clock
from config.base.errors import Conflict, InvalidInput, NotFound, ResourceExhausted
from config.base.ids import is_slug
from config.wire.codes import InvitationCode
from server.domain.authorisation import Action
from server.services.agents.authority import CertificateAuthority
from server.services.people.operators import check_may
from storage.database import scope as scoping
from storage.database.models import Agent, Invitation, Site
from storage.database.unit_of_work import Database

OPEN_PER_SITE_MAX = 64


class MadeInvitation(msgspec.Struct, frozen=True):
    """What the operator hands on. ``code`` is shown once: nobody can ask for it again."""

    site_id: str
    agent_id: str
    code: str
    expires_us: int


@dataclass(frozen=True)
class Inviter:
    """Makes invitations."""

    database: Database
    clock: Clock
    authority: Callable[[], CertificateAuthority]
    server_url: str
    code_minutes: int

    def invite(self, scope: scoping.Scope, site_id: str, agent_id: str) -> MadeInvitation:
        """A code for an agent of a site within the operator's reach.

        Raises NotFound, PermissionDenied for who does not set sites up, and as ``invite_as`` does.
        """
        check_may(scope, Action.SETUP)
        with self.database.reading() as session:
            scoping.site_in_reach(session, scope, site_id)
        return self.invite_as(scope.account_name, site_id, agent_id)

    def invite_as(self, created_by: str, site_id: str, agent_id: str) -> MadeInvitation:
        """A code; one that was open for the same agent no longer works.

        Raises InvalidInput, NotFound, Conflict where another site has the agent, ResourceExhausted where too many codes
        of the site are open, ConfigurationError where there is no authority.
        """
        if not is_slug(agent_id):
            told = f"{agent_id!r} is no id: use a-z, 0-9 and inner hyphens, at most 64 characters"
            raise InvalidInput(told, code="bad_agent_id")
        code = InvitationCode.fresh(self.server_url, self.authority().der)
        now_us = self.clock.utc_us()
        expires_us = now_us + self.code_minutes * US_PER_MINUTE
        of_site = (Invitation.site_id == site_id, Invitation.redeemed_us.is_(None), Invitation.voided_us.is_(None))
        with self.database.unit_of_work() as session:
            if session.get(Site, site_id, with_for_update=True) is None:
                raise NotFound(f"no site {site_id}")
            agent = session.get(Agent, agent_id)
            if agent is not None and agent.site_id != site_id:
                raise Conflict(f"agent id {agent_id} is taken: ids are unique over all sites", code="agent_elsewhere")
            session.execute(
                update(Invitation).where(*of_site, Invitation.agent_id == agent_id).values(voided_us=now_us)
            )
            open_codes = select(func.count()).select_from(Invitation).where(*of_site, Invitation.expires_us > now_us)
            if (session.scalar(open_codes) or 0) >= OPEN_PER_SITE_MAX:
                raise ResourceExhausted(
                    f"{OPEN_PER_SITE_MAX} codes of this site are open: use them, or wait", code="too_many_codes"
                )
            session.add(
                Invitation(
                    code_sha256=code_sha256(code.key.public_key()),
                    site_id=site_id,
                    agent_id=agent_id,
                    created_by=created_by[:64],
                    created_us=now_us,
                    expires_us=expires_us,
                )
            )
        return MadeInvitation(site_id, agent_id, str(code), expires_us)


def code_sha256(code_key: Ed25519PublicKey) -> str:
    """What the database knows a code by."""
    return hashlib.sha256(code_key.public_bytes_raw()).hexdigest()
