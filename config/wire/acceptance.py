"""The installer's acceptance test: what an agent asks the server, over HTTPS, and what the server has seen of it."""

from typing import Annotated

import msgspec

from config.wire.fields import Count, Detail, HexId, Micros, Slug

CAMERAS_MAX = 64
GAPS_MAX = 20
ALARM_TESTS_MAX = 20
REFUSALS_MAX = 32

_Name = Annotated[str, msgspec.Meta(max_length=120)]


class AcceptanceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks what the server has seen of this agent's cameras since ``since_us``.

    With ``canary`` the server locks an object of its own and attacks it; footage is never touched. ``sent_us`` is by
    the agent's timeline; the server answers none that is more than five minutes old.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    sent_us: Micros
    since_us: Micros
    canary: bool = False


class FirstMinute(msgspec.Struct, frozen=True, kw_only=True):
    """The first whole minute of a camera that was secured and whose time is trusted."""

    start_us: Micros
    end_us: Micros
    verified_us: Micros
    """When the last of its segments had been read back, by the server's clock."""


class SecuredSegment(msgspec.Struct, frozen=True, kw_only=True):
    """The newest segment that began in the test, and its lock as the store tells it now."""

    segment_id: HexId
    start_us: Micros
    end_us: Micros
    verified_us: Micros
    retain_until_us: Micros
    required_until_us: Micros
    """What the policy asks for."""
    locked: bool
    """In COMPLIANCE mode, for as long as the policy asks, read back for this answer."""
    detail: Detail = ""


class GapSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A gap that lasts, or that ended in the test; ``end_us`` is null while it lasts."""

    start_us: Micros
    end_us: Micros | None
    cause: Annotated[str, msgspec.Meta(max_length=40)]
    certainty: Annotated[str, msgspec.Meta(max_length=16)]


class CameraSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One camera of the agent."""

    camera_id: Slug
    name: _Name
    zone_name: _Name
    covered_until_us: Micros | None
    """The last instant of today that is covered; null where nothing is yet."""
    first_minute: FirstMinute | None
    secured: SecuredSegment | None
    gaps: Annotated[list[GapSeen], msgspec.Meta(max_length=GAPS_MAX)]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One attack on the canary that changed nothing, and how the store answered."""

    attack: Annotated[str, msgspec.Meta(max_length=64)]
    status: Count
    code: Annotated[str, msgspec.Meta(max_length=64)]


class CanarySeen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the attacks; ``failure`` is empty where the store refused all of them."""

    refusals: Annotated[list[Refusal], msgspec.Meta(max_length=REFUSALS_MAX)]
    failure: Detail = ""


class AlarmTestSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A test event of the alarm panel that the server has committed."""

    at_us: Micros
    received_us: Micros
    detail: Detail


class AcceptanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server has seen, by its own clock ``now_us``."""

    now_us: Micros
    software: Annotated[str, msgspec.Meta(max_length=64)]
    site_name: _Name
    timezone: Annotated[str, msgspec.Meta(max_length=64)]
    enrolled_us: Micros
    cameras: Annotated[list[CameraSeen], msgspec.Meta(max_length=CAMERAS_MAX)]
    canary: CanarySeen | None
    alarm_tests: Annotated[list[AlarmTestSeen], msgspec.Meta(max_length=ALARM_TESTS_MAX)]
