"""Who may touch the agent's state: one main process, and its shards.

Invariant: no two agents work on one spool, and none begins on it while a shard of one before still writes. Both locks
go with the processes that hold them, however those end.
"""

import fcntl
import os
import time
from pathlib import Path

from config.base.errors import ConfigurationError

SHARDS_END_WITHIN_S = 10.0
"""Shards end with their main process within milliseconds, unless the disk keeps them."""
LOOK_EVERY_S = 0.05


class StateLock:
    """Both locks, taken. Raises ConfigurationError where somebody else has one of them."""

    def __init__(self, state_dir: Path) -> None:
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._main = _file(state_dir / "lock")
            try:
                _take(self._main, 0, f"'agent.state_dir': another agent is running on {state_dir}")
                self.shards = _file(state_dir / "shards.lock")
                """To be inherited by every shard."""
                try:
                    why = f"'agent.state_dir': a recording process of an agent that is gone still holds {state_dir}"
                    _take(self.shards, SHARDS_END_WITHIN_S, f"{why}: end it")
                except ConfigurationError:
                    os.close(self.shards)
                    raise
            except (ConfigurationError, OSError):
                os.close(self._main)
                raise
        except OSError as error:
            raise ConfigurationError(f"'agent.state_dir': cannot write to {state_dir}: {error.strerror}") from error

    def release(self) -> None:
        os.close(self.shards)
        os.close(self._main)


def _file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _take(descriptor: int, within_s: float, otherwise: str) -> None:
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline_s:
                raise ConfigurationError(otherwise) from error
            time.sleep(LOOK_EVERY_S)
        else:
            return
