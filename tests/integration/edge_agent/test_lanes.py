"""Live state goes before the backlog, even while the backlog's window is full and nothing of it is answered."""

from config.base.ids import fresh_id
from config.wire.notices import BoxNotice
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from edge_agent.app import App
from edge_agent.reporting.resending import WINDOW
from edge_agent.spool.segments import OpenSegment
from tests.support.edge import EdgeBox, StandInServer, wait_for


def claim(app: App, count: int) -> None:
    """Claims of segments whose files nobody will ask for."""
    for number in range(count):
        start_us = app.clock.utc_us() - (count - number) * 1_000_000
        segment = OpenSegment(
            fresh_id(), "cam-1", fresh_id(), app.clock.timeline.timeline_id, start_us, "h264", 640, 360
        )
        app.spool.open(segment)
        app.spool.finalise(segment, end_us=start_us + 1_000_000, sha256=fresh_id() * 2, size_bytes=1, frames=1)


def test_live_state_overtakes_a_backlog_of_which_nothing_is_answered(
    edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.acknowledges = False
    app = App(
        edge_box.configure(
            {"cam-1": "rtsp://127.0.0.1:1/x"},
            mqtt=stand_in.mqtt(),
            server={"url": stand_in.url},
            spool={"resend_s": 60},
        )
    )
    claim(app, 3 * WINDOW)
    app.start()
    try:
        wait_for("the window to fill", lambda: len(stand_in.of(SegmentRecorded)) >= WINDOW)
        known = len(stand_in.of(CameraState))
        app.board.set("cam-1", "no_video", "told at once")
        app.notices.tell("spool_filling", raised=True, hours_left=2.04, detail="tested")
        wait_for("the state", lambda: "no_video" in [state.condition for state in stand_in.of(CameraState)[known:]], 5)
        (notice,) = wait_for("the notice", lambda: stand_in.of(BoxNotice), 5)
        assert (notice.hours_left, notice.raised) == (2.0, True)
        assert len(stand_in.of(SegmentRecorded)) == WINDOW
        stand_in.acknowledges = True
    finally:
        assert app.close()
    told = [message for _, message, _ in stand_in.received if isinstance(message, SegmentRecorded | CameraState)]
    assert isinstance(told[0], CameraState)  # the very first as well
