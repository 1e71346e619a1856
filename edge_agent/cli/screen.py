"""Speaks to a person at a terminal, or to a log: the same texts, with colour and movement only on a terminal.

Invariants: what is typed as a secret is never shown; where nobody can be asked, nothing is agreed to.
rich does what is hard here: columns of Chinese beside Latin, widths, and a spinner that leaves no trace. It is
imported when something is first shown, so that ``run`` never carries it.
"""

import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_agent.cli.speech import Speech

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_COLUMNS = 160
ANSWER_CHARS_MAX = 256


class Screen:
    """Results go to standard output, complaints and questions to standard error."""

    def __init__(self, speech: Speech, *, assume_yes: bool = False) -> None:
        self._speech = speech
        self._assume_yes = assume_yes
        self._consoles: dict[bool, Console] = {}

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, key: str, **values: Any) -> None:
        self.line(self._speech.text(key, **values))

    def line(self, text: str, style: str = "") -> None:
        """A line that is already in the person's language."""
        self._console().print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)

    def good(self, key: str, **values: Any) -> None:
        self.line(f"✓ {self._speech.text(key, **values)}", "green")

    def warn(self, key: str, **values: Any) -> None:
        self.line(f"! {self._speech.text(key, **values)}", "yellow")

    def bad(self, key: str, **values: Any) -> None:
        self.line(f"✗ {self._speech.text(key, **values)}", "red")

    def error(self, key: str, **values: Any) -> None:
        self.fail(self._speech.text(key, **values))

    def fail(self, text: str) -> None:
        """Why the command ends."""
        console = self._console(error=True)
        console.print(f"nightlight-agent: {text}", style="red", markup=False, highlight=False, soft_wrap=True)

    def note(self, key: str, **values: Any) -> None:
        """A word beside a result that is a file: to standard error."""
        text = self._speech.text(key, **values)
        self._console(error=True).print(text, markup=False, highlight=False, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """``columns`` are keys; cells are texts already, and may have several lines."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        made = Table(box=box.ROUNDED if self._console().is_terminal else box.ASCII)
        for key in columns:
            made.add_column(self._speech.text(key), overflow="fold")
        for row in rows:
            made.add_row(*(Text(cell) for cell in row))
        self._console().print(made)

    @contextmanager
    def step(self, key: str, **values: Any) -> Iterator[Callable[[str], None]]:
        """Shows that something is going on; yields a function that takes a short note.

        A spinner on a terminal; elsewhere one line at the beginning.
        """
        text = self._speech.text(key, **values)
        console = self._console()
        if not console.is_terminal:
            self.line(f"… {text}")
            yield lambda _note: None
            return
        from rich.markup import escape

        with console.status(escape(text)) as status:
            yield lambda note: status.update(escape(f"{text} · {note}"))

    def confirm(self, key: str, **values: Any) -> bool:
        """A yes-or-no question; yes without asking under --yes, no where nobody can be asked."""
        if self._assume_yes:
            return True
        if not self.interactive:
            return False
        answer = self._typed(f"{self._speech.text(key, **values)} {self._speech.text('frame.yes_no')} ")
        return answer.lower() in self._speech.text("frame.yes_words").split()

    def ask(self, key: str, default: str = "", **values: Any) -> str:
        """One line; the default where nothing is typed or nobody can be asked."""
        if not self.interactive:
            return default
        shown = f"{self._speech.text(key, **values)}{f' [{default}]' if default else ''}: "
        return self._typed(shown) or default

    @staticmethod
    def piped_line() -> str:
        """A line from standard input where no person sits at it; empty at its end, or at a terminal."""
        return "" if sys.stdin.isatty() else sys.stdin.readline(ANSWER_CHARS_MAX).strip()

    def ask_secret(self, key: str, **values: Any) -> str:
        """One line that is not echoed; empty where nobody can be asked."""
        if not self.interactive:
            return ""
        return getpass.getpass(f"{self._speech.text(key, **values)}: ", stream=sys.stderr)[:ANSWER_CHARS_MAX]

    @staticmethod
    def _typed(question: str) -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline(ANSWER_CHARS_MAX).strip()

    def _console(self, *, error: bool = False) -> "Console":
        if error not in self._consoles:
            from rich.console import Console

            stream = sys.stderr if error else sys.stdout
            width = None if stream.isatty() else PLAIN_COLUMNS
            self._consoles[error] = Console(file=stream, width=width, emoji=False)
        return self._consoles[error]
