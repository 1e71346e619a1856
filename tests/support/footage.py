"""Recordings with real pictures in them, secured in a real store: sound ones, and every kind that is no good.

def test_something(database, object_store):
    site = FootageSite(database, object_store.evidence, clock).add("sound").add("frozen")
"""

import functools
import hashlib
import io
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.ids import fresh_id
from config.base.timespan import Span, SpanSet
from config.wire.segments import SegmentRecorded
from server.domain.deep_audit import Rules
from server.services.intake.verify_upload import UploadVerifier
from storage.database import spans
from storage.objects.keys import SegmentKey
from storage.objects.port import EvidenceStore
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

SECONDS = 24
SIZE = (320, 180)
RULES = Rules(0.42, 0.90, 5_000_000, frozenset({"frozen", "too_dark"}))


@functools.cache
def clip(kind: str, seconds: int = SECONDS) -> bytes:
    """A fragmented MP4: ``sound`` (noise as of a sensor), ``frozen``, ``black`` or ``garbage``, each picture a keyframe, one a
    second; ``moving``: 25 a second, a keyframe each two seconds, as a camera gives them."""
    if kind == "garbage":
        return b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40
    width, height = SIZE
    noise = np.random.default_rng(7)
    room = np.clip(noise.normal(110, 40, (height // 20, width // 20)), 20, 235).repeat(20, 0).repeat(20, 1)
    out = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(out, "w", format="mp4", options=options) as container:
        rate = 25 if kind == "moving" else 1
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = width, height, "yuv420p", Fraction(1, rate)
        group = "keyint=50:scenecut=0:bframes=0:qp=24" if kind == "moving" else "keyint=1:qp=16"
        stream.options = {"preset": "ultrafast", "x264-params": group}
        stream.codec_context.thread_count = 1
        for number in range(seconds * rate):
            picture = np.full((height, width), 16.0) if kind == "black" else room
            if kind == "moving":
                picture = np.roll(room, 2 * number, axis=1)
            if kind == "sound":
                picture = picture + noise.normal(0, 6, picture.shape)
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = np.clip(picture, 16, 235).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


@dataclass
class Recording:
    """One recording of a site."""

    key: str
    version_id: str
    start_us: int
    end_us: int


@dataclass
class FootageSite:
    """Recordings of one camera, one after the other, each received and read back as the server does it."""

    database: object
    evidence: EvidenceStore
    clock: SimulatedClock
    camera_id: str = field(default_factory=lambda: f"nap-{fresh_id()[:8]}")  # the store is shared
    recordings: list[Recording] = field(default_factory=list)
    sent: list[tuple[SegmentRecorded, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begun_us = self.clock.utc_us() // 60_000_000 * 60_000_000 - 3_600 * US_PER_S
        self.agent = SigningAgent(
            self.database, self.clock, camera_id=self.camera_id, started_us=self.begun_us
        ).register()
        self.verifier = UploadVerifier(
            self.database, self.evidence, self.clock, 90, backfilled_after_us=7_200 * US_PER_S
        )

    def add(self, kind: str, *, claims_s: int = SECONDS) -> "FootageSite":
        """One recording, at the beginning of a minute of its own."""
        # A byte of its own at the end: no two segments are the same, and a box that is cut short is no harm.
        data = (
            clip(kind, claims_s if kind == "moving" else SECONDS)
            + b"\x00\x00\x00\x0cfree"
            + len(self.recordings).to_bytes(4, "big")
        )
        start_us = self.begun_us + len(self.recordings) * 60 * US_PER_S
        end_us = start_us + claims_s * US_PER_S
        manifest = self.agent.manifest(start_us, end_us, data)
        self.agent.say(manifest)
        key = SegmentKey("sunflower", self.camera_id, start_us, manifest.segment_id).text
        digest = hashlib.sha256(data).hexdigest()
        version_id = self.evidence.put_locked(key, data, digest, end_us + 92 * US_PER_DAY)
        self.agent.say(self.agent.upload_of(manifest, version_id))
        for job in self.verifier.take(100):
            self.verifier.verify(job)
        self.recordings.append(Recording(key, version_id, start_us, end_us))
        self.sent.append((manifest, data))
        return self

    def upload_again(self, number: int) -> str:
        """The same bytes as another version, and the message about it; what the server says of it."""
        manifest, data = self.sent[number]
        version_id = self.evidence.put_locked(
            self.recordings[number].key, data, manifest.sha256, manifest.end_us + 92 * US_PER_DAY
        )
        self.agent.say(self.agent.upload_of(manifest, version_id))
        (answer,) = [answer for job in self.verifier.take(100) for answer in self.verifier.verify(job)]
        return type(answer).__name__

    def seconds_covered(self) -> int:
        with self.database.reading() as session:
            series = spans.coverage_of(session, self.camera_id, Span(0, 2**53)).get(spans.SECURED, {})
        return SpanSet(span for part in series.values() for span in part).total_us // US_PER_S
