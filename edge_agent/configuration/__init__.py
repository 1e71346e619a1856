"""Which cameras the agent records: the server's desired state, kept through restarts, or a local file for a trial."""
