"""Uploads into every real store to be had, with the server's own tickets."""

from config.base.clock import US_PER_DAY, SystemClock
from config.wire.segments import SegmentRecorded, SegmentUploaded, UploadTicket, UploadTicketRequest
from storage.objects.tickets import TicketOffice
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, StandInServer, wait_for
from tests.support.stores import ObjectStore


def test_the_store_holds_the_very_bytes_of_the_manifest_locked(
    object_store: ObjectStore, camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    office = TicketOffice(object_store.server, SystemClock())

    def issue(request: UploadTicketRequest) -> UploadTicket:
        key = f"edge/{request.camera_id}/{request.segment_id}.mp4"
        until_us = request.end_us + US_PER_DAY
        made = office.mint(key, request.sha256, request.size_bytes, until_us, expires_s=600)
        return UploadTicket(
            segment_id=request.segment_id,
            object_key=key,
            url=made.url,
            headers=made.headers,
            expires_us=made.expires_us,
        )

    stand_in.issue = issue
    cameras = camera_server(cameras=1)
    edge_box.configure({"cam-1": cameras.url("cam1")}, mqtt=stand_in.mqtt(), server={"url": stand_in.url})
    edge_box.start()
    uploaded = wait_for("an upload", lambda: stand_in.of(SegmentUploaded))[0]
    assert edge_box.stop() == 0
    manifest = {m.segment_id: m for m in stand_in.of(SegmentRecorded)}[uploaded.segment_id]
    stored = object_store.evidence.stat_version(uploaded.object_key, uploaded.version_id)
    assert stored.size_bytes == manifest.size_bytes
    assert manifest.sha256 == uploaded.sha256
