"""``python -m server.jobs``"""

import sys

from server.jobs.app import run
from server.runtime import main

if __name__ == "__main__":
    sys.exit(main("jobs", run))
