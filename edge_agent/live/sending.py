"""What a camera's packets become on their way to the server: as they are, made small, or made small in two variants.

Invariants: where the site marks its live view nothing but marked pictures leave; a camera is transcoded only while it holds one
of the site's slots.
"""

from collections.abc import Callable, Iterator

from config.base.errors import InvalidInput, ResourceExhausted
from config.wire.live import INIT, IS_KEYFRAME, IS_VARIANT_B, KEYFRAME, MARKED
from config.wire.marking import VARIANTS
from edge_agent.cameras.feed import FeedPacket
from edge_agent.live.marking import MarkedFrame, MarkingTranscoder
from edge_agent.live.muxer import LiveMuxer
from edge_agent.live.slots import Slot, Slots
from edge_agent.live.transcoder import Transcoder


class Sending:
    """Used by one thread."""

    def __init__(
        self, slots: Slots | None = None, marking: str = "", utc_us: Callable[[int], int] = lambda at_us: at_us
    ) -> None:
        """``slots`` None: unbounded; ``utc_us``: the instant of a monotonic one."""
        self.marking = marking
        self._slots = slots
        self._slot: Slot | None = None
        self._utc_us = utc_us
        self._muxers = tuple(LiveMuxer() for _ in range(VARIANTS if marking else 1))
        self._transcoder: Transcoder | None = None
        self._marker: MarkingTranscoder | None = None

    def take(self, packet: FeedPacket, *, behind: bool) -> Iterator[bytes]:
        """The messages that this packet makes. Raises InvalidInput for an unusable one, ResourceExhausted (``busy``)."""
        if self.marking:
            for frame in self._marked(packet, behind=behind):
                yield from self._messages(frame)
        elif packet.format.codec == "h264":
            yield from self._muxers[0].take(packet)
        else:
            for one in self._small(packet, behind=behind):
                yield from self._muxers[0].take(one)

    def close(self) -> None:
        """Gives the slot back."""
        if self._slot is not None:
            self._slot.free()

    def _small(self, packet: FeedPacket, *, behind: bool) -> list[FeedPacket]:
        if self._transcoder is None or self._transcoder.session != packet.session:
            if not packet.is_key:
                return []
            self._claim()
            self._transcoder = Transcoder(packet.session)
        return self._transcoder.take(packet, behind=behind)

    def _marked(self, packet: FeedPacket, *, behind: bool) -> list[MarkedFrame]:
        if self._marker is None or self._marker.session != packet.session:
            if not packet.is_key:
                return []
            self._claim()
            self._marker = MarkingTranscoder(packet.session, packet.format.codec, self.marking, self._utc_us)
        return self._marker.take(packet, behind=behind)

    def _messages(self, frame: MarkedFrame) -> Iterator[bytes]:
        first, second = (muxer.take(one) for muxer, one in zip(self._muxers, frame.variants, strict=True))
        if len(first) != len(second):
            raise InvalidInput("the variants of a picture do not belong together", code="undecodable")
        number = frame.group.to_bytes(8, "big")
        for a, b in zip(first, second, strict=True):
            if a[:1] == INIT:
                if a != b:
                    raise InvalidInput("the variants need different initialisations", code="undecodable")
                yield a
                continue
            flags = IS_KEYFRAME if a[:1] == KEYFRAME else 0
            yield b"".join((MARKED, bytes((flags,)), number, a[1:]))
            yield b"".join((MARKED, bytes((flags | IS_VARIANT_B,)), number, b[1:]))

    def _claim(self) -> None:
        if self._slot is None and self._slots is not None:
            self._slot = self._slots.take()
            if self._slot is None:
                raise ResourceExhausted(
                    "as many cameras are made small for viewers as this machine may at once: raise live.transcodes_max,"
                    " or give the camera an H.264 sub-stream",
                    code="busy",
                )
