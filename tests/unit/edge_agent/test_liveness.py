"""A loop that hangs is named; systemd is told in its own words, and its absence disturbs nobody."""

import os
import socket

import pytest

from edge_agent.lifecycle import Worker
from edge_agent.liveness.notify import Notifier
from edge_agent.liveness.registry import WATCHED_MAX, Liveness
from tests.support.clock import SimulatedClock


@pytest.fixture
def clock():
    return SimulatedClock(1_795_262_400_000_000)


def test_a_silent_loop_is_named_and_one_that_turns_is_not(clock):
    liveness = Liveness(clock)
    turning, _hanging = liveness.watch("turning", 5), liveness.watch("hanging", 5)
    for _ in range(6):
        clock.advance(1.0)
        turning()
    assert liveness.overdue() == {"hanging": 6.0}


def test_a_loop_has_its_whole_limit_from_the_beginning_and_after_each_pulse(clock):
    liveness = Liveness(clock)
    pulse = liveness.watch("loop", 5)
    clock.advance(5.0)
    assert not liveness.overdue()
    clock.advance(0.1)
    assert set(liveness.overdue()) == {"loop"}
    pulse()
    assert not liveness.overdue()


def test_what_is_forgotten_is_not_overdue_and_its_last_pulse_changes_nothing(clock):
    liveness = Liveness(clock)
    pulse = liveness.watch("loop", 1)
    liveness.forget("loop")
    liveness.forget("loop")
    pulse()
    clock.advance(10.0)
    assert not liveness.overdue()


def test_two_loops_of_one_name_and_too_many_are_faults(clock):
    liveness = Liveness(clock)
    liveness.watch("0", 1)
    with pytest.raises(ValueError):
        liveness.watch("0", 1)
    for number in range(1, WATCHED_MAX):
        liveness.watch(str(number), 1)
    with pytest.raises(ValueError):
        liveness.watch("more", 1)


def test_a_worker_that_fails_and_is_begun_again_counts_as_turning(clock):
    class Failing(Worker):
        def run(self):
            self.stopping.set()
            raise RuntimeError("on purpose")

    liveness = Liveness(clock)
    worker = Failing("failing")
    pulses = []
    watched = liveness.watch("failing", 5)
    worker.pulse = lambda: (pulses.append(1), watched())
    worker.start()
    assert worker.close(5)
    assert pulses


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_what_the_protocol_says(tmp_path, abstract):
    name = f"nightlight-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name if abstract else name)
        systemd.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": f"@{name}" if abstract else name})
        notifier.starting("waiting", 2)
        notifier.ready("site/agent")
        notifier.alive()
        notifier.status("x" * 500)
        notifier.stopping()
        said = [systemd.recv(1_024).decode() for _ in range(5)]
    assert said[:3] == ["EXTEND_TIMEOUT_USEC=2000000\nSTATUS=waiting", "READY=1\nSTATUS=site/agent", "WATCHDOG=1"]
    assert said[3] == "STATUS=" + "x" * 200
    assert said[4] == "STOPPING=1"


def test_without_systemd_nothing_fails(tmp_path):
    Notifier({}).ready("alone")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).alive()
