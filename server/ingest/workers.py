"""Message workers: each agent's messages go to one worker, so that their order is kept and sites do not wait in line.

A message that can never be handled is quarantined by the inbox; one that cannot be handled *now* (no database) is tried
again, unacknowledged, until it can. Nothing is dropped (I11): the queues hold what the broker may have in flight.
"""

import time
import zlib
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread

from prometheus_client import Counter, Histogram

from config.base.backoff import Backoff
from config.base.errors import Conflict, Unavailable
from config.base.logs import get_logger
from server.ingest.link import BrokerLink, Delivery
from server.services.intake.accept_message import Inbox, Outcome

log = get_logger("inbox")
MESSAGES = Counter("nightlight_messages", "Messages handled, by kind and what became of them", ["kind", "result"])
SECONDS = Histogram("nightlight_message_seconds", "From delivery to commit", ["kind"])
POLL_S = 0.5
CONFLICTS_MAX = 5
SEGMENT_UPLOADED = "segment-uploaded"


class MessageWorkers:
    """Bounded queues between the broker link and the inbox."""

    def __init__(
        self, inbox: Inbox, link: BrokerLink, wake_verification: Callable[[], None], count: int, in_flight_max: int
    ) -> None:
        self._inbox = inbox
        self._link = link
        self._wake_verification = wake_verification
        self._stop = Event()
        self._queues: list[Queue[Delivery]] = [Queue(4 * in_flight_max) for _ in range(count)]
        self._threads = [
            Thread(target=self._work, args=(queue,), name=f"inbox-{number}")
            for number, queue in enumerate(self._queues)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends after the messages in hand; what is still queued stays with the broker."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def submit(self, delivery: Delivery) -> None:
        """Hands a message to its agent's worker; never blocks, because the broker link's own thread calls it.

        A full queue means that the broker has connected again and again while nothing could be handled. What is left out
        stays unacknowledged: broker and agent both send it again.
        """
        source = delivery.topic.rpartition("/")[0]
        try:
            self._queues[zlib.crc32(source.encode()) % len(self._queues)].put_nowait(delivery)
        except Full:
            MESSAGES.labels("unknown", "left_with_broker").inc()
            log.warning("message_left_with_broker", topic=delivery.topic[:200])

    def _work(self, queue: "Queue[Delivery]") -> None:
        while not self._stop.is_set():
            try:
                delivery = queue.get(timeout=POLL_S)
            except Empty:
                continue
            began = time.monotonic()
            outcome = self._accept(delivery)
            if outcome is None:
                continue
            SECONDS.labels(outcome.kind).observe(time.monotonic() - began)
            self._link.acknowledge(delivery)
            self._follow_up(delivery, outcome)

    def _accept(self, delivery: Delivery) -> Outcome | None:
        """What became of a message; None where it is left to a later delivery."""
        backoff = Backoff(0.1, 10.0)
        fault: Exception | None = None
        conflicts = 0
        while not self._stop.is_set() and self._link.is_current(delivery):
            try:
                if fault is not None:
                    return self._inbox.give_up(delivery.topic, delivery.payload, fault)
                return self._inbox.accept(delivery.topic, delivery.payload)
            except Conflict as error:
                conflicts += 1
                log.info("message_conflict", topic=delivery.topic, reason=str(error)[:200], times=conflicts)
                fault = error if conflicts >= CONFLICTS_MAX else None
            except Unavailable as error:
                log.warning("message_postponed", topic=delivery.topic, reason=str(error))
            except Exception as error:
                log.exception("message_failed", topic=delivery.topic)
                fault = error
            self._stop.wait(backoff.next_s())
        return None

    def _follow_up(self, delivery: Delivery, outcome: Outcome) -> None:
        MESSAGES.labels(outcome.kind, outcome.result).inc()
        if outcome.result.startswith("quarantined"):
            log.error("message_quarantined", topic=delivery.topic[:200], reason=outcome.result)
        for reply in outcome.replies:
            self._link.answer(reply)
        if outcome.kind == SEGMENT_UPLOADED and outcome.result == "committed":
            self._wake_verification()
