"""A real agent of a site with a store of its own: what it signs for, and what it reads back."""

from config.base.clock import US_PER_DAY, SystemClock
from config.evidence.leaves import LeafTree
from config.wire.segments import SegmentRecorded, SegmentUploaded, UploadTicket, UploadTicketRequest
from server.services.cells.cell_doors import CellDoors
from server.services.intake.issue_ticket import TICKET_S
from storage.objects.tickets import TicketOffice
from tests.support.cameras import StartCameras
from tests.support.edge import SITE, EdgeBox, StandInServer, wait_for
from tests.support.stores import ObjectStore


def test_the_manifest_has_the_root_and_the_upload_what_was_read_back(
    any_object_store: ObjectStore, camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    office = TicketOffice(any_object_store.server, SystemClock())
    doors = CellDoors(None, SystemClock(), None)  # type: ignore[arg-type]  # it signs, and looks nothing up

    def issue(request: UploadTicketRequest) -> UploadTicket:
        key = f"{SITE}/{request.camera_id}/{request.segment_id}.mp4"
        made = office.mint(key, request.sha256, request.size_bytes, request.end_us + 2 * US_PER_DAY, expires_s=TICKET_S)
        return UploadTicket(
            segment_id=request.segment_id,
            object_key=key,
            url=made.url,
            headers=made.headers,
            expires_us=made.expires_us,
            look_url=doors.leave_to_read(any_object_store.server, key),
        )

    stand_in.issue = issue
    cameras = camera_server(cameras=1)
    edge_box.configure(
        {"cam-1": cameras.url("cam1")}, mqtt=stand_in.mqtt(), server={"url": stand_in.url}, cell={"leaf_roots": True}
    )
    edge_box.start()
    uploaded = wait_for("an upload", lambda: stand_in.of(SegmentUploaded))[0]
    assert edge_box.stop() == 0
    manifest = {m.segment_id: m for m in stand_in.of(SegmentRecorded)}[uploaded.segment_id]
    data = b"".join(any_object_store.evidence.chunks(uploaded.object_key, uploaded.version_id))
    tree, _ = LeafTree.over([data])
    assert manifest.leaf_root == tree.root().hex()
    seen = uploaded.seen
    assert (seen.version_id, seen.size_bytes, seen.sha256) == (uploaded.version_id, len(data), manifest.sha256)
    assert seen.lock_mode == "COMPLIANCE"
    assert seen.retain_until_us >= manifest.end_us + 2 * US_PER_DAY
