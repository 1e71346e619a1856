"""``python -m server.admin``: sets a server up and registers what belongs to it.

Every command may be given again: what is there already stays as it is.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from config.base import logs
from config.base.clock import SystemClock
from config.base.errors import ConfigurationError, NightlightError
from config.base.roles import ADDED_ROLES, FORMER_ROLES
from config.settings.server import ServerSettings, load_server
from server.admin import audits, cameras, cells, compliance, custody, draws, enrolment, inventory, ledgers, live, people
from server.admin.keys import make_marking_key, make_sealing_key, make_signing_key
from server.runtime import EXIT_CONFIGURATION, open_database
from server.services.compliance.choose_pack import choose_usual
from server.services.people.passwords import PASSWORD_CHARS_MAX
from server.services.registers.register import Register
from storage.database.migrate import migrate
from storage.objects.connection import access_from
from storage.objects.provision import provision


def main() -> int:
    """Runs one command; 0 when done, 1 when refused, 2 for a wrong configuration."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may know no Chinese
    arguments = _parser().parse_args()
    run: Callable[[argparse.Namespace, ServerSettings], None] = arguments.run
    try:
        settings = load_server(arguments.settings)
        logs.configure("admin", "WARNING")
        run(arguments, settings)
    except ConfigurationError as error:
        print(f"server.admin: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    except NightlightError as error:
        print(f"server.admin: {error}", file=sys.stderr)
        return 1
    return 0


def _init(_arguments: argparse.Namespace, settings: ServerSettings) -> None:
    key_file = make_signing_key(settings.server)
    sealing_file = make_sealing_key(settings.server)
    marking_file = make_marking_key(settings)
    database = open_database(settings.database)
    migrate(database)
    broker_dir = enrolment.make_authority(settings, database)
    database.close()
    provisioned = provision(access_from(settings.store), settings.policy.retain_days)
    print(f"签名密钥 · signing key: {key_file}\n  园内主机需要 · agents need: {key_file.with_suffix('.pub.pem')}")
    print(
        f"加密密钥 · sealing key: {sealing_file}\n  园内主机需要 · agents need: {sealing_file.with_suffix('.pub.pem')}"
    )
    print(f"水印密钥 · marking key: {marking_file}")
    print("  请另存一份：带水印的片段只能凭它追查 · keep a copy: clips of marked live views are traced by it alone")
    print(f"证书签发 · authority of agents and broker: {broker_dir}")
    print("数据库已就绪 · database: at the newest schema")
    days = provisioned.default_retain_days
    print(f"存储已就绪 · store: bucket {provisioned.bucket}, Object Lock on, {days} 天 · days by default")


def _site_add(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    register = _register(settings)
    if register.add_site(arguments.site, arguments.name, arguments.region, arguments.timezone):
        pack = choose_usual(register.database, register.clock, arguments.site)
        print(
            f"{arguments.site}: 政策包 {pack or '未设'}，另选用 compliance set-pack"
            f" · judged by {pack or 'no policy pack'}; to choose: compliance set-pack"
        )


def _zone_add(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    _register(settings).add_zone(arguments.site, arguments.zone, arguments.name, arguments.kind)


def _camera_add(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    _register(settings).add_camera(arguments.site, arguments.camera, arguments.zone, arguments.agent, arguments.name)


def _camera_retire(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    _register(settings).retire_camera(arguments.site, arguments.camera)


def _account_add(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    password = sys.stdin.readline(PASSWORD_CHARS_MAX + 1).rstrip("\r\n")
    _register(settings).add_account(arguments.name, arguments.role, password, arguments.site, arguments.region)


def _register(settings: ServerSettings) -> Register:
    return Register(open_database(settings.database), SystemClock())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server.admin",
        description="初始化服务器并登记园所、摄像头与账号，可重复执行 · Sets up and registers. Repeatable.",
    )
    parser.add_argument(
        "--settings", type=Path, help="设置文件 · TOML file over the defaults in config/settings/server.toml"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser(
        "init", help="生成密钥、建立数据库与存储 · make the keys, migrate the database, provision the store"
    )
    init.set_defaults(run=_init)

    site = _adder(commands, "site", "添加园所 · add a site", _site_add)
    site.add_argument("site")
    site.add_argument("--name", required=True)
    site.add_argument(
        "--region", default="", help="辖区路径 · path such as cn/sichuan/luzhou; authorities see what lies below theirs"
    )
    site.add_argument("--timezone", default="Asia/Shanghai", help="时区 · IANA name (default: %(default)s)")

    zone = _adder(commands, "zone", "添加场所 · add a place within a site", _zone_add)
    zone.add_argument("site")
    zone.add_argument("zone")
    zone.add_argument("--name", required=True)
    zone.add_argument(
        "--kind", required=True, help="场所类型 · activity, sleeping, dining, entrance, corridor, outdoor, …"
    )

    cells.add_commands(lambda noun, what: _verbs(commands, noun, what))
    enrolment.add_commands(commands, lambda noun, what: _verbs(commands, noun, what))
    audits.add_commands(lambda noun, what: _verbs(commands, noun, what))

    draws.add_commands(lambda noun, what: _verbs(commands, noun, what))
    compliance.add_commands(lambda noun, what: _verbs(commands, noun, what))
    custody.add_commands(lambda noun, what: _verbs(commands, noun, what))
    inventory.add_commands(lambda noun, what: _verbs(commands, noun, what))
    live.add_commands(lambda noun, what: _verbs(commands, noun, what))
    ledgers.add_commands(lambda noun, what: _verbs(commands, noun, what))

    verbs = _verbs(commands, "camera", "添加、设置或停用摄像头 · add, set up or retire a camera")
    cameras.add_commands(verbs)
    retire = verbs.add_parser(
        "retire", help="停用摄像头，录像仍按期保存 · take it out of service; its recordings stay as long as they must"
    )
    retire.set_defaults(run=_camera_retire)
    retire.add_argument("site")
    retire.add_argument("camera")
    camera = verbs.add_parser(
        "add", help="添加摄像头，自首段录像起启用 · add a camera; in service from its first footage on"
    )
    camera.set_defaults(run=_camera_add)
    camera.add_argument("site")
    camera.add_argument("camera")
    camera.add_argument("--zone", required=True)
    camera.add_argument("--agent", required=True)
    camera.add_argument("--name", required=True)

    people.add_commands(lambda noun, what: _verbs(commands, noun, what))
    accounts = _verbs(
        commands,
        "account",
        "账号：添加、锁定、解锁、重设、绑定 · add, lock, unlock, reset or bind a person who may sign in",
    )
    people.add_account_commands(accounts)
    account = accounts.add_parser(
        "add", help="添加账号，密码从标准输入读取 · add a person who may sign in; password from standard input"
    )
    account.set_defaults(run=_account_add)
    account.add_argument("name")
    account.add_argument("--role", required=True, choices=sorted(ADDED_ROLES | set(FORMER_ROLES)))
    account.add_argument(
        "--site",
        action="append",
        default=[],
        help="园所角色适用，可重复给出 · for the roles of a facility; may be given again",
    )
    account.add_argument(
        "--region", default="", help="监管部门适用：辖区路径，* 为全部 · for authorities: path, or * for every region"
    )
    account.add_argument("--password-stdin", action="store_true", required=True)
    return parser


def _adder(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    noun: str,
    what: str,
    run: Callable[[argparse.Namespace, ServerSettings], None],
) -> argparse.ArgumentParser:
    add = _verbs(commands, noun, what).add_parser("add", help=what)
    add.set_defaults(run=run)
    return add


def _verbs(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", noun: str, what: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return commands.add_parser(noun, help=what).add_subparsers(required=True, metavar="VERB")


if __name__ == "__main__":
    sys.exit(main())
