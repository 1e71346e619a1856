"""Orders to a site's own store: a hold, its end, a longer lock, deletion; what an agent's read-back says of them. Pure.

Invariant: nothing has come to pass before an agent has read it back and signed for it. What is not known is not held, not
locked and not deleted; it is asked again, and told loudly once it is overdue.

Source: as ``server.domain.holds`` and ``server.domain.retention``; the centre signs, the agent carries out and reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S

Action = Literal["hold", "release", "extend", "delete"]
Verdict = Literal["done", "not_yet", "missing"]

ACTIONS: tuple[Action, ...] = ("hold", "release", "extend", "delete")
"""The most urgent first."""
DEADLINE_US: dict[Action, int] = {
    "hold": 60 * US_PER_MINUTE,
    "release": US_PER_DAY,
    "extend": US_PER_DAY,
    "delete": US_PER_DAY,
}
"""After which an order that has not come to pass raises an alarm."""
FIRST_WAIT_US = 120 * US_PER_S
WAIT_US_MAX = 60 * US_PER_MINUTE
TRIES_MAX = 24
"""About a day of a living agent; then nothing is sent until the order is given anew, ``PAUSE_US`` later."""
PAUSE_US = US_PER_DAY
VERSIONS_MAX = 16
"""Of one key in one order: an upload that was made twice, and what others put on top."""


@dataclass(frozen=True)
class Ordered:
    """``until_us`` of a longer lock."""

    action: Action
    version_id: str
    until_us: int = 0


@dataclass(frozen=True)
class ReadBack:
    """One version as the agent found it after it had carried the order out."""

    version_id: str
    held: bool
    compliance_until_us: int | None


def judge(ordered: Ordered, found: ReadBack | None, left: Sequence[str]) -> Verdict:
    """What a read-back proves. ``found`` None: no such version. ``left``: versions that still lie under its key."""
    if found is None or found.version_id != ordered.version_id:
        if ordered.action == "delete":
            return "done" if found is None and not left else "not_yet"
        return "missing" if found is None else "not_yet"
    if ordered.action == "hold":
        return "done" if found.held else "not_yet"
    if ordered.action == "release":
        return "not_yet" if found.held else "done"
    if ordered.action == "extend":
        return "done" if (found.compliance_until_us or 0) >= ordered.until_us else "not_yet"
    return "not_yet"


def wait_us(tries: int) -> int:
    """How long after so many tries the next may come."""
    return min(FIRST_WAIT_US << min(max(0, tries - 1), 16), WAIT_US_MAX)
