"""Uploads into every real store to be had, with the server's own tickets."""

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock
from config.wire.segments import SegmentRecorded, SegmentUploaded, UploadTicket, UploadTicketRequest
from server.services.intake.issue_ticket import TICKET_S
from storage.objects.tickets import TicketOffice
from tests.support.cameras import StartCameras
from tests.support.clock import SimulatedClock
from tests.support.edge import EdgeBox, StandInServer, wait_for
from tests.support.stores import ObjectStore


def test_the_store_holds_the_very_bytes_of_the_manifest_locked(
    object_store: ObjectStore, camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    late = TicketOffice(object_store.server, SimulatedClock(SystemClock().utc_us() - 600 * US_PER_S))
    office = TicketOffice(object_store.server, SystemClock())
    issued: list[str] = []

    def issue(request: UploadTicketRequest) -> UploadTicket:
        key = f"edge/{request.camera_id}/{request.segment_id}.mp4"
        until_us = request.end_us + US_PER_DAY
        # The very first ticket is over when it comes: the store refuses, and the agent asks for another.
        by = office if issued else late
        issued.append(request.segment_id)
        made = by.mint(key, request.sha256, request.size_bytes, until_us, expires_s=TICKET_S)
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
    first = wait_for("a ticket", lambda: issued)[0]
    uploaded = wait_for(
        "the segment whose ticket was late", lambda: [m for m in stand_in.of(SegmentUploaded) if m.segment_id == first]
    )[0]
    assert issued.count(first) > 1
    assert edge_box.stop() == 0
    manifest = {m.segment_id: m for m in stand_in.of(SegmentRecorded)}[uploaded.segment_id]
    stored = object_store.evidence.stat_version(uploaded.object_key, uploaded.version_id)
    assert stored.size_bytes == manifest.size_bytes
    assert manifest.sha256 == uploaded.sha256
