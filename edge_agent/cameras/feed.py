"""One stream's packets for everybody who wants them: recording, diagnosis and live all feed from one connection.

    subscription = feed.subscribe("diagnosis", keyframes_only=True, capacity=2)
    while (packet := subscription.get(1.0)) is not None or not subscription.closed:
        ...
    subscription.close()

``get`` waits in the caller's thread and gives ``None`` where nothing came in time. A packet is plain bytes with its
times: decode it in any thread with ``av.CodecContext.create(packet.format.codec, "r")``. Times are monotonic
(CLOCK_BOOTTIME); ``clock.timeline.utc_us(packet.captured_us)`` gives the instant.

Invariant: publishing never waits. A subscriber that is slow loses packets up to the next keyframe, is told how many
(``lost_before``), and delays nobody; without a subscriber nothing is copied but the newest group of pictures, where
somebody may want to begin with it (``keep_group``): in memory, bounded, and never on a disk.
"""

import queue
import threading
from fractions import Fraction
from typing import Literal, NamedTuple

from av.packet import Packet

from config.base.clock import US_PER_S
from config.settings.edge import StreamName
from edge_agent.recording.timebase import ArrivalFilter

SUBSCRIBERS_MAX = 16
GROUP_FRAMES_MAX = 250
QUEUE_BYTES_MAX = 8 << 20
"""Of one subscriber, however many packets it takes."""

Codec = Literal["h264", "hevc"]


class StreamFormat(NamedTuple):
    """What holds for every packet of a session with a camera."""

    codec: Codec
    parameters: bytes
    """Parameter sets from the stream's description, Annex B; may be empty, for keyframes mostly repeat them."""
    time_base: Fraction


class FeedPacket(NamedTuple):
    """One access unit, Annex B."""

    data: bytes
    is_key: bool
    arrival_us: int
    captured_us: int
    """When the picture was taken, as far as arrivals tell; never after ``arrival_us``."""
    presented_us: int
    decoded_us: int
    """The camera's own time stamps; they begin anew with each ``session``."""
    session: int
    """Changes with every connection: decoders begin anew."""
    format: StreamFormat
    lost_before: int
    """How many packets this subscriber missed just before this one, because it was slow."""


class Subscription:
    """One reader's bounded queue; made by ``Feed.subscribe``."""

    def __init__(self, feed: "Feed", name: str, capacity: int, *, keyframes_only: bool) -> None:
        self.name = name
        self.keyframes_only = keyframes_only
        self.closed = False
        self._feed = feed
        self._capacity = capacity
        self._queue: queue.SimpleQueue[FeedPacket | None] = queue.SimpleQueue()
        self._lost = 0
        self._await_key = True
        self._bytes_in = self._bytes_out = 0
        """Each is counted by one thread: the stream's reader, and the subscriber."""
        self.lost_total = 0
        """Packets missed since the subscription began."""

    def get(self, timeout_s: float) -> FeedPacket | None:
        """The next packet; None where none came in time, or the subscription has ended (``closed``)."""
        try:
            packet = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if packet is not None:
            self._bytes_out += len(packet.data)
        return packet

    @property
    def waiting(self) -> int:
        """How many packets wait to be read."""
        return self._queue.qsize()

    def close(self) -> None:
        """Ends it; whoever waits in ``get`` is woken."""
        self._feed.drop(self)
        self.closed = True
        self._queue.put(None)

    def wants(self, *, is_key: bool) -> bool:
        """Whether this packet is to be handed in; counts it as lost where there is no room (the reader's thread)."""
        if self.keyframes_only and not is_key:
            return False
        full = self._queue.qsize() >= self._capacity or self._bytes_in - self._bytes_out >= QUEUE_BYTES_MAX
        if full or (self._await_key and not is_key):
            # What leads up to the first keyframe was never to be had: it is not lost.
            if not self._await_key or self._lost or is_key:
                self._lost += 1
                self.lost_total += 1
            self._await_key = True
            return False
        return True

    def put(self, packet: FeedPacket) -> None:
        """Hands a packet in for which ``wants`` has just said yes."""
        self._bytes_in += len(packet.data)
        self._queue.put(packet._replace(lost_before=self._lost) if self._lost else packet)
        self._lost, self._await_key = 0, False


