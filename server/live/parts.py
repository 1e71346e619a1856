"""The same fragments as LL-HLS: parts of a fifth of a second, segments of a group; in memory, a few seconds long.

Invariant: what is named in the playlist can be had, and no more than ``kept`` segments are kept.
Source: RFC 8216bis (HTTP Live Streaming, 2nd edition), 4.4.3.7, 4.4.3.8, 4.4.4.9, 6.2.5.2, B.1.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from config.wire.live import TIMESCALE

PART_TICKS = TIMESCALE // 5
PART_TARGET_S = 0.28
"""A part is closed by the first frame past a fifth of a second: of a camera of 15 pictures a second that is 0.27 s."""
SEGMENTS_KEPT = 4
SEGMENT_TICKS_MAX = 10 * TIMESCALE
PART_BYTES_MAX, SEGMENT_BYTES_MAX = 8 * 2**20, 24 * 2**20
"""A camera's clock that stands still makes no part longer; its bytes do (I10)."""


@dataclass
class Part:
    """Some frames in a row."""

    data: bytes
    ticks: int
    independent: bool


@dataclass
class Segment:
    """A group: begins with a keyframe."""

    number: int
    epoch: int
    group: int = 0
    """Of a marked stream: which bit of a viewer's code word chooses the variant."""
    parts: list[Part] = field(default_factory=list)
    ended: bool = False

    @property
    def ticks(self) -> int:
        return sum(part.ticks for part in self.parts)

    @property
    def size(self) -> int:
        return sum(len(part.data) for part in self.parts)

    @property
    def data(self) -> bytes:
        return b"".join(part.data for part in self.parts)


class PartStore:
    """Used by the event loop alone."""

    def __init__(self, numbers: tuple[int, int] = (0, 0)) -> None:
        """``numbers``: of the store whose epochs and segments are counted on here."""
        self.initialisations: dict[int, bytes] = {}
        self.segments: deque[Segment] = deque()
        self.kept = SEGMENTS_KEPT
        self._epoch, self._next = numbers
        self._frames: list[bytes] = []
        self._frames_bytes = 0
        self._began: int | None = None
        self._independent = False
        self._news = asyncio.Condition()
        self._waking: asyncio.Task[None] | None = None

    @property
    def numbers(self) -> tuple[int, int]:
        """The newest epoch, and the next segment's number."""
        return self._epoch, self._next

    def begin(self, initialisation: bytes) -> None:
        """Another stream begins; players are told of a discontinuity."""
        self.end()
        self._epoch += 1
        self.initialisations[self._epoch] = initialisation
        while len(self.initialisations) > self.kept:
            self.initialisations.pop(next(iter(self.initialisations)))

    def end(self) -> None:
        """What was not whole is dropped."""
        self._frames, self._frames_bytes, self._began = [], 0, None
        if self.segments:
            self.segments[-1].ended = True

    def take(self, fragment: bytes, at: int, *, is_key: bool, group: int = 0) -> None:
        """One frame, decoded ``at``."""
        if self._began is not None and (is_key or at - self._began >= PART_TICKS):
            self._close_part(at)
        if is_key:
            self._new_segment(group)
        elif not self.segments or self.segments[-1].ended:
            return  # it leads nowhere without its keyframe
        if self._began is None:
            self._began, self._independent = at, is_key
        self._frames.append(fragment)
        self._frames_bytes += len(fragment)
        if self._frames_bytes > PART_BYTES_MAX:
            self._close_part(at)

    def find(self, number: int, part: int | None) -> bytes | None:
        """A part, or a whole segment that has ended."""
        found = next((segment for segment in self.segments if segment.number == number), None)
        if found is None:
            return None
        if part is None:
            return found.data if found.ended else None
        return found.parts[part].data if part < len(found.parts) else None

    def reached(self, number: int, part: int) -> bool:
        """Whether a playlist would name this part by now."""
        if not self.segments or self.segments[-1].number < number:
            return False
        newest = self.segments[-1]
        return newest.number > number or newest.ended or len(newest.parts) > part

    async def wait_for(self, number: int, part: int, within_s: float) -> None:
        """Until that part is there, or the time is over."""
        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(lambda: self.reached(number, part))
        except TimeoutError:
            return

    def playlist(self) -> str:
        """The media playlist as it stands."""
        longest = max([1.0, *(segment.ticks / TIMESCALE for segment in self.segments if segment.ended)])
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            f"#EXT-X-TARGETDURATION:{round(longest + 0.5)}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={PART_TARGET_S * 3:.2f}",
            f"#EXT-X-PART-INF:PART-TARGET={PART_TARGET_S}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.segments[0].number if self.segments else 0}",
        ]
        epoch = 0
        for segment in self.segments:
            if segment.epoch != epoch:
                lines += ["#EXT-X-DISCONTINUITY"] if epoch else []
                epoch = segment.epoch
                lines.append(f'#EXT-X-MAP:URI="init-{epoch}.mp4"')
            for number, part in enumerate(segment.parts):
                independent = ",INDEPENDENT=YES" if part.independent else ""
                uri = f"part-{segment.number}-{number}.m4s"
                lines.append(f'#EXT-X-PART:DURATION={part.ticks / TIMESCALE:.5f},URI="{uri}"{independent}')
            if segment.ended and segment.parts:
                lines += [f"#EXTINF:{segment.ticks / TIMESCALE:.5f},", f"seg-{segment.number}.m4s"]
        if self.segments and not self.segments[-1].ended:
            newest = self.segments[-1]
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{newest.number}-{len(newest.parts)}.m4s"')
        return "\n".join(lines) + "\n"

    def group_of(self, number: int) -> int | None:
        """The group that a segment holds; None where it is not kept."""
        return next((segment.group for segment in self.segments if segment.number == number), None)

    def _new_segment(self, group: int) -> None:
        if self.segments:
            self.segments[-1].ended = True
        self.segments.append(Segment(self._next, self._epoch, group))
        self._next += 1
        while len(self.segments) > self.kept:
            self.segments.popleft()

    def _close_part(self, at: int) -> None:
        if not self.segments or self._began is None:
            return
        newest = self.segments[-1]
        newest.parts.append(Part(b"".join(self._frames), max(1, at - self._began), self._independent))
        self._frames, self._frames_bytes, self._began = [], 0, None
        if newest.ticks > SEGMENT_TICKS_MAX or newest.size > SEGMENT_BYTES_MAX:
            newest.ended = True
        if self._waking is None or self._waking.done():
            self._waking = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()
