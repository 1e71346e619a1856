"""The live view: how the server asks for a camera's pictures, and how the agent says whose they are.

The agent dials out and pushes only while it is asked to. What follows ``live-push`` on the WebSocket is a stream of binary
frames: the first byte says what the rest is (``INIT``, ``KEYFRAME``, ``FRAME``; of a marked stream ``INIT`` and ``MARKED``).
"""

from typing import Annotated

import msgspec

from config.wire.fields import HexId, Micros, Slug

PUSH_URL_CHARS_MAX = 500
FRAME_BYTES_MAX = 4 * 2**20
"""One access unit with its headers; a keyframe of a 4K camera has less than half of it."""
TIMESCALE = 90_000
INIT, KEYFRAME, FRAME = b"I", b"K", b"F"
"""The first byte: an initialisation segment (ftyp, moov), or one fragment (moof, mdat) of one frame."""
MARKED = b"M"
"""The same of a marked stream: after it the flags, the number of the group in eight bytes, and the fragment."""
MARKED_HEADER_BYTES = 10
IS_VARIANT_B, IS_KEYFRAME = 1, 2
"""Flags of a marked fragment. Every frame comes twice, variant A before variant B, with the same times."""
BUSY = 4429
"""The code by which an agent closes a push for which it has no encoder free."""
PushToken = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)", description="256 random bits, base64url")]
MarkingSeed = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")]
PushUrl = Annotated[str, msgspec.Meta(max_length=PUSH_URL_CHARS_MAX, pattern=r"^wss?://[^@\s]+$(?!\n)")]


class LiveWanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody watches: push this camera until then. Sent again every few seconds for as long as somebody does."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    until_us: Micros
    push_url: PushUrl
    push_token: PushToken
    """Opens one push; it is said in the first message, never in an address."""
    marking: MarkingSeed = ""
    """Where the site marks its live view: the seed of this camera's pattern. Two variants are pushed then, and nothing else."""


class LivePush(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a push: what the agent signs to prove that the pictures are its camera's."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    push_token: PushToken
