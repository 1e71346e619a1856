"""When a heartbeat goes out: at intervals, at once when asked for, and again soon where nobody took the last one."""

import threading
import time
from collections.abc import Callable

import pytest

from edge_agent.reporting import heartbeat
from edge_agent.reporting.closing import Delivery
from edge_agent.reporting.heartbeat import HeartbeatSender
from tests.support.edge import wait_for


class Counted(HeartbeatSender):
    """Says of each that it was sent; what became of it is up to the test."""

    def __init__(self, became: Delivery | None) -> None:
        super().__init__(None, None, None, 30, lambda: None)  # type: ignore[arg-type]
        self.became = became
        self.sent = 0
        self.lock = threading.Lock()

    def send(self) -> Delivery | None:
        with self.lock:
            self.sent += 1
        return self.became


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heartbeat, "AGAIN_S", 0.3)
    running: list[Counted] = []

    def start(became: Delivery | None) -> Counted:
        running.append(Counted(became))
        running[-1].start()
        return running[-1]

    yield start
    for sender in running:
        assert sender.close(5)


@pytest.mark.parametrize("became", [None, lambda: False], ids=["not handed over", "nobody took it"])
def test_one_that_arrived_nowhere_is_sent_again_soon(begin: Callable, became: Delivery | None) -> None:
    sender = begin(became)
    wait_for("a second and a third", lambda: sender.sent >= 3)


@pytest.mark.parametrize("became", [lambda: True, lambda: None], ids=["taken", "not said yet"])
def test_one_that_may_have_arrived_is_not_repeated_and_a_change_goes_at_once(begin: Callable, became: Delivery) -> None:
    sender = begin(became)
    wait_for("the first", lambda: sender.sent)
    time.sleep(1.0)
    assert sender.sent == 1
    sender.beat()
    wait_for("the change", lambda: sender.sent == 2)
