import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.base.errors import Unavailable
from config.settings.edge import ClockSettings
from config.wire.health import ClockReading
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.timekeeping import AgentClock, ClockSync, Instant, Slew, begin_timeline, corrected, system_clock_step
from tests.support.clock import NOON_US, SimulatedClock

SETTINGS = ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500)
HOUR_S = 3_600


def reading(offset_us: int, bound_us: int = 1_000) -> ClockReading:
    return ClockReading(observed_us=0, offset_us=offset_us, bound_us=bound_us)


@given(
    target=st.integers(-(10**7), 10**7), since=st.integers(0, 10**9), steps=st.lists(st.integers(0, 10**8), max_size=20)
)
def test_a_slew_reaches_its_target_at_its_rate_and_never_passes_it(target: int, since: int, steps: list[int]) -> None:
    slew = Slew(0, target, since, 500)
    at, before = since, slew.at(since)
    for step in steps:
        at += step
        now = slew.at(at)
        assert abs(now - before) <= step * 500 // US_PER_S + 1
        assert min(0, target) <= now <= max(0, target)
        before = now
    assert slew.at(since + abs(target) * 2_000 + 1) == target


@given(offsets=st.lists(st.tuples(st.integers(-2_000_000, 2_000_000), st.integers(1, 10**8)), max_size=20))
def test_within_a_timeline_time_never_goes_back(offsets: list[tuple[int, int]]) -> None:
    timeline, monotonic_us = begin_timeline(NOON_US, 0), 0
    newest = timeline.utc_us(0)
    for offset_us, passed_us in offsets:
        timeline = corrected(timeline, reading(offset_us), monotonic_us, SETTINGS)
        assert timeline.utc_us(monotonic_us) == newest
        monotonic_us += passed_us
        assert abs(timeline.utc_us(monotonic_us) - newest - passed_us) <= passed_us * 500 // US_PER_S + 1
        newest = timeline.utc_us(monotonic_us)


def test_a_large_error_begins_a_new_timeline_and_a_small_one_does_not() -> None:
    timeline = begin_timeline(NOON_US, 0)
    assert corrected(timeline, reading(2_000_000), 0, SETTINGS).timeline_id == timeline.timeline_id
    stepped = corrected(timeline, reading(2_000_001), 0, SETTINGS)
    assert stepped.timeline_id != timeline.timeline_id
    assert stepped.utc_us(0) == NOON_US + 2_000_001


def test_a_reading_that_is_too_vague_or_agrees_changes_no_rate() -> None:
    timeline = begin_timeline(NOON_US, 0)
    assert corrected(timeline, reading(3_600 * US_PER_S, bound_us=1_500_000), 0, SETTINGS) == timeline
    assert corrected(timeline, reading(900, bound_us=1_000), 0, SETTINGS).utc_us(10**9) == NOON_US + 10**9


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_system_clock_that_jumps_moves_nothing_but_its_own_error(jump_s: int) -> None:
    machine = SimulatedClock()
    clock = AgentClock(machine, SETTINGS)
    timeline = clock.timeline
    machine.advance(10)
    before_us, anchor_us = clock.utc_us(), clock.system_anchor_us()
    machine.jump(jump_s)
    assert clock.utc_us() == before_us == NOON_US + 10 * US_PER_S
    assert clock.timeline is timeline
    assert clock.system_clock_error_us() == jump_s * US_PER_S
    assert system_clock_step(anchor_us, clock.system_anchor_us()) == jump_s * US_PER_S
    machine.advance(5)
    assert clock.utc_us() == NOON_US + 15 * US_PER_S


def test_the_first_timeline_begins_on_the_servers_time() -> None:
    machine = SimulatedClock()
    clock = AgentClock(machine, SETTINGS)
    told: list[bool] = []
    sync = ClockSync(clock, SETTINGS, lambda: NOON_US + 700_000, lambda: None, lambda: told.append(True))
    assert sync.first()
    assert clock.utc_us() == NOON_US + 700_000
    assert clock.reading is not None
    assert clock.reading.offset_us == 0


def test_without_a_server_the_machine_clock_must_do() -> None:
    machine = SimulatedClock()
    clock = AgentClock(machine, SETTINGS)

    def nobody() -> int:
        machine.advance(1)
        raise Unavailable("nobody there")

    assert not ClockSync(clock, SETTINGS, nobody, lambda: None, lambda: None).first()
    assert clock.system_clock_error_us() == 0
    assert clock.reading is None


