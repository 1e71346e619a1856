"""Cameras' clocks measured while the agent runs: onto the board, into the book, and past cameras that do not answer."""

import time
from pathlib import Path

import pytest

from config.base.clock import US_PER_S, SystemClock
from config.settings.edge import CameraSettings, ClockSettings
from config.wire.replay import CameraClockReading
from edge_agent.cameras.board import CameraBoard
from edge_agent.onvif import clock_book
from edge_agent.onvif.clock_book import ClockBook
from edge_agent.onvif.clock_watch import UNCOMPARED_US, CameraClockWatch
from edge_agent.shards.fleet import WantedCamera
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.timekeeping import AgentClock
from tests.support.brokers import free_port
from tests.support.edge import wait_for

NAMES = ("gone", "right", "wrong")


@pytest.fixture
def book(tmp_path: Path):
    database = SpoolDatabase(tmp_path / "spool.sqlite3", Ballast(tmp_path))
    yield ClockBook(database)
    database.close()


def test_each_clock_is_measured_and_a_silent_camera_holds_up_none(camera_server, book):
    simulator = camera_server(cameras=2, user="viewer", password="small-lamp", onvif=True)
    simulator.arrange("cam2", clock_error_us=90 * US_PER_S)
    clock = AgentClock(SystemClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
    reading = clock.compare(clock.utc_us(), clock.monotonic_us(), clock.monotonic_us())
    clock.note(reading)
    board = CameraBoard(NAMES, clock, lambda _status: None)
    places = {
        "gone": f"http://127.0.0.1:{free_port()}/onvif/device_service",
        "right": simulator.device("cam1"),
        "wrong": simulator.device("cam2"),
    }
    cameras = [
        WantedCamera(CameraSettings(id=name, url="rtsp://127.0.0.1/x", onvif_url=url, username="viewer"), "small-lamp")
        for name, url in places.items()
    ]
    watch = CameraClockWatch(lambda: cameras, clock, board, book, every_s=600)
    watch.start()
    try:
        shown = wait_for(
            "both clocks",
            lambda: (
                found
                if (found := {one.camera_id: one for one in board.snapshot()})["wrong"].clock_offset_us is not None
                else None
            ),
        )
    finally:
        assert watch.close(10)
    assert shown["gone"].clock_offset_us is None
    assert abs(shown["right"].clock_offset_us) <= shown["right"].clock_bound_us
    assert abs(shown["wrong"].clock_offset_us - 90 * US_PER_S) <= shown["wrong"].clock_bound_us
    kept = book.before("wrong", clock.utc_us())
    assert kept is not None
    assert kept.timeline_id == clock.timeline.timeline_id
    assert shown["wrong"].clock_bound_us <= kept.bound_us < UNCOMPARED_US
    assert book.before("gone", clock.utc_us()) is None
    assert book.before("wrong", kept.at_us - 1) is None


def test_the_book_keeps_the_newest(book, monkeypatch):
    monkeypatch.setattr(clock_book, "READINGS_MAX", 3)
    for at_us in range(10, 20):
        book.note("a", CameraClockReading(timeline_id="a" * 32, at_us=at_us, offset_us=1, bound_us=2))
    book.note("b", CameraClockReading(timeline_id="a" * 32, at_us=1, offset_us=1, bound_us=2))
    assert book.before("a", 16) is None
    assert book.before("a", 18).at_us == 18
    assert book.before("b", 18).at_us == 1


def test_what_rtcp_says_counts_again_once_the_answer_is_old(monkeypatch):
    clock = AgentClock(SystemClock(), ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
    board = CameraBoard(["a"], clock, lambda _status: None)
    board.clock_is("a", 5, 1)
    board.clock_is("unknown", 5, 1)
    assert board.snapshot()[0].clock_offset_us == 5
    monkeypatch.setattr("edge_agent.cameras.board.ASKED_CLOCK_US_MAX", 0)
    time.sleep(0.001)
    assert board.snapshot()[0].clock_offset_us is None
