"""The operator's command line: ``python -m server.admin``."""
