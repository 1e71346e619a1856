"""``enrol CODE``: makes this box an agent with the one-time code that an operator gave.

Exit status: 0 enrolled; 1 the code or this box is not fit, and it was said what to do; 2 settings or folder; 3 no answer.
"""

import argparse
import socket
from pathlib import Path
from typing import NoReturn

from config.base.clock import US_PER_S, SystemClock, isoformat
from config.base.errors import IntegrityViolation, InvalidInput, NightlightError, PermissionDenied, Unavailable
from config.settings.edge import EdgeSettings, load_edge
from config.wire.codes import InvitationCode, parse_code
from config.wire.enrolment import Enrolled
from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.speech import Speech
from edge_agent.enrolment.joining import REFUSALS, ClockWrong, forget_pending, give_to_owner, join
from edge_agent.identity import KEY_FILE, load_signer
from edge_agent.state_lock import StateLock

TRIES = 3
BROKER_WITHIN_S = 5.0


def arguments(parser: argparse.ArgumentParser, speech: Speech) -> None:
    """The code, which is asked for where it is not given."""
    parser.add_argument(
        "code", nargs="?", default="", metavar=speech.text("enrol.code"), help=speech.text("enrol.of_code")
    )


def run(desk: Desk) -> int:
    settings = _settings(desk)
    state_dir = Path(settings.agent.state_dir)
    code = _code(desk)
    key = _key(state_dir)
    lock = StateLock(state_dir)
    try:
        with desk.screen.step("enrol.joining", server=code.server_url):
            told = _joined(desk, code, state_dir)
    finally:
        lock.release()
        give_to_owner(state_dir)
    desk.screen.good("enrol.enrolled", agent=told.agent_id, site=told.site_id)
    if key and key != _key(state_dir):
        desk.screen.warn("enrol.new_keys")
    _write_skeleton(desk, state_dir)
    _look_for_broker(desk, told)
    desk.screen.say("enrol.next")
    return Exit.DONE


def _key(state_dir: Path) -> str:
    """The id of the box's own key; empty where it has none yet."""
    return load_signer(state_dir).key_id if (state_dir / KEY_FILE).exists() else ""


def _settings(desk: Desk) -> EdgeSettings:
    file = desk.settings_file
    return load_edge(file if file is not None and file.exists() else None, enrolled=False)


def _code(desk: Desk) -> InvitationCode:
    """The code of the command line, of whoever is asked, or of standard input."""
    given = str(desk.options.code)
    for left in reversed(range(TRIES)):
        text = given or (desk.screen.ask("enrol.ask") if desk.screen.interactive else desk.screen.piped_line())
        try:
            return parse_code(text)
        except InvalidInput as error:
            key = f"enrol.{error.code}" if desk.speech.has(f"enrol.{error.code}") else "enrol.code_malformed"
            if given or not desk.screen.interactive or not left:
                desk.stop(key)
            desk.screen.bad(key)
    raise AssertionError("unreachable")


def _joined(desk: Desk, code: InvitationCode, state_dir: Path) -> Enrolled:
    try:
        return join(code, state_dir, SystemClock())
    except ClockWrong as error:
        right_us = SystemClock().utc_us() + error.off_us
        desk.stop("enrol.clock_wrong", minutes=abs(error.off_us) // (60 * US_PER_S), right=isoformat(right_us)[:16])
    except (InvalidInput, PermissionDenied, IntegrityViolation) as error:
        if error.code in REFUSALS:
            forget_pending(state_dir)
        _stop(desk, code, error, Exit.SHORTFALL)
    except Unavailable as error:
        _stop(desk, code, error, Exit.UNANSWERED)


def _stop(desk: Desk, code: InvitationCode, error: NightlightError, status: Exit) -> NoReturn:
    key = f"enrol.{error.code}"
    if not desk.speech.has(key):
        key = "enrol.refused" if status is Exit.SHORTFALL else "enrol.unreachable"
    desk.stop(key, status, server=code.server_url, detail=str(error))


def _write_skeleton(desk: Desk, state_dir: Path) -> None:
    """A settings file to go on from, where one was named and is not there."""
    file = desk.settings_file
    if file is None or file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(desk.speech.text("enrol.skeleton", state_dir=state_dir), encoding="utf-8")
        file.chmod(0o640)
    except OSError as error:
        desk.screen.warn("enrol.no_skeleton", file=file, detail=error.strerror)
        return
    desk.screen.good("enrol.wrote_skeleton", file=file)


def _look_for_broker(desk: Desk, told: Enrolled) -> None:
    """A firewall that lets HTTPS out and nothing else is common: better known now than tonight."""
    where = f"{told.broker_host}:{told.broker_port}"
    try:
        with socket.create_connection((told.broker_host, told.broker_port), timeout=BROKER_WITHIN_S):
            desk.screen.good("enrol.broker_reached", broker=where)
    except OSError as error:
        desk.screen.warn("enrol.broker_unreachable", broker=where, detail=error.strerror or type(error).__name__)
