"""A registered site with an agent whose messages are really signed: for tests of what the server makes of them."""

import hashlib
from dataclasses import dataclass, field

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S
from config.base.ids import fresh_id
from config.settings.server import PolicySettings
from config.wire import topics
from config.wire.catalogue import CATALOGUE
from config.wire.envelope import Signer, open_envelope
from config.wire.evictions import SegmentEvicted
from config.wire.health import CameraHealth, ClockReading, Heartbeat, SpoolHealth
from config.wire.notices import BoxNotice
from config.wire.segments import SegmentRecorded, SegmentUploaded
from config.wire.status import CameraState, Presence
from server.domain.clock_trust import ClockRule
from server.services.intake.accept_message import Inbox, Outcome
from server.services.registers.register import Register
from storage.database.models import CameraSight, ChildRoom, Site, ZoneWord
from storage.database.places import note_places
from storage.database.unit_of_work import Database
from storage.objects.keys import SegmentKey
from tests.support.clock import NOON_US, SimulatedClock

RULE = ClockRule(tolerance_us=5_000_000, drift_ppm=50)
POLICY = PolicySettings(
    retain_days=90,
    clock_tolerance_us=RULE.tolerance_us,
    clock_drift_ppm=RULE.drift_ppm,
    backfill_hours=72,
    agent_silent_s=45,
    in_flight_s=150,
    unsound_findings=[
        "signal_loss",
        "too_dark",
        "too_bright",
        "blurred",
        "occluded",
        "scene_moved",
        "frozen",
        "unexamined",
    ],
    backfilled_after_s=300,
)
NOTHING_WAITS = SpoolHealth(
    waiting_segments=0, waiting_bytes=0, oldest_waiting_ms=None, outbox_messages=0, refused_messages=0, free_bytes=10**9
)
NAMES = {kind.message: kind.name for kind in CATALOGUE}


def known_since(session: Session, at_us: int) -> None:
    """What the register says now of cameras, places and children has been on record since ``at_us``."""
    note_places(session, session.scalars(select(Site.id)).all(), at_us)
    rows: tuple[CameraSight | ZoneWord | ChildRoom, ...] = (
        *session.scalars(select(CameraSight)),
        *session.scalars(select(ZoneWord)),
        *session.scalars(select(ChildRoom)),
    )
    for row in rows:
        row.from_us = min(row.from_us, at_us)


