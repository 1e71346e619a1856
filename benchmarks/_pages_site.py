"""The server of ``bench pages``, a process of its own: a region after a quarter, and the product's own API in front of it.

    python -m benchmarks._pages_site FOLDER SITES DAYS

The first line of output is JSON: the address, and a session's cookie for each reader. It serves until its input ends.
"""

import json
import sys
from pathlib import Path

from config.settings.server import load_server
from server.runtime import settle_memory
from storage.database.migrate import migrate
from storage.database.unit_of_work import Database
from tests.support.api import serving, settings_for
from tests.support.nursery import PEOPLE
from tests.support.quarter import BUSY, PLAIN, Quarter


def main(folder: Path, sites: int, days: int) -> None:
    """Entry point."""
    database = Database(f"sqlite:///{folder / 'pages.db'}")
    migrate(database)
    quarter = Quarter(database, sites, days).fill()
    quarter.ring(PLAIN)
    quarter.ring(BUSY, minutes_ago=40, kind="fire")
    for name in PEOPLE:
        quarter.nursery.session(name)
    with serving(load_server(settings_for(database, folder)), quarter.nursery.clock) as running:
        told = {
            "url": running.url,
            "cookies": {name: f"nightlight={token}" for name, token in quarter.nursery.tokens.items()},
        }
        settle_memory()  # as the product's own process does
        print(json.dumps(told), flush=True)
        sys.stdin.read()
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
