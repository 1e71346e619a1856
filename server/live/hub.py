"""One camera's pictures on their way from one push to everybody who may look.

Invariants: a frame is framed once, whoever watches; the group that lasts is kept, bounded, so that a first picture comes at
once; nothing here waits for anybody.
"""

import json

from config.base.errors import InvalidInput
from config.wire.live import FRAME, INIT, IS_KEYFRAME, KEYFRAME, MARKED
from server.live.boxes import codec_of, decoded_at
from server.live.parts import PartStore
from server.live.variants import MarkedSide
from server.live.viewer import Viewer
from server.live.wire import TEXT, frame

GROUP_BYTES_MAX = 6 * 2**20
GROUP_FRAMES_MAX = 300


class Hub:
    """Used by the event loop alone."""

    def __init__(self, camera_id: str) -> None:
        self.camera_id = camera_id
        self.viewers: set[Viewer] = set()
        self.parts = PartStore()
        self.codec = ""
        self._stream = b""
        """What a viewer is told first: codec, then the initialisation segment; framed."""
        self._groups: list[list[bytes]] = []
        """The group that lasts, framed, in each of its variants; nothing where there is none."""
        self._group_bytes = 0
        self.frames = 0
        self.marked: MarkedSide | None = None
        """Where the site marks its live view: everything that goes by variants. What is not marked is refused then."""

    def mark(self, *, wanted: bool) -> None:
        """Begins or ends marking; what was kept is no longer for anybody."""
        if wanted != (self.marked is not None):
            self.end()
            self.parts = PartStore(self.parts.numbers)  # nothing of before is left to be asked for
            self.marked = MarkedSide(self.parts) if wanted else None

    @property
    def is_warm(self) -> bool:
        """Whether a viewer would see a picture at once."""
        return bool(self._groups)

    def join(self, viewer: Viewer) -> None:
        """The viewer gets what there is, and then every frame."""
        if (viewer.word is not None) != (self.marked is not None):
            return  # the site began or ceased to mark a moment ago: this view is about to end
        self.viewers.add(viewer)
        if self._stream:
            variant = self.marked.variant_for(viewer.word) if self.marked is not None else 0
            viewer.begin(self._stream, b"".join(self._groups[variant]) if self._groups else b"")
        if self.marked is not None:
            self.marked.choose(self.viewers)

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)
        if self.marked is not None:
            self.marked.choose(self.viewers)

    def take(self, message: bytes) -> None:
        """One message of the push. Raises InvalidInput for what is none."""
        kind, payload, marked = message[:1], message[1:], self.marked
        if kind == INIT:
            self._begin(payload)
        elif not self._stream or kind not in (KEYFRAME, FRAME, MARKED):
            raise InvalidInput("a push brings an initialisation segment first, then frames", code="bad_media")
        elif (kind == MARKED) != (marked is not None):
            raise InvalidInput("the site's choice to mark its live view and this push differ", code="not_marked")
        elif marked is None:
            self._fan_out((payload,), is_key=kind == KEYFRAME)
        elif (frame_of := marked.pair(payload)) is not None:  # variant A waits for B
            flags, number, fragments = frame_of
            self._fan_out(fragments, is_key=bool(flags & IS_KEYFRAME), number=number)

    def end(self) -> None:
        """The push is over: what was kept is no longer now."""
        self._stream, self._groups, self._group_bytes = b"", [], 0
        self.parts.end()
        if self.marked is not None:
            self.marked.end()

    def _begin(self, initialisation: bytes) -> None:
        self.codec = codec_of(initialisation)
        told = json.dumps({"type": "stream", "codec": self.codec}).encode()
        self._stream = frame(told, TEXT) + frame(initialisation)
        self._groups, self._group_bytes = [], 0
        self.parts.begin(initialisation)
        if self.marked is not None:
            self.marked.begin(initialisation)
        for viewer in self.viewers:
            viewer.begin(self._stream, b"")

    def _fan_out(self, fragments: tuple[bytes, ...], *, is_key: bool, number: int = 0) -> None:
        """One frame in each of its variants; ``number``: its group, where it is marked. Raises InvalidInput."""
        at, marked = decoded_at(fragments[0]), self.marked
        if any(decoded_at(one) != at for one in fragments[1:]):
            raise InvalidInput("the variants of a frame have different times", code="bad_media")
        framed = [frame(fragment) for fragment in fragments]
        if is_key:
            self._groups, self._group_bytes = [[] for _ in framed], 0
            if marked is not None:
                marked.number = number
                marked.choose(self.viewers)
        for group, one in zip(self._groups, framed, strict=False):
            group.append(one)
            self._group_bytes += len(one)
        if self._groups and (self._group_bytes > GROUP_BYTES_MAX or len(self._groups[0]) > GROUP_FRAMES_MAX):
            self._groups, self._group_bytes = [], 0
        sides = (self.viewers,) if marked is None else marked.sides
        for viewers, one in zip(sides, framed, strict=True):
            for viewer in viewers:
                viewer.send(one, is_key=is_key)
        stores = (self.parts,) if marked is None else (self.parts, marked.other_parts)
        for store, fragment in zip(stores, fragments, strict=True):
            store.take(fragment, at, is_key=is_key, group=number)
        self.frames += 1
