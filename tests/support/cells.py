"""A site that keeps its recordings in a real store of its own: the agent's own parts on one side, the server's on the other.

site = CellSite(database, object_store, clock)
manifest = site.record(b"...")
site.upload(manifest)
site.answer_all()
"""

import hashlib
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select

from config.base.clock import US_PER_DAY, SystemClock
from config.base.ids import fresh_id
from config.base.timespan import Span, SpanSet
from config.evidence.leaves import LEAF_BYTES, LeafTree
from config.wire.cells import CellChallenge, CellFetch, CellOrder, SeenInCell
from config.wire.envelope import open_envelope
from config.wire.segments import SegmentRecorded, UploadTicket, UploadTicketRequest
from edge_agent.cells.worker import CellWorker
from edge_agent.messages import Sealer
from edge_agent.upload.store import ObjectStore as AgentStore
from edge_agent.upload.throttle import Throttle
from server.domain.verdict import day_of
from server.services.cells.answer_cell import CellDesk
from server.services.cells.cell_doors import CellDoors
from server.services.cells.challenge_cells import CellChallenger
from server.services.cells.expire_cells import CellExpirer
from server.services.cells.fetch_from_cell import CellFetcher
from server.services.cells.order_cells import CellKeeper
from server.services.cells.send_orders import OrderSender
from server.services.cells.settle_orders import OrderDesk
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.intake.issue_ticket import TicketIssuer
from server.services.intake.verify_upload import UploadVerifier
from storage.database import spans
from storage.database.models import CellChallengeRow
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from storage.objects.keys import SegmentKey
from storage.objects.retention import to_header
from storage.objects.tickets import TicketOffice
from tests.support.clock import SimulatedClock
from tests.support.sites import POLICY, SigningAgent, seconds
from tests.support.stores import ObjectStore

KEY = X25519PrivateKey.generate()
FOOTAGE_BYTES = 3 * LEAF_BYTES + 1_000


@dataclass
class Line:
    """What stands for HTTPS between agent and centre: the real desk, and every byte counted."""

    desk: CellDesk
    up_bytes: int = 0
    fetched: list[bytes] = field(default_factory=list)
    fetcher: CellFetcher | None = None
    orders: OrderDesk | None = None

    def cell_ordered(self, sealed: bytes) -> None:
        if self.orders is not None:
            self.orders.ordered(sealed)

    def cell_answer(self, sealed: bytes, leaf: bytes) -> None:
        self.up_bytes += len(sealed) + 1 + len(leaf)
        self.desk.answer(sealed + b"\n" + leaf)

    def cell_fetched(self, sealed: bytes) -> None:
        self.fetched.append(sealed)
        if self.fetcher is not None:
            self.fetcher.fetched(sealed)


