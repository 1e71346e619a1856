"""``discover``: finds the cameras of this network, reads their streams and time, and writes the configuration after asking.

Invariant: a password is asked for and never shown; nothing is written before the person has agreed; no password is
tried that was not given, nor proved to a device that was neither named nor agreed to, and never sent in clear.
"""

import argparse
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from config.base.clock import Clock, SystemClock
from config.base.errors import ConfigurationError, InvalidInput, NightlightError
from config.base.ids import is_slug
from config.settings.edge import CameraSettings, EdgeSettings
from config.settings.loader import read_secret
from edge_agent.centre import Centre
from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.discover_table import COLUMNS, told_row
from edge_agent.cli.speech import Speech
from edge_agent.configuration.store import DesiredStore
from edge_agent.identity import load_server_key, load_server_sealing_key, load_signer
from edge_agent.messages import Sealer
from edge_agent.onvif.camera import device_address
from edge_agent.onvif.digest import Credentials
from edge_agent.onvif.discovery import LISTEN_S, Found, discover
from edge_agent.onvif.local_cameras import LocalCameras
from edge_agent.onvif.reporting import discovered, put_into_outbox
from edge_agent.onvif.survey import Lens, Means, Survey, survey

AT_ONCE = 4
PASSWORDS_MAX = 3
LISTEN_S_MAX = 60.0


@dataclass(frozen=True)
class Row:
    """One lens of one device, with the credentials that opened it; ``taken_as`` is its id in the configuration."""

    found: Survey
    lens: Lens | None
    who: Credentials
    taken_as: str = ""


def arguments(parser: argparse.ArgumentParser, speech: Speech) -> None:
    text = speech.text
    parser.add_argument("--address", action="append", metavar="HOST", help=text("discover.opt_address"))
    parser.add_argument("--interface", action="append", metavar="ADDRESS", help=text("discover.opt_interface"))
    parser.add_argument("--listen", type=float, default=LISTEN_S, metavar="S", help=text("discover.opt_listen"))
    parser.add_argument("--user", default="", help=text("discover.opt_user"))
    parser.add_argument("--password-file", default="", metavar="FILE", help=text("discover.opt_password_file"))
    parser.add_argument("--replay", action="store_true", help=text("discover.opt_replay"))
    parser.add_argument("--no-report", action="store_true", help=text("discover.opt_no_report"))
    parser.add_argument("--yes", action="store_true", help=text("discover.opt_yes"))


def run(desk: Desk) -> int:
    settings, clock = desk.settings(), SystemClock()
    places = _find(desk, clock)
    means = _means(desk, settings, clock)
    rows = _rows(desk, places, means)
    desk.screen.table(COLUMNS, [told_row(desk.speech, row.found, row.lens) for row in rows])
    local = LocalCameras(Path(settings.agent.state_dir))
    rows = _take(desk, settings, local, rows)
    _tell_ignored(desk, settings, rows)
    if not desk.options.no_report:
        _report(desk, settings, clock, rows)
    usable = [row for row in rows if row.lens is not None and row.lens.works]
    troubled = len(usable) < len(rows)
    if usable and not any(row.taken_as for row in rows):
        desk.screen.warn("discover.nothing_written")
        return Exit.DECLINED
    return Exit.SHORTFALL if troubled else Exit.DONE


def _find(desk: Desk, clock: Clock) -> list[Found]:
    """Who is there. Stops the command where nobody is."""
    asked: list[str] = desk.options.address or []
    if asked:
        try:
            return [Found(device_address(address)) for address in dict.fromkeys(asked)]
        except InvalidInput as error:
            desk.stop("discover.bad_address", Exit.SETTINGS, why=str(error))
    listen_s = min(max(desk.options.listen, 0.5), LISTEN_S_MAX)
    with desk.screen.step("discover.searching", seconds=f"{listen_s:.0f}"):
        places = discover(clock, desk.options.interface, listen_s=listen_s)
    if not places:
        desk.stop("discover.none", Exit.SHORTFALL)
    desk.screen.say("discover.count", count=len(places))
    return places


