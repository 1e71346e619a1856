"""When a finding spoils time, and which timeline's clock says so."""

from dataclasses import replace

from config.base.timespan import SpanSet
from server.domain.coverage import Cause, Certainty, Coverage, Evidence, Limits, Timeline, cover
from server.domain.soundness import FAR_US, Moment, PictureFinding, spoiled

ALL = SpanSet.of((0, 1_000))
LIMITS = Limits(now_us=1_000, in_flight_us=0)


def evidence(*findings: PictureFinding) -> Evidence:
    timeline = Timeline(running=ALL, trusted=ALL, heard_us=10)
    return Evidence(secured={"t": ALL}, timelines={"t": timeline}, findings=findings, settled_until_us=1_000)


def moment(at_us: int, *, timeline: str = "t", heard_us: int = 10, trusted: bool = True) -> Moment:
    return Moment(at_us, timeline, heard_us, trusted)


def judged(*findings: PictureFinding) -> Coverage:
    return cover(ALL, evidence(*findings), LIMITS)


def test_a_picture_that_is_no_good_is_a_known_gap_with_its_cause() -> None:
    coverage = judged(PictureFinding("occluded", moment(200), moment(500)))
    assert coverage.covered == SpanSet.of((0, 200), (500, 1_000))
    assert [(gap.start_us, gap.end_us, gap.cause, gap.certainty) for gap in coverage.gaps] == [
        (200, 500, Cause.PICTURE_OCCLUDED, Certainty.MISSING)
    ]


def test_what_nobody_cleared_lasts() -> None:
    coverage = judged(PictureFinding("frozen", moment(400), None))
    assert coverage.covered == SpanSet.of((0, 400))
    assert coverage.gaps[-1].end_us is None


def test_of_two_the_one_that_hides_more_is_told() -> None:
    coverage = judged(
        PictureFinding("blurred", moment(100), moment(900)), PictureFinding("signal_loss", moment(300), moment(400))
    )
    assert [(gap.start_us, gap.cause) for gap in coverage.gaps] == [
        (100, Cause.PICTURE_BLURRED),
        (300, Cause.PICTURE_SIGNAL_LOSS),
        (400, Cause.PICTURE_BLURRED),
    ]


def test_a_clock_that_is_not_trusted_comes_after_what_the_picture_says_where_it_is() -> None:
    mixed = evidence(PictureFinding("blurred", moment(100), moment(900)))
    half = {"t": Timeline(running=ALL, trusted=SpanSet.of((0, 500)), heard_us=10)}
    coverage = cover(ALL, replace(mixed, timelines=half), LIMITS)
    assert [(gap.start_us, gap.cause) for gap in coverage.gaps] == [
        (100, Cause.PICTURE_BLURRED),
        (500, Cause.CLOCK_ERROR),
    ]


def test_a_finding_of_a_wrong_clock_spoils_the_timelines_after_it_and_none_before() -> None:
    ahead = PictureFinding("occluded", moment(10**9, timeline="wrong", heard_us=20, trusted=False), None)
    assert not spoiled(ahead, "before", 10)
    assert spoiled(ahead, "wrong", 20) == SpanSet.of((10**9, FAR_US))
    assert spoiled(ahead, "after", 30) == SpanSet.of((0, FAR_US))


def test_what_a_wrong_clock_cleared_is_over_for_the_timelines_after_it_alone() -> None:
    until = moment(3, timeline="wrong", heard_us=20, trusted=False)
    finding = PictureFinding("occluded", moment(500, timeline="first", heard_us=10), until)
    assert spoiled(finding, "first", 10) == SpanSet.of((500, FAR_US))
    assert not spoiled(finding, "wrong", 20)
    assert not spoiled(finding, "after", 30)


def fetched_after(*findings: PictureFinding) -> Coverage:
    """A live timeline from 0 to 400 and footage of [400, 600) from the camera's memory, heard of long afterwards."""
    live, stored = SpanSet.of((0, 400)), SpanSet.of((400, 600))
    everything = Evidence(
        secured={"t": live, "f": stored},
        timelines={
            "t": Timeline(running=ALL, trusted=ALL, heard_us=10),
            "f": Timeline(running=stored, trusted=stored, ended=True, heard_us=2_000, stored=True),
        },
        findings=findings,
        settled_until_us=1_000,
    )
    return cover(ALL, everything, LIMITS)


def test_footage_of_a_cameras_memory_inherits_what_was_wrong_when_the_agent_lost_it() -> None:
    until = moment(1_500, timeline="wrong", heard_us=1_100, trusted=False)
    assert fetched_after(PictureFinding("occluded", moment(300), until)).covered == SpanSet.of((0, 300))
    assert fetched_after(PictureFinding("occluded", moment(300), None)).covered == SpanSet.of((0, 300))
    assert fetched_after(PictureFinding("occluded", moment(300), moment(500))).covered == SpanSet.of(
        (0, 300), (500, 600)
    )


def test_a_wrong_clock_says_nothing_of_when_a_cameras_memory_was_spoiled() -> None:
    """Heard of earlier or later: the footage itself is of any time, and what is not known is not sound."""
    for heard_us in (5, 3_000):
        since = moment(900, timeline="wrong", heard_us=heard_us, trusted=False)
        for until in (None, moment(950, timeline="wrong", heard_us=heard_us, trusted=False)):
            assert spoiled(PictureFinding("frozen", since, until), "f", 2_000, stored=True) == SpanSet.of((0, FAR_US))


def test_a_first_bad_picture_of_an_earlier_timeline_spoils_the_end_of_that_one() -> None:
    """The clock was begun anew while the agent made up its mind: the finding names the new timeline alone."""
    since = Moment(200, "new", 20, trusted=False, started_us=300)
    finding = PictureFinding("occluded", since, Moment(700, "new", 20, trusted=True, started_us=300))
    assert spoiled(finding, "old", 10) == SpanSet.of((200, 700))
    assert spoiled(finding, "new", 20) == SpanSet.of((200, 700))
    assert spoiled(finding, "after", 30) == SpanSet.of((0, 700))
