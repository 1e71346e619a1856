"""Without room nothing is written and nothing is evicted; with room it goes on by itself."""

from config.wire.status import CameraState
from edge_agent.app import App
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, wait_for

QUOTA = 60_000


def told(box: EdgeBox) -> list[str]:
    return [state.condition for state in box.outbox("camera-state") if isinstance(state, CameraState)]


def test_a_full_quota_stops_the_recording_until_there_is_room(camera_server: StartCameras, edge_box: EdgeBox) -> None:
    cameras = camera_server(cameras=1)
    app = App(edge_box.configure({"cam-1": cameras.url("cam1")}, spool={"bytes_max": QUOTA}))
    app.start()
    try:
        wait_for("the quota to fill", lambda: told(edge_box)[-1:] == ["disk_full"], 60)
        rows = edge_box.segments()
        kept = {path: path.stat().st_size for path in edge_box.spool.glob("*/*.mp4*")}
        assert sum(kept.values()) == sum(row["size_bytes"] for row in rows) >= QUOTA
        state = [s for s in edge_box.outbox("camera-state") if isinstance(s, CameraState)][-1]
        assert abs(state.at_us - rows[-1]["end_us"]) < 10
        wait_for("time to pass", lambda: app.clock.utc_us() > state.at_us + 2_500_000, 10)
        assert {path: path.stat().st_size for path in edge_box.spool.glob("*/*.mp4*")} == kept

        for row in rows:  # what a receipt does
            with app.database.transaction() as connection:
                connection.execute("UPDATE segments SET state = 'freed' WHERE segment_id = ?", (row["segment_id"],))
            app.spool.remove_freed(row["camera_id"], row["segment_id"])
        wait_for("recording again", lambda: told(edge_box)[-1:] == ["recording"], 20)
    finally:
        assert app.close()
    assert edge_box.segments()
