"""How many upload tickets of one agent may be open: given out, not yet run out, and not known to have been used (I10).

Invariant: whoever has an agent's key cannot have tickets made without end. An agent that works never meets the bound: what
it has uploaded counts no more once its word of that is here, and a minute of sixteen cameras is sixteen tickets.
Each API process counts for itself; a restart forgets at most one lifetime of a ticket.
"""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from sqlalchemy import select

from config.base.clock import US_PER_S, Clock
from config.base.errors import ResourceExhausted
from storage.database.models import PendingVerification, Segment
from storage.database.unit_of_work import Database

OPEN_MAX = 512
"""A backlog of short segments drains at four a second, also while nobody takes in the agent's word of them."""


class _Open(NamedTuple):
    segment_id: str
    ends_us: int
    """Monotonic."""


@dataclass
class OpenTickets:
    """Thread-safe."""

    database: Database
    clock: Clock
    lasts_s: int
    _of: dict[str, deque[_Open]] = field(default_factory=dict)
    """Of each agent that has some, oldest first."""
    _swept_us: int = 0
    _lock: Lock = field(default_factory=Lock)

    def open_one(self, agent_id: str, segment_id: str) -> None:
        """One more. Raises ResourceExhausted (``too_many_tickets``) where the agent has as many as it may."""
        now_us = self.clock.monotonic_us()
        with self._lock:
            self._forget_ended(agent_id, now_us)
            full = len(self._of.get(agent_id, ())) >= OPEN_MAX
            asked = [one.segment_id for one in self._of[agent_id]] if full else []
        used = self._used(asked) if full else set()
        with self._lock:
            mine = self._of.setdefault(agent_id, deque())
            if used:
                mine = self._of[agent_id] = deque(one for one in mine if one.segment_id not in used)
            if len(mine) >= OPEN_MAX:
                raise ResourceExhausted(
                    f"{OPEN_MAX} upload tickets of this agent are open: use them, or wait {self.lasts_s} s",
                    code="too_many_tickets",
                )
            mine.append(_Open(segment_id, now_us + self.lasts_s * US_PER_S))

    def _used(self, segment_ids: list[str]) -> set[str]:
        with self.database.reading() as session:
            read = select(Segment.id).where(Segment.id.in_(segment_ids), Segment.version_id.is_not(None))
            told = select(PendingVerification.segment_id).where(PendingVerification.segment_id.in_(segment_ids))
            return {*session.scalars(read), *session.scalars(told)}

    def _forget_ended(self, agent_id: str, now_us: int) -> None:
        """Of this agent; once in a ticket's lifetime of all, lest those that fell silent be remembered for ever."""
        sweep = now_us - self._swept_us >= self.lasts_s * US_PER_S
        if sweep:
            self._swept_us = now_us
        for known in [*self._of] if sweep else [agent_id]:
            mine = self._of.get(known)
            while mine and mine[0].ends_us <= now_us:
                mine.popleft()
            if not mine:
                self._of.pop(known, None)
