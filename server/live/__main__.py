"""``python -m server.live --settings FILE``: one process, stopped by SIGTERM or SIGINT within three seconds."""

import sys

from server.live.app import run
from server.runtime import main

if __name__ == "__main__":
    sys.exit(main("live", run))
