"""Coverage of a place over one window: what the cameras that see it covered together. Pure interval algebra.

Invariant I1: an instant is covered only where some camera's is; it is missing only where every camera that should have
seen it is known to have missed it; where one of them may still turn out to have it, it is unknown. Space as well as time:
what is expected while no camera was in service there is missing, and told apart as ``unwatched``.

    covered = ∪ covered        unknown = due ∩ (∪ unknown) − covered        missing = due − covered − unknown
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from config.base.timespan import SpanSet


@dataclass(frozen=True)
class View:
    """What is known of one camera's view of a place within a window; the four sets may overlap."""

    in_service: SpanSet
    covered: SpanSet
    unknown: SpanSet = field(default_factory=SpanSet)
    """Neither covered nor known to be missing: unverified gaps, and what nobody has judged yet."""
    in_flight: SpanSet = field(default_factory=SpanSet)
    """What a live agent has simply not had the time to prove yet."""


@dataclass(frozen=True)
class ZoneCoverage:
    """Every expected instant is in flight or due; what is due is covered, unknown or missing."""

    due: SpanSet
    covered: SpanSet
    unknown: SpanSet
    missing: SpanSet
    unwatched: SpanSet
    """The part of ``missing`` in which no camera was in service there."""

    @property
    def longest_gap_us(self) -> int:
        """Of what is not covered, known or not; one gap goes on where its certainty changes."""
        return max((span.duration_us for span in self.missing | self.unknown), default=0)


@dataclass(frozen=True)
class Share:
    """A part of a whole in percent: at least ``least``, and ``most`` if all that is unknown turns out well."""

    least: float
    most: float


def cover_zone(expected: SpanSet, views: Sequence[View]) -> ZoneCoverage:
    """Classifies every instant of ``expected`` by what the cameras that see the place have."""
    covered, unknown, in_flight, in_service = (
        SpanSet(span for view in views for span in getattr(view, name))
        for name in ("covered", "unknown", "in_flight", "in_service")
    )
    seen = expected & covered
    due = expected - (in_flight - seen)
    open_ones = (due & unknown) - seen
    missing = due - seen - open_ones
    return ZoneCoverage(due, seen, open_ones, missing, missing - in_service)


def share_of(good: SpanSet, unknown: SpanSet, of: SpanSet) -> Share | None:
    """How much of ``of`` is good; None where there is nothing to be a part of. 100 only where nothing is left out."""
    if not of:
        return None
    return Share(100 * good.total_us / of.total_us, 100 * (good.total_us + unknown.total_us) / of.total_us)
