"""What a viewer costs, beside what it costs the plainest fan-out (``benchmarks/_live_plain.py``) with the same reader."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks._live_crowd import Crowd, Member
from benchmarks._processes import use_of
from tests.support.brokers import free_port

SETTLE_S = 1.0
START_S = 30.0


class Plain:
    """The peer with its viewers; held but while it is measured."""

    def __init__(self, process: subprocess.Popen[bytes], crowd: Crowd) -> None:
        self._process = process
        self._crowd = crowd
        process.send_signal(signal.SIGSTOP)

    def cpu_a_viewer(self, seconds: float) -> float:
        """The share of a core that one viewer costs it."""
        self._process.send_signal(signal.SIGCONT)
        try:
            self._crowd.read_for(SETTLE_S)
            return cpu_a_viewer(self._process.pid, self._crowd, seconds)
        finally:
            self._process.send_signal(signal.SIGSTOP)


def cpu_a_viewer(pid: int, crowd: Crowd, seconds: float) -> float:
    """The share of a core that each viewer of a crowd costs a process, while all of them read."""
    before, began = use_of([pid]).cpu_s, time.monotonic()
    crowd.read_for(seconds)
    if not crowd.open:
        raise RuntimeError("no viewer is left to be measured")
    return (use_of([pid]).cpu_s - before) / (time.monotonic() - began) / len(crowd.open)


@contextmanager
def plain_fan_out(viewers: int, sizes: Sequence[int]) -> Iterator[Plain]:
    """The peer, with so many viewers; ``sizes`` of the frames that it sends, in bytes."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks._live_plain", str(port), ",".join(map(str, sizes))])
    crowd = Crowd("", "")
    try:
        for _ in range(viewers):
            crowd.take_in(Member("", _connect(port)))
            crowd.read_for(0.0)
        yield Plain(process, crowd)
    finally:
        for link in crowd.open:
            link.close()
        process.kill()
        process.wait()


def _connect(port: int) -> socket.socket:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("the plain fan-out did not start")
