"""Where an agent's clock may be believed, from comparisons with the server's own.

A comparison at ``observed_us`` with offset ``o ± b`` says that the error there is at most ``|o| + b``. With a crystal
that drifts by at most ``drift_ppm``, the error stays within the tolerance for ``(tolerance − |o| − b) / drift`` to
either side. Trust never reaches back past the start of the timeline, because a clock before a step is another clock.
"""

from dataclasses import dataclass

from config.base.timespan import Span


@dataclass(frozen=True)
class ClockRule:
    """How wrong a clock may be, and how fast it may become so."""

    tolerance_us: int
    drift_ppm: int


def trusted_span(started_us: int, observed_us: int, offset_us: int, bound_us: int, rule: ClockRule) -> Span | None:
    """The stretch that one comparison vouches for; None where the clock is off by more than the tolerance."""
    slack_us = rule.tolerance_us - abs(offset_us) - bound_us
    if slack_us <= 0:
        return None
    reach_us = slack_us * 1_000_000 // rule.drift_ppm
    return Span(max(started_us, observed_us - reach_us), observed_us + reach_us)


def is_from_the_future(claimed_us: int, received_us: int, rule: ClockRule) -> bool:
    """Whether an instant in a message proves that its clock is ahead: messages arrive late, never early."""
    return claimed_us > received_us + rule.tolerance_us
