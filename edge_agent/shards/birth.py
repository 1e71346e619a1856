"""The main process's side of the nursery: starts it, asks it for shards, hears how they ended.

Invariants: at most one nursery lives; one that died takes its shards with it and is begun anew with the next request.
Every wait is bounded.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from config.base.errors import Unavailable
from config.base.logs import get_logger
from edge_agent.shards.messages import SHARD_NAME

ANSWER_WITHIN_S = 15.0
"""The first answer comes when everything is loaded; on a small, busy box that takes a while."""
SMALL = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "MALLOC_ARENA_MAX": "2",  # else every camera's thread keeps a heap of its own
}
_WORDS = re.compile(rb"(forked|ended) (\d+)(?: (\d+))?")

log = get_logger("shards")


@dataclass(frozen=True)
class Born:
    """A shard's process."""

    pid: int


class Nursery:
    """Thread-safe."""

    def __init__(self, lock_descriptor: int) -> None:
        """``lock_descriptor`` stays open in every shard: whoever can lock it knows that none is left."""
        self._lock_descriptor = lock_descriptor
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._statuses: dict[int, int] = {}

    def start(self) -> None:
        """Begins loading; returns at once."""
        with self._lock:
            self._begin()

    def fork(self, shard_end: socket.socket) -> Born:
        """A new shard on this end of a socket pair. Raises Unavailable."""
        with self._lock:
            connection = self._begin()
            try:
                socket.send_fds(connection, [b"fork"], [shard_end.fileno()])
                return Born(self._await_fork(connection))
            except OSError as error:
                self._end()
                raise Unavailable(f"the process that begins shards does not answer ({error.strerror})") from error

    def kill(self, born: Born) -> None:
        """Ends a shard at once; nothing where it has ended already."""
        with self._lock:
            if self._connection is not None:
                try:
                    self._connection.send(f"kill {born.pid}".encode())
                except OSError:
                    self._end()  # and its shards with it

    def how_it_ended(self, born: Born, within_s: float) -> str:
        """For people: by which signal or with which status; empty where that is not known in time."""
        deadline_s = time.monotonic() + within_s
        with self._lock:
            while born.pid not in self._statuses and self._connection is not None:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    break
                try:
                    self._hear(self._connection, left_s)
                except OSError:
                    break
            status = self._statuses.pop(born.pid, None)
        if status is None:
            return ""
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return signal.strsignal(number) or f"signal {number}"
        return f"status {os.WEXITSTATUS(status)}"

    def has_ended(self, born: Born) -> bool:
        """Whether nothing of the process is left that could still write, whatever became of the nursery: see proc(5).

        One whose thread waits for a disk (state D) has been killed and lives until the disk answers.
        """
        process = Path(f"/proc/{born.pid}")
        try:
            name = (process / "comm").read_text().strip()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            threads = len(list((process / "task").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            return True
        return name != SHARD_NAME or (state in "ZX" and threads <= 1)  # another name: the number was given away again

    def close(self) -> None:
        """Ends it, and with it every shard that is left."""
        with self._lock:
            self._end()

    def _begin(self) -> socket.socket:
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return self._connection
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "edge_agent.shards.nursery", str(theirs.fileno())]
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), self._lock_descriptor),
            env={**os.environ, **SMALL, "PYTHONPATH": path},
        )
        theirs.close()
        self._connection = ours
        self._statuses.clear()
        return ours

    def _await_fork(self, connection: socket.socket) -> int:
        deadline_s = time.monotonic() + ANSWER_WITHIN_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            pid = self._hear(connection, left_s)
            if pid:
                return pid
        raise TimeoutError(0, "no answer in time")

    def _hear(self, connection: socket.socket, within_s: float) -> int:
        """Takes one message in: the process id where it says ``forked``, else 0. Raises OSError."""
        connection.settimeout(within_s)
        try:
            data = connection.recv(64)
        except TimeoutError:
            return 0
        found = _WORDS.fullmatch(data)
        if found is None:
            raise ConnectionResetError(0, "it has ended")
        pid = int(found[2])
        if found[1] == b"forked":
            return pid
        self._statuses[pid] = int(found[3] or 0)
        return 0

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._connection = self._process = None
