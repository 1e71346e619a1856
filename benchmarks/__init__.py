"""Measurements that ``python3 dev.py bench NAME`` runs, and drills that break things on purpose."""
