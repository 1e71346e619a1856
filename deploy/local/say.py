"""Tells a person at a terminal, or the reader of a log, what is happening; Chinese where LANG says so.

Standard library only. Invariant: something is said before any work that could take more than two seconds.

    with step("Installing packages", "正在安装软件包") as told:
        told("cryptography")
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
REDRAW_S = 0.1
NOTE_CHARACTERS_MAX = 60


class Told(Exception):
    """Ends the command; its text tells the person what to do, and no traceback is shown."""


def is_chinese(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the person's language is Chinese: LC_ALL, then LC_MESSAGES, then LANG decides."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if env.get(variable):
            return env[variable].lower().startswith("zh")
    return False


def text(english: str, chinese: str) -> str:
    """The one of the two that the person reads."""
    return chinese if is_chinese() else english


def line(english: str, chinese: str) -> None:
    """One line on standard output, at once."""
    print(text(english, chinese), flush=True)


@contextmanager
def step(english: str, chinese: str) -> Iterator[Callable[[str], None]]:
    """Shows that something is going on, and afterwards how long it took; yields a function for a short note.

    A spinner on a terminal; elsewhere one line at the beginning and one at the end.
    """
    told = _Spinner(text(english, chinese)) if sys.stdout.isatty() else _Lines(text(english, chinese))
    began = time.monotonic()
    told.begin()
    try:
        yield told.note
    except BaseException:
        told.end("✗", time.monotonic() - began)
        raise
    told.end("✓", time.monotonic() - began)


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what

    def begin(self) -> None:
        print(f"… {self._what}", flush=True)

    def note(self, said: str) -> None:
        """Notes are for a terminal: a log would drown in them."""

    def end(self, mark: str, seconds: float) -> None:
        print(f"{mark} {self._what} ({seconds:.1f} s)", flush=True)


class _Spinner:
    def __init__(self, what: str) -> None:
        self._what = what
        self._note = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def note(self, said: str) -> None:
        """The newest note stands beside the spinner."""
        self._note = said.strip().replace("\n", " ")[:NOTE_CHARACTERS_MAX]

    def end(self, mark: str, seconds: float) -> None:
        self._done.set()
        self._thread.join()
        sys.stdout.write(f"\r\033[K{mark} {self._what} ({seconds:.1f} s)\n")
        sys.stdout.flush()

    def _turn(self) -> None:
        began, turn = time.monotonic(), 0
        while True:
            frame = FRAMES[turn % len(FRAMES)]
            seconds = int(time.monotonic() - began)
            sys.stdout.write(f"\r\033[K{frame} {self._what} {seconds} s  {self._note}")
            sys.stdout.flush()
            turn += 1
            if self._done.wait(REDRAW_S):
                return
