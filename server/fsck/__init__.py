"""``python -m server.fsck``: do database, store and ledger agree? It reads, and can do nothing else."""
