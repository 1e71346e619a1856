"""A marked stream within a hub: both variants of each frame, and which viewer gets which.

Invariant: a viewer changes from one variant to the other at keyframes alone, and gets what its code word says for the group; without
a code word it gets nothing.
"""

from collections.abc import Iterable

from config.base.errors import InvalidInput
from config.wire.live import IS_KEYFRAME, IS_VARIANT_B, MARKED_HEADER_BYTES
from server.domain.marking import CodeWord
from server.live.parts import PartStore
from server.live.viewer import Viewer

SEGMENTS_KEPT = 12
"""Groups of a marked stream last half a second: for LL-HLS, six seconds of them."""
FRAGMENT_BYTES_MAX = 512 * 1024
"""Of a small picture. With it no part or segment ends by its bytes, which differ: both variants have the same numbers."""
_HEADER_BYTES = MARKED_HEADER_BYTES - 1
"""Without the byte that says what it is."""


class MarkedSide:
    """What a hub keeps besides, while its site marks: variant B, and who gets which now. Used by the event loop alone."""

    def __init__(self, parts: PartStore) -> None:
        self.other_parts = PartStore(parts.numbers)
        parts.kept = self.other_parts.kept = SEGMENTS_KEPT
        self.number = -1
        self.sides: tuple[list[Viewer], list[Viewer]] = ([], [])
        self._first: tuple[int, int, bytes] | None = None

    def pair(self, payload: bytes) -> tuple[int, int, tuple[bytes, bytes]] | None:
        """Flags, group and both fragments, once both have come. Raises InvalidInput for what is out of order."""
        if len(payload) < _HEADER_BYTES:
            raise InvalidInput("a marked fragment begins with its flags and its group", code="bad_media")
        flags, number = payload[0], int.from_bytes(payload[1:_HEADER_BYTES], "big")
        fragment, first = payload[_HEADER_BYTES:], self._first
        if len(fragment) > FRAGMENT_BYTES_MAX:
            raise InvalidInput("a fragment of a marked stream is larger than a small picture", code="bad_media")
        if first is None and not flags & IS_VARIANT_B and number >= self.number:
            self._first = (flags, number, fragment)
            return None
        if first is None or (flags, number) != (first[0] | IS_VARIANT_B, first[1]):
            raise InvalidInput("a marked stream brings each frame as A and then B, in rising groups", code="bad_media")
        if number != self.number and not flags & IS_KEYFRAME:
            raise InvalidInput("a group begins with a keyframe", code="bad_media")
        self._first = None
        return first[0], number, (first[2], fragment)

    def variant_for(self, word: CodeWord | None) -> int:
        """Of the group that lasts, where there is one."""
        return word.bit(self.number) if word is not None and self.number >= 0 else 0

    def choose(self, viewers: Iterable[Viewer]) -> None:
        """Who gets which variant of the group that lasts; nobody without a code word."""
        sides: tuple[list[Viewer], list[Viewer]] = ([], [])
        if self.number >= 0:
            for viewer in viewers:
                if viewer.word is not None:
                    sides[viewer.word.bit(self.number)].append(viewer)
        self.sides = sides

    def parts_for(self, word: CodeWord | None, number: int, parts: PartStore) -> PartStore | None:
        """Where the segment with this number is in the variant for this code word; None where it is not kept."""
        group = parts.group_of(number)
        if word is None or group is None:
            return None
        return self.other_parts if word.bit(group) else parts

    def begin(self, initialisation: bytes) -> None:
        """Another stream begins."""
        self.end()
        self.other_parts.begin(initialisation)

    def end(self) -> None:
        """The push is over."""
        self._first, self.number, self.sides = None, -1, ([], [])
        self.other_parts.end()