def test_a_reading_is_taken_at_the_middle_of_the_exchange() -> None:
    machine = SimulatedClock(monotonic_us=0)
    clock = AgentClock(machine, SETTINGS)
    machine.advance(2)
    found = clock.compare(server_us=NOON_US + 1 * US_PER_S, asked_us=0, answered_us=2 * US_PER_S)
    assert (found.offset_us, found.bound_us) == (0, 1 * US_PER_S)


def test_a_timeline_is_left_only_after_its_last_word_was_kept() -> None:
    clock = AgentClock(SimulatedClock(), SETTINGS)
    first, said, disk = clock.timeline.timeline_id, list[tuple[str, int]](), {"full": True}

    def closing() -> None:
        if disk["full"]:
            raise Unavailable("not now")
        assert clock.reading is not None
        said.append((clock.timeline.timeline_id, clock.reading.offset_us))

    sync = ClockSync(clock, SETTINGS, lambda: NOON_US + HOUR_S * US_PER_S, closing, lambda: said.append(("begun", 0)))
    assert not sync._sync()
    assert clock.timeline.timeline_id == first
    disk["full"] = False
    assert sync._sync()
    assert said == [(first, HOUR_S * US_PER_S), ("begun", 0)]
    assert clock.timeline.timeline_id != first


def test_a_condition_is_told_on_the_timeline_it_was_read_from() -> None:
    machine, told = SimulatedClock(), list[CameraStatus]()
    clock = AgentClock(machine, SETTINGS)
    board = CameraBoard(["cam-1"], clock, told.append)
    machine.advance(0.01)
    ended = clock.now()
    assert clock.correct(reading(HOUR_S * US_PER_S))
    board.set("cam-1", "stalled", "no frames", ended)
    board.set("cam-1", "recording")
    assert (told[0].since_us, told[0].timeline_id) == ended
    assert told[1].timeline_id == clock.timeline.timeline_id != ended.timeline_id


def test_a_cameras_conditions_never_go_back_in_time() -> None:
    """The end of a recording lies up to a frame ahead of now; the next condition is read off the clock."""
    machine, told = SimulatedClock(), list[CameraStatus]()
    clock = AgentClock(machine, SETTINGS)
    board = CameraBoard(["cam-1"], clock, told.append)
    ahead_us, timeline_id = clock.now()
    machine.advance(0.01)
    board.set("cam-1", "starting", "its settings were changed", Instant(ahead_us + 40_000, timeline_id))
    board.set("cam-1", "unreachable", "no answer")
    assert [status.condition for status in told] == ["starting", "unreachable"]
    assert told[1].since_us == told[0].since_us + 1


@pytest.mark.parametrize("before_us", [0, 30])
def test_a_recording_that_kept_nothing_ends_at_the_instant_at_which_it_began(before_us: int) -> None:
    """A microsecond later, that microsecond would be a gap that nothing explains; then the next begins after it."""
    machine, told = SimulatedClock(), list[CameraStatus]()
    board = CameraBoard(["cam-1"], AgentClock(machine, SETTINGS), told.append)
    began = AgentClock(machine, SETTINGS).now().us + 50
    timeline_id = board.snapshot()[0].timeline_id
    board.set("cam-1", "recording", "", Instant(began, timeline_id))
    board.set("cam-1", "stalled", "its process ended", Instant(began - before_us, timeline_id))
    board.set("cam-1", "recording", "", Instant(began, timeline_id))
    assert [(status.condition, status.since_us - began) for status in told] == [
        ("recording", 0),
        ("stalled", 0),
        ("recording", 1),
    ]


class HeldUpClock(SimulatedClock):
    """A thread that reads it is held up for half a second, once, between two readings."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def utc_us(self) -> int:
        found = super().utc_us()
        self._hold_up()
        return found

    def monotonic_us(self) -> int:
        found = super().monotonic_us()
        self._hold_up()
        return found

    def _hold_up(self) -> None:
        self._left -= 1
        if not self._left:
            self.advance(0.5)


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
def test_a_thread_that_is_held_up_between_two_clocks_begins_no_wrong_timeline(after: int) -> None:
    agent = AgentClock(HeldUpClock(after), SETTINGS)
    assert agent.timeline.started_us - agent.timeline.origin_us == NOON_US - 5_000_000
    assert agent.system_clock_error_us() == 0
