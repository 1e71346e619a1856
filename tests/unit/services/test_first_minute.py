"""When a camera has its first verified minute."""

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from server.services.agents.acceptance import first_minute_in

S = US_PER_S


def test_a_minute_is_whole_or_it_is_none() -> None:
    assert first_minute_in(SpanSet()) is None
    assert first_minute_in(SpanSet.of((0, 59 * S), (60 * S, 119 * S))) is None
    assert first_minute_in(SpanSet.of((0, 40 * S), (50 * S, 200 * S))) == Span(50 * S, 110 * S)
