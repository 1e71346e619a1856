"""``status``: what the agent's folder says, without talking to anything: is it running, what waits, what is set up.

Invariant: it reads only, and works beside a running agent and without one.
"""

import argparse
import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from config.base.clock import SystemClock, isoformat
from config.base.errors import ConfigurationError, Unavailable
from config.settings.edge import EdgeSettings
from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.speech import Speech
from edge_agent.configuration.store import DesiredStore
from edge_agent.identity import KEY_FILE, load_server_key

WAITING = "state IN ('waiting', 'uploaded')"
BUSY_TIMEOUT_S = 5.0


def arguments(_parser: argparse.ArgumentParser, _speech: Speech) -> None:
    """None of its own."""


def run(desk: Desk) -> int:
    settings = desk.settings()
    state_dir, screen = Path(settings.agent.state_dir), desk.screen
    screen.say("status.agent", site=settings.agent.site_id, agent=settings.agent.agent_id, folder=state_dir)
    (screen.good if _running(state_dir) else screen.bad)("status.running" if _running(state_dir) else "status.stopped")
    if not (state_dir / KEY_FILE).exists():
        screen.bad("status.no_key")
    screen.say("status.server", server=settings.server.url)
    _tell_cameras(desk, settings)
    spool = state_dir / "spool" / "spool.sqlite3"
    if spool.exists():
        _tell_spool(desk, spool)
    else:
        screen.say("status.no_spool")
    return Exit.DONE if _running(state_dir) else Exit.SHORTFALL


def _tell_cameras(desk: Desk, settings: EdgeSettings) -> None:
    """Where the agent's cameras come from, and what does not count."""
    screen, state_dir = desk.screen, Path(settings.agent.state_dir)
    try:
        identity = (settings.agent.site_id, settings.agent.agent_id)
        desired = DesiredStore(state_dir, load_server_key(settings), identity).load()
    except ConfigurationError:  # not enrolled yet: nobody could have named any
        desired = None
    if desired is None:
        screen.say("status.cameras_file", count=len(settings.cameras))
        return
    screen.say("status.cameras_server", count=len(desired.cameras), version=desired.version)
    if settings.cameras:
        screen.bad("status.cameras_ignored", count=len(settings.cameras))


def _running(state_dir: Path) -> bool:
    """Whether some process holds the lock of the state folder."""
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _tell_spool(desk: Desk, file: Path) -> None:
    screen = desk.screen
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)) as database:
            waiting, waiting_bytes, oldest_us = database.execute(
                f"SELECT COUNT(*), TOTAL(size_bytes), MIN(start_us) FROM segments WHERE {WAITING}"  # noqa: S608 - constant
            ).fetchone()
            (messages,) = database.execute("SELECT COUNT(*) FROM outbox").fetchone()
            (refused,) = database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()
            conditions = database.execute("SELECT camera_id, condition FROM cameras ORDER BY camera_id").fetchall()
    except sqlite3.Error as error:
        raise Unavailable(f"{file}: {error}") from error
    screen.say("status.spool", segments=waiting, megabytes=f"{waiting_bytes / 1e6:.0f}", messages=messages)
    if oldest_us is not None:
        age_s = max(0, SystemClock().utc_us() - oldest_us) // 1_000_000
        screen.say("status.oldest", at=isoformat(oldest_us), minutes=age_s // 60)
    if refused:
        screen.bad("status.refused", count=refused)
    if conditions:
        told = [(camera, desk.speech.text(f"status.condition_{condition}")) for camera, condition in conditions]
        screen.table(("status.camera", "status.condition"), told)
