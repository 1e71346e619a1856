"""Which outbox messages are sent when. Pure: time is an argument.

Invariant: at most ``WINDOW`` messages are out without an answer; new ones go in order; one without an answer goes out
again between one and two ``resend_us`` later, for ever. New messages have the right of way over repeats, but never all
of it, so that neither can starve the other.
"""

from dataclasses import dataclass, field

WINDOW = 64
REPEATS_MAX = 16
"""Of one round."""


@dataclass
class SendPlan:
    """Where the outbox stands. Positions are those of the outbox and only grow."""

    resend_us: int
    sent_to: int = 0
    """Everything up to here has been sent at least once on this connection."""
    repeat_from: int = 0
    repeat_to: int = 0
    """What is being sent again: ``repeat_from < position <= repeat_to``."""
    mark: int = 0
    """``sent_to`` at the last turn: what has been out for a whole period when the next one comes."""
    turn_us: int | None = None
    window: dict[str, int] = field(default_factory=dict)
    """Message ids that are out, with the monotonic instant they were sent."""

    def connected(self, now_us: int) -> None:
        """A new connection: nothing is known of what reached the server, so all of it is sent again, in order."""
        self.sent_to = self.repeat_from = self.repeat_to = self.mark = 0
        self.turn_us = now_us
        self.window.clear()

    def turn(self, now_us: int) -> None:
        """Lets time pass: gives up waiting for old answers, and begins a round of repeats when one is due."""
        for message_id in [key for key, sent_us in self.window.items() if now_us - sent_us >= self.resend_us]:
            del self.window[message_id]
        if self.turn_us is None or now_us - self.turn_us >= self.resend_us:
            self.turn_us = now_us
            if self.repeat_from >= self.repeat_to:
                self.repeat_from, self.repeat_to = 0, self.mark
            self.mark = self.sent_to

    def room(self) -> int:
        """How many may go out now."""
        return max(0, WINDOW - len(self.window))

    def repeats(self) -> int:
        """How many of those may be repeats."""
        return min(REPEATS_MAX, self.room()) if self.repeat_from < self.repeat_to else 0

    def sent(self, message_id: str, position: int, now_us: int, *, repeat: bool) -> None:
        self.window[message_id] = now_us
        if repeat:
            self.repeat_from = position
        else:
            self.sent_to = position

    def repeats_done(self) -> None:
        """Nothing is left to repeat in this round."""
        self.repeat_from = self.repeat_to

    def answered(self, message_id: str) -> None:
        self.window.pop(message_id, None)
