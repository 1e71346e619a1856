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
        self._group: list[bytes] = []
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
        return bool(self._group)

    def join(self, viewer: Viewer) -> None:
        """The viewer gets what there is, and then every frame."""
        if (viewer.word is not None) != (self.marked is not None):
            return  # the site began or ceased to mark a moment ago: this view is about to end
        self.viewers.add(viewer)
        if self._stream:
            group = self._group if self.marked is None else self.marked.group_for(viewer, self._group)
            viewer.begin(self._stream, b"".join(group))
        if self.marked is not None:
            self.marked.choose(self.viewers)

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)
        if self.marked is not None:
            self.marked.choose(self.viewers)

    def take(self, message: bytes) -> None:
        """One message of the push. Raises InvalidInput for what is none."""
        kind, payload = message[:1], message[1:]
        if kind == INIT:
            self._begin(payload)
        elif kind in (KEYFRAME, FRAME) and self._stream and self.marked is None:
            self._fan_out(payload, is_key=kind == KEYFRAME)
        elif kind == MARKED and self._stream and self.marked is not None:
            self._fan_out_marked(self.marked, payload)
        elif self._stream and kind in (KEYFRAME, FRAME, MARKED):
            raise InvalidInput("the site's choice to mark its live view and this push differ", code="not_marked")
        else:
            raise InvalidInput("a push brings an initialisation segment first, then frames", code="bad_media")

    def end(self) -> None:
        """The push is over: what was kept is no longer now."""
        self._stream, self._group, self._group_bytes = b"", [], 0
        self.parts.end()
        if self.marked is not None:
            self.marked.end()

    def _begin(self, initialisation: bytes) -> None:
        self.codec = codec_of(initialisation)
        told = json.dumps({"type": "stream", "codec": self.codec}).encode()
        self._stream = frame(told, TEXT) + frame(initialisation)
        self._group, self._group_bytes = [], 0
        self.parts.begin(initialisation)
        if self.marked is not None:
            self.marked.begin(initialisation)
        for viewer in self.viewers:
            viewer.begin(self._stream, b"")

    def _fan_out(self, fragment: bytes, *, is_key: bool) -> None:
        at = decoded_at(fragment)
        framed = frame(fragment)
        if is_key:
            self._group, self._group_bytes = [], 0
        if is_key or self._group:
            self._group.append(framed)
            self._group_bytes += len(framed)
            if self._group_bytes > GROUP_BYTES_MAX or len(self._group) > GROUP_FRAMES_MAX:
                self._group, self._group_bytes = [], 0
        for viewer in self.viewers:
            viewer.send(framed, is_key=is_key)
        self.parts.take(fragment, at, is_key=is_key)
        self.frames += 1

    def _fan_out_marked(self, marked: MarkedSide, payload: bytes) -> None:
        """Half a frame: variant A waits for B, then each viewer gets one of both. Raises InvalidInput."""
        both = marked.pair(payload)
        if both is None:
            return
        flags, number, fragments = both
        is_key = bool(flags & IS_KEYFRAME)
        ats = [decoded_at(fragment) for fragment in fragments]
        if ats[0] != ats[1]:
            raise InvalidInput("the variants of a frame have different times", code="bad_media")
        framed = [frame(fragment) for fragment in fragments]
        if is_key:
            self._group, self._group_bytes, marked.other_group = [], 0, []
            marked.number = number
            marked.choose(self.viewers)
        if is_key or self._group:
            self._group.append(framed[0])
            marked.other_group.append(framed[1])
            self._group_bytes += len(framed[0]) + len(framed[1])
            if self._group_bytes > GROUP_BYTES_MAX or len(self._group) > GROUP_FRAMES_MAX:
                self._group, self._group_bytes, marked.other_group = [], 0, []
        for variant, viewers in enumerate(marked.sides):
            for viewer in viewers:
                viewer.send(framed[variant], is_key=is_key)
        for store, fragment in zip((self.parts, marked.other_parts), fragments, strict=True):
            store.take(fragment, ats[0], is_key=is_key, group=number)
        self.frames += 1
