"""Drills break things on purpose and count what is left; each ends with one JSON object on its last line."""
