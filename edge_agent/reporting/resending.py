"""Which outbox messages are sent when. Pure: time is an argument.

Invariant: at most ``WINDOW`` messages are out without an answer; new ones go in order; one without an answer goes out
again between one and two ``resend_us`` later, for ever; where nothing at all is answered, because the server is away or
knows no camera of ours, that time doubles up to ``QUIET_LIMIT_US``, until the first answer. New messages have the right of way over repeats, but never all
of it, so that neither can starve the other. A camera that alone gets no answers, while others get theirs, is one that
the server does not know yet: it leaves the window to the others, and its oldest messages ask again at growing intervals.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.base.clock import US_PER_S

WINDOW = 64
REPEATS_MAX = 16
"""Of one round."""
QUESTIONS_MAX = 4
ASK_LIMIT_US = 600 * US_PER_S
QUIET_LIMIT_US = 120 * US_PER_S
"""Shorter than the one above: it is also how long a server that came back may have to wait for old messages."""


@dataclass
class Unheard:
    """A camera of which the server says nothing."""

    wait_us: int
    ask_at_us: int
    asked: set[str] = field(default_factory=set)
    """The messages that asked last."""


@dataclass(frozen=True)
class Sent:
    """A message that is out."""

    camera_id: str
    at_us: int


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
    window: dict[str, Sent] = field(default_factory=dict)
    """What is out by message id; instants are monotonic."""
    heard_us: dict[str, int] = field(default_factory=dict)
    """When each camera last had an answer."""
    unheard: dict[str, Unheard] = field(default_factory=dict)
    quiet_turns: int = 0
    """Periods in a row in which messages went without an answer, and not one was answered."""

    @property
    def period_us(self) -> int:
        """After how long a message is sent again."""
        return max(self.resend_us, min(self.resend_us << min(self.quiet_turns, 16), QUIET_LIMIT_US))

    def connected(self, now_us: int) -> None:
        """A new connection: nothing is known of what reached the server, so all of it is sent again, in order."""
        self.sent_to = self.repeat_from = self.repeat_to = self.mark = 0
        self.turn_us = now_us
        self.window.clear()
        self.quiet_turns = 0
        for camera in self.unheard.values():
            camera.ask_at_us = now_us

    def turn(self, now_us: int) -> None:
        """Lets time pass: gives up waiting for old answers, and begins a round of repeats when one is due."""
        period_us = self.period_us
        expired = [(key, sent) for key, sent in self.window.items() if now_us - sent.at_us >= period_us]
        for message_id, sent in expired:
            del self.window[message_id]
            self._judge(sent, now_us)
        if expired and not any(at_us >= now_us - period_us for at_us in self.heard_us.values()):
            self.quiet_turns += 1
        if self.turn_us is None or now_us - self.turn_us >= period_us:
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

    def sent(self, message_id: str, position: int, now_us: int, *, repeat: bool, camera_id: str = "") -> None:
        self.window[message_id] = Sent(camera_id, now_us)
        if repeat:
            self.repeat_from = position
        else:
            self.sent_to = position

    def repeats_done(self) -> None:
        """Nothing is left to repeat in this round."""
        self.repeat_from = self.repeat_to

    def answered(self, message_id: str, now_us: int) -> None:
        self.quiet_turns = 0
        sent = self.window.pop(message_id, None)
        if sent is not None:
            self.heard_us[sent.camera_id] = now_us
        for camera_id in [key for key, camera in self.unheard.items() if message_id in camera.asked]:
            del self.unheard[camera_id]
            self.heard_us[camera_id] = now_us
            self.sent_to = 0  # all that it left out goes now, in order; what is sent twice is answered twice

    def to_ask(self, now_us: int) -> list[str]:
        """The unheard cameras whose oldest messages, up to ``QUESTIONS_MAX``, are due."""
        return [camera_id for camera_id, camera in self.unheard.items() if now_us >= camera.ask_at_us]

    def asked(self, camera_id: str, message_ids: Iterable[str], now_us: int) -> None:
        """They were sent; where none is left, there is nothing to hear any more."""
        camera = self.unheard[camera_id]
        camera.asked = set(message_ids)
        camera.ask_at_us = now_us + camera.wait_us
        camera.wait_us = min(2 * camera.wait_us, ASK_LIMIT_US)
        if not camera.asked:
            del self.unheard[camera_id]

    def _judge(self, sent: Sent, now_us: int) -> None:
        """A message got no answer in time: is it the server that is silent, or is it about this camera alone?"""
        others_heard = any(at >= sent.at_us for camera_id, at in self.heard_us.items() if camera_id != sent.camera_id)
        heard = self.heard_us.get(sent.camera_id, -1) >= sent.at_us
        if others_heard and not heard and sent.camera_id not in self.unheard:
            self.unheard[sent.camera_id] = Unheard(self.resend_us, now_us)
