"""A clip as small grey pictures, eight a second, read in a process of its own (``server/probe/clip_child.py``).

Invariant (I10): whatever the file is, so much of it is read and no more, and this process sees figures and grey levels alone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.base.decoding import decode_json
from config.base.errors import InvalidInput
from server.probe import clip_child
from server.probe.clip_child import BINS_PER_S, FINE, LONG_SIDE, SECONDS_MAX
from server.probe.parent import run

CHILD = Path(clip_child.__file__)
WAIT_S = 150.0
ANSWER_BYTES_MAX = 2 * SECONDS_MAX * BINS_PER_S * LONG_SIDE**2 + 1_024
_MATROSKA = b"\x1a\x45\xdf\xa3"
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""What a file of the MP4 family begins with, after the box's size."""
Grey = NDArray[np.float32]
_Side = Annotated[int, msgspec.Meta(ge=0, le=LONG_SIDE)]


@dataclass(frozen=True)
class Clip:
    """``pictures``: (bins, height, width), the mean of the frames of each eighth of a second."""

    pictures: Grey
    seconds: float


class _Answer(msgspec.Struct, frozen=True):
    error: str = ""
    count: Annotated[int, msgspec.Meta(ge=0, le=SECONDS_MAX * BINS_PER_S)] = 0
    height: _Side = 0
    width: _Side = 0


def read_clip(file: BinaryIO, *, child: Path = CHILD, wait_s: float = WAIT_S) -> Clip:
    """``file`` has a descriptor. Raises InvalidInput (``bad_clip``) where it holds no video that can be read, Unavailable."""
    file.flush()
    descriptor = file.fileno()  # its own position is what the child reads from
    start = os.pread(descriptor, 8, 0)
    demuxer = "matroska" if start[:4] == _MATROSKA else "mp4" if start[4:] in _BOXES else ""
    if not demuxer:
        raise InvalidInput("the clip cannot be read: send an MP4, MOV or WebM", code="bad_clip")
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        ended = run(child, (demuxer,), descriptor, bytes_max=ANSWER_BYTES_MAX, wait_s=wait_s)
        line, _, data = ended.output.partition(b"\n")
        answer = decode_json(line, _Answer)
    except (msgspec.MsgspecError, InvalidInput) as error:
        raise InvalidInput("the clip cannot be read: it broke the decoder", code="bad_clip") from error
    shape = (answer.count, answer.height, answer.width)
    if (
        ended.code != 0
        or answer.error
        or not answer.count
        or len(data) != 2 * answer.count * answer.height * answer.width
    ):
        raise InvalidInput(f"the clip cannot be read ({answer.error[:160]})", code="bad_clip")
    pictures = np.frombuffer(data, "<u2").reshape(shape).astype(np.float32) / np.float32(FINE)
    return Clip(pictures, answer.count / BINS_PER_S)
