"""How many reports a panel may make: a bucket of tokens each. Times are monotonic; changed from one thread, read by any.

Invariant: a real panel never meets it: a full bucket takes every zone of a large panel at once. Whoever pretends to be a
panel without a key fills neither disk nor uplink.
"""

from dataclasses import dataclass, field

from config.base.clock import US_PER_S

BURST = 500.0
PER_S = 0.5


@dataclass
class _Bucket:
    tokens: float
    at_us: int
    flooded: bool = False


@dataclass
class FloodGuard:
    """One for all panels."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def takes(self, panel_id: str, now_us: int) -> bool:
        """Whether there is room for one more report of this panel."""
        bucket = self._buckets.setdefault(panel_id, _Bucket(BURST, now_us))
        bucket.tokens = min(BURST, bucket.tokens + max(0, now_us - bucket.at_us) / US_PER_S * PER_S)
        bucket.at_us = now_us
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        bucket.flooded = bucket.flooded and bucket.tokens < BURST / 2
        return True

    def flooded(self, panel_id: str, now_us: int) -> bool:
        """Whether reports were refused, and not yet so long ago that the bucket has half filled again."""
        bucket = self._buckets.get(panel_id)
        if bucket is None or not bucket.flooded:
            return False
        return bucket.tokens + max(0, now_us - bucket.at_us) / US_PER_S * PER_S < BURST / 2

    def first(self, panel_id: str) -> bool:
        """Whether this refusal is the first of a flood; the next flood begins when half the bucket has filled again."""
        bucket = self._buckets[panel_id]
        told, bucket.flooded = bucket.flooded, True
        return not told