def _means(desk: Desk, settings: EdgeSettings, clock: Clock) -> Means:
    """The machine's own clock is compared with the server's first: it may be the wrong one."""
    plain = Means(clock, time.sleep, settings.recording)
    centre = Centre(settings.server, 1)
    try:
        asked_us = clock.utc_us()
        server_us = centre.time_us()
        answered_us = clock.utc_us()
    except NightlightError:
        desk.screen.warn("discover.clock_unchecked")
        return plain
    finally:
        centre.close()
    bound_us = (answered_us - asked_us + 1) // 2
    return replace(plain, machine_error_us=(asked_us + answered_us) // 2 - server_us, machine_bound_us=bound_us)


def _rows(desk: Desk, places: Sequence[Found], means: Means) -> list[Row]:
    """Asks all cameras, and those that refuse again with another password."""
    answers: dict[str, tuple[Survey, Credentials]] = {}
    waiting = list(places)
    for attempt in range(PASSWORDS_MAX):
        who = _credentials(desk, waiting, again=attempt > 0)
        if who is None:
            break
        for place, found in zip(waiting, _survey(desk, waiting, who, means), strict=True):
            answers[place.address] = (found, who)
        waiting = [place for place in waiting if answers[place.address][0].fault == "onvif_refused"]
        if not waiting or not desk.screen.interactive:
            break
    rows: list[Row] = []
    for found, who in answers.values():
        rows += [Row(found, lens, who) for lens in found.lenses] or [Row(found, None, who)]
    return rows


def _survey(desk: Desk, places: Sequence[Found], who: Credentials, means: Means) -> list[Survey]:
    done = 0
    found: list[Survey] = []
    with desk.screen.step("discover.asking", count=len(places)) as note, ThreadPoolExecutor(AT_ONCE) as pool:
        for answer in pool.map(lambda place: survey(place.address, place.name, who, means), places):
            done += 1
            note(f"{done}/{len(places)}")
            found.append(answer)
    return found


def _credentials(desk: Desk, places: Sequence[Found], *, again: bool) -> Credentials | None:
    """A user and password for these cameras; None where the person has no other."""
    options, screen = desk.options, desk.screen
    if not again and (options.user or options.password_file):
        if not _agreed(desk, places):
            return Credentials()
        password = read_secret(options.password_file, "--password-file") if options.password_file else ""
        password = password or screen.ask_secret("discover.password")
        return Credentials(options.user, password)
    if not screen.interactive:
        return None if again else Credentials()
    if again:
        screen.warn("discover.refused", cameras=", ".join(_host(place.address) for place in places))
    user = screen.ask("discover.user_again" if again else "discover.user")
    if not user or not _agreed(desk, places):
        return None if again else Credentials()
    return Credentials(user, screen.ask_secret("discover.password"))


def _agreed(desk: Desk, places: Sequence[Found]) -> bool:
    """Whether these may be shown the password: anything on the network can answer a search and say it is a camera."""
    if desk.options.address:
        return True
    for place in places:
        desk.screen.line(f"  {_host(place.address)}  {''.join(filter(str.isprintable, place.name))[:60]}")
    if desk.screen.confirm("discover.prove", count=len(places)):
        return True
    desk.screen.warn("discover.not_proved")
    return False


def _take(desk: Desk, settings: EdgeSettings, local: LocalCameras, rows: list[Row]) -> list[Row]:
    """Writes what can be recorded into the configuration, if the person agrees."""
    known = settings.cameras
    by_url = {camera.url: camera.id for camera in known}
    used = {camera.id for camera in known}
    named: list[Row] = []
    for row in rows:
        if row.lens is None or not row.lens.works:
            named.append(row)
            continue
        offered = by_url.get(row.lens.source.main.url) or _free_id(settings.agent.site_id, used)
        chosen = _ask_id(desk, row, offered, used - {offered})
        used |= {chosen}
        named.append(replace(row, taken_as=chosen))
    wanted = [row for row in named if row.taken_as]
    count = len(wanted)
    if not wanted or not desk.screen.confirm("discover.write", count=count, file=local.path):
        return [replace(row, taken_as="") for row in named]
    own = {camera.id for camera in settings.cameras} - {camera.id for camera in local.read()}
    local.take([(_settings(desk, row), row.who.password) for row in wanted if row.taken_as not in own])
    desk.screen.good("discover.written", count=count, file=local.path)
    return named


def _tell_ignored(desk: Desk, settings: EdgeSettings, rows: list[Row]) -> None:
    """Once the server has named cameras, those of a file do not count."""
    if not any(row.taken_as for row in rows):
        return
    try:
        identity = (settings.agent.site_id, settings.agent.agent_id)
        desired = DesiredStore(Path(settings.agent.state_dir), load_server_key(settings), identity).load()
    except ConfigurationError:  # not enrolled yet: nobody could have named any
        return
    if desired is not None:
        desk.screen.warn("discover.ignored", version=desired.version)


def _settings(desk: Desk, row: Row) -> CameraSettings:
    assert row.lens is not None  # noqa: S101 - only lenses that work are taken
    sub = row.lens.source.sub
    return CameraSettings(
        id=row.taken_as,
        url=row.lens.source.main.url,
        sub_url=sub.url if sub is not None and sub.recordable else "",
        username=row.who.username,
        onvif_url=row.found.address,
        replay=desk.options.replay,
    )


def _ask_id(desk: Desk, row: Row, offered: str, taken: set[str]) -> str:
    """The camera's id; empty where the person leaves it out."""
    if desk.options.yes or not desk.screen.interactive:
        return offered
    while True:
        said = desk.screen.ask("discover.ask_id", default=offered, camera=_host(row.found.address))
        if said in {"-", "0"}:
            return ""
        if is_slug(said) and said not in taken:
            return said
        desk.screen.warn("discover.bad_id", id=said)


def _report(desk: Desk, settings: EdgeSettings, clock: Clock, rows: list[Row]) -> None:
    """Tells the server through the agent's outbox, so that the set-up can go on from a console."""
    state_dir = Path(settings.agent.state_dir)
    try:
        sealer = Sealer(settings.agent.site_id, settings.agent.agent_id, load_signer(state_dir))
        key = load_server_sealing_key(settings)
        messages = [discovered(sealer, clock, row.found, row.lens, row.taken_as, key) for row in rows if row.lens]
        if not messages:
            return
        put_into_outbox(state_dir, sealer, messages)
    except NightlightError as error:
        desk.screen.warn("discover.not_reported", why=str(error))
        return
    desk.screen.good("discover.reported" if key is not None else "discover.reported_blind", count=len(messages))


def _free_id(site_id: str, used: set[str]) -> str:
    stem = re.sub(r"-?$", "", site_id[:50])
    return next(name for number in range(1, 1_000) if (name := f"{stem}-cam-{number}") not in used)


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port}" if parts.port not in (None, 80, 443) else str(parts.hostname)
