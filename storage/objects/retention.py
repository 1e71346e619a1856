"""Lock dates: the wire has whole seconds, so they are rounded up and never down.

Source: RFC 3339; Amazon S3 API, x-amz-object-lock-retain-until-date.
"""

from datetime import UTC, datetime

from config.base.clock import US_PER_S, from_datetime, to_datetime
from config.base.errors import InvalidInput


def whole_second_up(until_us: int) -> int:
    """The first whole second at or after ``until_us``: a lock may last longer than asked, never shorter."""
    return -(-until_us // US_PER_S) * US_PER_S


def to_header(until_us: int) -> str:
    """The date as it goes into a header or a body, rounded up."""
    return to_datetime(whole_second_up(until_us)).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_date(until_us: int) -> datetime:
    """The aware date, rounded up."""
    return to_datetime(whole_second_up(until_us))


def from_header(text: str) -> int:
    """Microseconds of a date that a store gave. Raises InvalidInput."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"not a lock date: {text[:40]!r}") from error
    return from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
