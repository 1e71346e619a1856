"""Identifiers: what a valid one looks like, and fresh random ones."""

import re
import secrets

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
"""Site, agent and camera ids: lower-case letters, digits and inner hyphens, 1 to 64 characters; safe in MQTT topics,
object keys and file names."""

INSIDE = "auditor-inside"
"""The centre's own auditor, which asks for a deep audit of each site every day; no person's account has this name."""
SERVER_ADMIN, MAIL = "server-admin", "mail"
"""Who acted, on record, where it was whoever runs the server, or a link that was asked for by mail."""
RESERVED = frozenset({INSIDE, SERVER_ADMIN, MAIL})
"""No account has one of these names: what its person does would stand on record as done by another."""


def is_slug(text: str) -> bool:
    """Whether ``text`` may stand as a site, agent or camera id."""
    return SLUG.fullmatch(text) is not None


def fresh_id() -> str:
    """128 random bits as 32 lower-case hexadecimal digits."""
    return secrets.token_hex(16)
