"""``account lock``, ``account unlock``, ``people clock``: what the console cannot do for itself."""

import argparse
from collections.abc import Callable

from config.base.clock import US_PER_S, SystemClock, to_datetime
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.runtime import open_database
from server.services.people import lock_account, steady_time


def add_account_commands(accounts: Commands) -> None:
    """Puts the two verbs beside ``account add``."""
    for verb, told, run in (
        ("lock", "锁定账号并立即结束其全部会话 · lock an account and end its sessions at once", _lock),
        ("unlock", "解锁账号 · open a locked account again", _unlock),
    ):
        made = accounts.add_parser(verb, help=told)
        made.set_defaults(run=run)
        made.add_argument("name")


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts ``people clock`` among the others."""
    people = verbs("people", "人员与观看权限的时钟 · the clock that leases are judged by")
    clock = people.add_parser("clock", help="显示见过的最晚时刻 · show the newest instant that leases have seen")
    clock.set_defaults(run=_clock)
    clock.add_argument(
        "--set-back",
        action="store_true",
        help="时钟曾被调快：先停 server.api 与 server.live，再用此项 · after a clock that ran ahead; "
        "stop server.api and server.live first, or they write the later instant again",
    )


def _lock(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    lock_account.lock(open_database(settings.database), SystemClock(), arguments.name)
    print(f"{arguments.name}: 已锁定，会话已结束 · locked, its sessions are over")


def _unlock(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    lock_account.unlock(open_database(settings.database), arguments.name)
    print(f"{arguments.name}: 已解锁 · may sign in again")


def _clock(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    database, now_us = open_database(settings.database), SystemClock().utc_us()
    if arguments.set_back:
        steady_time.set_back(database, now_us)
    seen_us = steady_time.newest(database)
    if seen_us is None:
        print("尚无记录 · nothing was seen yet")
        return
    ahead_s = max(0, seen_us - now_us) // US_PER_S
    print(f"{to_datetime(seen_us).isoformat()}  超前 · ahead of this machine's clock: {ahead_s} s")
