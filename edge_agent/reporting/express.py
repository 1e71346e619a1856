"""Alarm events on their way out: at once, past the backlog. Pure: time is an argument.

Invariant: at most ``EXPRESS_MAX`` are out without an answer, in the order they were made; each goes out again every
``RESEND_US`` until it is answered. Nothing that waits in the outbox can hold one up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from config.base.clock import US_PER_S
from edge_agent.spool.outbox import OutboxRow

EXPRESS_MAX = 32
RESEND_US = 5 * US_PER_S


@dataclass
class ExpressPlan:
    """What is out, by message id; instants are monotonic."""

    out: dict[str, int] = field(default_factory=dict)

    def connected(self) -> None:
        """A new connection: nothing is known of what reached the server."""
        self.out.clear()

    def answered(self, message_id: str) -> bool:
        """Whether it was one of these."""
        return self.out.pop(message_id, None) is not None

    def due(self, waiting: Sequence[OutboxRow], now_us: int) -> list[OutboxRow]:
        """Which of the oldest waiting rows go out now."""
        return [row for row in waiting[:EXPRESS_MAX] if now_us - self.out.get(row.message_id, -RESEND_US) >= RESEND_US]

    def sent(self, message_id: str, now_us: int) -> None:
        self.out[message_id] = now_us
