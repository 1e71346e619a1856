"""Message workers: each agent's messages go to one worker, so that their order is kept and sites do not wait in line.

A message that can never be handled is quarantined by the inbox; one that cannot be handled *now* (no database) is tried
again, unacknowledged, until it can. Nothing is dropped (I11): the queues hold what the broker may have in flight.
"""

import zlib
from collections.abc import Callable
from queue import Empty, Queue
from threading import Event, Thread

from prometheus_client import Counter, Histogram

from config.base.backoff import Backoff
from config.base.errors import Conflict, Unavailable
from config.base.logs import get_logger
from server.ingest.link import BrokerLink, Delivery
from server.services.accept_message import Inbox, Outcome

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
        self._queues: list[Queue[Delivery]] = [Queue(in_flight_max) for _ in range(count)]
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
        """Hands a message to its agent's worker."""
        source = delivery.topic.rpartition("/")[0]
        self._queues[zlib.crc32(source.encode()) % len(self._queues)].put(delivery)

    def _work(self, queue: "Queue[Delivery]") -> None:
        while not self._stop.is_set():
            try:
                delivery = queue.get(timeout=POLL_S)
            except Empty:
                continue
            with SECONDS.labels(delivery.topic.rpartition("/")[2][:32]).time():
                outcome = self._accept(delivery)
            if outcome is None:
                return
            self._link.acknowledge(delivery)
            self._follow_up(delivery, outcome)

    def _accept(self, delivery: Delivery) -> Outcome | None:
        backoff = Backoff(0.1, 10.0)
        conflicts = 0
        while not self._stop.is_set():
            try:
                return self._inbox.accept(delivery.topic, delivery.payload)
            except Conflict as error:
                conflicts += 1
                if conflicts >= CONFLICTS_MAX:
                    return self._inbox.give_up(delivery.topic, delivery.payload, error)
                self._stop.wait(backoff.next_s())
            except Unavailable as error:
                wait_s = backoff.next_s()
                log.warning("message_postponed", topic=delivery.topic, retry_s=round(wait_s, 1), reason=str(error))
                self._stop.wait(wait_s)
            except Exception as error:
                log.exception("message_failed", topic=delivery.topic)
                return self._inbox.give_up(delivery.topic, delivery.payload, error)
        return None

    def _follow_up(self, delivery: Delivery, outcome: Outcome) -> None:
        MESSAGES.labels(outcome.kind, outcome.result).inc()
        if outcome.result.startswith("quarantined"):
            log.error("message_quarantined", topic=delivery.topic[:200], reason=outcome.result)
        for reply in outcome.replies:
            self._link.answer(reply)
        if outcome.kind == SEGMENT_UPLOADED and outcome.result == "committed":
            self._wake_verification()
