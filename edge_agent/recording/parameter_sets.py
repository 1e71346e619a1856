"""The parameter sets (VPS, SPS, PPS) that stand before a keyframe's picture, in Annex B form.

Invariant: a segment's header describes the frames in it; where the sets change, a new run begins.

Source: ITU-T H.264 (annex B, 7.4.1), H.265 (annex B, 7.4.2.2).
"""

from edge_agent.cameras.feed import Codec

START_CODE = b"\x00\x00\x01"
_H264_PICTURES = range(1, 6)
_H264_PARAMETERS = (7, 8)
_HEVC_PICTURES_END = 32
_HEVC_PARAMETERS = (32, 33, 34)


def parameter_sets(data: bytes, codec: Codec) -> tuple[bytes, ...]:
    """The distinct parameter sets ahead of the first picture, sorted; empty where there are none."""
    found: set[bytes] = set()
    at = data.find(START_CODE)
    while at >= 0 and at + 3 < len(data):
        begin = at + 3
        kind = data[begin] & 31 if codec == "h264" else (data[begin] >> 1) & 63
        if kind in _H264_PICTURES if codec == "h264" else kind < _HEVC_PICTURES_END:
            break
        at = data.find(START_CODE, begin)
        if kind in (_H264_PARAMETERS if codec == "h264" else _HEVC_PARAMETERS):
            found.add(data[begin : at if at >= 0 else len(data)].rstrip(b"\x00"))
    return tuple(sorted(found))