class Feed:
    """One stream of one camera. ``begin``, ``publish`` and ``pause`` belong to the thread that reads it, the rest to anybody."""

    def __init__(self, camera_id: str, stream: StreamName) -> None:
        self.camera_id = camera_id
        self.stream = stream
        self.wanted = threading.Event()
        """Set while somebody subscribes: a stream that is not recorded is connected only then."""
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscription, ...] = ()
        self._format: StreamFormat | None = None
        self._session = 0
        self._origin = ArrivalFilter()
        self._group_lock = threading.Lock()
        self._group: list[FeedPacket] = []
        self._group_bytes = 0
        self._group_bytes_max = 0

    def keep_group(self, bytes_max: int) -> None:
        """Keeps the newest keyframe and what follows it in memory, while they are at most so many bytes; 0: no longer."""
        with self._group_lock:
            self._group_bytes_max = bytes_max
            self._forget_group()

    def subscribe(self, name: str, *, keyframes_only: bool, capacity: int, from_group: bool = False) -> Subscription:
        """Packets from the next keyframe on; at most ``capacity`` wait. Raises ValueError past ``SUBSCRIBERS_MAX``.

        ``from_group``: what is kept of the group that lasts comes first, at once.
        """
        made = Subscription(self, name, capacity, keyframes_only=keyframes_only)
        with self._group_lock, self._lock:
            if len(self._subscribers) >= SUBSCRIBERS_MAX:
                raise ValueError(f"{self.camera_id} {self.stream}: {SUBSCRIBERS_MAX} subscribers are enough")
            for packet in self._group if from_group else ():
                if made.wants(is_key=packet.is_key):
                    made.put(packet)
            self._subscribers = (*self._subscribers, made)
            self.wanted.set()
        return made

    def drop(self, subscription: Subscription) -> None:
        """Forgets a subscriber."""
        with self._lock:
            self._subscribers = tuple(known for known in self._subscribers if known is not subscription)
            if not self._subscribers:
                self.wanted.clear()

    def end(self) -> None:
        """The camera goes away: every subscription ends."""
        for subscription in self._subscribers:
            subscription.close()

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    @property
    def listens(self) -> bool:
        """Whether packets are to be published: somebody subscribes, or the newest group is kept."""
        return bool(self._subscribers) or self._group_bytes_max > 0

    @property
    def hurries(self) -> bool:
        """Whether somebody wants every packet as it comes."""
        return any(not subscriber.keyframes_only for subscriber in self._subscribers)

    def begin(self, stream_format: StreamFormat) -> None:
        """A new connection stands."""
        self._format = stream_format
        self._session += 1
        self._origin = ArrivalFilter()
        with self._group_lock:
            self._forget_group()

    def pause(self) -> None:
        """The connection is gone: what was kept of it shows what was, not what is."""
        with self._group_lock:
            self._forget_group()

    def publish(self, packet: Packet, arrival_us: int) -> None:  # type: ignore[type-arg]
        """Hands a packet to whoever wants it; its times must still be the stream's own. Never waits."""
        if self._format is None:
            return
        pts, dts, base = packet.pts, packet.dts, self._format.time_base
        scale, divisor = base.numerator * US_PER_S, base.denominator
        decoded_us = None if dts is None else dts * scale // divisor
        presented_us = decoded_us if pts is None else pts * scale // divisor
        captured_us = arrival_us
        if presented_us is not None:
            captured_us = presented_us + self._origin.observe(arrival_us, presented_us)
        is_key = packet.is_keyframe
        keeps = self._group_bytes_max > 0
        if not keeps:
            takers = [subscriber for subscriber in self._subscribers if subscriber.wants(is_key=is_key)]
            if not takers:
                return
        made = FeedPacket(
            data=bytes(packet),
            is_key=is_key,
            arrival_us=arrival_us,
            captured_us=captured_us,
            presented_us=presented_us or 0,
            decoded_us=decoded_us if decoded_us is not None else presented_us or 0,
            session=self._session,
            format=self._format,
            lost_before=0,
        )
        if keeps:
            with self._group_lock:  # whoever subscribes meanwhile gets each packet once
                self._keep(made)
                takers = [subscriber for subscriber in self._subscribers if subscriber.wants(is_key=is_key)]
        for taker in takers:
            taker.put(made)

    def _keep(self, packet: FeedPacket) -> None:
        """With the lock held."""
        if packet.is_key:
            self._forget_group()
        elif not self._group:
            return  # it leads nowhere without its keyframe
        self._group_bytes += len(packet.data)
        self._group.append(packet)
        if self._group_bytes > self._group_bytes_max or len(self._group) > GROUP_FRAMES_MAX:
            self._forget_group()

    def _forget_group(self) -> None:
        self._group, self._group_bytes = [], 0
