"""The read-back, against every store: only a version that is whole and locked makes time covered (I1, I3)."""

import hashlib

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.timespan import Span
from config.wire.segments import Receipt, SegmentRecorded, UploadRefused
from server.domain.retention import retain_until_us
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.custody.hold_recordings import HoldKeeper
from server.services.intake.verify_upload import UploadVerifier
from storage.database import spans
from storage.database.models import Camera, PendingVerification, Segment
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess
from storage.objects.keys import SegmentKey
from storage.objects.s3 import S3EvidenceStore
from tests.support.clock import SimulatedClock, present_us
from tests.support.sites import POLICY, SigningAgent, seconds
from tests.support.stores import ObjectStore

DATA = b"sixty seconds of a sleeping room"
EVERYONE = Scope("police", AUDITOR, EVERY_REGION)


@pytest.fixture
def clock() -> SimulatedClock:
    """Locks are judged by the store's own clock, so this one starts at the machine's."""
    return SimulatedClock(present_us())


@pytest.fixture
def verifier(database: Database, object_store: ObjectStore, clock: SimulatedClock) -> UploadVerifier:
    return UploadVerifier(database, object_store.evidence, clock, 90, backfilled_after_us=seconds(300))


class Recorded:
    """A segment that an agent has recorded, put into the store and reported."""

    def __init__(self, agent: SigningAgent, store: ObjectStore, clock: SimulatedClock) -> None:
        self.agent, self.store, self.clock = agent, store, clock

    def upload(
        self, stored: bytes | None = DATA, *, data: bytes = DATA, lock_days: float = 92, late_s: float = 0
    ) -> tuple[SegmentRecorded, str]:
        now_us = self.clock.utc_us()
        end_us = now_us - seconds(late_s)
        manifest = self.agent.manifest(end_us - seconds(10), end_us, data)
        self.agent.say(manifest)
        version_id = "00000000-0000-4000-8000-000000000000"
        if stored is not None:
            key = SegmentKey("sunflower", "nap-room", manifest.start_us, manifest.segment_id).text
            until_us = round(now_us + lock_days * US_PER_DAY)
            version_id = self.store.evidence.put_locked(key, stored, hashlib.sha256(stored).hexdigest(), until_us)
        self.agent.say(self.agent.upload_of(manifest, version_id))
        return manifest, version_id


@pytest.fixture
def recorded(agent: SigningAgent, object_store: ObjectStore, clock: SimulatedClock) -> Recorded:
    clock.advance(20)
    agent.say(agent.heartbeat())
    return Recorded(agent, object_store, clock)


def work_off(verifier: UploadVerifier) -> list[object]:
    return [answer for job in verifier.take(10) for answer in verifier.verify(job)]


def covered(database: Database, clock: SimulatedClock) -> list[tuple[int, int]]:
    day = DayReader(database, clock, Assessor(POLICY)).day(EVERYONE, "sunflower")
    return day.cameras[0].covered


