"""``hold``, ``deletion`` and ``evidence``: what is kept longer, what goes, and what is handed out.

Who gives these commands is a person with an account, by name and password: the user of the operating system is none,
for two people who may both become root are not two persons. Where the command was given goes on record beside the name.
Whoever holds this machine's database and keys could write anything into them; that shows in the ledger, which agents and
witnesses cosign, and cannot be prevented here. Lists need no account: they tell no more than the database does.
"""

import argparse
import getpass
import os
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from config.base.clock import SystemClock, from_datetime, to_datetime
from config.base.errors import ConfigurationError, Conflict, InvalidInput, ResourceExhausted
from config.base.timespan import Span
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.custody_parts import custody_of, exporter_of
from server.runtime import open_database
from server.services.custody.desk import CustodyDesk, HoldView
from server.services.evidence.export_evidence import write_file
from server.services.evidence.stream_export import ExportDesk, order_of
from server.services.people.passwords import PASSWORD_CHARS_MAX
from server.services.people.sign_in import SignIn
from server.web.custody import HOLD_STATUS, size_text
from server.web.custody_words import COMMAND
from server.web.languages import Language, load_languages
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore

ROOM_SHARE = 1.1
ROOM_BYTES = 64 * 2**20
CERTIFICATES_SHOWN = 20


def add_commands(verbs_of: Callable[[str, str], Commands]) -> None:
    """Puts the commands of this module among the others."""
    holds = verbs_of("hold", "录像保全 · keep recordings longer than their day")
    place = by_a_person(holds.add_parser("place", help="保全一段录像 · hold a period, whatever its day"))
    place.set_defaults(run=_place)
    place.add_argument("--site", help="园所；省略即为全部园所 · without it: every site within reach of the account")
    place.add_argument("--camera", help="摄像头；省略即为全园所 · without it: every camera of the site")
    _period(place)
    place.add_argument("--reason", required=True, help="事由 · why, 200 characters at most")
    place.add_argument("--owner", help="责任人账号 · who answers for it (default: --as)")
    place.add_argument("--review", required=True, metavar="DATE", help="复核日期 · YYYY-MM-DD")
    lift = by_a_person(holds.add_parser("lift", help="申请或确认解除 · ask to lift one; a second person confirms"))
    lift.set_defaults(run=_lift)
    lift.add_argument("hold")
    lift.add_argument("--confirm", action="store_true", help="由另一人确认 · the second person, with another account")
    review = by_a_person(holds.add_parser("review", help="复核后继续保全 · it was looked at and stays"))
    review.set_defaults(run=_review)
    review.add_argument("hold")
    review.add_argument("--until", required=True, metavar="DATE", help="下次复核日期 · next day of review")
    holds.add_parser("list", help="列出保全 · those that stand first, those due for review marked").set_defaults(
        run=_list_holds
    )

    deletions = verbs_of("deletion", "到期删除 · what goes after its day")
    listed = deletions.add_parser("list", help="待确认的删除与删除证明 · what waits for a person, and certificates")
    listed.set_defaults(run=_list_deletions)
    listed.add_argument("--site", help="只看一家园所 · of one site alone")
    confirm = by_a_person(deletions.add_parser("confirm", help="确认大量删除 · allow a deletion of more than half"))
    confirm.set_defaults(run=_confirm)
    confirm.add_argument("--versions", type=int, required=True, help="要删除的录像数 · how many are to go")
    confirm.add_argument("--of", type=int, required=True, help="全部录像数 · of how many in all")

    evidence = verbs_of("evidence", "取证 · evidence packages")
    export = by_a_person(evidence.add_parser("export", help="导出证据包 · write an evidence package to a file"))
    export.set_defaults(run=_export)
    export.add_argument("site")
    export.add_argument("camera")
    _period(export)
    export.add_argument("--reason", required=True, help="事由，载入查阅记录 · why; it goes on the access record")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")


