"""Recordings of three months ago, on real stores, whose locks have ended: for tests of what happens after the last day.

A lock lasts seconds at least, so the objects of all tests of a module are stored first, and waited for once.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import NotFound
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.evidence import entries
from config.wire.envelope import open_envelope
from server.services.custody.expire_footage import FootageExpirer
from server.services.custody.hold_recordings import HoldKeeper
from storage.database.models import LedgerEntry, LegalHold, Segment
from storage.database.unit_of_work import Database
from storage.objects.keys import SegmentKey
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.sites import SigningAgent, seconds
from tests.support.stores import ObjectStore

LOCK_S = 2
SETS = 27
COUNT = 4
RETAIN_DAYS = 90


@dataclass(frozen=True)
class Buried:
    """One object whose lock ends at once."""

    segment_id: str
    camera_id: str
    start_us: int
    data: bytes
    key: str
    version_id: str


@pytest.fixture(scope="module")
def buried(object_store: ObjectStore) -> list[list[Buried]]:
    """Sets of objects, one for each test; their locks have ended."""
    begun_us = SystemClock().utc_us() - seconds(100)
    made = [_set(object_store, begun_us) for _ in range(SETS)]
    time.sleep(LOCK_S + 1.2)
    return made


def _set(object_store: ObjectStore, begun_us: int) -> list[Buried]:
    camera_id, found = f"nap-{fresh_id()[:8]}", []
    for number in range(COUNT):
        segment_id, data = fresh_id(), b"footage %d of %s" % (number, camera_id.encode())
        start_us = begun_us + seconds(10 * number)
        key = SegmentKey("sunflower", camera_id, start_us, segment_id).text
        version_id = put(object_store, key, data)
        found.append(Buried(segment_id, camera_id, start_us, data, key, version_id))
    return found


def put(object_store: ObjectStore, key: str, data: bytes, lock_s: float = LOCK_S) -> str:
    """One more version under a key; the id of it."""
    until_us = SystemClock().utc_us() + seconds(lock_s)
    return object_store.evidence.put_locked(key, data, hashlib.sha256(data).hexdigest(), until_us)


class Old:
    """A camera with recordings of long ago, and as many of late that keep them from being half of everything."""

    def __init__(self, database: Database, object_store: ObjectStore, objects: list[Buried]) -> None:
        self.database, self.store, self.object_store = database, object_store.evidence, object_store
        self.objects, self.camera_id, self.begun_us = objects, objects[0].camera_id, objects[0].start_us
        self.clock = SimulatedClock(present_us())
        self.agent = SigningAgent(database, self.clock, camera_id=self.camera_id).register()
        for number in range(COUNT):
            self._tell(objects[number].segment_id, self.begun_us + seconds(10 * number), RETAIN_DAYS + 1)
        for number in range(COUNT, 2 * COUNT):
            self._tell(fresh_id(), self.begun_us + seconds(10 * number), 1_000)
        with database.unit_of_work() as session:
            for each in objects:
                segment = session.get_one(Segment, each.segment_id)
                segment.object_key, segment.version_id = each.key, each.version_id
        self.expirer = self.expirer_on(self.store)
        self.holds = HoldKeeper(database, self.clock)

    def _tell(self, segment_id: str, start_us: int, kept_days: int) -> None:
        data = next((each.data for each in self.objects if each.segment_id == segment_id), b"%d" % start_us)
        manifest = self.agent.manifest(start_us, start_us + seconds(10))
        manifest = msgspec.structs.replace(
            manifest, segment_id=segment_id, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data)
        )
        self.agent.previous = open_envelope(self.agent.signer.seal(manifest)).payload_sha256
        outcome = self.agent.say(manifest)
        assert outcome.result == "committed", outcome
        with self.database.unit_of_work() as session:
            segment = session.get_one(Segment, segment_id)
            segment.object_key, segment.version_id = f"late/{segment_id}", "v"
            segment.secured_us = self.clock.utc_us()
            segment.retain_until_us = segment.end_us + kept_days * US_PER_DAY

    def expirer_on(self, store: object, retain_days: int = RETAIN_DAYS) -> FootageExpirer:
        return FootageExpirer(self.database, store, self.clock, retain_days)  # type: ignore[arg-type]

    def after_their_day(self) -> "Old":
        self.clock.advance(92 * 86_400 + 3_700)
        return self

    def alone(self) -> "Old":
        """Nothing else is there: they are more than half of everything."""
        with self.database.unit_of_work() as session:
            session.query(Segment).where(Segment.object_key.startswith("late/")).delete()
        return self

    def segments(self) -> list[Segment]:
        ids = [each.segment_id for each in self.objects]
        with self.database.reading() as session:
            return list(session.query(Segment).where(Segment.id.in_(ids)).order_by(Segment.start_us))

    def there(self) -> list[int]:
        """Numbers of the recordings whose version the store still has."""
        found = []
        for number, each in enumerate(self.objects):
            try:
                self.store.stat_version(each.key, each.version_id)
            except NotFound:
                continue
            found.append(number)
        return found

    def versions(self) -> list[str]:
        """Everything that the store has of the camera."""
        return [listed.key for listed in self.store.list_versions(f"sunflower/{self.camera_id}/")]

    def certificates(self) -> list[entries.FootageDeleted]:
        with self.database.reading() as session:
            rows = session.query(LedgerEntry).where(LedgerEntry.kind == "footage-deleted").all()
            return [entries.decode(row.body) for row in rows]  # type: ignore[misc]

    def certified(self) -> int:
        return sum(certificate.versions for certificate in self.certificates())

    def span(self, first: int, last: int) -> Span:
        return Span(self.begun_us + seconds(10 * first), self.begun_us + seconds(10 * last + 10))

    def hold(self, first: int, last: int) -> LegalHold:
        review_us = self.clock.utc_us() + 30 * US_PER_DAY
        return self.holds.place("sunflower", self.camera_id, self.span(first, last), "an accident", "wang", review_us)


@pytest.fixture
def old(
    request: pytest.FixtureRequest, object_store: ObjectStore, buried: list[list[Buried]], tmp_path
) -> Iterator[Old]:
    """SQLite beside SeaweedFS, PostgreSQL beside the other: all four pairs would say nothing more."""
    kind = "sqlite" if object_store.kind == "seaweedfs" else "postgresql"
    for database in fresh_database(kind, request, tmp_path):
        yield Old(database, object_store, buried.pop())
