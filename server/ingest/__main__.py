"""``python -m server.ingest``"""

import sys

from server.ingest.app import run
from server.runtime import main

if __name__ == "__main__":
    sys.exit(main("ingest", run))
