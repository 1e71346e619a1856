"""Two variants of a camera's small stream that no eye tells apart (A/B marking): one decoding, two encoders.

Invariants: both variants have the same frames at the same times, and a keyframe at the same ones: the first of each slot of
``GROUP_US``. A frame that only one of them could be had of is neither's. The recording is never marked.

The variants are the picture plus and minus a coarse pattern: one step of brightness where the picture is flat, up to three where
it is busy, where neither an eye nor an encoder parts it from texture.
"""

from collections.abc import Callable
from typing import NamedTuple

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from config.base.errors import InvalidInput
from config.wire.marking import CELLS_ACROSS, CELLS_DOWN, VARIANTS, blend, group_of, signs
from edge_agent.cameras.feed import Codec, FeedPacket
from edge_agent.live.transcoder import MICROS, Pictures, coded, small_encoder

BITS_PER_SECOND = 800_000
KEY_EVERY = 250
"""Keyframes are asked for; this one is for a camera that stands still in time."""
STEP_FLAT, STEP_BUSY = 1.0, 3.0
BUSY_DEVIATION = 16.0
"""Standard deviation within a block from which on the picture counts as busy."""
BLOCK = 8
DITHER_SEED = 104_002
Signed = NDArray[np.int16]


class MarkedFrame(NamedTuple):
    """One frame in both variants."""

    group: int
    variants: tuple[FeedPacket, FeedPacket]


class MarkingTranscoder:
    """Used by one thread; begin another where the camera's session changes."""

    def __init__(self, session: int, codec: Codec, seed: str, utc_us: Callable[[int], int]) -> None:
        """``utc_us``: the instant of a monotonic one."""
        self.session = session
        self._pictures = Pictures(session, codec)
        self._utc_us = utc_us
        self._seed = seed
        self._pair: _Pair | None = None
        self._group = -1

    def take(self, packet: FeedPacket, *, behind: bool) -> list[MarkedFrame]:
        """The frames in it, twice; none while ``behind``. Raises InvalidInput where it cannot be decoded."""
        made = []
        for at_us, frame in self._pictures.take(packet, behind=behind):
            self._pair = self._pair or _pair(self._seed, frame.width, frame.height)
            made.append(self._mark(self._pair, frame, at_us, packet))
        return made

    def _mark(self, pair: "_Pair", frame: av.VideoFrame, at_us: int, packet: FeedPacket) -> MarkedFrame:
        first, pattern = pair.encoders[0], pair.pattern
        planes = frame.reformat(first.width, first.height, format="yuv420p").to_ndarray()
        luma = planes[: first.height].astype(np.uint8, copy=False)
        group = max(self._group, group_of(self._utc_us(packet.captured_us)))
        begins, self._group = group != self._group, group
        if begins:
            pattern.fit(luma)
        made = []
        for encoder, shift in zip(pair.encoders, (-pattern.shift, pattern.shift), strict=True):
            own = planes.copy()
            own[: first.height] = np.clip(luma + shift, 0, 255)
            picture = av.VideoFrame.from_ndarray(own, format="yuv420p")
            picture.pts, picture.time_base = at_us, MICROS
            picture.pict_type = PictureType.I if begins else PictureType.NONE
            made += coded(encoder, picture, at_us, packet)
        if len(made) != VARIANTS or made[0].is_key != made[1].is_key:
            raise InvalidInput("the variants of a picture do not belong together", code="undecodable")
        return MarkedFrame(group, (made[0], made[1]))


class Pattern:
    """What is added for one variant and taken away for the other, fitted to a group's first picture."""

    def __init__(self, seed: str, width: int, height: int) -> None:
        self._down, self._across = height // BLOCK, width // BLOCK
        cells = np.array(signs(seed), np.float32)
        self._signs = _matrix(CELLS_DOWN, height) @ cells @ _matrix(CELLS_ACROSS, width).T
        self._rows, self._columns = _matrix(self._down, height), _matrix(self._across, width).T
        self._dither = np.random.default_rng(DITHER_SEED).uniform(-0.5, 0.5, (height, width)).astype(np.float32)
        self.shift: Signed = np.zeros((height, width), np.int16)

    def fit(self, luma: NDArray[np.uint8]) -> None:
        """``luma``: (height, width)."""
        whole = luma[: self._down * BLOCK, : self._across * BLOCK].astype(np.float32)
        blocks = whole.reshape(self._down, BLOCK, self._across, BLOCK).std(axis=(1, 3))
        steps = np.clip(STEP_FLAT + (STEP_BUSY - STEP_FLAT) * blocks / BUSY_DEVIATION, STEP_FLAT, STEP_BUSY)
        self.shift = np.rint(self._signs * (self._rows @ steps @ self._columns) + self._dither).astype(np.int16)


class _Pair(NamedTuple):
    encoders: tuple[VideoCodecContext, ...]
    pattern: Pattern


def _pair(seed: str, width: int, height: int) -> _Pair:
    encoders = tuple(
        small_encoder(width, height, bits_per_second=BITS_PER_SECOND, key_every=KEY_EVERY) for _ in range(VARIANTS)
    )
    return _Pair(encoders, Pattern(seed, encoders[0].width, encoders[0].height))


def _matrix(cells: int, pixels: int) -> NDArray[np.float32]:
    return np.array(blend(cells, pixels), np.float32)
