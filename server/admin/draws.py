"""``draw again``: an inspection draw worked out from its list and seed. It needs no database and believes nobody."""

import argparse
from collections.abc import Callable
from pathlib import Path

from config.base.errors import InvalidInput
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.domain.draw import DrawList, draw

LIST_BYTES_MAX = 16 * 2**20


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts the command among the others."""
    draws = verbs("draw", "抽查复算 · inspection draws")
    again = draws.add_parser("again", help="用名单和种子复算一次抽查 · work a draw out from its list and seed")
    again.set_defaults(run=_again)
    again.add_argument("list", type=Path, metavar="FILE", help="名单文件 · the list that its page hands out")
    again.add_argument("--seed", required=True, help="公布的种子 · the seed as it was published")


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
