"""``draw again``: an inspection draw worked out from its list and seed; it needs no database and believes nobody.

``draw keep-from``: somebody with an interest in a site is not sent there by any list that is made from then on (回避).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from config.base.clock import SystemClock
from config.base.errors import InvalidInput
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.domain.draw import DrawList, draw
from server.runtime import open_database
from server.services.supervision.draw_inspections import DrawDesk
from storage.database.scope import AUDITOR, EVERY_REGION, Scope

LIST_BYTES_MAX = 16 * 2**20


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts the command among the others."""
    draws = verbs("draw", "抽查复算 · inspection draws")
    again = draws.add_parser("again", help="用名单和种子复算一次抽查 · work a draw out from its list and seed")
    again.set_defaults(run=_again)
    again.add_argument("list", type=Path, metavar="FILE", help="名单文件 · the list that its page hands out")
    again.add_argument("--seed", required=True, help="公布的种子 · the seed as it was published")
    keep = draws.add_parser(
        "keep-from", help="回避：此后不派某人去某园所 · never send an inspector to a site from now on"
    )
    keep.set_defaults(run=_keep_from)
    keep.add_argument("inspector", help="监管部门账号 · an authority's account")
    keep.add_argument("site")
    keep.add_argument("--reason", required=True, help="原因 · why")


def _keep_from(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    """Raises InvalidInput, NotFound."""
    database = open_database(settings.database)
    try:
        person = Scope("server.admin", AUDITOR, EVERY_REGION)
        DrawDesk(database, SystemClock()).declare(person, arguments.inspector, arguments.site, arguments.reason)
    finally:
        database.close()


def _again(arguments: argparse.Namespace, _settings: ServerSettings) -> None:
    try:
        with arguments.list.open("rb") as opened:
            text = opened.read(LIST_BYTES_MAX + 1).decode()
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"{arguments.list} cannot be read: {error}") from error
    try:
        listed = DrawList.parse(text)
    except InvalidInput as error:
        raise InvalidInput(
            f"{arguments.list}: 名单须逐字节与其页面给出的一致，请重新下载"
            f" · not the list byte for byte: download it anew from the draw's page ({error})"
        ) from error
    print(f"# SHA-256 {listed.sha256} · {len(listed.sites)} 个园所 · sites")
    for number, one in enumerate(draw(listed, arguments.seed), 1):
        print(f"{number} {one.site_id} {one.stratum} {','.join(one.inspectors)}")
