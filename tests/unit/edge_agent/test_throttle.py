"""The uplink's bound: never more than rate × time and one second's worth, shared by all, another at other hours."""

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S, SystemClock
from config.base.errors import ConfigurationError, Unavailable
from config.settings.edge import UplinkHours, UplinkSettings, load_edge
from edge_agent.upload.throttle import Throttle, UplinkPlan
from tests.support.clock import NOON_US, SimulatedClock

BLOCK = 65_536


def plan(*hours: tuple[str, str, int], timezone: str = "Asia/Shanghai") -> UplinkPlan:
    made = [UplinkHours(since=since, until=until, bits_per_second_max=bits) for since, until, bits in hours]
    return UplinkPlan(UplinkSettings(bits_per_second_max=9, timezone=timezone, hours=made))


@pytest.mark.parametrize(
    ("hour", "bits"), [(6.9, 9), (7, 1), (18.4, 1), (18.5, 9), (21.9, 9), (22, 2), (23.9, 2), (3, 2)]
)
def test_hours_of_the_day_are_those_of_the_zone(hour: float, bits: int) -> None:
    chosen = plan(("07:00", "18:30", 1), ("22:00", "05:00", 2), ("00:00", "23:59", 9))
    midnight_in_shanghai_us = NOON_US + 4 * 3_600 * US_PER_S
    assert chosen.bits_per_second(midnight_in_shanghai_us + round(hour * 3_600 * US_PER_S)) == bits


def test_without_hours_one_figure_holds_and_a_zone_that_is_none_is_told() -> None:
    assert plan().bits_per_second(NOON_US) == 9
    assert plan(("00:00", "00:00", 3), timezone="").bits_per_second(NOON_US) == 3
    with pytest.raises(ConfigurationError, match=r"uplink\.timezone"):
        plan(timezone="Mars/Olympus")


def test_the_settings_take_hours(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '[agent]\nsite_id = "s"\nagent_id = "a"\n'
        '[uplink]\nhours = [{ since = "07:00", until = "18:30", bits_per_second_max = 4000000 }]\n'
    )
    assert load_edge(file).uplink.hours[0].bits_per_second_max == 4_000_000
    file.write_text(file.read_text().replace("07:00", "7"))
    with pytest.raises(ConfigurationError, match="since"):
        load_edge(file)


@given(
    st.integers(8_000, 50_000_000),
    st.lists(st.tuples(st.integers(1, 4 * BLOCK), st.floats(0, 3)), min_size=1, max_size=60),
)
def test_no_stretch_of_time_lets_more_through_than_its_share(bits: int, asked: list[tuple[int, float]]) -> None:
    clock = SimulatedClock()
    throttle = Throttle(lambda: bits, clock)
    begun_us, passed = clock.monotonic_us(), 0
    for size_bytes, pause_s in asked:
        clock.advance(pause_s)
        while (wait_s := throttle._missing_s(size_bytes)) > 0:
            clock.advance(wait_s)
        passed += size_bytes
        elapsed_s = (clock.monotonic_us() - begun_us) / US_PER_S
        # A block larger than a second's worth goes in one piece, and those after it wait for it.
        assert passed - size_bytes <= bits / 8 * (elapsed_s + 1) + 1


def test_it_is_shared_and_fast_enough() -> None:
    throttle, passed = Throttle(lambda: 16_000_000, SystemClock()), []
    begun, until = time.monotonic(), time.monotonic() + 1.5

    def work() -> None:
        while time.monotonic() < until:
            throttle.take(BLOCK)
            passed.append(BLOCK)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed_s = time.monotonic() - begun
    assert 1_000_000 < sum(passed) <= 2_000_000 * (elapsed_s + 1) + 4 * BLOCK


def test_no_bound_costs_no_time_and_a_stop_ends_every_wait() -> None:
    Throttle(lambda: 0, SimulatedClock()).take(10**12)
    throttle = Throttle(lambda: 8, SimulatedClock())
    threading.Timer(0.1, throttle.close).start()
    with pytest.raises(Unavailable):
        throttle.take(BLOCK)
