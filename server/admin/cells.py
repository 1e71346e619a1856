"""``server.admin cell``: the store that a site keeps its recordings in itself."""

import argparse
from collections.abc import Callable

from config.base.clock import SystemClock
from config.settings.loader import read_secret
from config.settings.server import ServerSettings
from server.runtime import open_database
from server.services.cameras.read_discovered import picture_key_of
from server.services.cells.cell_doors import CellDoors
from storage.objects.connection import StoreAccess


def add_commands(verbs_of: Callable[[str, str], "argparse._SubParsersAction[argparse.ArgumentParser]"]) -> None:
    """``cell set``."""
    put = verbs_of("cell", "a site's own store with Object Lock / 园内自有存储").add_parser(
        "set", help="the site keeps its recordings there from now on / 从现在起录像保存在园内"
    )
    put.set_defaults(run=_set)
    put.add_argument("site")
    put.add_argument("endpoint", help="HOST:PORT as the site's agent reaches it / 园内主机访问的地址")
    put.add_argument("--bucket", required=True, help="made with Object Lock and versioning / 须开启对象锁定和版本控制")
    put.add_argument("--access-key-file", required=True)
    put.add_argument("--secret-key-file", required=True)
    put.add_argument("--region", default="us-east-1")
    put.add_argument("--plain-http", action="store_true", help="without TLS / 不使用 TLS")


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
