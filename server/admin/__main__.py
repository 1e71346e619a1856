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
    print(f"signing key  {key_file} (agents need {key_file.with_suffix('.pub.pem')})")
    print(f"sealing key  {sealing_file} (agents need {sealing_file.with_suffix('.pub.pem')})")
    print(f"marking key  {marking_file} (keep a copy: clips of marked live views are traced by it alone)")
    print(f"authority    agents and broker get their certificates from it; the broker reads {broker_dir}")
    print("database     at the newest schema")
    print(f"store        bucket {provisioned.bucket}, Object Lock on, default {provisioned.default_retain_days} days")


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
    parser = argparse.ArgumentParser(prog="python -m server.admin", description="Sets up and registers. Repeatable.")
    parser.add_argument("--settings", type=Path, help="TOML file over the defaults in config/settings/server.toml")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="make the keys, migrate the database, provision the store")
    init.set_defaults(run=_init)

    site = _adder(commands, "site", "a facility", _site_add)
    site.add_argument("site")
    site.add_argument("--name", required=True)
    site.add_argument("--region", default="", help="path such as cn/sichuan/luzhou; auditors are scoped by it")
    site.add_argument("--timezone", default="Asia/Shanghai", help="IANA name (default: %(default)s)")

    zone = _adder(commands, "zone", "a place within a facility", _zone_add)
    zone.add_argument("site")
    zone.add_argument("zone")
    zone.add_argument("--name", required=True)
    zone.add_argument("--kind", required=True, help="activity, sleeping, dining, entrance, corridor, outdoor, …")

    cells.add_commands(lambda noun, what: _verbs(commands, noun, what))
    enrolment.add_commands(commands, lambda noun, what: _verbs(commands, noun, what))
    audits.add_commands(lambda noun, what: _verbs(commands, noun, what))

    draws.add_commands(lambda noun, what: _verbs(commands, noun, what))
    compliance.add_commands(lambda noun, what: _verbs(commands, noun, what))
    custody.add_commands(lambda noun, what: _verbs(commands, noun, what))
    inventory.add_commands(lambda noun, what: _verbs(commands, noun, what))
    live.add_commands(lambda noun, what: _verbs(commands, noun, what))
    ledgers.add_commands(lambda noun, what: _verbs(commands, noun, what))

    verbs = _verbs(commands, "camera", "add, set up or retire a camera")
    cameras.add_commands(verbs)
    retire = verbs.add_parser("retire", help="take a camera out of service; its recordings stay as long as they must")
    retire.set_defaults(run=_camera_retire)
    retire.add_argument("site")
    retire.add_argument("camera")
    camera = verbs.add_parser("add", help="add a camera; in service from its first footage on")
    camera.set_defaults(run=_camera_add)
    camera.add_argument("site")
    camera.add_argument("camera")
    camera.add_argument("--zone", required=True)
    camera.add_argument("--agent", required=True)
    camera.add_argument("--name", required=True)

    people.add_commands(lambda noun, what: _verbs(commands, noun, what))
    accounts = _verbs(commands, "account", "add, lock, unlock, reset or bind a person who may sign in")
    people.add_account_commands(accounts)
    account = accounts.add_parser("add", help="add a person who may sign in; password from standard input")
    account.set_defaults(run=_account_add)
    account.add_argument("name")
    account.add_argument("--role", required=True, choices=sorted(ADDED_ROLES | set(FORMER_ROLES)))
    account.add_argument("--site", action="append", default=[], help="for the roles of a facility; may be given again")
    account.add_argument("--region", default="", help="for authorities: path, or * for every region")
    account.add_argument("--password-stdin", action="store_true", required=True)
    return parser


def _adder(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    noun: str,
    what: str,
    run: Callable[[argparse.Namespace, ServerSettings], None],
) -> argparse.ArgumentParser:
    add = _verbs(commands, noun, f"add {what}").add_parser("add", help=f"add {what}")
    add.set_defaults(run=run)
    return add


def _verbs(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", noun: str, what: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return commands.add_parser(noun, help=what).add_subparsers(required=True, metavar="VERB")


if __name__ == "__main__":
    sys.exit(main())
