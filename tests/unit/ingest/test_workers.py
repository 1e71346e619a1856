"""What message workers do when nothing can be handled: they neither die nor hold the broker link up."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from config.base.errors import Conflict, Unavailable
from server.ingest.link import Delivery
from server.ingest.workers import MessageWorkers
from server.services.intake.accept_message import Outcome


@dataclass
class ScriptedInbox:
    """Raises what it is told, in turn, then handles everything."""

    faults: list[Exception] = field(default_factory=list)
    give_up_faults: list[Exception] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    given_up: list[bytes] = field(default_factory=list)

    def accept(self, _topic: str, data: bytes) -> Outcome:
        if self.faults:
            raise self.faults.pop(0)
        self.accepted.append(data)
        return Outcome("committed", "heartbeat")

    def give_up(self, _topic: str, data: bytes, _error: Exception) -> Outcome:
        if self.give_up_faults:
            raise self.give_up_faults.pop(0)
        self.given_up.append(data)
        return Outcome("quarantined:internal_error")


@dataclass
class ScriptedLink:
    """A connection that stands, or one that was replaced."""

    epoch: int = 1
    acknowledged: list[bytes] = field(default_factory=list)

    def is_current(self, delivery: Delivery) -> bool:
        return delivery.epoch == self.epoch

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledged.append(delivery.payload)


def delivery(payload: bytes, epoch: int = 1) -> Delivery:
    return Delivery("nightlight/v1/up/s/a/heartbeat", payload, 1, 1, epoch)


def work(inbox: ScriptedInbox, link: ScriptedLink, deliveries: list[Delivery], done: Callable[[], bool]) -> None:
    workers = MessageWorkers(inbox, link, lambda: None, 1, 2)  # type: ignore[arg-type]
    workers.start()
    try:
        for each in deliveries:
            workers.submit(each)
        deadline = time.monotonic() + 20
        while not done():
            if time.monotonic() > deadline:
                pytest.fail("the worker does not go on")
            time.sleep(0.01)
    finally:
        workers.close()


def test_a_message_that_fails_is_given_up_even_where_that_fails_at_first_and_blocks_nothing() -> None:
    inbox = ScriptedInbox([RuntimeError("a fault of ours")], [Unavailable("no database"), Unavailable("none yet")])
    link = ScriptedLink()
    work(inbox, link, [delivery(b"poison"), delivery(b"good")], lambda: link.acknowledged == [b"poison", b"good"])
    assert (inbox.given_up, inbox.accepted) == ([b"poison"], [b"good"])


def test_what_cannot_be_handled_now_is_tried_again_and_not_given_up() -> None:
    inbox, link = ScriptedInbox([Unavailable("no database"), Conflict("another was first")]), ScriptedLink()
    work(inbox, link, [delivery(b"x")], lambda: link.acknowledged == [b"x"])
    assert (inbox.accepted, inbox.given_up) == ([b"x"], [])


def test_a_conflict_without_end_is_given_up() -> None:
    inbox, link = ScriptedInbox([Conflict("again") for _ in range(5)]), ScriptedLink()
    work(inbox, link, [delivery(b"x")], lambda: link.acknowledged == [b"x"])
    assert inbox.given_up == [b"x"]


def test_a_delivery_of_an_earlier_connection_is_left_to_its_redelivery() -> None:
    inbox, link = ScriptedInbox(), ScriptedLink(epoch=2)
    work(inbox, link, [delivery(b"old", 1), delivery(b"new", 2)], lambda: link.acknowledged == [b"new"])
    assert inbox.accepted == [b"new"]


def test_a_full_queue_never_holds_the_broker_link_up() -> None:
    workers = MessageWorkers(ScriptedInbox(), ScriptedLink(), lambda: None, 1, 2)  # type: ignore[arg-type]
    for number in range(100):
        workers.submit(delivery(str(number).encode()))
