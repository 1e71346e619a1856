"""The newest heartbeat of an agent, as it was kept."""

from config.base.errors import NightlightError
from config.wire.envelope import decode_payload, open_envelope
from config.wire.health import Heartbeat
from storage.database.models import AgentStatus


def heartbeat_of(status: AgentStatus) -> Heartbeat | None:
    """None where what was kept cannot be read by this version: the next heartbeat replaces it."""
    try:
        beat = decode_payload(open_envelope(status.heartbeat))
    except NightlightError:
        return None
    return beat if isinstance(beat, Heartbeat) else None
