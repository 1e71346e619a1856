"""``python -m edge_agent init`` makes the agent's key; ``python -m edge_agent run`` records until it is told to stop.

Exit status: 0 after a clean stop, 2 where the settings do not let it start (the message names file and key).
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from config.base.backoff import Backoff
from config.base.errors import ConfigurationError, ResourceExhausted
from config.base.logs import configure, get_logger
from config.settings.edge import EdgeSettings, load_edge
from edge_agent.app import App
from edge_agent.identity import create_key

DISK_FIRST_S, DISK_LIMIT_S = 2.0, 30.0

log = get_logger("agent")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edge_agent", description="Records the cameras of one site.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("init", "make this agent's key once, and print its public key for the operator"),
        ("run", "record, upload and report until stopped"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--settings", type=Path, metavar="FILE", help="TOML file over the annotated defaults")
    chosen = parser.parse_args(arguments)
    try:
        settings = load_edge(chosen.settings)
        return _init(settings) if chosen.command == "init" else _run(settings)
    except ConfigurationError as error:
        where = f" (settings: {chosen.settings})" if chosen.settings else ""
        print(f"edge_agent: {error}{where}", file=sys.stderr)
        return 2


def _init(settings: EdgeSettings) -> int:
    print(create_key(Path(settings.agent.state_dir)), end="")
    return 0


def _run(settings: EdgeSettings) -> int:
    configure("edge_agent", settings.agent.log_level)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    app = _made(settings, told_to_stop)
    if app is None:
        return 0
    app.start()
    while not told_to_stop.wait(1.0):
        pass
    if not app.close():
        # A thread sits in a library call that cannot be interrupted. Everything is on the disk: leave without it.
        sys.stderr.flush()
        os._exit(0)
    return 0


def _made(settings: EdgeSettings, told_to_stop: threading.Event) -> App | None:
    """The agent, as soon as its disk has room; None where it is told to stop before. Raises ConfigurationError."""
    backoff = Backoff(DISK_FIRST_S, DISK_LIMIT_S)
    while not told_to_stop.is_set():
        try:
            return App(settings)
        except ResourceExhausted as error:
            wait_s = backoff.next_s()
            log.error("disk_full_at_start", why=str(error), again_in_s=round(wait_s, 1))  # noqa: TRY400 - no fault of ours
            told_to_stop.wait(wait_s)
    return None


if __name__ == "__main__":
    sys.exit(main())
