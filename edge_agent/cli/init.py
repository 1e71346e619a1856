"""``init``: makes this agent's key once, and prints its public half for the operator."""

import argparse
from pathlib import Path

from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.speech import Speech
from edge_agent.identity import create_key


def arguments(_parser: argparse.ArgumentParser, _speech: Speech) -> None:
    """None of its own."""


def run(desk: Desk) -> int:
    pem = create_key(Path(desk.settings().agent.state_dir))
    print(pem, end="")  # noqa: T201 - a file for the operator, no prose
    desk.screen.note("init.blocks")
    return Exit.DONE
