"""What the main process tells a shard of a camera that somebody watches.

Invariant: a shard gets what it needs for one push and no key: the first message is sealed already.
"""

import msgspec

KIND = "live-wanted"


class LiveWish(msgspec.Struct, frozen=True, array_like=True):
    """Push this camera for so long from now on."""

    for_us: int
    url: str
    hello: bytes
    """The sealed ``live-push``."""
    marking: str = ""
    """The seed of the camera's pattern, where two variants are to be pushed."""
