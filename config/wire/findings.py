"""What an agent finds wrong with a camera's picture, and the still that shows it.

Source of the names: ONVIF Imaging Service Specification, events ``tns1:VideoSource/*``; PROTOCOL.md gives the topic of
each.
"""

from typing import Annotated, Literal, get_args

import msgspec

from config.wire.fields import HexId, Micros, Sha256Hex, Slug
from config.wire.sealing import SealedBox

FindingName = Literal[
    "signal_loss",
    "too_dark",
    "too_bright",
    "blurred",
    "occluded",
    "scene_moved",
    "frozen",
    "colour_cast",
    "noise",
    "streaks",
    "unexamined",
]
UNEXAMINED: FindingName = "unexamined"
"""Pictures are recorded and nobody looks at them: whether they are any good is not known."""
FINDING_NAMES: tuple[FindingName, ...] = tuple(name for name in get_args(FindingName) if name != UNEXAMINED)
"""What is found by looking at pictures."""
STILL_BYTES_MAX = 16_384


class PictureFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding was raised, or it was cleared; durable.

    The picture was no good from ``since_us`` on, and good again from ``until_us`` on. ``raised`` and ``cleared`` of one
    fault carry one ``finding_id``. A finding stays open until it is cleared, whatever becomes of the agent. A ``cleared``
    closes every open finding of that name and camera: an agent that lost its memory says so of each finding once it has
    seen enough good pictures.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    timeline_id: HexId
    finding_id: HexId
    finding: FindingName
    state: Literal["raised", "cleared"]
    at_us: Micros
    """When the agent was sure."""
    since_us: Micros
    until_us: Micros | None = None
    """Null while it is raised."""
    score: float
    threshold: float
    still_sha256: Sha256Hex | None = None
    """Of the JPEG that follows in a ``finding-still``; null where none does."""
    no_still: Literal["", "no_key", "no_picture", "too_large"] = ""
    """Why none follows: the server's sealing key is not known yet, nothing could be decoded, or it cannot be made small."""


class FindingStill(msgspec.Struct, frozen=True, kw_only=True):
    """One masked JPEG, at most 320 pixels wide, sealed to the server's key; durable, sent after its finding."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    finding_id: HexId
    taken_us: Micros
    sha256: Sha256Hex
    """Of the JPEG."""
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=STILL_BYTES_MAX)]
    sealed: SealedBox
