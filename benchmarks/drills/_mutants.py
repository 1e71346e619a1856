"""The faults that ``drill mutants`` plants: each a likely slip, each a change of one place in the rules of coverage."""

from typing import NamedTuple

SPANS = "config/base/timespan.py"
COLUMNS = "config/base/span_columns.py"
COVERAGE = "server/domain/coverage.py"
VERDICT = "server/domain/verdict.py"
SOUND = "server/domain/soundness.py"
CLOCK = "server/domain/clock_trust.py"


class Mutant(NamedTuple):
    """In ``file`` the one occurrence of ``old`` becomes ``new``."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant("union: touching spans stay apart", SPANS, "elif start <= open_end:", "elif start < open_end:"),
    Mutant("union: a span within another cuts it short", SPANS, "open_end = max(open_end, end)", "open_end = end"),
    Mutant("union: empty spans count", SPANS, "if start == end:", "if False:"),
    Mutant("union: backward spans pass", SPANS, "if end < start:", "if False:"),
    Mutant(
        "union: the last span is forgotten",
        SPANS,
        "if open_start is not None:\n        found",
        "if False:\n        found",
    ),
    Mutant(
        "union: with nothing is nothing",
        SPANS,
        "if not self._spans:\n            return other",
        "if not self._spans:\n            return self",
    ),
    Mutant(
        "intersection: the wrong side moves on",
        SPANS,
        "if end <= other_end:",
        "if end >= other_end:",
    ),
    Mutant(
        "intersection: empty spans count",
        SPANS,
        "            if start < stop:\n                found",
        "            if start <= stop:\n                found",
    ),
    Mutant(
        "intersection: the later end",
        SPANS,
        "stop = end if end <= other_end else other_end",
        "stop = end if end >= other_end else other_end",
    ),
    Mutant(
        "difference: a hole that ends early is skipped too late",
        SPANS,
        "holes[j][1] <= start:\n                j += 1",
        "holes[j][1] <= end:\n                j += 1",
    ),
    Mutant(
        "difference: what is left behind the last hole is lost",
        SPANS,
        "            if start < end:\n                left_over",
        "            if start > end:\n                left_over",
    ),
    Mutant(
        "difference: only the first hole counts",
        SPANS,
        "                k += 1\n            if",
        "                k = len(holes)\n            if",
    ),
    Mutant(
        "clip: a member that reaches in from before is lost",
        SPANS,
        "if first and spans[first - 1][1] > begin:",
        "if False:",
    ),
    Mutant("clip: not cut at the window's beginning", SPANS, "        if starts_before:\n", "        if False:\n"),
    Mutant("clip: not cut at the window's end", SPANS, "        if ends_after:\n", "        if False:\n"),
    Mutant(
        "cut: a member is in the first window alone", SPANS, "spans[first][1] <= begin:", "spans[first][0] < begin:"
    ),
    Mutant(
        "cut: a window takes its first member alone",
        SPANS,
        "                stop += 1\n",
        "                stop += 1\n                break\n",
    ),
    Mutant("cut: an empty window has something", SPANS, "begin, end) if begin < end else _NOTHING)", "begin, end))"),
    Mutant("contains: the end belongs to it", SPANS, "start <= instant_us < end", "start <= instant_us <= end"),
    Mutant("columns: touching spans stay apart", COLUMNS, "starts[1:] > ends[:-1]", "starts[1:] >= ends[:-1]"),
    Mutant(
        "columns: the last member is forgotten",
        COLUMNS,
        "ends[:-1].take(apart), ends[-1:]",
        "ends[:-1].take(apart), ends[:0]",
    ),
    Mutant("columns: empty spans count", COLUMNS, "if not some.all():", "if False:"),
    Mutant("columns: backward spans pass", COLUMNS, "if (ends < starts).any():", "if False:"),
    Mutant(
        "columns: starts are taken for ordered", COLUMNS, "(np.sort(starts), np.sort(ends))", "(starts, np.sort(ends))"
    ),
    Mutant("columns: what merely touches is shared", COLUMNS, "starts[1:] < ends[:-1]", "starts[1:] <= ends[:-1]"),
    Mutant(
        "columns: nothing is outside before the first",
        COLUMNS,
        "np.append(_FIRST, ends)",
        "np.append(starts[:1], ends)",
    ),
    Mutant(
        "columns: nothing is outside behind the last",
        COLUMNS,
        "np.append(starts, _LAST)",
        "np.append(starts, ends[-1:])",
    ),
    Mutant(
        "columns: from the left the wrong one is taken away",
        COLUMNS,
        "_made(_intersection(theirs, _outside(self._columns)))",
        "_made(_intersection(self._columns, _outside(theirs)))",
    ),
    Mutant(
        "columns: clip leaves a member that ends where it begins",
        COLUMNS,
        'begin, side="right"',
        'begin, side="left"',
    ),
    Mutant("columns: clip takes one that begins where it ends", COLUMNS, 'end, side="left"', 'end, side="right"'),
    Mutant("columns: not cut at the window's beginning", COLUMNS, "np.maximum(starts[there], begin)", "starts[there]"),
    Mutant("columns: not cut at the window's end", COLUMNS, "np.minimum(ends[there], end)", "ends[there]"),
    Mutant("columns: a window beyond 64 bits", COLUMNS, "max(begin, _FIRST), min(end, _LAST)", "begin, end"),
    Mutant("columns: the sum of lengths has a sign", COLUMNS, ".view(np.uint64).sum()", ".sum()"),
    Mutant(
        "columns: the same starts are the same set",
        COLUMNS,
        "self._columns, other._columns",
        "self._columns[:1], other._columns",
    ),
    Mutant("columns: always an ordinary set", COLUMNS, "if len(found) >= timespan.LARGE", "if not found"),
    Mutant("columns: numbers of NumPy come out", COLUMNS, "column.tolist() for column", "column for column"),
    Mutant("columns: an unlike number of ends", COLUMNS, "if len(starts) != len(ends):", "if False:"),
    Mutant("covered: without its clock's trust", COVERAGE, "timed = spans & timeline.trusted", "timed = spans"),
    Mutant("covered: findings spoil nothing", COVERAGE, "            part -= where\n", "            pass\n"),
    Mutant(
        "covered: an unknown timeline ends the search",
        COVERAGE,
        "        if timeline is None:\n            continue",
        "        if timeline is None:\n            break",
    ),
    Mutant(
        "covered: the last timeline alone",
        COVERAGE,
        "        sound[timeline_id] = part",
        "        sound = {timeline_id: part}",
    ),
    Mutant(
        "unsound: the first timeline alone",
        COVERAGE,
        "found.get(finding.name, SpanSet()) | (timed & where)",
        "found.get(finding.name, timed & where)",
    ),
    Mutant(
        "unsound: not examined is known to be bad",
        COVERAGE,
        "Certainty.UNVERIFIED if cause is Cause.PICTURE_UNEXAMINED else Certainty.MISSING",
        "Certainty.MISSING",
    ),
    Mutant(
        "clock error: never known",
        COVERAGE,
        "Cause.CLOCK_ERROR, Certainty.MISSING if limits.final else Certainty.UNVERIFIED",
        "Cause.CLOCK_ERROR, Certainty.UNVERIFIED",
    ),
    Mutant(
        "refused: an unanswered challenge is a known absence",
        COVERAGE,
        "Certainty.UNVERIFIED if cause is Cause.CHALLENGE_OVERDUE else Certainty.MISSING",
        "Certainty.MISSING",
    ),
    Mutant("evicted: is not told", COVERAGE, "    yield evidence.evicted, Cause.DISK_FULL, Certainty.MISSING\n", ""),
    Mutant(
        "claimed: still waited for when final",
        COVERAGE,
        "    if limits.final:\n        yield _union(claimed)",
        "    if not limits.final:\n        yield _union(claimed)",
    ),
    Mutant(
        "precedence: the first rule leaves its time to the next",
        COVERAGE,
        "            remaining -= taken\n",
        "            remaining -= SpanSet()\n",
    ),
    Mutant(
        "offline: what ran elsewhere counts against it",
        COVERAGE,
        "(settled - running, Cause.AGENT_OFFLINE, Certainty.MISSING)",
        "(settled, Cause.AGENT_OFFLINE, Certainty.MISSING)",
    ),
    Mutant(
        "settled: one instant too far",
        COVERAGE,
        "min(evidence.settled_until_us, far)",
        "min(evidence.settled_until_us + 1_000_000, far)",
    ),
    Mutant(
        "silence: taken for a known absence",
        COVERAGE,
        "(unsettled, Cause.AGENT_OFFLINE, Certainty.UNVERIFIED)",
        "(unsettled, Cause.AGENT_OFFLINE, Certainty.MISSING)",
    ),
    Mutant(
        "condition: the first word instead of the latest",
        COVERAGE,
        "in reversed(said) if",
        "in said if",
    ),
    Mutant("condition: of any timeline", COVERAGE, "if c.timeline_id == evidence.current_timeline), None)", "), None)"),
    Mutant(
        "condition: holds before it was said",
        COVERAGE,
        "SpanSet.of((min(latest.at_us, far), far))",
        "SpanSet.of((0, far))",
    ),
    Mutant(
        "explained: a word holds for ever",
        COVERAGE,
        "end_us = said[position + 1].at_us if position + 1 < len(said) else far_us",
        "end_us = far_us",
    ),
    Mutant(
        "explained: before its first word an agent was fine",
        COVERAGE,
        "        found.append((Cause.AGENT_OFFLINE, timeline.running.clip(0, first_us)))\n",
        "",
    ),
    Mutant("explained: an agent's end explains nothing", COVERAGE, "        if timeline.ended:", "        if False:"),
    Mutant(
        "explained: claims of later days are unknown",
        COVERAGE,
        "max(first_us, timeline.claimed_until_us, claimed_us)",
        "max(first_us, claimed_us)",
    ),
    Mutant(
        "in flight: also for the dead", COVERAGE, "if not evidence.agent_alive or limits.final:", "if limits.final:"
    ),
    Mutant(
        "in flight: also when final",
        COVERAGE,
        "if not evidence.agent_alive or limits.final:",
        "if not evidence.agent_alive:",
    ),
    Mutant(
        "in flight: a challenge gets no time",
        COVERAGE,
        "max(limits.in_flight_us, limits.proving_us)",
        "limits.in_flight_us",
    ),
    Mutant(
        "in flight: an instant less", COVERAGE, "span.start_us >= since_us[cause]", "span.start_us > since_us[cause]"
    ),
    Mutant(
        "gaps: two that touch are one",
        COVERAGE,
        "last.end_us == start_us and (last.cause, last.certainty) == (cause, certainty)",
        "last.end_us == start_us",
    ),
    Mutant(
        "gaps: one told as two",
        COVERAGE,
        "if last and last.end_us == start_us and",
        "if last and last.end_us is None and",
    ),
    Mutant("gaps: one that lasts is closed", COVERAGE, "gaps[-1].end_us == limits.now_us", "gaps[-1].end_us is None"),
    Mutant("gaps: what is in flight is a gap as well", COVERAGE, "SpanSet.of(span) - in_flight", "SpanSet.of(span)"),
    Mutant(
        "days: a gap across midnight is told on one day",
        COVERAGE,
        "                if span.end_us > day.end_us:\n                    break\n",
        "",
    ),
    Mutant(
        "days: a gap is not cut at midnight", COVERAGE, "min(span.end_us, day.end_us)), cause", "span.end_us), cause"
    ),
    Mutant(
        "final: an instant too late",
        VERDICT,
        "now_us >= day.end_us + waits.backfill_us",
        "now_us > day.end_us + waits.backfill_us",
    ),
    Mutant(
        "final: all days or none",
        VERDICT,
        "((final_days, True), (days[len(final_days) :], False))",
        "((days, bool(final_days)),)",
    ),
    Mutant(
        "service: a camera that went is expected", VERDICT, "retired_us if retired_us is not None else now_us", "now_us"
    ),
    Mutant("service: expected before it came", VERDICT, "SpanSet.of((activated_us, max(", "SpanSet.of((0, max("),
    Mutant("expected: the rest of today as well", VERDICT, "max(day.start_us, min(day.end_us, now_us))", "day.end_us"),
    Mutant("due: with what is in flight", VERDICT, "due = expected - coverage.in_flight", "due = expected"),
    Mutant(
        "status: known absence is merely unverified",
        VERDICT,
        "        return Status.NON_COMPLIANT",
        "        return Status.UNVERIFIED",
    ),
    Mutant("status: nothing due is compliant", VERDICT, "if coverage.gaps or not due or", "if coverage.gaps or"),
    Mutant(
        "status: gaps do not matter", VERDICT, "if coverage.gaps or not due or coverage.covered != due:", "if not due:"
    ),
    Mutant(
        "day: twenty-four hours, always",
        VERDICT,
        "for on in (day, day + timedelta(days=1))\n    )\n    return Span(start, end)",
        "for on in (day, day + timedelta(days=1))\n    )\n    return Span(start, start + 86_400_000_000)",
    ),
    Mutant(
        "day: by Greenwich",
        VERDICT,
        "to_datetime(instant_us).astimezone(ZoneInfo(timezone)).date()",
        "to_datetime(instant_us).date()",
    ),
    Mutant(
        "finding: one of stored footage begins by an untrusted clock",
        SOUND,
        "start_us = finding.since.at_us if finding.since.trusted else 0",
        "start_us = finding.since.at_us",
    ),
    Mutant(
        "finding: one of stored footage ends by an untrusted clock",
        SOUND,
        "finding.until is not None and finding.until.trusted else FAR_US",
        "finding.until is not None else FAR_US",
    ),
    Mutant(
        "finding: an open one spoils nothing",
        SOUND,
        "FAR_US if finding.until is None else _end(",
        "0 if finding.until is None else _end(",
    ),
    Mutant(
        "finding: a wrong clock's spoils no later timeline",
        SOUND,
        "if heard_us >= since.heard_us:",
        "if heard_us > since.heard_us:",
    ),
    Mutant(
        "finding: a wrong clock's spoils no earlier timeline",
        SOUND,
        "since.at_us if since.at_us < since.started_us else FAR_US",
        "FAR_US",
    ),
    Mutant(
        "finding: ends too early by a wrong clock",
        SOUND,
        "if heard_us > until.heard_us else",
        "if heard_us >= until.heard_us else",
    ),
    Mutant(
        "finding: spoils the days after it was over",
        SOUND,
        "if day.start_us >= over_us), FAR_US)",
        "if day.start_us > over_us), FAR_US)",
    ),
    Mutant(
        "clock: a comparison that comes again counts",
        CLOCK,
        "seen.observed_us <= record.compared_us:",
        "seen.observed_us < record.compared_us - 10**12:",
    ),
    Mutant(
        "clock: a proof needs no certainty",
        CLOCK,
        "abs(seen.offset_us) - seen.bound_us > rule.tolerance_us",
        "abs(seen.offset_us) > rule.tolerance_us",
    ),
    Mutant(
        "clock: offsets to one side alone",
        CLOCK,
        "slack_us = rule.tolerance_us - abs(seen.offset_us)",
        "slack_us = rule.tolerance_us - seen.offset_us",
    ),
    Mutant("clock: the bound is forgotten", CLOCK, "abs(seen.offset_us) - seen.bound_us\n", "abs(seen.offset_us)\n"),
    Mutant("clock: vouches ahead without an end", CLOCK, "min(forward_us, AHEAD_US_MAX)", "forward_us"),
    Mutant("clock: backward as if it were never slewed", CLOCK, "(rule.drift_ppm + SLEW_PPM_MAX)", "rule.drift_ppm"),
    Mutant(
        "clock: vouches back across the one before",
        CLOCK,
        "max(before_us, seen.observed_us - backward_us)",
        "seen.observed_us - backward_us",
    ),
    Mutant(
        "clock: what a later one confirms is not believed",
        CLOCK,
        "    if record.compared_us is not None:\n        vouched",
        "    if False:\n        vouched",
    ),
    Mutant(
        "clock: once wrong, right again",
        CLOCK,
        "    if record.distrusted_from_us is not None:\n        trusted",
        "    if False:\n        trusted",
    ),
    Mutant(
        "clock: a later proof takes back an earlier one",
        CLOCK,
        "from_us = min(from_us, record.distrusted_from_us)",
        "from_us = max(from_us, record.distrusted_from_us)",
    ),
)
