"""Code words of marked live views, and how improbable it is that they fit by chance; pure.

Invariants: a view's code word follows from a secret key and the view's id alone, so that what is on record suffices to make it
again; to whoever has not the key its bits are fair coins, independent of all pictures and of all other views. Therefore the bound
below holds for any clip whatever: it needs no assumption about noise, codecs or crops.
Source: HMAC (RFC 2104) as a keyed PRF; the Chernoff bound on a sum of independent signs.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence

from config.wire.marking import SEED_CHARS

KEY_BYTES = 32
KEY_NAME_CHARS = 16
BLOCK_BITS = 256
P_FALSE_MAX = 1e-6
"""Nobody is named above this probability of naming anybody wrongly."""
STEPS = 60


class CodeWord:
    """The endless word of one view: a bit for each group."""

    def __init__(self, key: bytes, view_id: str) -> None:
        self._key = key
        self._view_id = view_id.encode()
        self._number = -1
        self._block = 0

    def bit(self, group: int) -> int:
        """0: variant A, 1: variant B."""
        number, place = divmod(group, BLOCK_BITS)
        if number != self._number:
            self._block, self._number = int.from_bytes(self.block(number), "little"), number
        return self._block >> place & 1

    def block(self, number: int) -> bytes:
        """The bits of groups ``number * BLOCK_BITS`` and on, the first in the lowest bit of the first byte."""
        said = b"nightlight code v1\0" + self._view_id + b"\0" + number.to_bytes(8, "big")
        return hmac.digest(self._key, said, hashlib.sha256)


def key_name(key: bytes) -> str:
    """By which a key is known without being told."""
    return hashlib.sha256(b"nightlight marking key\0" + key).hexdigest()[:KEY_NAME_CHARS]


def pattern_seed(key: bytes, camera_id: str) -> str:
    """What a camera's pattern is made from (``config.wire.marking.signs``)."""
    return hmac.new(key, b"nightlight pattern v1\0" + camera_id.encode(), hashlib.sha256).hexdigest()[:SEED_CHARS]


def chance_of(weights: Sequence[float], score: float) -> float:
    """Bound on the natural logarithm of the probability that fair signs give ``sum(weights * signs) >= score``."""
    used = [abs(weight) for weight in weights if weight]
    if score <= 0 or not used:
        return 0.0
    low, high = 0.0, 40.0 / max(used)
    for _ in range(STEPS):  # the exponent is convex: any point gives a true bound, the lowest the best
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if _exponent(used, score, left) < _exponent(used, score, right):
            high = right
        else:
            low = left
    return min(0.0, _exponent(used, score, (low + high) / 2))


def p_false(weights: Sequence[float], score: float, tried: int) -> float:
    """The probability that anything at all among ``tried`` hypotheses fits so well by chance."""
    return math.exp(min(0.0, math.log(max(1, tried)) + chance_of(weights, score)))


def groups_needed(tried: int, agreement: float = 1.0, p_false_max: float = P_FALSE_MAX) -> int:
    """How many groups a clip needs whose soft bits agree with the word to this degree (1: not one is wrong or weak)."""
    wanted = math.log(max(1, tried) / p_false_max)
    return math.ceil(wanted / (math.log(2) if agreement >= 1 else agreement**2 / 2))


def _exponent(used: Sequence[float], score: float, rate: float) -> float:
    return sum(_log_cosh(rate * weight) for weight in used) - rate * score


def _log_cosh(value: float) -> float:
    return value + math.log1p(math.exp(-2 * value)) - math.log(2)