class CellSite:
    """One camera whose recordings lie in ``store``; times are the machine's, as the store's locks are."""

    def __init__(self, database: Database, store: ObjectStore, folder: Path) -> None:
        self.database, self.store, self.folder = database, store, folder
        self.clock = SimulatedClock(SystemClock().utc_us())
        self.camera_id = f"nap-{fresh_id()[:8]}"
        self.agent = SigningAgent(
            database, self.clock, camera_id=self.camera_id, started_us=self.clock.utc_us() - seconds(300)
        ).register()
        self.clock.advance(20)
        self.agent.say(self.agent.heartbeat())
        self.doors = CellDoors(database, SystemClock(), KEY)
        self.doors.register(self.agent.site_id, store.server)
        office = TicketOffice(store.server, SystemClock())
        self.issuer = TicketIssuer(database, office, SystemClock(), 90, self.doors)
        self.verifier = UploadVerifier(database, store.evidence, self.clock, 90, backfilled_after_us=seconds(300))
        self.challenger = CellChallenger(database, self.clock, self.doors)
        self.line = Line(CellDesk(database, self.clock, seconds(300)))
        self.fetcher = self.line.fetcher = CellFetcher(
            database, self.clock, self.doors, office, store.evidence, seconds(300)
        )
        self.keeper = CellKeeper(database, self.clock, 90)
        self.sender = OrderSender(database, self.clock, self.doors, 90)
        self.expirer = CellExpirer(database, self.clock, 90)
        self.line.orders = OrderDesk(database, self.clock)
        self.agent_store = AgentStore(2, Throttle(lambda: 0, SystemClock()))
        sealer = Sealer(self.agent.site_id, self.agent.agent_id, self.agent.signer)
        self.worker = CellWorker(sealer, self.line, self.agent_store, SystemClock())  # type: ignore[arg-type]
        self.end_us = self.clock.utc_us() - seconds(200)

    def record(self, data: bytes | None = None, *, root: bool = True) -> tuple[SegmentRecorded, bytes]:
        """A ten-second recording: its manifest is at the centre."""
        data = secrets.token_bytes(FOOTAGE_BYTES) if data is None else data
        start_us, self.end_us = self.end_us, self.end_us + seconds(10)
        before = self.agent.previous
        manifest = self.agent.manifest(start_us, self.end_us, data)
        if root:
            tree, _ = LeafTree.over([data])
            manifest = msgspec.structs.replace(manifest, leaf_root=tree.root().hex(), previous=before)
            self.agent.previous = open_envelope(self.agent.signer.seal(manifest)).payload_sha256
        assert self.agent.say(manifest).result == "committed"
        return manifest, data

    def ticket(self, manifest: SegmentRecorded) -> UploadTicket:
        fields = ("site_id", "agent_id", "camera_id", "segment_id", "start_us", "end_us", "sha256", "size_bytes")
        request = UploadTicketRequest(message_id=fresh_id(), **{name: getattr(manifest, name) for name in fields})
        return self.issuer.issue(self.agent.signer.seal(request))

    def upload(self, recorded: tuple[SegmentRecorded, bytes]) -> list[object]:
        """As the agent does it: put, read back, tell; what the centre answered in the end."""
        manifest, data = recorded
        file = self.folder / f"{manifest.segment_id}.mp4"
        file.write_bytes(data)
        ticket = self.ticket(manifest)
        version_id = self.agent_store.put(ticket, file, len(data))
        return self.tell(manifest, self.agent_store.look(ticket.look_url), version_id)

    def tell(self, manifest: SegmentRecorded, seen: SeenInCell, version_id: str) -> list[object]:
        """The upload is told, and judged."""
        message = msgspec.structs.replace(self.agent.upload_of(manifest, version_id), seen=seen)
        outcome = self.agent.say(message)
        assert outcome.result in ("committed", "duplicate"), outcome
        return [answer for job in self.verifier.take(10) for answer in self.verifier.verify(job)]

    def lie(
        self, stored: bytes = b"", *, lock_days: float = 92, compliance: bool = True
    ) -> tuple[SegmentRecorded, str, str]:
        """The agent swears to a whole and locked recording, and in the cell lies ``stored``; with key and version."""
        manifest, data = self.record()
        key = SegmentKey(self.agent.site_id, self.camera_id, manifest.start_us, manifest.segment_id).text
        until_us = round(self.clock.utc_us() + lock_days * US_PER_DAY)
        admin = self.store.admin
        if compliance:
            version_id = admin.put_locked(key, stored or data, hashlib.sha256(stored or data).hexdigest(), until_us)
        else:
            lock = {
                "x-amz-object-lock-mode": "GOVERNANCE",
                "x-amz-object-lock-retain-until-date": to_header(until_us),
                "content-md5": b64encode(hashlib.md5(stored or data).digest()).decode(),
            }
            version_id = admin.raw.send("PUT", key, headers=lock, body=stored or data).headers["x-amz-version-id"]
        sworn = SeenInCell(
            version_id=version_id,
            size_bytes=len(data),
            sha256=manifest.sha256,
            lock_mode="COMPLIANCE",
            retain_until_us=self.clock.utc_us() + 92 * US_PER_DAY,
            read_us=self.clock.utc_us(),
        )
        self.tell(manifest, sworn, version_id)
        return manifest, key, version_id

    def challenges(self, *, after_s: float = 2_800) -> list[CellChallenge | CellFetch]:
        """Lets so much time pass that a draw is due; what is sent."""
        self.pass_time(after_s)
        return list(self.challenger.due())  # type: ignore[arg-type]

    def pass_time(self, by_s: float) -> None:
        """The agent lives on."""
        self.clock.advance(by_s)
        self.agent.say(self.agent.heartbeat())

    def gaps_at(self, at_us: int) -> list[tuple[str, str]]:
        """Cause and certainty of each gap that an instant lies in, on its own day: tests may go on past midnight."""
        reader = DayReader(self.database, self.clock, Assessor(POLICY))
        found = reader.day(Scope("police", AUDITOR, EVERY_REGION), self.agent.site_id, day_of(at_us, "Asia/Shanghai"))
        gaps = found.cameras[0].gaps
        return [(gap.cause, gap.status) for gap in gaps if gap.start_us <= at_us and (gap.end_us or at_us + 1) > at_us]

    def answer_all(self, *, after_s: float = 2_800) -> list[CellChallenge | CellFetch]:
        """A round: what is due is sent, and the agent answers."""
        sent = self.challenges(after_s=after_s)
        for task in sent:
            self.worker._try(task)
        return sent

    def orders(self, *, after_s: float = 1) -> list[CellOrder]:
        """Plans, and says what is sent."""
        self.pass_time(after_s)
        self.keeper.plan()
        return [task for task in self.sender.due() if isinstance(task, CellOrder)]

    def carry_out(self, *, after_s: float = 1) -> list[CellOrder]:
        """A round of orders: planned, sent, carried out and reported."""
        sent = self.orders(after_s=after_s)
        for task in sent:
            self.worker._try(task)
        return sent

    def covered(self) -> SpanSet:
        """What is secured of the camera."""
        window = Span(0, self.clock.utc_us() + US_PER_DAY)
        with self.database.reading() as session:
            series = spans.coverage_of(session, self.camera_id, window).get(spans.SECURED, {})
        return SpanSet(span for part in series.values() for span in part)

    def outcomes(self) -> list[str | None]:
        with self.database.reading() as session:
            return list(session.scalars(select(CellChallengeRow.outcome).order_by(CellChallengeRow.drawn_us)))


def span_of(manifest: SegmentRecorded) -> Span:
    """The time that a manifest claims."""
    return Span(manifest.start_us, manifest.end_us)
