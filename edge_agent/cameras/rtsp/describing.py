"""What a camera's session description says of its video. Pure.

Source: RFC 8866 (SDP), RFC 2326 appendix C (control URLs), RFC 6184 8.2 and RFC 7798 7.1 (parameter sets).
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from edge_agent.cameras.feed import Codec

LINES_MAX = 1_000
_CODECS: dict[str, Codec] = {"H264": "h264", "H265": "hevc", "HEVC": "hevc"}
_SETS = {"h264": ("sprop-parameter-sets",), "hevc": ("sprop-vps", "sprop-sps", "sprop-pps")}
START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class VideoDescription:
    """One video stream that can be recorded."""

    codec: Codec
    payload_type: int
    clock_hz: int
    control: str
    """Where it is set up: absolute, or relative to the session's base; may be empty."""
    session_control: str
    parameters: bytes
    """Parameter sets, Annex B; may be empty."""


@dataclass
class _Media:
    kind: str
    types: list[int]
    control: str = ""
    maps: dict[int, tuple[str, int]] = field(default_factory=dict)
    formats: dict[int, str] = field(default_factory=dict)


def read_description(text: str) -> tuple[VideoDescription | None, list[str]]:
    """The first video that is H.264 or H.265, and the names of all video encodings."""
    session_control, media = "", list[_Media]()
    for line in text.splitlines()[:LINES_MAX]:
        key, _, value = line.strip().partition("=")
        if key == "m":
            words = value.split()
            types = [int(word) for word in words[3:] if word.isdecimal()]
            media.append(_Media(words[0] if words else "", types))
        elif key == "a":
            name, _, rest = value.partition(":")
            if not media:
                session_control = rest.strip() if name == "control" else session_control
            else:
                _attribute(media[-1], name, rest.strip())
    videos = [one for one in media if one.kind == "video"]
    for video in videos:
        for number in video.types:
            encoding, clock_hz = video.maps.get(number, ("", 0))
            codec = _CODECS.get(encoding.upper())
            if codec and clock_hz > 0:
                parameters = _parameters(codec, video.formats.get(number, ""))
                found = VideoDescription(codec, number, clock_hz, video.control, session_control, parameters)
                return found, []
    return None, [name for video in videos for name, _ in video.maps.values()] or ["unknown" for _ in videos]


def _attribute(media: _Media, name: str, value: str) -> None:
    if name == "control":
        media.control = value
    elif name in ("rtpmap", "fmtp"):
        number, _, rest = value.partition(" ")
        if not number.isdecimal():
            return
        if name == "fmtp":
            media.formats[int(number)] = rest
            return
        encoding, _, clock = rest.strip().partition("/")
        rate = re.match(r"\d{1,9}", clock)
        media.maps[int(number)] = (encoding, int(rate[0]) if rate else 0)


def _parameters(codec: Codec, text: str) -> bytes:
    values = dict(part.strip().partition("=")[::2] for part in text.split(";"))
    found = b""
    for name in _SETS[codec]:
        for encoded in values.get(name, "").split(","):
            try:
                unit = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                return b""
            found += START_CODE + unit if unit else b""
    return found
