"""A system clock that is set moves no claim; a timeline that was wrong is left behind."""

from itertools import pairwise
from typing import Any

from config.base.backoff import Backoff
from config.base.clock import US_PER_S, SystemClock
from config.wire.health import Heartbeat
from config.wire.segments import SegmentRecorded, SegmentUploaded
from edge_agent.app import App
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, StandInServer, wait_for

HOUR_US = 3_600 * US_PER_S


class SetClock(SystemClock):
    """The machine's clocks, with a wall clock that somebody can set."""

    shift_us = 0

    def utc_us(self) -> int:
        return super().utc_us() + self.shift_us


def test_only_a_timeline_that_was_wrong_is_left_behind(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    cameras = camera_server(cameras=1)
    settings = edge_box.configure({"cam-1": cameras.url("cam1")}, mqtt=stand_in.mqtt(), server={"url": stand_in.url})
    clock = SetClock()
    app = App(settings, clock)
    app.start()
    first = app.clock.timeline.timeline_id
    try:
        wait_for("recording", lambda: app.board.condition("cam-1") == "recording")
        clock.shift_us = -HOUR_US
        told = wait_for(
            "the error to be told",
            lambda: [beat for beat in stand_in.of(Heartbeat) if beat.system_clock_error_us < -HOUR_US // 2],
        )
        wait_for("two manifests", lambda: len(stand_in.of(SegmentRecorded)) >= 2)
        assert app.clock.timeline.timeline_id == first

        app.link._backoff = Backoff(4.0, 4.0)  # the server shall be there first and hear all
        stand_in.broker.stop()
        stand_in.clock_shift_us = HOUR_US  # all this time it was the agent that was wrong
        clock.shift_us = 0  # which makes it look
        wait_for("a new timeline", lambda: app.clock.timeline.timeline_id != first)
        begun = app.clock.timeline.timeline_id
        known = len(stand_in.received)
        stand_in.broker.start()
        wait_for("a claim on it", lambda: [m for m in stand_in.of(SegmentRecorded) if m.timeline_id == begun])
        wait_for("the last word to be heard", lambda: not edge_box.query("SELECT * FROM closing_heartbeats"))
    finally:
        assert app.close()
    later: list[Any] = [said for _, said, _ in stand_in.received[known:] if not isinstance(said, SegmentUploaded)]
    last_word = next(said for said in later if isinstance(said, Heartbeat))
    assert last_word.timeline_id == first
    assert later.index(last_word) < next(i for i, said in enumerate(later) if said.timeline_id == begun)
    assert abs(told[0].sent_us - SystemClock().utc_us()) < 60 * US_PER_S
    manifests = {m.sequence: m for m in stand_in.of(SegmentRecorded)}
    ordered = [manifests[sequence] for sequence in sorted(manifests)]
    old = [m for m in ordered if m.timeline_id == first]
    new = [m for m in ordered if m.timeline_id == begun]
    assert old + new == ordered
    assert all(before.end_us == after.start_us for before, after in pairwise(old))
    assert all(abs(m.end_us - SystemClock().utc_us()) < 120 * US_PER_S for m in old)
    assert {m.run_id for m in old}.isdisjoint({m.run_id for m in new})
    assert all(m.end_us < SystemClock().utc_us() + HOUR_US // 2 < m2.start_us for m in old for m2 in new)
    proof = [beat.clock for beat in stand_in.of(Heartbeat) if beat.timeline_id == first and beat.clock]
    assert any(abs(reading.offset_us - HOUR_US) < US_PER_S for reading in proof)
