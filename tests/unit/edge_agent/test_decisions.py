from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.wire.segments import SEGMENT_SPAN_US_MAX
from edge_agent.recording.decisions import (
    SEGMENT_BYTES_MAX,
    SegmentState,
    boundary_after,
    cut_at_keyframe,
    overlong,
    run_break,
)

MINUTE_US = 60 * US_PER_S
NOON_US = 1_795_262_400 * US_PER_S


def cuts(start_us: int, keyframes: list[int], segment_us: int = MINUTE_US) -> list[int]:
    """The keyframes that open a new segment."""
    found, begun, before = [], start_us, start_us
    for at in keyframes:
        if cut_at_keyframe(SegmentState(begun, 0, 0, at - before), at, segment_us):
            found.append(at)
            begun = at
        before = at
    return found


def test_a_partial_first_minute_ends_at_its_boundary() -> None:
    start = NOON_US + 37 * US_PER_S
    assert boundary_after(start, 2 * US_PER_S, MINUTE_US) == NOON_US + MINUTE_US


def test_a_segment_that_began_just_before_a_boundary_runs_to_the_next() -> None:
    assert boundary_after(NOON_US - 900_000, 2 * US_PER_S, MINUTE_US) == NOON_US + MINUTE_US
    assert boundary_after(NOON_US, 2 * US_PER_S, MINUTE_US) == NOON_US + MINUTE_US


@given(
    offset_ms=st.integers(0, 120_000), distance_ms=st.integers(200, 10_000), segment_s=st.sampled_from([10, 60, 300])
)
def test_every_cut_is_the_keyframe_nearest_to_a_boundary(offset_ms: int, distance_ms: int, segment_s: int) -> None:
    start, distance_us, segment_us = NOON_US + offset_ms * 1_000, distance_ms * 1_000, segment_s * US_PER_S
    keyframes = [start + i * distance_us for i in range(1, 4 * segment_us // distance_us)]
    found = cuts(start, keyframes, segment_us)
    assert found
    for cut in found:
        to_boundary_us = abs(cut - round(cut / segment_us) * segment_us)
        assert to_boundary_us <= distance_us / 2 + 1
    spans = [b - a for a, b in zip([start, *found], found, strict=False)]
    assert all(0 < span <= SEGMENT_SPAN_US_MAX for span in spans)


@given(distances_ms=st.lists(st.integers(100, 60_000), min_size=5, max_size=80))
def test_no_segment_is_longer_than_the_contract_whatever_the_camera_does(distances_ms: list[int]) -> None:
    segment_us = 300 * US_PER_S
    begun = before = NOON_US
    for distance_ms in distances_ms:
        at = before + distance_ms * 1_000
        state = SegmentState(begun, 0, 0, at - before)
        if cut_at_keyframe(state, at, segment_us) or overlong(at - begun, 0, segment_us):
            assert before - begun <= SEGMENT_SPAN_US_MAX
            begun = at
        before = at


def test_size_cuts_too() -> None:
    state = SegmentState(NOON_US, SEGMENT_BYTES_MAX, 10, 2 * US_PER_S)
    assert cut_at_keyframe(state, NOON_US + 4 * US_PER_S, MINUTE_US)


def test_what_breaks_a_run() -> None:
    assert run_break(parameters_changed=False, timeline_changed=False) == ""
    assert run_break(parameters_changed=True, timeline_changed=True) == "parameters"
    assert run_break(parameters_changed=False, timeline_changed=True) == "timeline"
