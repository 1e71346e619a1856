"""Bounded exponential backoff with full jitter.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from collections.abc import Callable


class Backoff:
    """The wait before the next try; grows from ``first_s`` to ``limit_s``, and starts again after ``reset``.

    The first wait is ``first_s`` itself, so that a short break costs little; every later one lies between half of
    the current bound and the bound.
    """

    def __init__(self, first_s: float, limit_s: float, *, jitter: Callable[[], float] = random.random) -> None:
        if not 0 < first_s <= limit_s:
            raise ValueError("backoff needs 0 < first_s <= limit_s")
        self._first_s = first_s
        self._limit_s = limit_s
        self._jitter = jitter
        self._tries = 0

    def next_s(self) -> float:
        """Seconds to wait before the next try."""
        bound = min(self._limit_s, self._first_s * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return bound if self._tries == 1 else bound * (0.5 + 0.5 * self._jitter())

    def reset(self) -> None:
        """After a success: the next wait is short again."""
        self._tries = 0
