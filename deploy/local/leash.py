"""Commands that cannot outlive whoever started them: the kernel kills the process when its parent is gone.

Standard library only. A small launcher sets the parent-death signal and then becomes the command, so that nothing
runs between fork and exec in a program with threads. Elsewhere than on Linux the command runs unleashed.

Start leashed commands from a thread that lives as long as the process: the kernel means the thread.
Source: prctl(2), PR_SET_PDEATHSIG.
"""

import os
import sys

_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent was gone before the start")
os.execv(sys.argv[2], sys.argv[2:])
"""


def leashed(command: list[str]) -> list[str]:
    """The command that runs ``command`` (its first word an absolute path) on a leash to this process."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]
