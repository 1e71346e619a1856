"""Pictures that nobody looked at: their time is not known to be good, and not known to be bad."""

from config.base.timespan import SpanSet
from config.wire.findings import FINDING_NAMES, UNEXAMINED
from server.domain.coverage import Cause, Certainty, Evidence, Limits, Timeline, cover
from server.domain.soundness import PRECEDENCE, Moment, PictureFinding

DAY = SpanSet.of((0, 1_000))


def evidence(*findings: PictureFinding) -> Evidence:
    return Evidence(
        secured={"t": DAY},
        timelines={"t": Timeline(DAY, DAY)},
        findings=findings,
        settled_until_us=1_000,
        agent_alive=True,
    )


def finding(name: str, since_us: int, until_us: int) -> PictureFinding:
    since, until = (Moment(at_us, "t", 0, trusted=True) for at_us in (since_us, until_us))
    return PictureFinding(name, since, until)


def test_time_that_nobody_examined_is_unverified_even_when_the_day_is_final() -> None:
    for final in (False, True):
        found = cover(DAY, evidence(finding(UNEXAMINED, 200, 500)), Limits(2_000, 0, final))
        assert found.covered == DAY - SpanSet.of((200, 500))
        assert found.gaps == ((200, 500, Cause.PICTURE_UNEXAMINED, Certainty.UNVERIFIED),)


def test_what_was_found_wrong_counts_before_what_was_not_examined() -> None:
    found = cover(DAY, evidence(finding(UNEXAMINED, 200, 500), finding("frozen", 100, 300)), Limits(2_000, 0))
    assert [(gap.start_us, gap.cause) for gap in found.gaps] == [
        (100, Cause.PICTURE_FROZEN),
        (300, Cause.PICTURE_UNEXAMINED),
    ]


def test_every_finding_has_its_place_in_the_order_of_causes() -> None:
    assert set(PRECEDENCE) == {*FINDING_NAMES, UNEXAMINED}
