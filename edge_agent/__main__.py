"""``nightlight-agent COMMAND`` and ``python -m edge_agent COMMAND`` are the same; see ``edge_agent.cli.frame``."""

import sys

from edge_agent.cli.frame import main

if __name__ == "__main__":
    sys.exit(main())
