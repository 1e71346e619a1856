"""What a command is given to work with, and how it says that it cannot go on."""

import argparse
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

from config.base.errors import NightlightError
from config.settings.edge import EdgeSettings, load_edge
from edge_agent.cli.screen import Screen
from edge_agent.cli.speech import Speech


class Exit(IntEnum):
    """The exit status of every command."""

    DONE = 0
    SHORTFALL = 1
    """The command ran to its end, and something is not as it should be: it was said what, and what to do."""
    SETTINGS = 2
    """Arguments or settings do not let it begin: the message names file and key."""
    UNANSWERED = 3
    """A peer (server, broker, camera) does not answer, or refuses: trying again may help."""
    DECLINED = 4
    """The person said no, or nobody was there to be asked: give --yes."""
    INTERRUPTED = 130


class Stopped(NightlightError):
    """Ends a command: the text of ``key`` says why and what to do, in the person's language."""

    code = "stopped"

    def __init__(self, key: str, status: Exit = Exit.SHORTFALL, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.status = status
        self.values = values


@dataclass(frozen=True)
class Desk:
    """One call of one command."""

    options: argparse.Namespace
    speech: Speech
    screen: Screen

    def settings(self) -> EdgeSettings:
        """The agent's settings. Raises ConfigurationError."""
        return load_edge(self.options.settings)

    @property
    def settings_file(self) -> Path | None:
        file: Path | None = self.options.settings
        return file

    def stop(self, key: str, status: Exit = Exit.SHORTFALL, **values: Any) -> NoReturn:
        """Raises Stopped."""
        raise Stopped(key, status, **values)
