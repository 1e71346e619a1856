"""What the agent has to say of its own box: durable, raised and cleared, each with what a person needs to act on it."""

from typing import Annotated

import msgspec

from config.wire.fields import Detail, HexId, Micros, Slug

SPOOL_FILLING = "spool_filling"
SPOOL_FULL = "spool_full"
CLOCK_STEPPED = "clock_stepped"
LEDGER_FORKED = "ledger_forked"
NOTICES = (SPOOL_FILLING, SPOOL_FULL, CLOCK_STEPPED, LEDGER_FORKED)
"""Those that an agent of this version raises; a reader shows the code of one that it does not know.

spool_filling  the spool has used so much of its room that somebody should look at the link to the server
spool_full     no room is left: nothing more is recorded, or the oldest is given up, as ``spool.when_full`` says
clock_stepped  the machine's clock is not what the server says: recordings are timed by the agent's own timeline
ledger_forked  the server showed a ledger that contradicts the one that the agent keeps: nothing was cosigned
"""


class BoxNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the box itself holds from ``at_us`` on (``raised``) or no longer does; durable."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    at_us: Micros
    notice: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
    raised: bool
    hours_left: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    """Until the spool is full, if nothing can be sent from now on; null where it has nothing to do with that."""
    detail: Detail = ""
