"""Forks the server's processes from one that has imported them already, so that two hundred kills take minutes.

    python -m benchmarks.drills._nursery SETTINGS LOG

Reads lines ``jobs`` or ``ingest``, answers each with the process id of a new group leader that is that process, as
``python -m server.NAME --settings SETTINGS`` would be. When its input ends, all of them are killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from server.ingest import app as ingest
from server.jobs import app as jobs
from server.runtime import main

RUNS: dict[str, Callable[..., None]] = {"jobs": jobs.run, "ingest": ingest.run}


def serve(settings: str, log: str) -> None:
    """Until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children: list[int] = []
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(line.strip(), settings, log)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _become(name: str, settings: str, log: str) -> None:
    status = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        null, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = [name, "--settings", settings]
        status = main(name, RUNS[name])
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve(*sys.argv[1:3])
