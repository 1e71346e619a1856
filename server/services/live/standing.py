"""May the views that run go on? Asked several times a second, for all of them at once.

Invariants (I6): nothing is remembered but what the database itself says is unchanged since: as long as nobody has committed
anything, what was read a moment ago is what would be read now, and only time can end a view, which its permit says when. The stamp
is read before the facts, so that a change between the two is seen at the next question.
"""

from collections.abc import Sequence

from config.base.clock import Clock
from server.domain.lease import Permit, Refusal
from server.services.live.views import OpenView, ViewDesk
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from storage.database.stamp import ChangeStamp
from storage.database.unit_of_work import Database

Answers = tuple[list[Permit | Refusal], set[str]]
"""One a view, in their order; and those that are to end because their person began another."""


class Standing:
    """Used by one thread."""

    def __init__(self, database: Database, desk: LeaseDesk, book: ViewDesk, time: SteadyTime, clock: Clock) -> None:
        self._stamp = ChangeStamp(database)
        self._desk = desk
        self._book = book
        self._time = time
        self._clock = clock
        self._read_at = ""
        self._permits: dict[str, Permit] = {}
        """By view: as the database stood at ``_read_at``."""
        self.rounds_read = 0

    def ask(self, views: Sequence[OpenView]) -> Answers:
        """Raises Unavailable."""
        if not views:
            self._permits = {}
            return [], set()
        stamp, now_us = self._stamp.read(), self._time.now_us()
        known = self._permits if stamp == self._read_at else {}
        answers: list[Permit | Refusal] = []
        for view in views:
            permit = known.get(view.view_id)
            if permit is None or now_us >= permit.until_us:
                return self._read(views, stamp)
            answers.append(permit)
        return answers, set()

    def close(self) -> None:
        """Gives its connection back."""
        self._stamp.close()

    def _read(self, views: Sequence[OpenView], stamp: str) -> Answers:
        self.rounds_read += 1
        self._permits = {}
        asks = [(view.session_sha256, view.permit.camera_id) for view in views]
        answers = self._desk.standing(asks, self._clock.utc_us())
        replaced = self._book.replaced([view.view_id for view in views])
        self._permits = {
            view.view_id: answer
            for view, answer in zip(views, answers, strict=True)
            if isinstance(answer, Permit) and view.view_id not in replaced
        }
        self._read_at = stamp
        return answers, replaced
