from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.recording.continuity import CATCH_UP_US, SETTLE_US, Arrival, Continuity, Frame, with_times

FRAME_US = 40_000
GAP_US = 1_000_000
ORIGIN_US = 7_000_000_000


def stream(frames: int, *, first: int = 0, delay_us: int = 0, pts_shift_us: int = 0) -> list[Arrival]:
    return [
        Arrival(
            i * FRAME_US + pts_shift_us, i * FRAME_US + pts_shift_us, ORIGIN_US + i * FRAME_US + delay_us, i % 50 == 0
        )
        for i in range(first, first + frames)
    ]


def play(arrivals: list[Arrival], *, flush: bool = True) -> list[Frame]:
    continuity = Continuity(GAP_US)
    placed = [frame for arrival in arrivals for frame in continuity.take(arrival)]
    return placed + (continuity.flush() if flush else [])


def begins(placed: list[Frame]) -> list[int]:
    return [i for i, frame in enumerate(placed) if frame.begins_run]


def test_an_even_stream_is_one_run_and_no_frame_is_lost() -> None:
    placed = play(stream(500))
    assert len(placed) == 500
    assert begins(placed) == [0]
    assert all(b.captured_us - a.captured_us == FRAME_US for a, b in pairwise(placed))


def test_nothing_is_placed_before_the_origin_has_settled() -> None:
    assert play(stream(SETTLE_US // FRAME_US), flush=False) == []
    assert len(play(stream(SETTLE_US // FRAME_US + 1), flush=False)) == SETTLE_US // FRAME_US + 1


def test_the_first_packet_without_times_is_the_origin() -> None:
    first, *rest = stream(100)
    placed = play([first._replace(presented_us=None, decoded_us=None), *rest])
    assert (placed[0].presented_us, placed[0].decoded_us) == (0, 0)


def test_leading_decoding_times_count_back_from_the_first_known_one() -> None:
    """As FFmpeg hands out a stream with B-frames: I, B, P, B, B …"""
    order = [(None, None), (-FRAME_US, None), (3 * FRAME_US, None), (FRAME_US, -FRAME_US), (2 * FRAME_US, 0)]
    held = [Arrival(pts, dts, ORIGIN_US, i == 0) for i, (pts, dts) in enumerate(order)]
    assert [a.decoded_us for a in with_times(held)] == [-4 * FRAME_US, -3 * FRAME_US, -2 * FRAME_US, -FRAME_US, 0]
    assert with_times(held)[0].presented_us == 0


def test_a_burst_at_the_start_is_placed_before_it_arrived() -> None:
    """A camera that sends its last two seconds at once when a viewer comes."""
    burst = [a._replace(arrival_us=ORIGIN_US + 50 * FRAME_US) for a in stream(50)]
    placed = play([*burst, *stream(100, first=50)])
    assert begins(placed) == [0]
    assert placed[0].captured_us == ORIGIN_US


def test_missing_frames_end_the_run() -> None:
    placed = play([*stream(100), *stream(100, first=200)])
    assert begins(placed) == [0, 100]
    assert placed[100].why == "no frames for 4.0 s"
    assert placed[100].captured_us == ORIGIN_US + 200 * FRAME_US


def test_a_network_that_held_frames_back_is_not_blamed() -> None:
    late = [a._replace(arrival_us=ORIGIN_US + 160 * FRAME_US) for a in stream(60, first=100)]
    placed = play([*stream(100), *late, *stream(100, first=160)])
    assert begins(placed) == [0]
    assert len(placed) == 260
    assert placed[100].captured_us == ORIGIN_US + 100 * FRAME_US


def test_a_camera_whose_times_go_on_over_a_hole_is_found_out() -> None:
    """Its presentation times claim that no frame is missing; nothing came for three seconds and nothing comes after."""
    hole_us = 3_000_000
    placed = play([*stream(100), *stream(200, first=100, delay_us=hole_us)])
    assert begins(placed) == [0, 100]
    assert placed[100].captured_us == ORIGIN_US + 100 * FRAME_US + hole_us
    assert placed[100].captured_us - placed[99].captured_us > hole_us


def test_frames_after_an_unexplained_silence_are_let_go_when_the_session_ends() -> None:
    placed = play([*stream(100), *stream(1, first=100, delay_us=5_000_000)])
    assert len(placed) == 100


def test_a_camera_clock_set_back_ends_the_run() -> None:
    placed = play([*stream(100), *stream(100, first=100, pts_shift_us=-2_000_000)])
    assert begins(placed) == [0, 100]
    assert placed[100].captured_us > placed[99].captured_us


def test_a_camera_clock_that_runs_slow_is_followed() -> None:
    """1 % slow for ten minutes: without the sliding window the last claims would be six seconds early."""
    arrivals = [Arrival(i * 39_600, i * 39_600, ORIGIN_US + i * FRAME_US, i % 50 == 0) for i in range(15_000)]
    placed = play(arrivals)
    assert begins(placed) == [0]
    assert 0 <= arrivals[-1].arrival_us - placed[-1].captured_us < 700_000


@given(delays=st.lists(st.integers(0, 400_000), min_size=60, max_size=200))
def test_jitter_never_places_a_frame_after_its_arrival_nor_out_of_order(delays: list[int]) -> None:
    arrivals: list[Arrival] = []
    newest = 0
    for arrival, delay in zip(stream(len(delays)), delays, strict=True):
        newest = max(newest, arrival.arrival_us + delay)
        arrivals.append(arrival._replace(arrival_us=newest))
    placed = play(arrivals)
    assert len(placed) == len(arrivals)
    assert begins(placed) == [0]
    assert all(frame.captured_us <= arrival.arrival_us for frame, arrival in zip(placed, arrivals, strict=True))


@pytest.mark.parametrize("silence_us", [500_000, 900_000])
def test_a_short_silence_changes_nothing(silence_us: int) -> None:
    placed = play([*stream(100), *stream(100, first=100, delay_us=silence_us)])
    assert begins(placed) == [0]


def test_holding_back_is_bounded() -> None:
    frozen = [a._replace(arrival_us=ORIGIN_US + CATCH_UP_US) for a in stream(2_000)]
    assert len(play(frozen, flush=False)) > 1_000


@pytest.mark.parametrize("slowness", [1.1, 1.5, 2.0, 4.0])
def test_what_comes_ever_later_is_not_claimed_for_time_that_it_does_not_fill(slowness: float) -> None:
    """A camera that falls behind evenly: its own times know of no hole, and at no moment is it silent."""
    late = [
        arrival._replace(arrival_us=ORIGIN_US + int(i * FRAME_US * slowness)) for i, arrival in enumerate(stream(5_000))
    ]
    placed = play(late)
    steps = [(b.captured_us - a.captured_us, b.begins_run) for a, b in pairwise(placed)]
    assert all(step <= GAP_US or begins for step, begins in steps)
    assert len(begins(placed)) > 1
    assert len(placed) == 5_000
    assert "later" in placed[begins(placed)[1]].why


def test_frames_out_of_their_order_of_presentation_are_no_leap() -> None:
    """B-frames: the newest picture comes first, those before it follow."""
    shuffled = [
        arrival._replace(presented_us=arrival.presented_us + (3, 0, 1)[i % 3] * FRAME_US)
        for i, arrival in enumerate(stream(2_000))
    ]
    assert begins(play(shuffled)) == [0]
