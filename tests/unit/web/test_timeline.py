"""The drawing shows every gap, whatever its length and the scale."""

import re

from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_MINUTE
from config.base.timespan import Span, SpanSet
from server.services.coverage.read_day import CameraDay, GapView, VerdictView
from server.web import timeline
from server.web.timeline import BANDS, GAPS, STEP_US, draw, percent, states_of

DAY = Span(0, 24 * timeline.HOUR_US)
instants = st.integers(0, DAY.end_us)
span_lists = st.lists(st.tuples(instants, instants).map(sorted).map(tuple), max_size=6)


def camera(*, covered=(), backfilled=(), in_flight=(), gaps=(), activated_us=0) -> CameraDay:
    return CameraDay(
        camera_id="gate",
        name="Gate",
        zone_name="Main",
        zone_kind="entrance",
        condition="recording",
        activated_us=activated_us,
        verdict=VerdictView("UNVERIFIED", False, 0, 0, 0),
        covered=list(covered),
        backfilled=list(backfilled),
        in_flight=list(in_flight),
        gaps=list(gaps),
        longest_covered_us=0,
    )


def rectangles(path: str) -> list[tuple[int, int]]:
    """(left, right) of what a path fills: each piece has an edge up or down on either side, and nothing else has."""
    x, begun, edges = 0, 0, []
    for command, first in re.findall(r"([Mmhvz])(-?\d*)", path):
        if command in "Mm":
            x = begun = int(first) if command == "M" else x + int(first)
        elif command == "h":
            x += int(first)
        elif command == "v":
            edges.append(x)
        else:
            x = begun
    return list(zip(edges[::2], edges[1::2], strict=True))


@given(span_lists, span_lists, span_lists, span_lists, instants)
def test_every_instant_has_exactly_one_state(covered, backfilled, missing, unverified, now_us):
    gaps = [GapView(*span, "unexplained", "missing") for span in missing]
    gaps += [GapView(*span, "agent_offline", "unverified") for span in unverified]
    states = states_of(camera(covered=covered, backfilled=backfilled, gaps=gaps), DAY, now_us)
    assert set(states) == set(BANDS)
    whole = SpanSet()
    for spans in states.values():
        assert not whole & spans
        whole |= spans
    assert whole == SpanSet.of(DAY)


@given(span_lists, instants)
def test_a_gap_is_drawn_over_its_whole_length_and_never_less_than_a_step(missing, now_us):
    gaps = [GapView(*span, "unexplained", "missing") for span in missing]
    states = states_of(camera(covered=[DAY], gaps=gaps), DAY, now_us)
    drawn = {band.state: rectangles(band.path) for band in draw(states, DAY, now_us).bands}
    for start_us, end_us in states["missing"]:
        assert any(left * STEP_US <= start_us and end_us <= right * STEP_US for left, right in drawn["missing"])


def test_what_is_both_covered_and_missing_is_drawn_as_missing():
    gap = GapView(10, 20, "unexplained", "missing")
    states = states_of(camera(covered=[(0, 100)], gaps=[gap]), DAY, 100)
    assert states["missing"] == SpanSet.of((10, 20))
    assert states["covered"] == SpanSet.of((0, 10), (20, 100))


def test_a_recording_that_is_no_good_is_drawn_apart_from_one_that_is_not_there():
    gaps = [GapView(10, 20, "picture_too_dark", "missing"), GapView(20, 30, "camera_unreachable", "missing")]
    gaps.append(GapView(30, 40, "picture_unexamined", "unverified"))
    states = states_of(camera(covered=[(0, 100)], gaps=gaps), DAY, 100)
    assert states["unsound"] == SpanSet.of((10, 20))
    assert states["missing"] == SpanSet.of((20, 30))
    assert states["unverified"] == SpanSet.of((30, 40))


@given(span_lists, st.sampled_from([STEP_US // 5, STEP_US, 6 * STEP_US]))
def test_a_gap_is_never_shorter_on_a_coarser_grid(missing, step_us):
    gaps = [GapView(*span, "unexplained", "missing") for span in missing]
    states = states_of(camera(covered=[DAY], gaps=gaps), DAY, DAY.end_us)
    drawn = {band.state: rectangles(band.path) for band in draw(states, DAY, 0, step_us).bands}
    for start_us, end_us in states["missing"]:
        assert any(left * step_us <= start_us and end_us <= right * step_us for left, right in drawn["missing"])


@given(span_lists, span_lists, st.sampled_from([STEP_US, 6 * STEP_US]))
def test_what_is_drawn_is_exactly_the_grids(covered, missing, step_us):
    gaps = [GapView(*span, "unexplained", "missing") for span in missing]
    states = states_of(camera(covered=covered, gaps=gaps), DAY, DAY.end_us)
    drawn = {band.state: rectangles(band.path) for band in draw(states, DAY, 0, step_us).bands}
    outward = SpanSet((start // step_us, -(-end // step_us)) for start, end in states["missing"])
    nearest = SpanSet((round(start / step_us), round(end / step_us)) for start, end in states["covered"])
    assert drawn.get("missing", []) == [tuple(span) for span in outward]
    assert drawn.get("covered", []) == [tuple(span) for span in nearest]


def test_each_number_of_a_path_is_told_once():
    gaps = [GapView(at * US_PER_MINUTE, at * US_PER_MINUTE + 1, "unexplained", "missing") for at in (0, 7)]
    states = states_of(camera(covered=[DAY], gaps=gaps), DAY, DAY.end_us)
    paths = {band.state: band.path for band in draw(states, DAY, 0, US_PER_MINUTE).bands}
    assert paths == {"missing": "m0 0v32h1v-32zm7 0v32h1v-32z", "covered": "M0 32v-24h1440v24"}


def test_an_open_gap_reaches_to_now():
    states = states_of(camera(gaps=[GapView(10, None, "agent_offline", "unverified")]), DAY, 1_000)
    assert states["unverified"] == SpanSet.of((10, 1_000))
    assert states["ahead"] == SpanSet.of((1_000, DAY.end_us))


def test_gaps_lie_on_top_and_no_two_states_look_alike():
    order = list(BANDS)
    assert set(order[-3:]) == GAPS
    shapes = {BANDS[state] for state in BANDS if state != "backfilled"}
    assert len(shapes) == len(BANDS) - 1


def test_days_of_23_and_25_hours_have_as_many_ticks():
    for length in (23, 24, 25):
        assert len(list(timeline.hours(Span(0, length * timeline.HOUR_US)))) == length + 1


def test_now_is_marked_only_within_the_window():
    assert draw(states_of(camera(), DAY, 0), DAY, DAY.end_us + 1).now is None
    assert draw(states_of(camera(), DAY, 0), DAY, DAY.end_us // 2).now == "50.000%"
    assert percent(DAY.end_us, DAY) == "100.000%"
