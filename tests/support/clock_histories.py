"""Random clocks, which drift, step and are compared with the server's now and then, and where each may be believed.

The reading looks at one instant at a time and asks each comparison whether it vouches for it.
"""

import random
from dataclasses import dataclass

from server.domain.clock_trust import AHEAD_US_MAX, SLEW_PPM_MAX, ClockRecord, ClockRule, Comparison, compare


@dataclass(frozen=True)
class ClockHistory:
    """Comparisons in the order in which they came; some came again, some late."""

    rule: ClockRule
    started_us: int
    seen: tuple[Comparison, ...]


def draw(chance: random.Random) -> ClockHistory:
    """A clock with up to eight comparisons, minutes apart; every other one has stepped in between."""
    rule = ClockRule(tolerance_us=chance.choice([1_000, 60_000, 2_000_000]), drift_ppm=chance.choice([1, 20, 100, 500]))
    started_us = chance.randrange(1_000_000)
    at_us, offset_us = started_us, 0
    seen: list[Comparison] = []
    for _ in range(chance.randrange(9)):
        at_us += chance.choice([chance.randrange(1, 10_000_000), chance.randrange(1, 2_000_000_000)])
        if chance.random() < 0.3:
            offset_us = chance.randrange(-3, 4) * chance.choice([rule.tolerance_us // 2, rule.tolerance_us])
        bound_us = chance.choice([0, rule.tolerance_us // 10, chance.randrange(2 * rule.tolerance_us)])
        seen.append(Comparison(at_us, offset_us + chance.randrange(-50, 51), bound_us))
    if seen and chance.random() < 0.3:
        seen.insert(chance.randrange(len(seen) + 1), chance.choice(seen))
    return ClockHistory(rule, started_us, tuple(seen))


def disagreement(history: ClockHistory) -> str:
    """Where the product's trust and the reading differ; empty where they agree."""
    record = ClockRecord(history.started_us)
    for seen in history.seen:
        record = compare(record, seen, history.rule)
    trusted = [tuple(span) for span in record.trusted]
    edges = {edge for span in trusted for edge in span} | {history.started_us}
    for seen in history.seen:
        edges |= {seen.observed_us, seen.observed_us + AHEAD_US_MAX}
    middles = {(one + other) // 2 for one, other in zip(sorted(edges), sorted(edges)[1:], strict=False)}
    vouchers, end_us = _vouchers(history)
    for at_us in sorted({edge + step for edge in edges for step in (-1, 0, 1)} | middles):
        said = any(begin <= at_us < end for begin, end in trusted)
        right = (end_us is None or at_us < end_us) and any(_vouches(one, at_us, history.rule) for one in vouchers)
        if said != right:
            return f"at {at_us}: trusted is {said}, should be {right}; {history}"
    return ""


def _vouchers(history: ClockHistory) -> tuple[list[tuple[int, Comparison, int]], int | None]:
    """The comparisons that tell something, each with the one before it; and from when on nothing is believed."""
    vouchers: list[tuple[int, Comparison, int]] = []
    end_us: int | None = None
    slack_before_us = 0
    for seen in history.seen:
        last_us = vouchers[-1][1].observed_us if vouchers else None
        if last_us is not None and seen.observed_us <= last_us:
            continue
        error_us = abs(seen.offset_us)
        if error_us - seen.bound_us > history.rule.tolerance_us:
            proved_us = history.started_us if last_us is None else last_us
            end_us = proved_us if end_us is None else min(end_us, proved_us)
        elif error_us + seen.bound_us < history.rule.tolerance_us:
            vouchers.append((history.started_us if last_us is None else last_us, seen, slack_before_us))
            slack_before_us = history.rule.tolerance_us - error_us - seen.bound_us
    return vouchers, end_us


def _vouches(voucher: tuple[int, Comparison, int], at_us: int, rule: ClockRule) -> bool:
    """Backward by drift and slew, forward by drift for ten minutes; and the stretch that it confirms."""
    before_us, seen, slack_before_us = voucher
    slack_us = rule.tolerance_us - abs(seen.offset_us) - seen.bound_us
    if at_us < before_us:
        return False
    if at_us < seen.observed_us:
        behind_us = seen.observed_us - at_us
        if behind_us <= slack_us * 1_000_000 // (rule.drift_ppm + SLEW_PPM_MAX):
            return True
        return at_us - before_us < slack_before_us * 1_000_000 // rule.drift_ppm
    ahead_us = at_us - seen.observed_us
    return ahead_us < AHEAD_US_MAX and ahead_us < slack_us * 1_000_000 // rule.drift_ppm