@dataclass
class SigningAgent:
    """Says what an agent would say, signed with its own key, and hands it straight to the inbox."""

    database: Database
    clock: SimulatedClock
    site_id: str = "sunflower"
    agent_id: str = "sunflower-box"
    camera_id: str = "nap-room"
    signer: Signer = field(default_factory=lambda: Signer(Ed25519PrivateKey.generate()))
    timeline_id: str = field(default_factory=fresh_id)
    started_us: int = 0
    chain_id: str = field(default_factory=fresh_id)
    sequence: int = 0
    previous: str | None = None

    def __post_init__(self) -> None:
        self.started_us = self.started_us or self.clock.utc_us()
        self.inbox = Inbox(self.database, self.clock, RULE)

    def register(self) -> "SigningAgent":
        """Makes site, zone, agent and camera known to the server."""
        register = Register(self.database, self.clock)
        register.add_site(self.site_id, "向日葵托育园", "cn/sichuan/luzhou", "Asia/Shanghai")
        register.add_zone(self.site_id, "nap", "午睡室", "sleeping")
        register.add_agent(self.site_id, self.agent_id, self.signer.public_pem)
        register.add_camera(self.site_id, self.camera_id, "nap", self.agent_id, "午睡室 1")
        return self

    def say(self, message: msgspec.Struct, *, topic: str | None = None) -> Outcome:
        """Seals a message and delivers it."""
        where = topic or topics.up(self.site_id, self.agent_id, NAMES[type(message)])
        return self.inbox.accept(where, self.signer.seal(message))

    def restart(self) -> None:
        """A new process: a new stretch of clock, starting now."""
        self.timeline_id, self.started_us = fresh_id(), self.clock.utc_us()

    def manifest(self, start_us: int, end_us: int, data: bytes | None = None) -> SegmentRecorded:
        """The next manifest of the camera's chain; no two segments have the same bytes unless told."""
        data = data if data is not None else f"video from {start_us}".encode()
        made = SegmentRecorded(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            camera_id=self.camera_id,
            segment_id=fresh_id(),
            run_id=fresh_id(),
            timeline_id=self.timeline_id,
            chain_id=self.chain_id,
            sequence=self.sequence,
            previous=self.previous,
            start_us=start_us,
            end_us=end_us,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            codec="h264",
            width=640,
            height=360,
            frames=100,
        )
        self.sequence += 1
        self.previous = open_envelope(self.signer.seal(made)).payload_sha256
        return made

    def upload_of(self, manifest: SegmentRecorded, version_id: str) -> SegmentUploaded:
        """The message that asks for a read-back."""
        return SegmentUploaded(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            camera_id=manifest.camera_id,
            segment_id=manifest.segment_id,
            sha256=manifest.sha256,
            object_key=SegmentKey(self.site_id, manifest.camera_id, manifest.start_us, manifest.segment_id).text,
            version_id=version_id,
        )

    def heartbeat(
        self,
        *,
        settled_until_us: int | None = None,
        condition: str = "recording",
        offset_us: int | None = 0,
        configuration_version: int = 0,
    ) -> Heartbeat:
        """The live state as of now; ``offset_us`` None: the clock was never compared."""
        now_us = self.clock.utc_us()
        compared = None if offset_us is None else ClockReading(observed_us=now_us, offset_us=offset_us, bound_us=1_000)
        return Heartbeat(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            timeline_id=self.timeline_id,
            timeline_started_us=self.started_us,
            sent_us=now_us,
            software="test",
            configuration_version=configuration_version,
            clock=compared,
            system_clock_error_us=0,
            spool=NOTHING_WAITS,
            cameras=[
                CameraHealth(
                    camera_id=self.camera_id,
                    condition=condition,  # type: ignore[arg-type]
                    since_s=0,
                    unsettled_us=0 if settled_until_us is None else now_us - settled_until_us,
                )
            ],
        )

    def state(self, condition: str, at_us: int, detail: str = "") -> CameraState:
        """A change of the camera's condition."""
        return CameraState(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            camera_id=self.camera_id,
            timeline_id=self.timeline_id,
            at_us=at_us,
            condition=condition,  # type: ignore[arg-type]
            detail=detail,
        )

    def notice(self, notice: str, at_us: int, *, raised: bool = True, hours_left: float | None = None) -> BoxNotice:
        """Something about the box."""
        return BoxNotice(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            timeline_id=self.timeline_id,
            at_us=at_us,
            notice=notice,
            raised=raised,
            hours_left=hours_left,
        )

    def eviction_of(self, manifest: SegmentRecorded) -> SegmentEvicted:
        """The segment was given up for want of room."""
        return SegmentEvicted(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            camera_id=manifest.camera_id,
            segment_id=manifest.segment_id,
            timeline_id=manifest.timeline_id,
            start_us=manifest.start_us,
            end_us=manifest.end_us,
            sha256=manifest.sha256,
            size_bytes=manifest.size_bytes,
            evicted_us=self.clock.utc_us(),
        )

    def last_will(self) -> Presence:
        """What the broker says when the agent is gone without a word."""
        return Presence(
            message_id=fresh_id(),
            site_id=self.site_id,
            agent_id=self.agent_id,
            timeline_id=self.timeline_id,
            state="offline",
        )


@pytest.fixture
def clock() -> SimulatedClock:
    """Noon, and it stays noon until told."""
    return SimulatedClock(NOON_US)


@pytest.fixture
def agent(database: Database, clock: SimulatedClock) -> SigningAgent:
    """A registered agent with one camera."""
    return SigningAgent(database, clock).register()


def seconds(count: float) -> int:
    """Microseconds."""
    return round(count * US_PER_S)