def by_a_person(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """A command that a person with an account gives."""
    command.add_argument("--as", dest="person", required=True, metavar="NAME", help="您的账号 · your account")
    command.add_argument(
        "--password-stdin", action="store_true", help="密码从标准输入读取 · one line; else it is asked"
    )
    return command


def _period(command: argparse.ArgumentParser) -> None:
    when = "YYYY-MM-DDTHH:MM，园所当地时间 · the site's own time"
    command.add_argument("--from", dest="start", required=True, metavar="TIME", help=when)
    command.add_argument("--to", dest="end", required=True, metavar="TIME", help=when)


def _place(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk, scope = _desk(settings), person(arguments, settings)
    zone = _zone(desk, scope, arguments.site)
    placed = desk.place(
        scope,
        arguments.site,
        arguments.camera,
        _span(arguments, zone),
        arguments.reason,
        owner=arguments.owner or scope.account_name,
        review_us=_local_us(f"{arguments.review}T00:00", zone, 0),
    )
    for hold in placed.holds:
        _say("placed", hold=hold.hold_id, site=hold.site_id, day=arguments.review)
    if placed.already_gone:
        print(_words("gone", count=placed.already_gone), file=sys.stderr)


def _lift(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk, scope = _desk(settings), person(arguments, settings)
    site_id = desk.site_of_hold(scope, arguments.hold)
    if arguments.confirm:
        desk.confirm_lift(scope, site_id, arguments.hold)
        _say("lifted", hold=arguments.hold)
        return
    desk.request_lift(scope, site_id, arguments.hold)
    _say("lift_requested", hold=arguments.hold)


def _review(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk, scope = _desk(settings), person(arguments, settings)
    site_id = desk.site_of_hold(scope, arguments.hold)
    until_us = _local_us(f"{arguments.until}T00:00", _zone(desk, scope, site_id), 0)
    desk.review(scope, site_id, arguments.hold, until_us)
    _say("reviewed", hold=arguments.hold, day=arguments.until)


def _list_holds(_arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk = _desk(settings)
    found = desk.holds_in_reach(_reader())
    for hold in found:
        print(_line(hold, _zone(desk, _reader(), hold.site_id)))
    if not found:
        _say("no_holds")


def _line(hold: HoldView, zone: ZoneInfo) -> str:
    status = language().text(HOLD_STATUS[hold.status])
    parts = [
        hold.hold_id,
        f"{status}{', ' + _words('review_due') if hold.review_due else ''}",
        f"{hold.site_id}/{hold.camera_id or _words('all_cameras')}",
        f"{_at(hold.start_us, zone)} – {_at(hold.end_us, zone)}",
        _words("owner", name=hold.owner),
        hold.reason,
    ]
    if hold.cell_held or hold.cell_pending:
        parts.append(_words("in_cell", held=hold.cell_held, all=hold.cell_held + hold.cell_pending))
    return "  ".join(parts)


def _list_deletions(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk = _desk(settings)
    waiting = desk.deletion(_reader())
    if waiting is None:
        _say("nothing_waits")
    elif waiting.confirmed_by is not None:
        _say("under_way", name=waiting.confirmed_by, versions=waiting.versions, of=waiting.of_versions)
    else:
        _say("waiting", versions=waiting.versions, of=waiting.of_versions)
        for share in waiting.sites:
            zone = _zone(desk, _reader(), share.site_id)
            first, last = (_at(at_us, zone)[:10] for at_us in (share.first_us, share.last_us))
            _say("share", site=share.site_id, versions=share.versions, first=first, last=last)
        _say("how", versions=waiting.versions, of=waiting.of_versions)
    for site_id in [arguments.site] if arguments.site else desk.sites(_reader()):
        for told in desk.certificates(_reader(), site_id)[:CERTIFICATES_SHOWN]:
            size = size_text(told.size_bytes)
            key = "cell_certificate" if told.in_cell else "certificate"
            _say(key, day=told.day, site=site_id, versions=told.versions, size=size, id=told.certificate_id)


def _confirm(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    desk, scope = _desk(settings), person(arguments, settings)
    desk.confirm_deletion(scope, arguments.versions, arguments.of)
    _say("confirmed")


def _export(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    clock, database = SystemClock(), open_database(settings.database)
    exporter = exporter_of(settings, database, S3EvidenceStore(access_from(settings.store), clock), clock)
    if exporter is None:
        raise ConfigurationError("there is no key to sign with: run 'python -m server.admin init' first")
    scope = person(arguments, settings)
    ExportDesk(database, exporter).check_reach(scope, arguments.site, arguments.camera)
    zone = _zone(_desk(settings), scope, arguments.site)
    span = _span(arguments, zone)
    order = order_of(scope, arguments.site, arguments.camera, span, arguments.reason, machine())
    if arguments.out.exists():
        raise Conflict(_words("exists", file=arguments.out))
    wanted = int(exporter.size_bytes(order) * ROOM_SHARE) + ROOM_BYTES
    try:
        free = shutil.disk_usage(arguments.out.absolute().parent).free
        if free < wanted:
            sizes = {"wanted": size_text(wanted), "free": size_text(free)}
            raise ResourceExhausted(_words("no_room", file=arguments.out, **sizes))
        write_file(exporter, order, arguments.out)
        size = arguments.out.stat().st_size
    except OSError as error:
        raise InvalidInput(f"--out {arguments.out}: {error.strerror}") from error
    _say("exported", file=arguments.out, size=size_text(size))


def _desk(settings: ServerSettings) -> CustodyDesk:
    clock = SystemClock()
    store = S3EvidenceStore(access_from(settings.store), clock)
    return custody_of(settings, open_database(settings.database), store, clock)


def person(arguments: argparse.Namespace, settings: ServerSettings) -> Scope:
    """Who gives the command. Raises PermissionDenied."""
    if arguments.password_stdin:
        password = sys.stdin.readline(PASSWORD_CHARS_MAX + 1).rstrip("\r\n")
    else:
        password = getpass.getpass(_words("password", name=arguments.person))
    sign_in = SignIn(open_database(settings.database), SystemClock(), settings.api.session_hours)
    return sign_in.check_password(arguments.person, password, "server.admin")


def _reader() -> Scope:
    return Scope("server-admin", AUDITOR, EVERY_REGION)


def machine() -> str:
    """The machine and its user: not who it is, but where it was."""
    user = str(os.getuid())
    with suppress(OSError, KeyError, ImportError):
        user = getpass.getuser()
    return f"server.admin, {user}@{socket.gethostname()}"[:200]


def _zone(desk: CustodyDesk, scope: Scope, site_id: str | None) -> ZoneInfo:
    sites = [site_id] if site_id else desk.sites(scope)
    zones = {desk.timezone_of(scope, each) for each in sites}
    if len(zones) != 1:
        raise InvalidInput("the sites are in several time zones, or there are none: name them one by one with --site")
    return ZoneInfo(zones.pop())


def _span(arguments: argparse.Namespace, zone: ZoneInfo) -> Span:
    start_us, end_us = _local_us(arguments.start, zone, 0), _local_us(arguments.end, zone, 1)
    if end_us <= start_us:
        raise InvalidInput("--to is not after --from")
    return Span(start_us, end_us)


def _local_us(text: str, zone: ZoneInfo, fold: int) -> int:
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{text!r}: a time is written YYYY-MM-DDTHH:MM, a day YYYY-MM-DD") from error


def _at(instant_us: int, zone: ZoneInfo) -> str:
    return to_datetime(instant_us).astimezone(zone).isoformat(sep=" ", timespec="minutes")


def language() -> Language:
    """Of whoever sits at this machine."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return _languages()["zh-CN" if named.lower().startswith("zh") else "en"]


@cache
def _languages() -> dict[str, Language]:
    return load_languages()


def _words(key: str, /, **values: object) -> str:
    return language().text(COMMAND[key]) % values


def _say(key: str, /, **values: object) -> None:
    print(_words(key, **values))
