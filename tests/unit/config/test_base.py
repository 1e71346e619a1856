"""Clock, ids, backoff and logs."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.backoff import Backoff
from config.base.clock import SystemClock, from_datetime, isoformat, to_datetime
from config.base.ids import fresh_id, is_slug


@given(st.integers(0, 4_102_444_800_000_000))
def test_an_instant_survives_the_way_through_datetime(instant_us: int) -> None:
    assert from_datetime(to_datetime(instant_us)) == instant_us


def test_instants_are_utc_whatever_the_zone() -> None:
    noon = datetime(2026, 11, 21, 20, tzinfo=timezone(timedelta(hours=8)))
    assert isoformat(from_datetime(noon)) == "2026-11-21T12:00:00.000000Z"
    with pytest.raises(ValueError, match="naive"):
        from_datetime(datetime(2026, 11, 21))  # noqa: DTZ001


def test_time_in_suspend_counts_as_elapsed() -> None:
    """A time namespace stands in for a machine that slept a day: in it CLOCK_BOOTTIME alone is a day ahead."""
    code = "import time; from config.base.clock import SystemClock as C; print(C().monotonic_us() - time.monotonic_ns() // 1000)"
    asleep = ["unshare", "--time", "--boottime", "86400", "--fork", sys.executable, "-c", code]
    done = subprocess.run(asleep, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no time namespace to be had here: {done.stderr.strip()[:80]}")
    assert 86_390_000_000 < int(done.stdout) < 86_410_000_000


def test_the_machines_clocks_tell_microseconds() -> None:
    clock = SystemClock()
    assert abs(clock.utc_us() - from_datetime(datetime.now(UTC))) < 5_000_000
    assert clock.monotonic_us() <= clock.monotonic_us()


@pytest.mark.parametrize("good", ["a", "nap-room-1", "0", "a" * 64])
def test_good_ids(good: str) -> None:
    assert is_slug(good)


@pytest.mark.parametrize("bad", ["", "-a", "a-", "A", "a b", "a/b", "a+", "#", "a" * 65, "午睡", "a\n"])
def test_bad_ids(bad: str) -> None:
    assert not is_slug(bad)


def test_fresh_ids_differ() -> None:
    assert len({fresh_id() for _ in range(1_000)}) == 1_000


def test_backoff_starts_short_grows_and_stays_bounded() -> None:
    backoff = Backoff(0.5, 15.0, jitter=lambda: 1.0)
    assert [backoff.next_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    backoff.reset()
    assert backoff.next_s() == 0.5
    least = Backoff(0.5, 15.0, jitter=lambda: 0.0)
    assert [least.next_s() for _ in range(3)] == [0.5, 0.5, 1.0]


def test_backoff_refuses_bounds_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="first_s"):
        Backoff(2.0, 1.0)


LOGGING = """
from config.base import logs
logs.configure("test")
logs.get_logger("camera").info("lost", url="rtsp://admin:hunter2@192.0.2.1/1", detail="at rtsp://a:b@host/")
"""


def test_no_password_reaches_a_log_line() -> None:
    # In a process of its own: logging is set up once a process.
    ended = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True)
    line = json.loads(ended.stderr)
    assert (line["process"], line["package"], line["url"]) == ("test", "camera", "rtsp://192.0.2.1/1")
    assert "hunter2" not in ended.stderr
    assert "a:b" not in ended.stderr


LOGGING_TO_NOBODY = """
import io, sys
from config.base import logs
real, sys.stderr = sys.stderr, io.StringIO()
logs.configure("test")
log = logs.get_logger("camera")
log.info("first")
sys.stderr.close()
log.error("told_to_nobody")
sys.stderr = real
log.info("told")
"""


def test_a_closed_standard_error_stops_no_work() -> None:
    ended = subprocess.run([sys.executable, "-c", LOGGING_TO_NOBODY], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["told"]
