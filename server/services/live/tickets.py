"""Tickets to a live view: minted for a session that may look, spent once.

Invariants: a ticket lives at most ``TICKET_US``, is bound to session, camera and lease, and whoever shows it spends it; it
travels in a body or a first message, never in an address. Time never goes back (``SteadyTime``).
"""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from config.base.clock import US_PER_S
from config.base.errors import PermissionDenied
from config.base.logs import get_logger
from server.domain.lease import Permit, Reason, Refusal
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from storage.database.models import LiveTicket
from storage.database.unit_of_work import Database

TICKET_US = 30 * US_PER_S
TICKETS_MAX = 30
"""Of one session in that time: each view stands in the site's ledger for ever, and nobody's player asks so often."""
TICKET_CHARS = 43
REASON_CHARS_MAX = 200
log = get_logger("live")


@dataclass(frozen=True)
class Redeemed:
    """What a spent ticket was good for, and the permit as it stands now."""

    session_sha256: str
    reason: str
    permit: Permit


class TicketDesk:
    """Thread-safe."""

    def __init__(self, database: Database, desk: LeaseDesk, time: SteadyTime) -> None:
        self._database = database
        self._desk = desk
        self._time = time

    def issue(
        self, session_token: str, camera_id: str, reason: str = "", *, relay_source: str | None = None
    ) -> str | Refusal:
        """The ticket, or why there is none. Raises Unavailable where the database does not answer.

        ``relay_source``: it is for the site's own relay, which shows us no session; then it is good from this address alone.
        """
        session_sha256, now_us = digest(session_token), self._time.now_us()
        answer = self._desk.decide(session_sha256, camera_id, now_us, reason=reason)
        if isinstance(answer, Refusal):
            return answer
        ticket = secrets.token_urlsafe(32)
        with self._database.unit_of_work() as session:
            session.execute(delete(LiveTicket).where(LiveTicket.expires_us <= now_us))
            mine = select(func.count()).where(LiveTicket.session_sha256 == session_sha256)
            if (session.scalar(mine) or 0) >= TICKETS_MAX:
                log.warning("too_many_tickets", camera=camera_id)
                return Refusal(Reason.UNAVAILABLE)
            session.add(
                LiveTicket(
                    ticket_sha256=digest(ticket),
                    session_sha256=session_sha256,
                    camera_id=camera_id,
                    lease_id=answer.lease_id,
                    reason=reason.strip()[:REASON_CHARS_MAX],
                    expires_us=now_us + TICKET_US,
                    used_us=None,
                    relay_source=relay_source,
                )
            )
        return ticket

    def redeem(self, ticket: str, session_token: str) -> Redeemed | Refusal:
        """Spends it. Raises PermissionDenied (``bad_ticket``) for one that is not good for this session now; Unavailable."""
        now_us = self._time.now_us()
        row = self._spend(ticket, now_us)
        if row is None or row.relay_source is not None:
            raise _no_good()
        if not secrets.compare_digest(row.session_sha256, digest(session_token)):
            raise _no_good()
        return self._judge(row, now_us)

    def redeem_relayed(self, ticket: str, source: str) -> Redeemed | Refusal:
        """The same for one that the site's relay was shown from this address. Raises as ``redeem``."""
        now_us = self._time.now_us()
        row = self._spend(ticket, now_us)
        if row is None or not source or row.relay_source != source:
            raise _no_good()
        return self._judge(row, now_us)

    def _spend(self, ticket: str, now_us: int) -> LiveTicket | None:
        ticket_sha256 = digest(ticket)
        good = (LiveTicket.ticket_sha256 == ticket_sha256, LiveTicket.used_us.is_(None), LiveTicket.expires_us > now_us)
        with self._database.unit_of_work() as session:
            spending = update(LiveTicket).where(*good).values(used_us=now_us).returning(LiveTicket.ticket_sha256)
            spent = session.scalar(spending)
            found = session.get(LiveTicket, ticket_sha256) if spent is not None else None
            if found is not None:
                session.flush()
                session.refresh(found)
                session.expunge(found)
        return found

    def _judge(self, row: LiveTicket, now_us: int) -> Redeemed | Refusal:
        answer = self._desk.decide(row.session_sha256, row.camera_id, now_us, reason=row.reason)
        if isinstance(answer, Refusal):
            return answer
        if answer.lease_id != row.lease_id:
            raise PermissionDenied("the ticket is of another lease: ask for another", code="bad_ticket")
        return Redeemed(row.session_sha256, row.reason, answer)


def _no_good() -> PermissionDenied:
    return PermissionDenied("the ticket is not good: ask for another", code="bad_ticket")


def digest(secret: str) -> str:
    """As sessions and tickets are kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
