"""What the agent has recorded and not yet been relieved of: segment files, and one SQLite file that knows of them."""
