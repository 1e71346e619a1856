"""The live view beside the recording in a shard: keeps each camera's newest group in memory, pushes what is wanted.

Invariant: one push a camera, however many watch; a push ends by itself when nobody says any more that it is wanted.
"""

import ssl
import threading
from pathlib import Path

from config.base.decoding import decode_msgpack
from config.base.logs import get_logger
from config.settings.edge import CameraSettings, StreamChoice
from edge_agent.cameras.feed import Feed
from edge_agent.live.pusher import Pusher
from edge_agent.live.sending import Sending
from edge_agent.live.slots import Slots
from edge_agent.live.wish import KIND, LiveWish
from edge_agent.shards.companions import ShardContext

GROUP_BYTES_MAX = 4 * 2**20
"""Of one camera; 4 s at 8 Mbit/s."""

log = get_logger("live")


class LiveCompanion:
    """Called from the shard's own thread."""

    def __init__(self, context: ShardContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._feeds: dict[str, Feed] = {}
        self._pushers: dict[str, Pusher] = {}
        self._tls: ssl.SSLContext | None = None
        folder = Path(context.settings.agent.state_dir) / "transcoding"
        self._slots = Slots(folder, context.settings.live.transcodes_max)

    def start(self) -> None:
        """Nothing runs until somebody watches."""

    def choice(self, camera: CameraSettings) -> StreamChoice:
        return camera.live

    def camera_added(self, camera: CameraSettings, feed: Feed, recorded: Feed) -> None:  # noqa: ARG002
        feed.keep_group(GROUP_BYTES_MAX)
        with self._lock:
            self._feeds[camera.id] = feed

    def camera_removed(self, camera_id: str) -> None:
        with self._lock:
            self._feeds.pop(camera_id, None)
            pusher = self._pushers.pop(camera_id, None)
        if pusher is not None:
            pusher.end()

    def asked(self, kind: str, camera_id: str, body: bytes) -> None:
        if kind != KIND:
            return
        wish = decode_msgpack(body, LiveWish)
        until_us = self._context.clock.monotonic_us() + wish.for_us
        with self._lock:
            feed, running = self._feeds.get(camera_id), self._pushers.get(camera_id)
            if feed is None:
                return
            if running is not None and running.is_alive():
                if running.marking == wish.marking:
                    running.until_us = until_us
                else:
                    running.end()  # the site marks its live view since, or does no more: the next word begins another
                return
            clear = wish.url.startswith("ws:")
            if clear and not self._context.settings.server.url.startswith("http:"):
                log.error("live_refused", camera=camera_id, why="the server asks for pictures in clear")
                return
            tls = None if clear else self._context_of_tls()
            sending = Sending(self._slots, wish.marking, self._utc_us)
            made = Pusher(feed, wish.url, wish.hello, until_us, self._context.clock.monotonic_us, tls, sending)
            self._pushers[camera_id] = made
            made.start()

    def close(self, timeout_s: float) -> None:
        with self._lock:
            pushers = list(self._pushers.values())
        for pusher in pushers:
            pusher.end()
        for pusher in pushers:
            pusher.join(timeout_s / len(pushers))

    def _utc_us(self, monotonic_us: int) -> int:
        """By the timeline as it is then: it may have begun anew since the push began."""
        return self._context.clock.timeline.utc_us(monotonic_us)

    def _context_of_tls(self) -> ssl.SSLContext:
        """Made once: it reads files."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._context.settings.server.ca_file or None)
        return self._tls
