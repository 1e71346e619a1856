"""When a camera has its first verified minute."""

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from server.services.acceptance import first_minute_of


def test_a_minute_counts_only_where_its_clock_is_trusted_and_may_be_made_of_two_timelines():
    s = US_PER_S
    secured = {"a": SpanSet.of((0, 40 * s)), "b": SpanSet.of((40 * s, 200 * s))}
    assert first_minute_of(secured, {}) is None
    assert first_minute_of(secured, {"b": SpanSet.of((50 * s, 100 * s))}) is None
    whole = {"a": SpanSet.of((10 * s, 40 * s)), "b": SpanSet.of((40 * s, 100 * s))}
    assert first_minute_of(secured, whole) == Span(10 * s, 70 * s)
