"""MQTT topics: ``nightlight/v1/up/{site}/{agent}/{name}`` and ``nightlight/v1/down/{site}/{agent}``.

The broker's access list ties both to the agent's identity: no agent can write or read another site's topics.
"""

from dataclasses import dataclass

from config.base.errors import InvalidInput
from config.base.ids import is_slug

PREFIX = "nightlight/v1"
ALL_UP = f"{PREFIX}/up/+/+/+"
INGEST_GROUP = f"$share/ingest/{ALL_UP}"
EXPRESS_GROUP = f"$share/ingest-express/{PREFIX}/up/+/+/alarm-event"
"""A second way in, for what must not stand in line behind a backlog."""


@dataclass(frozen=True)
class UpTopic:
    """Where an upward message came from, as the broker vouches for it."""

    site_id: str
    agent_id: str
    name: str


def up(site_id: str, agent_id: str, name: str) -> str:
    """The topic on which an agent sends messages of the kind called ``name`` in the catalogue."""
    return f"{PREFIX}/up/{site_id}/{agent_id}/{name}"


def down(site_id: str, agent_id: str) -> str:
    """The topic on which the server answers one agent."""
    return f"{PREFIX}/down/{site_id}/{agent_id}"


def parse_up(topic: str) -> UpTopic:
    """Raises InvalidInput (``bad_topic``) for anything that ``up`` could not have made."""
    parts = topic.split("/")
    if len(parts) != 6 or "/".join(parts[:2]) != PREFIX or parts[2] != "up" or not all(map(is_slug, parts[3:])):
        raise InvalidInput(f"not an upward topic: {topic[:120]!r}", code="bad_topic")
    return UpTopic(*parts[3:])
