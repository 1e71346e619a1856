"""``run``: records, uploads and reports until told to stop.

Exit status: 0 after a clean stop, 2 where the settings do not let it start (the message names file and key).
"""

import argparse
import os
import signal
import sys
import threading

from config.base.backoff import Backoff
from config.base.errors import ResourceExhausted
from config.base.logs import configure, get_logger
from config.settings.edge import EdgeSettings
from edge_agent.app import App
from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.speech import Speech
from edge_agent.liveness.notify import Notifier

DISK_FIRST_S, DISK_LIMIT_S = 2.0, 30.0
START_WITHIN_S = 120.0
LOOK_EVERY_S = 1.0

log = get_logger("agent")


def arguments(_parser: argparse.ArgumentParser, _speech: Speech) -> None:
    """None of its own."""


def run(desk: Desk) -> int:
    settings = desk.settings()
    configure("edge_agent", settings.agent.log_level)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    systemd = Notifier()
    app = _made(settings, told_to_stop, systemd)
    if app is None:
        return Exit.DONE
    app.start()
    systemd.ready(f"{settings.agent.site_id}/{settings.agent.agent_id}")
    hanging: set[str] = set()
    while not told_to_stop.wait(LOOK_EVERY_S):
        hanging = _tell_systemd(app, systemd, hanging)
    systemd.stopping()
    if not app.close():
        # A thread sits in a library call that cannot be interrupted. Everything is on the disk: leave without it.
        sys.stderr.flush()
        os._exit(Exit.DONE)
    return Exit.DONE


def _tell_systemd(app: App, systemd: Notifier, told: set[str]) -> set[str]:
    """A ping while every loop turns. A loop that hangs is named, and the silence lets systemd begin the agent anew."""
    overdue = app.liveness.overdue()
    if not overdue:
        systemd.alive()
    elif set(overdue) != told:
        silent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(overdue.items()))
        log.error("loops_hang", silent=silent)
        systemd.status(f"hangs: {silent}")
    return set(overdue)


def _made(settings: EdgeSettings, told_to_stop: threading.Event, systemd: Notifier) -> App | None:
    """The agent, as soon as its disk has room; None where it is told to stop before. Raises ConfigurationError."""
    backoff = Backoff(DISK_FIRST_S, DISK_LIMIT_S)
    while not told_to_stop.is_set():
        try:
            return App(settings)
        except ResourceExhausted as error:
            wait_s = backoff.next_s()
            log.error("disk_full_at_start", why=str(error), again_in_s=round(wait_s, 1))  # noqa: TRY400 - no fault of ours
            systemd.starting(f"no room on the disk: {error}", wait_s + START_WITHIN_S)
            told_to_stop.wait(wait_s)
    return None
