"""Starts processes that cannot outlive the one that started them.

Standard library only. Run as a script it becomes the program named in its arguments, after asking the kernel to end
that program when its parent dies; elsewhere than on Linux the process group is the only tether.
Source: prctl(2), PR_SET_PDEATHSIG.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str | Path],
    *,
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a program in a process group of its own, tethered to this process, its output in ``log``.

    Call it from a thread that lives as long as the process: the kernel watches the thread.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals a process and everything that it started itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _become(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)  # the parent died before the tether was tied
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
