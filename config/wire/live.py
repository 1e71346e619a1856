"""The live view: how the server asks for a camera's pictures, and how the agent says whose they are.

The agent dials out and pushes only while it is asked to. What follows ``live-push`` on the WebSocket is a stream of binary
frames: the first byte says what the rest is (``INIT``, ``KEYFRAME``, ``FRAME``).
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
PushToken = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)", description="256 random bits, base64url")]
PushUrl = Annotated[str, msgspec.Meta(max_length=PUSH_URL_CHARS_MAX, pattern=r"^wss?://[^@\s]+$(?!\n)")]


class LiveWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody watches: push this camera until then. Sent again every few seconds for as long as somebody does."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    until_us: Micros
    push_url: PushUrl
    push_token: PushToken
    """Opens one push; it is said in the first message, never in an address."""


class LivePush(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a push: what the agent signs to prove that the pictures are its camera's."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    push_token: PushToken
