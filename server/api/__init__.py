"""The HTTP face: agents' clock and upload tickets, JSON for scripts, and the pages. Thin: every rule is in a service."""
