"""Time that was missing, asked for at the camera's own memory (ONVIF Profile G).

Invariant: what a camera kept is timed by the camera's clock. It is told by the agent's, with what that was compared with
before and after the missing time, so that the server can say for itself how far it believes it.
"""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import Count, Detail, HexId, Micros, SignedMicros, Slug

SPANS_MAX = 64

Outcome = Literal["fetched", "none", "failed"]
"""fetched  all of it, or what the camera had; ``had_none`` says what it did not have
none     the camera was asked, and had nothing of it
failed   the camera could not be asked, or broke off; it may be asked again
"""


class CameraClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of a camera's clock with the agent's timeline, over ONVIF."""

    timeline_id: HexId
    at_us: Micros
    offset_us: SignedMicros
    """Camera minus agent."""
    bound_us: Count
    """Of camera minus server: the agent's own distance from the server's clock, as it knew it, is counted as well."""


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of asking a camera for ``[start_us, end_us)``; durable, sent after the manifests of what was fetched."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    timeline_id: HexId
    at_us: Micros
    """When the agent was done asking."""
    start_us: Micros
    end_us: Micros
    outcome: Outcome
    had_none: Annotated[list[tuple[Micros, Micros]], msgspec.Meta(max_length=SPANS_MAX)] = []
    """What of it the camera did not have, in order; empty where that is not known."""
    detail: Detail = ""
