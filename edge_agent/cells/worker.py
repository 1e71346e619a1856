"""Answers challenges, fetches and orders: reads the cell, and says to the centre over HTTPS what is there.

Invariants: nothing is kept here: a task that is lost is sent again by the centre until its time is over. An answer is what
was read just now; where the cell does not answer, nothing is said. Recordings go only to addresses that the centre signed.
"""

import hashlib
import queue
from collections.abc import Callable
from typing import Any

from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, Unavailable
from config.base.logs import get_logger
from config.evidence.leaves import LeafTree
from config.wire.cells import CellAnswer, CellChallenge, CellFetch, CellFetched, CellOrder, CellOrdered
from edge_agent.cells.orders import carry_out, left_under, stands
from edge_agent.centre import Centre
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer
from edge_agent.timekeeping import AgentClock
from edge_agent.upload.store import ObjectStore

TASKS_MAX = 64
WAIT_S = 0.5

CellTask = CellChallenge | CellFetch | CellOrder
log = get_logger("cells")


class CellWorker(Worker):
    """One thread, so that the cell is read by one challenge at a time. ``take`` may be called from any thread."""

    def __init__(self, sealer: Sealer, centre: Centre, store: ObjectStore, clock: AgentClock) -> None:
        super().__init__("cells")
        self._sealer = sealer
        self._centre = centre
        self._store = store
        self._clock = clock
        self._tasks: queue.Queue[CellTask] = queue.Queue(TASKS_MAX)

    def take(self, task: CellTask) -> None:
        """Queues a task; one that finds no room comes again from the centre."""
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            log.warning("cell_task_dropped", tasks=TASKS_MAX)

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                task = self._tasks.get(timeout=WAIT_S)
            except queue.Empty:
                continue
            self._try(task)

    def _try(self, task: CellTask) -> None:
        doing: Callable[[], None]
        if isinstance(task, CellChallenge):
            what, doing = "challenge", lambda: self._answer(task)
        elif isinstance(task, CellOrder):
            what, doing = task.action, lambda: self._carry_out(task)
        else:
            what, doing = "fetch", lambda: self._fetch(task)
        try:
            doing()
        except (Unavailable, InvalidInput, PermissionDenied) as error:
            log.warning("cell_task_failed", what=what, segment_id=task.segment_id, code=error.code, why=str(error))
        except NightlightError:
            log.exception("cell_task_failed", what=what, segment_id=task.segment_id)
        else:
            log.info("cell_task_done", what=what, segment_id=task.segment_id)

    def _answer(self, challenge: CellChallenge) -> None:
        try:
            with self._store.open(challenge.url) as reading:
                tree, leaf = LeafTree.over(reading.blocks(), keep=challenge.leaf)
                seen = reading.seen(tree.sha256, self._clock.utc_us())
        except NotFound as error:
            log.error("cell_lost_recording", segment_id=challenge.segment_id, why=str(error))  # noqa: TRY400 - not ours
            self._say(challenge, b"", {"outcome": "missing", "detail": str(error)[:200]})
            return
        found: dict[str, Any] = {"outcome": "read", "seen": seen}
        if leaf:
            found["leaf_sha256"] = hashlib.sha256(leaf).hexdigest()
            found["path"] = [step.hex() for step in tree.path(challenge.leaf)]
        self._say(challenge, leaf, found)

    def _say(self, challenge: CellChallenge, leaf: bytes, found: dict[str, Any]) -> None:
        answer = CellAnswer(**self._sealer.who(), challenge_id=challenge.challenge_id, **found)
        self._centre.cell_answer(self._sealer.seal(answer), leaf)

    def _carry_out(self, order: CellOrder) -> None:
        pool = self._store.pool
        statuses = carry_out(pool, order)
        found: dict[str, Any] = {"outcome": "read", "detail": " ".join(map(str, statuses))}
        try:
            found["seen"] = stands(pool, order.look_url, self._clock.utc_us())
        except NotFound:
            found["outcome"] = "missing"
        if order.list_url:
            found["left"] = left_under(pool, order.list_url, order.object_key)
        told = CellOrdered(**self._sealer.who(), order_id=order.order_id, **found)
        self._centre.cell_ordered(self._sealer.seal(told))

    def _fetch(self, task: CellFetch) -> None:
        try:
            with self._store.open(task.url) as reading:
                version_id = self._store.pass_on(reading, task.put_url, task.put_headers)
        except NotFound:
            found: dict[str, Any] = {"outcome": "missing"}
        else:
            found = {"outcome": "put", "version_id": version_id}
        told = CellFetched(**self._sealer.who(), fetch_id=task.fetch_id, **found)
        self._centre.cell_fetched(self._sealer.seal(told))
