"""One camera's pictures on their way from one push to everybody who may look.

Invariants: a frame is framed once, whoever watches; the group that lasts is kept, bounded, so that a first picture comes at
once; nothing here waits for anybody.
"""

import json

from config.base.errors import InvalidInput
from config.wire.live import FRAME, INIT, KEYFRAME
from server.live.boxes import codec_of, decoded_at
from server.live.parts import PartStore
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

    @property
    def is_warm(self) -> bool:
        """Whether a viewer would see a picture at once."""
        return bool(self._group)

    def join(self, viewer: Viewer) -> None:
        """The viewer gets what there is, and then every frame."""
        self.viewers.add(viewer)
        if self._stream:
            viewer.begin(self._stream, b"".join(self._group))

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def take(self, message: bytes) -> None:
        """One message of the push. Raises InvalidInput for what is none."""
        kind, payload = message[:1], message[1:]
        if kind == INIT:
            self._begin(payload)
        elif kind in (KEYFRAME, FRAME) and self._stream:
            self._fan_out(payload, is_key=kind == KEYFRAME)
        else:
            raise InvalidInput("a push brings an initialisation segment first, then frames", code="bad_media")

    def end(self) -> None:
        """The push is over: what was kept is no longer now."""
        self._stream, self._group, self._group_bytes = b"", [], 0
        self.parts.end()

    def _begin(self, initialisation: bytes) -> None:
        self.codec = codec_of(initialisation)
        told = json.dumps({"type": "stream", "codec": self.codec}).encode()
        self._stream = frame(told, TEXT) + frame(initialisation)
        self._group, self._group_bytes = [], 0
        self.parts.begin(initialisation)
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
