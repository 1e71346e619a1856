"""What the unattended run takes for proof."""

from config.base.timespan import SpanSet
from deploy.local import smoke
from deploy.local.watch import CameraView, Gap

S = 1_000_000


def camera(status: str, covered: SpanSet, *gaps: Gap) -> CameraView:
    return CameraView("c", "c", status, covered, SpanSet(), list(gaps))


def test_a_dead_camera_is_an_open_gap_with_its_cause() -> None:
    covered = SpanSet.of((0, 10 * S))
    assert smoke._is_down(camera("NON_COMPLIANT", covered, Gap(10 * S, None, "camera_unreachable", "missing")))
    assert not smoke._is_down(camera("NON_COMPLIANT", covered, Gap(10 * S, 20 * S, "camera_unreachable", "missing")))
    assert not smoke._is_down(camera("NON_COMPLIANT", covered, Gap(10 * S, None, "stream_stalled", "missing")))
    assert not smoke._is_down(camera("COMPLIANT", covered))


def test_a_camera_is_back_when_footage_follows_its_gap() -> None:
    gap = Gap(10 * S, 20 * S, "camera_unreachable", "missing")
    assert smoke._is_back(camera("NON_COMPLIANT", SpanSet.of((0, 10 * S), (20 * S, 30 * S)), gap), 11 * S)
    assert not smoke._is_back(camera("NON_COMPLIANT", SpanSet.of((0, 10 * S)), gap), 11 * S)
    assert not smoke._is_back(camera("NON_COMPLIANT", SpanSet.of((20 * S, 30 * S)), gap), 25 * S)


def test_only_unverified_counts_for_a_silent_agent() -> None:
    gap = Gap(10 * S, None, "agent_offline", "unverified")
    assert smoke._is_unknown(camera("UNVERIFIED", SpanSet(), gap))
    assert not smoke._is_unknown(camera("COMPLIANT", SpanSet()))
    assert not smoke._is_unknown(camera("NON_COMPLIANT", SpanSet(), gap))


def only_dead_time(*gaps: Gap) -> bool:
    # Broker down at 100 s, agent killed at 120 s, back at 160 s; looked at 200 s.
    return smoke._only_dead_time(
        camera("NON_COMPLIANT", SpanSet(), *gaps), SpanSet.of((115 * S, 200 * S)), 100 * S, 120 * S, 160 * S
    )


def test_the_dead_time_alone_may_stay_a_gap() -> None:
    dead = Gap(119 * S, 161 * S, "agent_offline", "missing")
    assert only_dead_time(dead)
    assert only_dead_time(Gap(10 * S, 20 * S, "camera_unreachable", "missing"), dead)
    assert only_dead_time(Gap(118 * S, 119 * S, "unexplained", "missing"), dead)
    assert not only_dead_time()
    assert not only_dead_time(Gap(105 * S, 161 * S, "agent_offline", "missing"))
    assert not only_dead_time(Gap(130 * S, 161 * S, "agent_offline", "missing"))
    assert not only_dead_time(Gap(119 * S, None, "agent_offline", "missing"))
    assert not only_dead_time(Gap(119 * S, 161 * S, "agent_offline", "unverified"))
    assert not only_dead_time(Gap(119 * S, 161 * S, "unexplained", "missing"))
