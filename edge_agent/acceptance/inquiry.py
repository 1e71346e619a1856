"""Asks the running agent, and the server through it, and remembers the last answers.

Invariant: every wait has an end; an answer that does not come is waited for until then, and is named if it never came.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from config.base.errors import ResourceExhausted, Unavailable
from config.wire.acceptance import AcceptanceAnswer
from edge_agent.acceptance.outcome import Said
from edge_agent.control.messages import Answer, AskServer, AskStatus, Question, Seen, Status

LOOK_EVERY_S = 2.0

Found = TypeVar("Found")


class Inquiry:
    """``note`` takes what is worth showing while something is waited for."""

    def __init__(self, ask: Callable[[Question], Answer]) -> None:
        self.ask = ask
        self.note: Callable[[Said], None] = lambda _said: None
        self.since_us = 0
        """What the server is asked about begins here."""
        self.last_status: Status | None = None
        self.last_seen: AcceptanceAnswer | None = None
        self._asked_s = float("-inf")

    def until(self, within_s: float, look: Callable[[], Found | None]) -> Found | None:
        """What ``look`` finds within a time. Raises Unavailable where the last thing it met was no answer."""
        deadline_s = time.monotonic() + within_s
        while True:
            last: Unavailable | None = None
            try:
                found = look()
            except Unavailable as error:
                found, last = None, error
                self.note(Said("error", {"detail": str(error)}))
            if found is not None:
                return found
            if time.monotonic() >= deadline_s:
                if last is not None:
                    raise last
                return None
            time.sleep(LOOK_EVERY_S)

    def status(self) -> Status:
        """How the agent is now. Raises Unavailable."""
        answer = self.ask(AskStatus())
        if not isinstance(answer, Status):
            raise Unavailable("the agent does not say how it is", code="malformed")
        self.last_status = answer
        return answer

    def seen(self, *, canary: bool = False) -> AcceptanceAnswer:
        """What the server has seen by now. Raises Unavailable, and what the server refuses with."""
        # The server answers an agent once in a while: two steps may ask it one right after the other.
        time.sleep(max(0.0, self._asked_s + LOOK_EVERY_S - time.monotonic()))
        try:
            answer = self.ask(AskServer(since_us=self.since_us, canary=canary))
        except ResourceExhausted as error:
            raise Unavailable(str(error), code=error.code) from error
        finally:
            self._asked_s = time.monotonic()
        if not isinstance(answer, Seen):
            raise Unavailable("the agent hands on no answer of the server", code="malformed")
        self.last_seen = answer.answer
        return answer.answer

    @property
    def known(self) -> Status:
        """How the agent was when it was asked last."""
        return self.last_status if self.last_status is not None else self.status()
