"""How many cameras are transcoded at once at a site: bounded across all processes of the agent.

Invariant: a slot is a locked file, so that it comes free with the process that held it, however that ended (flock(2)).
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Slots:
    """Thread-safe: nothing is kept here."""

    def __init__(self, folder: Path, many: int) -> None:
        self._folder = folder
        self._many = many

    def take(self) -> "Slot | None":
        """A slot to be given back with ``free``; None where all are taken, or the folder cannot be written."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(self._many):
                held = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(held)
                    continue
                return Slot(held)
        return None


class Slot:
    """Leave to transcode one camera."""

    def __init__(self, held: int) -> None:
        self._held = held

    def free(self) -> None:
        """Gives it back; a second time does nothing."""
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)
