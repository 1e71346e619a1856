"""When a message is made, when it may go, who is told next, and what a crash leaves behind. Pure; times are arguments.

Invariants: nothing is sent twice: what may have gone and cannot be recognised by its receiver is not sent again, and says
so; a site that goes dark is one message, not forty; an alarm waits for nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from config.base.clock import US_PER_MINUTE, from_datetime, to_datetime

ATTEMPTS_MAX = 6
RETRY_FIRST_US = US_PER_MINUTE
CHAIN_MAX = 5


class Channel(StrEnum):
    """How a message goes."""

    EMAIL = "email"
    WEBPUSH = "webpush"
    WEBHOOK = "webhook"
    CHAT = "chat"


IDEMPOTENT = frozenset({Channel.WEBHOOK})
"""Their receivers know a message that comes again by its id (standard-webhooks)."""


class State(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have gone: nobody can know, so it is not sent again."""
    DROPPED = "dropped"
    """Its subscription was ended, or its person lost the site, before it went."""


class Result(StrEnum):
    """How an attempt ended: taken, certainly not taken, refused for good, or perhaps taken."""

    TAKEN = "taken"
    NOT_TAKEN = "not_taken"
    REFUSED = "refused"
    PERHAPS = "perhaps"


def ready(
    oldest_us: int, last_made_us: int | None, now_us: int, coalesce_us: int, digest_us: int, *, urgent: bool
) -> bool:
    """Whether what a site has to tell somebody becomes a message now."""
    if urgent:
        return True
    if now_us - oldest_us < coalesce_us:
        return False
    return last_made_us is None or now_us - last_made_us >= digest_us


def not_before_us(now_us: int, timezone: str, quiet: tuple[int, int] | None, *, urgent: bool) -> int:
    """Now, or the end of the quiet hours (minutes after the site's midnight, from and until); alarms wake people."""
    if quiet is None or urgent or quiet[0] == quiet[1]:
        return now_us
    zone = ZoneInfo(timezone)
    local = to_datetime(now_us).astimezone(zone)
    minute = local.hour * 60 + local.minute
    begin, end = quiet
    is_quiet = begin <= minute < end if begin < end else minute >= begin or minute < end
    if not is_quiet:
        return now_us
    day = local.date() + timedelta(days=1 if minute >= end else 0)
    over = datetime.combine(day, time(end // 60, end % 60), zone).astimezone(UTC)
    return max(now_us, from_datetime(over))


def after_attempt(channel: str, result: Result, attempts: int) -> State:
    """What becomes of a message after an attempt, the ``attempts``-th."""
    if result is Result.TAKEN:
        return State.SENT
    if result is Result.REFUSED:
        return State.FAILED
    if result is Result.PERHAPS and channel not in IDEMPOTENT:
        return State.UNKNOWN
    return State.WAITING if attempts < ATTEMPTS_MAX else State.FAILED


def after_crash(channel: str, attempts: int) -> State:
    """What becomes of a message that was claimed by a process that is gone."""
    return after_attempt(channel, Result.PERHAPS, attempts)


def retry_us(now_us: int, attempts: int) -> int:
    """When the next attempt is made: after 1, 2, 4, 8, 16 minutes."""
    return now_us + (RETRY_FIRST_US << (attempts - 1))


def nearest_office(offices: Mapping[str, int], wanted: int) -> list[str]:
    """Of people by how far down their region is, those of the wanted level, or of the nearest above it that has somebody."""
    depth = max((found for found in offices.values() if found <= wanted), default=None)
    return sorted(name for name, found in offices.items() if found == depth)


def next_person(escalate_to: str | None, told: Sequence[str]) -> str | None:
    """Who hears of it next, after those who were told and have not seen it; nobody twice."""
    if escalate_to is None or escalate_to in told or len(told) >= CHAIN_MAX:
        return None
    return escalate_to
