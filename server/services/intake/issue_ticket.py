"""Gives an agent leave to put one segment into the store: this key, these bytes, this lock, to begin within two minutes.

The agent never holds the store's credentials. The ticket is asked for with a signed message, and the retain-until in
it is the server's own.
"""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, PermissionDenied, Unavailable
from config.wire.envelope import decode_payload, open_envelope
from config.wire.segments import SEGMENT_SPAN_US_MAX, UploadTicket, UploadTicketRequest
from server.domain.retention import retain_until_us
from server.services.cells.cell_doors import CellDoors
from server.services.cells.take_into_cell import check_room, leaf_root_of
from server.services.compliance.rule_books import retain_days_of
from server.services.intake.open_tickets import OpenTickets
from storage.database.models import Agent, Camera, Segment
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess
from storage.objects.keys import SegmentKey
from storage.objects.tickets import TicketOffice

TICKET_S = 120
"""The store looks at the time when the PUT begins, which is at once; how long the bytes take does not matter."""


@dataclass(frozen=True)
class TicketIssuer:
    """Issues upload tickets."""

    database: Database
    office: TicketOffice
    clock: Clock
    retain_days: int
    cells: CellDoors | None = None
    open_tickets: OpenTickets = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open_tickets", OpenTickets(self.database, self.clock, TICKET_S))

    def issue(self, data: bytes) -> UploadTicket:
        """The ticket for a sealed request.

        Raises InvalidInput, IntegrityViolation (``bad_signature``), NotFound, PermissionDenied, ResourceExhausted.
        """
        opened = open_envelope(data)
        request = decode_payload(opened)
        if not isinstance(request, UploadTicketRequest):
            raise InvalidInput("an upload ticket is asked for with an upload-ticket-request", code="unknown_kind")
        with self.database.reading() as session:
            agent = session.get(Agent, request.agent_id)
            camera = session.get(Camera, request.camera_id)
            days = retain_days_of(session, request.site_id, self.retain_days)
        if agent is None or agent.site_id != request.site_id:
            raise NotFound("no such agent at this site", code="unknown_agent")
        opened.verify(Ed25519PublicKey.from_public_bytes(agent.public_key))
        if agent.revoked_us is not None:
            raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
        if camera is None or (camera.site_id, camera.agent_id) != (request.site_id, request.agent_id):
            raise PermissionDenied("the camera is not one of this agent's", code="foreign_camera")
        if not 0 < request.end_us - request.start_us <= SEGMENT_SPAN_US_MAX:
            raise InvalidInput("a segment lasts more than 0 s and at most 310 s", code="bad_span")
        key = SegmentKey(request.site_id, request.camera_id, request.start_us, request.segment_id).text
        cell = self._cell_for(request)
        self.open_tickets.open_one(request.agent_id, request.segment_id)
        office = self.office if cell is None else TicketOffice(cell, self.clock)
        minted = office.mint(
            key,
            sha256=request.sha256,
            size_bytes=request.size_bytes,
            retain_until_us=retain_until_us(request.end_us, self.clock.utc_us(), days),
            expires_s=TICKET_S,
        )
        return UploadTicket(
            segment_id=request.segment_id,
            object_key=key,
            url=minted.url,
            headers=minted.headers,
            expires_us=minted.expires_us,
            look_url=self.cells.leave_to_read(cell, key) if cell is not None and self.cells is not None else "",
        )

    def _cell_for(self, request: UploadTicketRequest) -> StoreAccess | None:
        """Where the site keeps this recording itself; None where it belongs into the centre's store.

        Raises Unavailable while its manifest is on the way: the root is here before the bytes are there; InvalidInput.
        """
        if self.cells is None:
            return None
        with self.database.reading() as session:
            access = self.cells.access(session, request.site_id)
            if access is None:
                return None
            segment = session.get(Segment, request.segment_id)
            if segment is None:
                raise Unavailable("the manifest of this recording has not arrived yet", code="manifest_first")
            if leaf_root_of(segment) is None:
                return None
            check_room(session, segment)
            return access
