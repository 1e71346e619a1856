"""What the main process and a shard say to each other, one msgpack document a datagram.

Invariants: a segment's row is older than its file (``Opening`` is answered by ``Opened`` before a byte is written); what
a shard says arrives in the order in which it was said; a document is at most ``MESSAGE_BYTES_MAX``.

The socket is AF_UNIX SOCK_SEQPACKET: documents keep their bounds, and its buffer bounds how far one side can run ahead.
"""

import socket

import msgspec

from config.base.errors import InvalidInput
from config.settings.edge import CameraSettings, EdgeSettings
from config.wire.fields import CameraCondition
from edge_agent.cameras.figures import CameraFigures
from edge_agent.spool.segments import OpenSegment
from edge_agent.timekeeping import Timeline

MESSAGE_BYTES_MAX = 192 * 1024
BUFFER_BYTES = 1 << 20
SHARD_NAME = "nightlight-shrd"
"""As the kernel shows its process; it has room for 15 characters."""
REMOVED = "taken out of the agent's configuration"


class _Message(msgspec.Struct, frozen=True, tag=True):
    """Told apart by the name of its type."""


# From the main process.


class Begin(_Message, frozen=True, kw_only=True):
    """The first word: how to record."""

    settings: EdgeSettings
    """Its ``cameras`` are empty: each comes with a ``SetCamera``."""
    spool: str
    """The folder of the segment files."""
    timeline: Timeline
    room: bool


class SetCamera(_Message, frozen=True, kw_only=True):
    """Record this camera from now on, with these settings in place of any before; answered by ``CameraSet``."""

    camera: CameraSettings
    password: str


class DropCamera(_Message, frozen=True):
    """Record it no longer; answered by ``CameraSet``."""

    camera_id: str


class TimelineIs(_Message, frozen=True):
    timeline: Timeline


class RoomIs(_Message, frozen=True):
    """Whether there is room to record."""

    room: bool


class Opened(_Message, frozen=True):
    """The segment stands in the spool, or why it does not: ``error`` is empty where it does."""

    segment_id: str
    error: str = ""
    full: bool = False
    """It does not for want of room."""


class Ask(_Message, frozen=True):
    """Something for the companions; what is in it is between whoever asks and the one that knows ``kind``."""

    kind: str
    camera_id: str
    body: bytes


class End(_Message, frozen=True):
    """Make everything whole and end."""


# From a shard.


class CameraPulse(msgspec.Struct, frozen=True, array_like=True):
    """One camera within a ``Pulse``."""

    camera_id: str
    floor_us: int
    """Everything of this camera before this instant has been told."""
    open_bytes: int
    """How large the segment being written has grown."""
    figures: CameraFigures


class Pulse(_Message, frozen=True):
    """The shard lives; twice a second."""

    cameras: list[CameraPulse]
    dropped: int
    """Messages of companions that were dropped since the process began."""


class Opening(_Message, frozen=True):
    """A segment is about to be written."""

    segment: OpenSegment


class Finished(_Message, frozen=True, kw_only=True):
    """The segment has its final name and is durable."""

    segment: OpenSegment
    """As it was opened."""
    start_us: int
    """Where it begins, as is known by now: not later than was said then."""
    end_us: int
    sha256: str
    size_bytes: int
    frames: int


class Restated(_Message, frozen=True):
    """A segment that is being written begins earlier than was said when it was opened, as is known by now."""

    segment: OpenSegment
    """As it was opened."""
    start_us: int


class Torn(_Message, frozen=True):
    """Writing it failed: what is whole of it waits to be rescued."""

    segment: OpenSegment


class ConditionIs(_Message, frozen=True):
    camera_id: str
    condition: CameraCondition
    detail: str
    at_us: int
    timeline_id: str


class DiskRefused(_Message, frozen=True):
    """A write failed for want of room."""


class CameraSet(_Message, frozen=True):
    """``SetCamera`` or ``DropCamera`` is done, and everything of the settings before has been told."""

    camera_id: str


class Told(_Message, frozen=True):
    """A companion's message; what is in it is between it and whoever registered for ``kind``."""

    kind: str
    camera_id: str
    body: bytes


class Ended(_Message, frozen=True):
    """The last word."""


Down = Begin | SetCamera | DropCamera | TimelineIs | RoomIs | Opened | Ask | End
Up = Pulse | Opening | Restated | Finished | Torn | ConditionIs | DiskRefused | CameraSet | Told | Ended

_encoder = msgspec.msgpack.Encoder()
_down: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_up: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)


def pack(message: Down | Up) -> bytes:
    """Raises InvalidInput where it is too large for one datagram."""
    packed = _encoder.encode(message)
    if len(packed) > MESSAGE_BYTES_MAX:
        raise InvalidInput(f"a {type(message).__name__} of {len(packed)} bytes; {MESSAGE_BYTES_MAX} are allowed")
    return packed


def read_down(data: bytes) -> Down:
    """Raises InvalidInput."""
    try:
        return _down.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"the main process says what a shard does not understand: {error}") from error


def read_up(data: bytes) -> Up:
    """Raises InvalidInput: a shard reads hostile bytes, and what it says is looked at before it is believed."""
    try:
        return _up.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"a shard says what cannot be understood: {error}") from error


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The main process's end and the shard's."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    return pair
