"""Where a camera's pictures come from: the stream that is diagnosed, and while that one is silent the recorded one.

Invariant: what is recorded can be looked at. A stream that is there for the diagnosis alone may be gone, or never have
been there, and nobody would see it from the recording.
"""

from config.base.clock import US_PER_S
from edge_agent.cameras.feed import Feed, FeedPacket, Subscription

NAME = "diagnosis"
QUIET_US_MIN = 30 * US_PER_S
QUIET_LOOKS = 10


def quiet_us(every_s: float) -> int:
    """For how long no picture of a camera may come before something is amiss."""
    return max(int(QUIET_LOOKS * every_s * US_PER_S), QUIET_US_MIN)


class PictureSource:
    """Used by the one thread that looks; ``close`` by any."""

    def __init__(self, feed: Feed, recorded: Feed, quiet_us: int, now_us: int) -> None:
        """``recorded`` may be ``feed``; ``quiet_us``: for how long ``feed`` may bring nothing."""
        self.on_recorded = False
        """Whether the newest keyframe was one of the recorded stream, in place of the other."""
        self._own = feed.subscribe(NAME, keyframes_only=True, capacity=1)
        self._recorded = recorded if recorded is not feed else None
        self._stand_in: Subscription | None = None
        self._quiet_us = quiet_us
        self._heard_us = now_us

    def newest(self, now_us: int) -> FeedPacket | None:
        """The next keyframe, if there is one."""
        packet = self._own.get(0.0)
        if packet is not None:
            self._heard_us, self.on_recorded = now_us, False
            if self._stand_in is not None:
                self._stand_in.close()
                self._stand_in = None
            return packet
        if self._own.closed or self._recorded is None or now_us - self._heard_us <= self._quiet_us:
            return None
        if self._stand_in is None:
            self._stand_in = self._recorded.subscribe(NAME, keyframes_only=True, capacity=1)
        packet = self._stand_in.get(0.0)
        if packet is not None:
            self.on_recorded = True
        return packet

    def close(self) -> None:
        self._own.close()
        stand_in = self._stand_in
        if stand_in is not None:
            stand_in.close()