def test_a_whole_and_locked_version_is_receipted_and_covered(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    manifest, version_id = recorded.upload()
    assert covered(database, clock) == []
    (receipt,) = work_off(verifier)
    assert isinstance(receipt, Receipt)
    assert (receipt.segment_id, receipt.sha256, receipt.version_id) == (
        manifest.segment_id,
        manifest.sha256,
        version_id,
    )
    assert receipt.retain_until_us >= retain_until_us(manifest.end_us, manifest.end_us, 90)
    assert covered(database, clock) == [(manifest.start_us, manifest.end_us)]
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").activated_us == manifest.start_us
        assert session.scalars(select(PendingVerification)).all() == []


def test_a_lock_that_is_too_short_is_lengthened_before_the_receipt(
    recorded: Recorded, verifier: UploadVerifier, object_store: ObjectStore
) -> None:
    manifest, version_id = recorded.upload(lock_days=3)
    (receipt,) = work_off(verifier)
    assert isinstance(receipt, Receipt)
    found = object_store.evidence.stat_version(receipt.object_key, version_id)
    assert found.locked_until(retain_until_us(manifest.end_us, manifest.end_us, 90))


@pytest.mark.parametrize("stored", [None, b"other bytes", DATA + b"."])
def test_missing_or_other_bytes_are_refused_and_never_covered(
    recorded: Recorded,
    verifier: UploadVerifier,
    database: Database,
    clock: SimulatedClock,
    stored: bytes | None,
) -> None:
    manifest, version_id = recorded.upload(stored)
    (refusal,) = work_off(verifier)
    assert isinstance(refusal, UploadRefused)
    assert refusal.reason == ("object_missing" if stored is None else "object_corrupt")
    assert covered(database, clock) == []
    again = recorded.agent.say(recorded.agent.upload_of(manifest, version_id))
    assert isinstance(again.replies[1], UploadRefused)
    assert work_off(verifier) == []


def test_a_refused_segment_is_secured_by_a_better_version(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    manifest, _ = recorded.upload(b"torn")
    work_off(verifier)
    key = SegmentKey("sunflower", "nap-room", manifest.start_us, manifest.segment_id).text
    version_id = recorded.store.evidence.put_locked(key, DATA, manifest.sha256, clock.utc_us() + 92 * US_PER_DAY)
    recorded.agent.say(recorded.agent.upload_of(manifest, version_id))
    (receipt,) = work_off(verifier)
    assert isinstance(receipt, Receipt)
    assert receipt.version_id == version_id
    assert covered(database, clock) == [(manifest.start_us, manifest.end_us)]
    with database.reading() as session:
        assert session.get_one(Segment, manifest.segment_id).refusal is None


def test_a_lost_receipt_is_given_again(recorded: Recorded, verifier: UploadVerifier) -> None:
    manifest, version_id = recorded.upload()
    (first,) = work_off(verifier)
    again = recorded.agent.say(recorded.agent.upload_of(manifest, version_id))
    assert isinstance(first, Receipt)
    assert isinstance(again.replies[1], Receipt)
    assert again.replies[1].version_id == first.version_id


def test_what_comes_late_is_labelled_as_backfilled(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    recorded.agent.restart()
    recorded.agent.started_us -= seconds(2_000)
    recorded.agent.say(recorded.agent.heartbeat())
    manifest, _ = recorded.upload(late_s=1_000)
    work_off(verifier)
    with database.reading() as session:
        window = Span(manifest.start_us, manifest.end_us)
        series = spans.coverage_of(session, "nap-room", window)
    assert {"claimed", "secured", "backfilled"} == set(series)


def test_a_store_that_is_down_postpones_and_loses_nothing(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    recorded.upload()
    gone = S3EvidenceStore(StoreAccess("127.0.0.1:1", "nowhere", "x", "x", timeout_s=1.0), clock)
    down = UploadVerifier(database, gone, clock, 90, backfilled_after_us=seconds(300))
    assert work_off(down) == []
    assert covered(database, clock) == []
    assert verifier.take(10) == []
    clock.advance(61)
    assert len(work_off(verifier)) == 1


def test_a_row_is_leased_to_one_worker_and_comes_back_when_that_one_dies(
    recorded: Recorded, verifier: UploadVerifier, clock: SimulatedClock
) -> None:
    recorded.upload()
    assert len(verifier.take(10)) == 1
    assert verifier.take(10) == []
    clock.advance(61)
    assert len(work_off(verifier)) == 1


def test_footage_with_an_untrusted_clock_is_kept_but_not_covered(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    recorded.upload()
    work_off(verifier)
    recorded.agent.restart()
    clock.advance(10)
    manifest, _ = recorded.upload(DATA * 2, data=DATA * 2)
    (receipt,) = work_off(verifier)
    assert isinstance(receipt, Receipt)
    assert all(end_us <= manifest.start_us for _, end_us in covered(database, clock))
    recorded.agent.started_us -= seconds(20)
    recorded.agent.say(recorded.agent.heartbeat())
    assert covered(database, clock)[-1][1] == manifest.end_us


def test_a_version_id_that_no_store_could_have_made_is_refused(
    recorded: Recorded, verifier: UploadVerifier, clock: SimulatedClock
) -> None:
    manifest, _ = recorded.upload(None)
    recorded.agent.say(recorded.agent.upload_of(manifest, "null"))
    (refusal,) = work_off(verifier)
    assert isinstance(refusal, UploadRefused)
    assert refusal.reason == "object_missing"


def test_segments_verified_out_of_order_put_the_camera_into_service_at_the_first(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    recorded.agent.restart()
    recorded.agent.started_us -= seconds(100)
    recorded.agent.say(recorded.agent.heartbeat())
    first, _ = recorded.upload(DATA * 2, data=DATA * 2, late_s=60)
    recorded.upload()
    for job in reversed(verifier.take(10)):
        verifier.verify(job)
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").activated_us == first.start_us


def test_footage_secured_before_its_clock_is_compared_is_in_service_once_it_is(
    agent: SigningAgent, object_store: ObjectStore, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    clock.advance(20)
    manifest, _ = Recorded(agent, object_store, clock).upload()
    work_off(verifier)
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").activated_us is None
    agent.say(agent.heartbeat())
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").activated_us == manifest.start_us


def test_a_second_version_of_a_secured_segment_gets_a_receipt_of_its_own(
    recorded: Recorded, verifier: UploadVerifier, clock: SimulatedClock
) -> None:
    manifest, first = recorded.upload()
    work_off(verifier)
    key = SegmentKey("sunflower", "nap-room", manifest.start_us, manifest.segment_id).text
    second = recorded.store.evidence.put_locked(key, DATA, manifest.sha256, clock.utc_us() + 92 * US_PER_DAY)
    assert second != first
    recorded.agent.say(recorded.agent.upload_of(manifest, second))
    (receipt,) = work_off(verifier)
    assert isinstance(receipt, Receipt)
    assert receipt.version_id == second


def test_an_upload_taken_under_a_wrong_clock_is_taken_again_when_the_clock_is_right(recorded, verifier, clock):
    recorded.upload()
    clock.jump(365 * 86_400)
    assert len(verifier.take(10)) == 1
    assert verifier.take(10) == []
    clock.jump(-365 * 86_400)
    assert len(verifier.take(10)) == 1
    assert verifier.take(10) == []


def test_what_comes_under_a_hold_that_stands_is_held_by_the_store_too(
    recorded: Recorded, verifier: UploadVerifier, database: Database, clock: SimulatedClock
) -> None:
    now_us = clock.utc_us()
    span = Span(now_us - seconds(15), now_us + seconds(600))
    HoldKeeper(database, clock).place("sunflower", None, span, "an accident", "wang", now_us + US_PER_DAY)
    held, held_version = recorded.upload()
    free, free_version = recorded.upload(data=b"another time", stored=b"another time", late_s=20)
    work_off(verifier)
    for manifest, version_id, on in ((held, held_version, True), (free, free_version, False)):
        key = SegmentKey("sunflower", "nap-room", manifest.start_us, manifest.segment_id).text
        assert recorded.store.evidence.stat_version(key, version_id).legal_hold is on
