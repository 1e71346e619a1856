"""RTP packets, RTCP sender reports and the SDP of one stream.

Source: RFC 3550 (RTP, RTCP), RFC 6184 (H.264: single NAL units and FU-A), RFC 7798 (H.265: FU), RFC 8866 (SDP).
"""

import base64
import os
import struct
from dataclasses import dataclass, field

from deploy.local.simulator.source import AccessUnit, Codec

PAYLOAD_BYTES_MAX = 1_400
PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
NTP_EPOCH_S = 2_208_988_800
SOUND_HZ = 8_000
SOUND_TYPE = 0
_FU_A, _FU_HEVC = 28, 49


@dataclass(frozen=True)
class Payload:
    """What one RTP packet carries; ``last`` of its access unit sets the marker bit."""

    data: bytes
    last: bool
    payload_type: int = PAYLOAD_TYPE


def payloads(codec: Codec, unit: AccessUnit) -> list[Payload]:
    """An access unit cut for packets of at most ``PAYLOAD_BYTES_MAX``."""
    cut: list[bytes] = []
    for nal in unit.nals:
        cut += [nal] if len(nal) <= PAYLOAD_BYTES_MAX else _fragments(codec, nal)
    return [Payload(data, index == len(cut) - 1) for index, data in enumerate(cut)]


def _fragments(codec: Codec, nal: bytes) -> list[bytes]:
    if codec == "h264":
        indicator, kind, body = bytes([nal[0] & 0xE0 | _FU_A]), nal[0] & 0x1F, nal[1:]
    else:
        indicator, kind, body = bytes([nal[0] & 0x81 | _FU_HEVC << 1, nal[1]]), nal[0] >> 1 & 0x3F, nal[2:]
    room = PAYLOAD_BYTES_MAX - len(indicator) - 1
    made = []
    for offset in range(0, len(body), room):
        first = 0x80 if offset == 0 else 0
        last = 0x40 if offset + room >= len(body) else 0
        made.append(indicator + bytes([first | last | kind]) + body[offset : offset + room])
    return made


@dataclass
class RtpStream:
    """Numbers the packets that one viewer gets."""

    ssrc: int = field(default_factory=lambda: int.from_bytes(os.urandom(4), "big"))
    sequence: int = field(default_factory=lambda: int.from_bytes(os.urandom(2), "big"))
    packets: int = 0
    octets: int = 0

    def packet(self, payload: Payload, timestamp: int, extension: bytes = b"") -> bytes:
        """The next RTP packet, with a header extension where one is given."""
        marker = 0x80 if payload.last else 0
        header = struct.pack(
            ">BBHII", 0x90 if extension else 0x80, marker | payload.payload_type, self.sequence, timestamp & 0xFFFF_FFFF, self.ssrc
        )  # fmt: skip
        self.sequence = self.sequence + 1 & 0xFFFF
        self.packets = self.packets + 1 & 0xFFFF_FFFF
        self.octets = self.octets + len(payload.data) & 0xFFFF_FFFF
        return header + extension + payload.data

    def sender_report(self, timestamp: int, utc_us: int) -> bytes:
        """Ties the RTP timestamp to the wall clock (RFC 3550, 6.4.1)."""
        seconds, micros = divmod(utc_us, 1_000_000)
        ntp = seconds + NTP_EPOCH_S << 32 | (micros << 32) // 1_000_000
        return struct.pack(
            ">BBHIQIII", 0x80, 200, 6, self.ssrc, ntp, timestamp & 0xFFFF_FFFF, self.packets, self.octets
        )  # fmt: skip


def describe(name: str, codec: Codec, parameter_sets: tuple[bytes, ...]) -> bytes:
    """The SDP of a camera's one video stream."""
    sets = [base64.b64encode(nal).decode() for nal in parameter_sets]
    if codec == "h264":
        encoding = "H264"
        parameters = f"packetization-mode=1;profile-level-id={parameter_sets[0][1:4].hex()};sprop-parameter-sets={','.join(sets)}"
    else:
        encoding = "H265"
        parameters = f"sprop-vps={sets[0]};sprop-sps={sets[1]};sprop-pps={sets[2]}"
    return _sdp(
        name,
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {encoding}/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {parameters}",
    )


def describe_sound_only(name: str) -> bytes:
    """The SDP of a device that has a microphone and no picture."""
    return _sdp(name, f"m=audio 0 RTP/AVP {SOUND_TYPE}", f"a=rtpmap:{SOUND_TYPE} PCMU/{SOUND_HZ}")


def silence(duration_us: int) -> Payload:
    """PCMU silence of this length (RFC 3551, 4.5.14)."""
    return Payload(b"\xff" * (duration_us * SOUND_HZ // 1_000_000), last=False, payload_type=SOUND_TYPE)


def _sdp(name: str, *media: str) -> bytes:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", f"s={name}", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*", *media]
    return "\r\n".join([*lines, "a=control:trackID=0", ""]).encode()
