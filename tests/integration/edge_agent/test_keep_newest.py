"""Told to keep the newest, a full box goes on recording, and says of every segment it gives up that it did."""

from config.wire.evictions import SegmentEvicted
from config.wire.notices import BoxNotice
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, StandInServer, wait_for

UPLOAD_WORKERS = 1


def test_the_oldest_goes_and_nothing_goes_without_a_word(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.store_is_up = False
    cameras = camera_server(cameras=1)
    edge_box.configure(
        {"cam-1": cameras.url("cam1")},
        mqtt=stand_in.mqtt(),
        server={"url": stand_in.url},
        spool={"bytes_max": 200_000, "when_full": "keep_new", "upload_workers": UPLOAD_WORKERS},
    )
    edge_box.start()
    wait_for("three to go", lambda: len(stand_in.of(SegmentEvicted)) >= 3, 90)
    wait_for("both notices", lambda: {m.notice for m in stand_in.of(BoxNotice)} >= {"spool_filling", "spool_full"})
    assert edge_box.stop() == 0
    recorded = {m.segment_id: m for m in stand_in.of(SegmentRecorded)}
    evicted = {m.segment_id: m for m in stand_in.of(SegmentEvicted)}
    evicted |= {m.segment_id: m for m in edge_box.outbox("segment-evicted")}  # type: ignore[attr-defined]
    recorded |= {m.segment_id: m for m in edge_box.outbox("segment-recorded")}  # type: ignore[attr-defined]
    kept = {path.stem for path in edge_box.spool.glob("*/*.mp4")}
    assert recorded.keys() == kept | evicted.keys()
    assert not kept & evicted.keys()
    newest_us = max(m.start_us for m in evicted.values())
    passed_over = [key for key in kept if recorded[key].start_us < newest_us]
    assert len(passed_over) <= UPLOAD_WORKERS, "the oldest goes, but for what was just being uploaded"
    for segment_id, message in evicted.items():
        manifest = recorded[segment_id]
        assert (message.start_us, message.end_us, message.sha256) == (
            manifest.start_us,
            manifest.end_us,
            manifest.sha256,
        )
    assert {(m.notice, m.raised) for m in stand_in.of(BoxNotice)} >= {("spool_filling", True), ("spool_full", True)}
    assert "disk_full" not in [state.condition for state in stand_in.of(CameraState)]
