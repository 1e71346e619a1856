"""What a camera's own memory is asked for, and when again. Pure, but for the book of asks."""

from dataclasses import dataclass
from itertools import pairwise

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.timespan import Span, SpanSet
from edge_agent.spool.database import SpoolDatabase

LEAST_US = 2 * US_PER_S
"""A shorter gap is not asked for: the next keyframe may be further away."""
AT_ONCE_US = 30 * US_PER_MINUTE
"""At most so much is asked for at once."""
TRIES_MAX = 8
RETRY_FIRST_US, RETRY_LIMIT_US = US_PER_MINUTE, 60 * US_PER_MINUTE
ASKS_MAX = 1_024


@dataclass(frozen=True)
class Asked:
    """One stretch that was asked for before."""

    span: Span
    tries: int
    due_us: int
    settled: bool


@dataclass(frozen=True)
class Rule:
    """How far back is asked for, and how long a camera must have recorded again."""

    horizon_us: int
    settle_us: int


def next_to_ask(recorded: SpanSet, asked: list[Asked], now_us: int, rule: Rule) -> Span | None:
    """The oldest stretch between recordings that may be asked for now; a camera's memory overwrites its oldest first."""
    spans = list(recorded)
    if not spans:
        return None
    gaps = SpanSet(
        (before.end_us, after.start_us)
        for before, after in pairwise(spans)
        if spans[-1].end_us - after.start_us >= rule.settle_us
    )
    not_now = SpanSet(ask.span for ask in asked if ask.settled or ask.due_us > now_us)
    for start_us, end_us in (gaps - not_now).clip(max(0, now_us - rule.horizon_us), now_us):
        if end_us - start_us >= LEAST_US:
            return Span(start_us, min(end_us, start_us + AT_ONCE_US))
    return None


def retry_us(tries: int) -> int:
    """How long a stretch that could not be had waits."""
    return min(RETRY_LIMIT_US, RETRY_FIRST_US << min(tries, 16))


class AskBook:
    """What each camera was asked for. Thread-safe."""

    def __init__(self, database: SpoolDatabase) -> None:
        self._database = database

    def of(self, camera_id: str) -> list[Asked]:
        """Raises NightlightError."""
        rows = self._database.all(
            "SELECT start_us, end_us, tries, due_us, settled FROM replay_asks WHERE camera_id = ?", camera_id
        )
        return [
            Asked(Span(row["start_us"], row["end_us"]), row["tries"], row["due_us"], bool(row["settled"]))
            for row in rows
        ]

    def note(self, camera_id: str, asked: Asked) -> None:
        """Keeps what came of asking; the oldest are forgotten. Raises NightlightError."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO replay_asks (camera_id, start_us, end_us, tries, due_us, settled)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (camera_id, *asked.span, asked.tries, asked.due_us, int(asked.settled)),
            )
            connection.execute(
                "DELETE FROM replay_asks WHERE camera_id = ?1 AND start_us NOT IN"
                " (SELECT start_us FROM replay_asks WHERE camera_id = ?1 ORDER BY start_us DESC LIMIT ?2)",
                (camera_id, ASKS_MAX),
            )
