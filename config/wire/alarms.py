"""What an alarm panel, a camera's digital input or a local bridge said, and what the agent noticed of the panel itself.

One message an event, durable, sent past every backlog. ``raw`` holds what the source sent, byte for byte (I4): the
words beside it are the agent's reading of it, and may be read anew.

Source: SIA DC-03 (two-letter codes), SIA DC-05 (Contact ID), SIA DC-09 (frames), ONVIF Core (tns1:Device/Trigger).
"""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import Detail, HexId, Micros, Slug

RAW_BYTES_MAX = 4_112
"""The longest frame of DC-09: 0x0FFF bytes, its head, and the two bytes around it."""

AlarmSource = Literal["dc09", "onvif", "webhook", "supervision", "schedule"]

AlarmKind = Literal[
    "panic", "tamper", "perimeter", "interior", "intrusion", "fire", "gas", "water", "medical", "environment",
    "trouble", "bypass", "access", "arming", "test", "panel_silent", "off_schedule", "other",
]  # fmt: skip
"""What an alarm event is about:

panic         somebody asks for help: button, hold-up, duress
tamper        a housing was opened, a wire cut
perimeter     a door, window or fence was violated
interior      movement inside
intrusion     violated, and the panel does not say which of the two
fire          fire, smoke or heat; gas, water, medical and environment (cold, heat) likewise
trouble       the panel or a detector needs service: mains, battery, line, radio
bypass        a point was taken out, or back in
access        a door of an access control system
arming        a partition was armed or disarmed
test          a test that the panel or a person made
panel_silent  the agent has not heard the panel for longer than its period
off_schedule  a partition is disarmed when it should be armed, or armed when it should not
other         a report that has no kind here
"""

AlarmState = Literal["raised", "restored", "armed", "disarmed", "test", "noted"]
"""``noted``: a report that neither begins nor ends anything, such as a user code that was changed."""


class AlarmEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened at ``at_us``, when the agent received it; ``panel_at_us`` is what the panel's clock said."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    at_us: Micros
    source: AlarmSource
    panel_id: Slug
    """The panel's name in the agent's configuration; of a digital input, that of the device it belongs to."""
    account: Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[0-9A-F]*$(?!\n)")] = ""
    """The account that the panel named; empty where the source has none."""
    partition: Annotated[str, msgspec.Meta(max_length=32)] = ""
    point: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The zone, door or user number, or the token of a digital input."""
    code: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """As the source says it: ``BA`` (DC-03), ``1130`` (Contact ID with its qualifier), a topic, a word."""
    about: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """What a restore ends: open conditions of the same point whose own ``about`` begins with this."""
    kind: AlarmKind
    state: AlarmState
    panel_at_us: Micros | None = None
    encrypted: bool = False
    detail: Detail = ""
    raw: Annotated[bytes, msgspec.Meta(max_length=RAW_BYTES_MAX, description="as received")] = b""
    plaintext: Annotated[bytes, msgspec.Meta(max_length=RAW_BYTES_MAX)] | None = None
    """What an encrypted frame held, without its padding; null where ``raw`` is plain already."""
