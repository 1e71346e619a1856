"""A camera's H.264 packets as an initialisation segment and one fragment a frame, in memory.

Invariant: an initialisation segment describes every frame up to the next one; where a camera's parameter sets or its
connection change, there is another, and times begin anew.
"""

from fractions import Fraction

import av

from config.base.errors import InvalidInput
from config.wire.live import FRAME, FRAME_BYTES_MAX, INIT, KEYFRAME, TIMESCALE
from edge_agent.cameras.feed import FeedPacket
from edge_agent.live.fragments import fragment, length_prefixed
from edge_agent.recording.parameter_sets import parameter_sets
from edge_agent.recording.writer import Header

MOVFLAGS = "frag_custom+empty_moov+default_base_moof"
DURATION_FIRST, DURATION_MAX = TIMESCALE // 25, TIMESCALE
SHOWN_AFTER_MAX = 60 * TIMESCALE
FRAGMENT_BYTES_MAX = 64 * 1_024
"""What a fragment adds to its frame at the most: its boxes, and a longer mark before each NAL unit."""
US_PER_S = 1_000_000


class _Memory:
    """What the muxer writes into."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)


class LiveMuxer:
    """``take`` one packet after the other; used by one thread."""

    def __init__(self) -> None:
        self._session = -1
        self._sets: tuple[bytes, ...] = ()
        self._sequence = 0
        self._began_us = self._before_us = 0
        self._duration = DURATION_FIRST

    def take(self, packet: FeedPacket) -> list[bytes]:
        """The messages that this packet makes, each with its first byte. Raises InvalidInput for an unusable frame."""
        messages = []
        if packet.session != self._session or (packet.is_key and self._sets_changed(packet)):
            if not packet.is_key:
                return []
            messages.append(self._begin(packet))
        elif packet.decoded_us > self._before_us:
            ticks = (packet.decoded_us - self._before_us) * TIMESCALE // US_PER_S
            self._duration = min(max(1, ticks), DURATION_MAX)
        self._before_us = packet.decoded_us
        self._sequence += 1
        decoded = max(0, (packet.decoded_us - self._began_us) * TIMESCALE // US_PER_S)
        shown_after = (packet.presented_us - packet.decoded_us) * TIMESCALE // US_PER_S
        if abs(shown_after) > SHOWN_AFTER_MAX or len(packet.data) > FRAME_BYTES_MAX - FRAGMENT_BYTES_MAX:
            raise InvalidInput("a frame that no player could take", code="bad_frame")
        data = length_prefixed(packet.data)
        made = fragment(self._sequence, decoded, shown_after, self._duration, data, is_key=packet.is_key)
        messages.append((KEYFRAME if packet.is_key else FRAME) + made)
        return messages

    def _sets_changed(self, packet: FeedPacket) -> bool:
        found = parameter_sets(packet.data, "h264")
        return bool(found) and found != self._sets

    def _begin(self, packet: FeedPacket) -> bytes:
        sets = parameter_sets(packet.data, "h264")
        keyframe = packet.data if sets else packet.format.parameters + packet.data
        message = INIT + initialisation(keyframe)
        self._session, self._sets, self._sequence = packet.session, sets, 0
        self._began_us, self._duration = packet.decoded_us, DURATION_FIRST
        return message


def initialisation(keyframe: bytes) -> bytes:
    """``ftyp`` and ``moov`` for frames like this Annex B keyframe with its parameter sets. Raises InvalidInput."""
    header = Header(keyframe, "h264", Fraction(1, TIMESCALE))
    memory = _Memory()
    try:
        with av.open(memory, "w", format="mp4", options={"movflags": MOVFLAGS}) as output:
            stream = output.add_stream_from_template(header.stream)
            stream.time_base = Fraction(1, TIMESCALE)
            output.start_encoding()
            made = b"".join(memory.parts)
    except (av.error.FFmpegError, OSError) as error:
        raise InvalidInput("no initialisation segment can be made of the keyframe", code="bad_keyframe") from error
    finally:
        header.close()
    return made
