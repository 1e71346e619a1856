"""A recording that was given up to make room, before the server had receipted it."""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import HexId, Micros, Sha256Hex, Slug


class SegmentEvicted(msgspec.Struct, frozen=True, kw_only=True):
    """The agent has lost this segment on purpose: its disk was full, and it was told to keep the newer; durable.

    Stored before the file is removed, so that nothing ever goes without a word. Where the segment had reached the
    store all the same, what the server reads back there counts, not this.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    segment_id: HexId
    timeline_id: HexId
    start_us: Micros
    end_us: Micros
    sha256: Sha256Hex
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**32)]
    evicted_us: Micros
    reason: Literal["disk_full"] = "disk_full"
