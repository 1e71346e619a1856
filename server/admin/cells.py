"""``server.admin cell``: the store that a site keeps its recordings in itself."""

import argparse
from collections.abc import Callable

from config.base.clock import SystemClock
from config.settings.loader import read_secret
from config.settings.server import ServerSettings
from server.admin.custody import by_a_person, language, person
from server.runtime import open_database
from server.services.cameras.read_discovered import picture_key_of
from server.services.cells.cell_doors import CellDoors
from server.services.cells.expire_cells import CellExpirer
from server.services.cells.read_cells import CellReader
from server.web.cells import orders_text
from storage.database.scope import AUDITOR, EVERY_REGION, Scope, site_in_reach
from storage.objects.connection import StoreAccess


def add_commands(verbs_of: Callable[[str, str], "argparse._SubParsersAction[argparse.ArgumentParser]"]) -> None:
    """``cell set``, ``cell status``, ``cell confirm-deletion``."""
    verbs = verbs_of("cell", "园内自有存储 · a site's own store with Object Lock")
    look = verbs.add_parser("status", help="尚未确认的保全、延长锁定与删除 · what is on its way there")
    look.set_defaults(run=_status)
    look.add_argument("site")
    confirm = by_a_person(
        verbs.add_parser("confirm-deletion", help="确认大量删除 · allow a deletion of more than half of it")
    )
    confirm.set_defaults(run=_confirm)
    confirm.add_argument("site")
    confirm.add_argument("--versions", type=int, required=True, help="要删除的录像数 · how many are to go")
    confirm.add_argument("--of", type=int, required=True, help="全部录像数 · of how many in all")
    put = verbs.add_parser("set", help="从现在起录像保存在园内 · the site keeps its recordings there from now on")
    put.set_defaults(run=_set)
    put.add_argument("site")
    put.add_argument("endpoint", help="园内主机访问的地址 · HOST:PORT as the site's agent reaches it")
    put.add_argument("--bucket", required=True, help="须开启对象锁定和版本控制 · made with Object Lock and versioning")
    put.add_argument("--access-key-file", required=True)
    put.add_argument("--secret-key-file", required=True)
    put.add_argument("--region", default="us-east-1")
    put.add_argument("--plain-http", action="store_true", help="不使用 TLS · without TLS")


def _status(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    reader = CellReader(open_database(settings.database), SystemClock())
    found = reader.of_site(Scope("server-admin", AUDITOR, EVERY_REGION), arguments.site)
    print("\n".join(orders_text(found, language())))


def _confirm(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    clock, database, scope = SystemClock(), open_database(settings.database), person(arguments, settings)
    with database.reading() as session:
        site_in_reach(session, scope, arguments.site)
    expirer = CellExpirer(database, clock, settings.policy.retain_days)
    expirer.confirm(arguments.site, scope.account_name, arguments.versions, arguments.of)
    print("已确认：将在十分钟内开始删除；园内主机读回之后才计为已删除")
    print("confirmed: it begins within ten minutes, and counts as deleted once the site's agent has read it back")


def _set(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    clock = SystemClock()
    doors = CellDoors(open_database(settings.database), clock, picture_key_of(settings))
    access = StoreAccess(
        endpoint=arguments.endpoint,
        bucket=arguments.bucket,
        access_key=read_secret(arguments.access_key_file, "--access-key-file"),
        secret_key=read_secret(arguments.secret_key_file, "--secret-key-file"),
        tls=not arguments.plain_http,
        region=arguments.region,
    )
    doors.register(arguments.site, access)
    print(f"{arguments.site}: 录像从现在起保存在 {arguments.endpoint}/{arguments.bucket}")
    print("请在园内主机的设置文件中设置 [cell] leaf_roots = true，然后重新启动；在此之前录像仍送往中心")
    print(f"{arguments.site}: recordings are kept at {arguments.endpoint}/{arguments.bucket} from now on")
    print("set [cell] leaf_roots = true in the agent's settings and restart it; until then they go to the centre")
