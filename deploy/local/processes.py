"""The long-running processes of the local stack: started with a log each, watched, and ended in order.

Invariant: no process outlives the one that started it; each has a session of its own, so that Ctrl-C at a terminal
reaches only the parent, which then stops them one after another.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.commands import REPOSITORY, environment, tail
from deploy.local.leash import leashed

STOP_WITHIN_S = 8.0
LAST_WORDS = 5
LOG_BYTES_MAX = 32 * 2**20


@dataclass
class Service:
    """One Python process of the stack; ``module`` with its arguments, as after ``python -m``."""

    name: str
    arguments: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Starts it; call from the main thread, whose end the kernel takes for the parent's."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                leashed([sys.executable, "-m", *self.arguments]),
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def crashed(self) -> bool:
        """Whether it has ended by itself."""
        return self.process is not None and self.process.poll() is not None

    @property
    def obituary(self) -> str:
        """How it ended, and its last words."""
        status = self.process.returncode if self.process else None
        return f"{self.name}: exit status {status}\n{tail(self.log, LAST_WORDS)}"

    def kill(self) -> None:
        """As a power cut would: no last word, no clean end."""
        if self.process is not None:
            _signal_group(self.process, signal.SIGKILL)
            self.process.wait()
            self.process = None


def stop_all(services: Sequence[Service]) -> None:
    """Asks all of them to end at once, waits, and ends those that do not."""
    running = [service for service in services if service.process is not None]
    for service in running:
        if service.process is not None and service.process.poll() is None:
            service.process.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for service in running:
        if service.process is None:
            continue
        try:
            service.process.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"{service.name} did not stop within {STOP_WITHIN_S:.0f} s and was killed", file=sys.stderr)
        _signal_group(service.process, signal.SIGKILL)
        service.process.wait()
        service.process = None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # the group is empty: nobody is left
