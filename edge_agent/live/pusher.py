"""Pushes one camera to the server for as long as it is wanted: one thread, one WebSocket, dialled from here.

Invariants: nothing is begun after ``until``, and every wait is bounded; a slow line loses pictures to the next keyframe and holds up neither recording
nor diagnosis, for the feed's queue is bounded and never waits. No credential of a camera leaves the site.
"""

import os
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from config.base.errors import InvalidInput, ResourceExhausted
from config.base.logs import get_logger
from config.wire.live import BUSY
from edge_agent.cameras.feed import Feed, FeedPacket, Subscription
from edge_agent.live.sending import Sending

QUEUE_FRAMES = 300
LATE_US = 1_500_000
"""A picture that waited so long is not worth sending: the next keyframe is."""
OPEN_WITHIN_S, CLOSE_WITHIN_S = 5.0, 0.5
PING_S = 5.0
SEND_WITHIN_S = 5.0
"""A server that takes nothing for so long hangs, though its connection stands: else this thread would wait for ever."""
WAIT_S = 0.25
NICE = 5
ANSWER_BYTES_MAX = 1_024

log = get_logger("live")


class Pusher(threading.Thread):
    """Start it once; it ends by itself."""

    def __init__(
        self,
        feed: Feed,
        url: str,
        hello: bytes,
        until_us: int,
        monotonic_us: Callable[[], int],
        tls: ssl.SSLContext | None,
        sending: Sending | None = None,
    ) -> None:
        """``until_us``: monotonic; ``hello``: the sealed first message; ``sending``: what the packets become."""
        super().__init__(name=f"live-{feed.camera_id}", daemon=True)
        self.until_us = until_us
        self._feed = feed
        self._url = url
        self._hello = hello
        self._monotonic_us = monotonic_us
        self._tls = tls
        self._ended = threading.Event()
        self._sending = sending or Sending()
        self.marking = self._sending.marking
        self.sent_bytes = 0

    def end(self) -> None:
        """Ends it soon."""
        self._ended.set()

    def run(self) -> None:
        # Linux takes a thread's own number here: recording goes first where processors are short.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        camera_id, why = self._feed.camera_id, "no longer wanted"
        try:
            with connect(
                self._url,
                ssl=self._tls,
                compression=None,
                proxy=None,
                open_timeout=OPEN_WITHIN_S,
                close_timeout=CLOSE_WITHIN_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_size=ANSWER_BYTES_MAX,
            ) as link:
                link.socket.settimeout(SEND_WITHIN_S)
                link.send(self._hello)
                log.info("live_began", camera=camera_id, stream=self._feed.stream)
                try:
                    self._push(link)
                except ResourceExhausted as error:
                    why = error.code
                    log.warning("live_refused", camera=camera_id, why=str(error))
                    link.close(BUSY, error.code)
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:  # the last: too many subscribers
            why = type(error).__name__
        finally:
            self._ended.set()
            self._sending.close()
        log.info("live_ended", camera=camera_id, why=why, sent_bytes=self.sent_bytes)

    def _push(self, link: ClientConnection) -> None:
        subscription = self._feed.subscribe("live", keyframes_only=False, capacity=QUEUE_FRAMES, from_group=True)
        try:
            begin_us, skipping = self._monotonic_us(), False
            while not self._over(subscription):
                packet = subscription.get(WAIT_S)
                if packet is None:
                    if link.close_code is not None:
                        return
                    continue
                late = packet.arrival_us > begin_us and self._monotonic_us() - packet.arrival_us > LATE_US
                skipping = late or (skipping and not packet.is_key)
                if not skipping:
                    self._send(link, packet, subscription)
        finally:
            subscription.close()

    def _over(self, subscription: Subscription) -> bool:
        return self._ended.is_set() or subscription.closed or self._monotonic_us() >= self.until_us

    def _send(self, link: ClientConnection, packet: FeedPacket, subscription: Subscription) -> None:
        try:
            for message in self._sending.take(packet, behind=subscription.waiting > 1):
                link.send(message)
                self.sent_bytes += len(message)
        except InvalidInput as error:
            log.debug("live_frame_skipped", camera=self._feed.camera_id, why=str(error))
