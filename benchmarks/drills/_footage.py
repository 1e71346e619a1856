"""What a fragmented MP4 file really holds, read without any of the agent's code.

A frame is known by the digest of its coded bytes: the simulated cameras burn the time of day into every picture, so no
two frames of a camera are the same. Key frames are decoded, and their burned-in time is read.

Source: ISO/IEC 14496-12, 4.2 (boxes), 8.8 (movie fragments).
"""

import hashlib
import io
import struct
from dataclasses import dataclass, field

import av
import av.error
from av.video.stream import VideoStream

from deploy.local.simulator.timecode import read_timecode

US_PER_S = 1_000_000


@dataclass
class Footage:
    """Digests in order; (microseconds into the file, burned-in instant) of key frames; how long it lasts."""

    frames: list[str] = field(default_factory=list)
    stamped: list[tuple[int, int]] = field(default_factory=list)
    span_us: int = 0
    unreadable_keyframes: int = 0


def whole_part(data: bytes) -> bytes:
    """Up to the end of the last fragment that lies there completely."""
    at = end = 0
    before = b""
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if length < 8 or at + length > len(data):
            break
        at += length
        if kind == b"mdat" and before == b"moof":
            end = at
        before = kind
    return data[:end]


def digests(data: bytes) -> list[str]:
    """Of the frames of a file that may be torn."""
    return read(whole_part(data), decode=False).frames


def read(data: bytes, *, decode: bool = True) -> Footage:
    """All of a whole file."""
    found = Footage()
    if not data:
        return found
    ends_us = 0
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if not packet.size or packet.pts is None or packet.time_base is None:
                    continue
                found.frames.append(hashlib.sha256(bytes(packet)).hexdigest())
                at_us = int(packet.pts * packet.time_base * US_PER_S)
                ends_us = max(ends_us, at_us + int((packet.duration or 0) * packet.time_base * US_PER_S))
                if decode and packet.is_keyframe:
                    _stamp(found, stream.codec_context.extradata, stream.codec_context.name, packet, at_us)
    except (av.error.FFmpegError, IndexError):
        found.unreadable_keyframes += 1
    found.span_us = ends_us
    return found


def _stamp(found: Footage, extradata: bytes | None, codec: str, packet: "av.Packet[VideoStream]", at_us: int) -> None:
    decoder = av.CodecContext.create(codec, "r")
    decoder.extradata = extradata
    try:
        frames = [*decoder.decode(packet), *decoder.decode(None)]  # type: ignore[attr-defined]
        instant_us = read_timecode(frames[0]) if frames else None
    except av.error.FFmpegError:
        instant_us = None
    if instant_us is None:
        found.unreadable_keyframes += 1
    else:
        found.stamped.append((at_us, instant_us))
