"""Where the socket lies. A path of a Unix socket has at most 107 bytes; through ``/proc/self/fd`` it is always short.

Source: unix(7).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "control.sock"


@contextmanager
def short_path(state_dir: Path) -> Iterator[str]:
    """A path that names the socket while the context lasts. Raises OSError where there is no such folder."""
    folder = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
