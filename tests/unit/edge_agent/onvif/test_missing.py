"""What is asked for, and what of an answer is claimed: never a time without a frame (I1)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from config.base.timespan import Span, SpanSet
from edge_agent.onvif.fetch import Job
from edge_agent.onvif.fetched_segments import HOLE_US, groups, with_decoding_times
from edge_agent.onvif.missing import AT_ONCE_US, LEAST_US, RETRY_LIMIT_US, Asked, Rule, next_to_ask, retry_us
from edge_agent.onvif.stored_frames import StoredFrame

S = 1_000_000
RULE = Rule(horizon_us=3_600 * S, settle_us=60 * S)
NOW = 10_000 * S


def ask(recorded: list[tuple[int, int]], asked: list[Asked] | None = None) -> Span | None:
    spans = SpanSet((start * S, end * S) for start, end in recorded)
    return next_to_ask(spans, asked or [], NOW, RULE)


def test_the_oldest_gap_between_recordings_comes_first():
    assert ask([(9_000, 9_100), (9_200, 9_300), (9_400, 9_600)]) == Span(9_100 * S, 9_200 * S)
    assert ask([]) is None
    assert ask([(9_000, 9_600)]) is None


def test_a_camera_must_have_recorded_again_for_a_while():
    assert ask([(9_000, 9_100), (9_200, 9_259)]) is None
    assert ask([(9_000, 9_100), (9_200, 9_260)]) == Span(9_100 * S, 9_200 * S)


def test_slivers_are_left_and_long_gaps_are_cut():
    assert ask([(9_000, 9_100), (9_101, 9_300)]) is None
    assert LEAST_US > S
    long = ask([(7_000, 7_001), (9_500, 9_800)])
    assert long == Span(7_001 * S, 7_001 * S + AT_ONCE_US)


def test_what_is_too_long_ago_is_not_asked_for():
    assert ask([(1_000, 1_100), (5_000, 9_800)]) is None
    assert ask([(1_000, 1_100), (7_000, 9_800)]) == Span(6_400 * S, 7_000 * S)


def test_what_is_settled_or_waits_is_not_asked_again():
    recorded = [(9_000, 9_100), (9_200, 9_400)]
    gap = Span(9_100 * S, 9_200 * S)
    assert ask(recorded, [Asked(gap, 1, 0, settled=True)]) is None
    assert ask(recorded, [Asked(gap, 1, NOW + 1, settled=False)]) is None
    assert ask(recorded, [Asked(gap, 1, NOW, settled=False)]) == gap
    half = Asked(Span(9_100 * S, 9_150 * S), 1, 0, settled=True)
    assert ask(recorded, [half]) == Span(9_150 * S, 9_200 * S)


def test_waits_grow_and_end():
    assert [retry_us(tries) for tries in (0, 1, 2, 100)] == [60 * S, 120 * S, 240 * S, RETRY_LIMIT_US]


def job(start_offset_us: int = 0, end_offset_us: int = 0) -> Job:
    return Job("rtsp://x/", "", "", "", 1_000 * S, 2_000 * S, start_offset_us, end_offset_us, 60 * S, 5, 5)


@given(st.integers(-(10**13), 10**13), st.integers(-S, S), st.integers(900 * S, 2_100 * S))
def test_the_cameras_time_is_brought_to_ours_between_the_two_offsets(offset_us, drift_us, at_us):
    given_job = job(offset_us, offset_us + drift_us)
    found = given_job.to_agent(at_us + offset_us)
    assert min(0, -drift_us) - 1 <= found - at_us <= max(0, -drift_us) + 1
    assert given_job.to_agent(at_us + offset_us + 1_000) >= found


frames = st.lists(
    st.tuples(st.sampled_from([40_000, 40_000, 40_000, 400_000, 3 * S, -5 * S]), st.booleans(), st.booleans()),
    max_size=60,
)


@given(frames)
def test_no_instant_is_claimed_that_is_further_from_its_frame_than_a_hole_may_be(steps):
    at_us, sent = 5_000 * S, []
    for step_us, is_key, after_break in steps:
        at_us += step_us
        sent.append(StoredFrame(b"x", is_key, at_us, after_break))
    claimed = list(groups(iter(sent), lambda us: us))
    for group in claimed:
        times = sorted(us for us, _ in group.frames)
        assert group.start_us == group.frames[0][0]
        assert all(b - a <= HOLE_US for a, b in pairwise(times))
        assert 0 < group.end_us - times[-1] <= HOLE_US
    keys = {frame.camera_us for frame in sent if frame.is_key}
    assert all(group.start_us in keys for group in claimed)
    for before, after in pairwise(claimed):
        if after.joined:
            assert before.end_us == after.start_us


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50, unique=True))
def test_decoding_times_go_forward_and_come_before_presentation(times):
    found = with_decoding_times([(at_us, b"") for at_us in times])
    decoded = [decoded_us for _, decoded_us, _ in found]
    assert decoded == sorted(decoded)
    assert all(decoded_us <= at_us for at_us, decoded_us, _ in found)
