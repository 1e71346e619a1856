"""Finds the command, its language and its screen, runs it, and turns what went wrong into words and an exit status.

Exit status: 0 done; 1 ran to its end with a shortfall; 2 arguments or settings; 3 a peer does not answer or refuses;
4 declined, or nobody to ask; 130 interrupted. See ``desk.Exit``.

Invariant: only the module of the chosen command is imported, so that ``run`` carries nothing of the others.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NoReturn

from config.base.errors import ConfigurationError, NightlightError
from edge_agent.cli.desk import Desk, Exit, Stopped
from edge_agent.cli.screen import Screen
from edge_agent.cli.speech import LANGUAGES, Language, Speech, language_named, language_of

COMMANDS = ("run", "init", "enrol", "discover", "accept", "status")
"""In the order of the help; each is the module of that name beside this one."""

INSTALLED_SETTINGS = Path("/etc/nightlight/agent.toml")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    speech = Speech(_language(given))
    chosen = _command(given)
    parser, module = _parser(speech, chosen)
    options = parser.parse_args(given)
    if module is None:
        parser.error(speech.text("frame.no_command"))
    screen = Screen(speech, assume_yes=getattr(options, "yes", False))
    try:
        return int(module.run(Desk(options, speech, screen)))
    except Stopped as stopped:
        screen.error(stopped.key, **stopped.values)
        return int(stopped.status)
    except ConfigurationError as error:
        where = speech.text("frame.settings_file", file=options.settings) if options.settings else ""
        screen.fail(f"{_said(speech, error)}{where}")
        return int(Exit.SETTINGS)
    except NightlightError as error:
        screen.fail(_said(speech, error))
        return int(Exit.UNANSWERED)
    except KeyboardInterrupt:
        screen.error("frame.interrupted")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has gone: nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.SHORTFALL)


def _parser(speech: Speech, chosen: str) -> tuple[argparse.ArgumentParser, ModuleType | None]:
    """The parser of everything, with the arguments of the chosen command alone."""
    text = speech.text
    _Parser.speech = speech
    parser = _Parser(
        prog="nightlight-agent",
        description=text("frame.description"),
        epilog=text("frame.exit_status"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common(parser, speech, default=None)
    commands = parser.add_subparsers(dest="command", required=True, metavar=text("frame.command"))
    module: ModuleType | None = None
    for name in COMMANDS:
        told = text(f"{name}.help")
        command = commands.add_parser(name, help=told, description=told)
        _common(command, speech, default=argparse.SUPPRESS)
        command.add_argument(
            "--settings", type=Path, metavar="FILE", default=_usual_settings(), help=text("frame.settings")
        )
        if name == chosen:
            module = importlib.import_module(f"{__package__}.{name}")
            module.arguments(command, speech)
    return parser, module


def _usual_settings() -> Path | None:
    """Where the installation puts the settings, if it has been there."""
    return INSTALLED_SETTINGS if INSTALLED_SETTINGS.exists() else None


def _common(parser: argparse.ArgumentParser, speech: Speech, default: str | None) -> None:
    parser.add_argument(
        "--language", choices=LANGUAGES, type=language_named, default=default, help=speech.text("frame.language")
    )


class _Parser(argparse.ArgumentParser):
    """argparse in the person's language, as far as it lets itself be told."""

    speech: ClassVar[Speech]

    def __init__(self, **options: Any) -> None:
        text = self.speech.text
        super().__init__(**options, allow_abbrev=False, add_help=False)
        self._positionals.title, self._optionals.title = text("frame.commands"), text("frame.options")
        self.add_argument("-h", "--help", action="help", help=text("frame.show_help"))

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.SETTINGS, f"nightlight-agent: {self.speech.text('frame.wrong_arguments', detail=message)}\n")


def _language(given: list[str]) -> Language:
    """``--language`` before anything is parsed: the help itself is in that language."""
    for index, word in enumerate(given):
        value = word.partition("=")[2] if word.startswith("--language=") else ""
        if word == "--language" and index + 1 < len(given):
            value = given[index + 1]
        if (named := language_named(value)) in LANGUAGES:
            return named
    return language_of()


def _command(given: list[str]) -> str:
    skip = False
    for word in given:
        if skip:
            skip = False
        elif word == "--language":
            skip = True
        elif not word.startswith("-"):
            return word
    return ""


def _said(speech: Speech, error: NightlightError) -> str:
    """An error of the project's own tree, its kind in the person's language before its message."""
    key = f"frame.error_{error.code}"
    return speech.text(key if speech.has(key) else "frame.error", detail=str(error))
