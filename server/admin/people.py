"""``account lock``, ``unlock``, ``reset``, ``bind``, ``unbind`` and ``people clock``: what the console cannot do for itself."""

import argparse
from collections.abc import Callable

from config.base.clock import US_PER_S, SystemClock, to_datetime
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.runtime import open_database
from server.services.people import lock_account, steady_time
from server.services.people.authority_sign_in import AuthoritySignIn
from server.services.people.reset_passwords import ResetDesk
from server.services.people.second_steps import SecondSteps, SecretBox


def add_account_commands(accounts: Commands) -> None:
    """Puts the two verbs beside ``account add``."""
    for verb, told, run in (
        ("lock", "锁定账号并立即结束其全部会话 · lock an account and end its sessions at once", _lock),
        ("unlock", "解锁账号 · open a locked account again", _unlock),
    ):
        made = accounts.add_parser(verb, help=told)
        made.set_defaults(run=run)
        made.add_argument("name")
    reset = accounts.add_parser(
        "reset",
        help="生成重设密码的链接和口令，只显示一次 · a link and a code to a new password, shown once; second steps stay",
    )
    reset.set_defaults(run=_reset)
    reset.add_argument("name")
    bind = accounts.add_parser(
        "bind", help="把监管部门统一登录中的身份绑定到账号 · bind a subject of [oidc] issuer to an authority's account"
    )
    bind.set_defaults(run=_bind)
    bind.add_argument("name")
    bind.add_argument(
        "--subject", required=True, help="该身份在统一登录中的 sub · its sub at the provider, never a mail address"
    )
    unbind = accounts.add_parser("unbind", help="解除账号的全部绑定 · take every binding of an account away")
    unbind.set_defaults(run=_unbind)
    unbind.add_argument("name")


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


def _reset(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    made = ResetDesk(open_database(settings.database), SystemClock()).make_for(arguments.name)
    origin = settings.api.public_origin.rstrip("/") or f"http://{settings.api.host}:{settings.api.port}"
    print(f"{origin}/reset?r={made.link}\n口令（请另行告知）· code, to be told another way: {made.code}")
    print(f"有效至 · until {to_datetime(made.expires_us).isoformat(timespec='minutes')}")


def _bind(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    _authority(settings).bind(arguments.name, arguments.subject)
    print(f"{arguments.name}: 已绑定 · bound to {settings.oidc.issuer}")


def _unbind(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    print(f"{arguments.name}: 已解除 · taken away: {_authority(settings).unbind(arguments.name)}")


def _authority(settings: ServerSettings) -> AuthoritySignIn:
    database, clock = open_database(settings.database), SystemClock()
    return AuthoritySignIn(settings.oidc, database, clock, SecondSteps(database, clock, SecretBox(None)))


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
