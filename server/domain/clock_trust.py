"""Where an agent's clock may be believed, from comparisons with the server's own.

A comparison with offset ``o ± b`` says that the error there is at most ``|o| + b``. From one comparison to the next the
error grows by no more than the crystal drifts, because all that the agent does itself is to slew towards the server. So
a comparison vouches forward, at ``drift_ppm``, but for long only once a later one has confirmed that the clock went on
(a machine may sleep); and backward at the drift and the fastest slew together.

A comparison that proves the clock wrong (``|o| − b`` beyond the tolerance) ends the trust at the one before it, for good.
One that is merely too coarse to tell says nothing.
"""

from dataclasses import dataclass, field, replace

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet

AHEAD_US_MAX = 600 * US_PER_S
"""How far a comparison vouches forward before the next one confirms it."""
SLEW_PPM_MAX = 500
"""What the wire contract lets an agent slew its timeline by."""


@dataclass(frozen=True)
class ClockRule:
    """How wrong a clock may be, and how fast it may become so."""

    tolerance_us: int
    drift_ppm: int


@dataclass(frozen=True)
class Comparison:
    """Server minus agent at ``observed_us`` of the agent's timeline, within ``bound_us``."""

    observed_us: int
    offset_us: int
    bound_us: int


@dataclass(frozen=True)
class ClockRecord:
    """What the comparisons of one timeline have come to."""

    started_us: int
    trusted: SpanSet = field(default_factory=SpanSet)
    compared_us: int | None = None
    """The last comparison that was within the tolerance."""
    vouched_until_us: int = 0
    """How far that one reaches forward, once confirmed."""
    distrusted_from_us: int | None = None
    """From here on the clock was proved wrong, or may have been."""


def compare(record: ClockRecord, seen: Comparison, rule: ClockRule) -> ClockRecord:
    """The record after one more comparison; comparisons come in order, one that comes again changes nothing."""
    if record.compared_us is not None and seen.observed_us <= record.compared_us:
        return record
    if abs(seen.offset_us) - seen.bound_us > rule.tolerance_us:
        return distrust(record, record.compared_us if record.compared_us is not None else record.started_us)
    slack_us = rule.tolerance_us - abs(seen.offset_us) - seen.bound_us
    if slack_us <= 0:
        return record
    forward_us = slack_us * 1_000_000 // rule.drift_ppm
    backward_us = slack_us * 1_000_000 // (rule.drift_ppm + SLEW_PPM_MAX)
    before_us = record.compared_us if record.compared_us is not None else record.started_us
    vouched = [Span(max(before_us, seen.observed_us - backward_us), seen.observed_us + min(forward_us, AHEAD_US_MAX))]
    if record.compared_us is not None:
        vouched.append(Span(before_us, min(seen.observed_us, max(before_us, record.vouched_until_us))))
    trusted = record.trusted | SpanSet(vouched)
    if record.distrusted_from_us is not None:
        trusted = trusted.clip(0, record.distrusted_from_us)
    return replace(
        record, trusted=trusted, compared_us=seen.observed_us, vouched_until_us=seen.observed_us + forward_us
    )


def distrust(record: ClockRecord, from_us: int) -> ClockRecord:
    """The record of a clock that was proved wrong from ``from_us`` on, at the latest."""
    if record.distrusted_from_us is not None:
        from_us = min(from_us, record.distrusted_from_us)
    return replace(record, trusted=record.trusted.clip(0, from_us), distrusted_from_us=from_us)


def is_from_the_future(claimed_us: int, received_us: int, rule: ClockRule) -> bool:
    """Whether an instant in a message proves that its clock is ahead: messages arrive late, never early."""
    return claimed_us > received_us + rule.tolerance_us
