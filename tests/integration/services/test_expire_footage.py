"""The end of a recording's life, on real stores: nothing goes early or under a hold, everything else goes, certified."""

import hashlib
import time

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.evidence import entries
from server.services.expire_footage import FootageExpirer
from server.services.hold_recordings import HoldKeeper
from storage.database.models import DeletionRun, LedgerEntry, LegalHold, Segment
from storage.objects.keys import SegmentKey
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent, seconds

LOCK_S = 3


class Old:
    """Recordings of three months ago, whose locks on the store end within seconds."""

    def __init__(self, database, object_store, count=4) -> None:
        self.database = database
        self.store = object_store.evidence
        self.clock = SimulatedClock(SystemClock().utc_us())
        self.camera_id = f"nap-{fresh_id()[:8]}"
        agent = SigningAgent(database, self.clock, camera_id=self.camera_id).register()
        self.begun_us = self.clock.utc_us() - seconds(100)
        lock_us = SystemClock().utc_us() + seconds(LOCK_S)
        for number in range(count):
            data = b"footage %d" % number
            start_us = self.begun_us + seconds(10 * number)
            manifest = agent.manifest(start_us, start_us + seconds(10), data)
            agent.say(manifest)
            key = SegmentKey("sunflower", self.camera_id, start_us, manifest.segment_id).text
            version_id = self.store.put_locked(key, data, hashlib.sha256(data).hexdigest(), lock_us)
            with database.unit_of_work() as session:
                segment = session.get_one(Segment, manifest.segment_id)
                segment.object_key, segment.version_id = key, version_id
                segment.secured_us = self.clock.utc_us()
                segment.retain_until_us = segment.end_us + 91 * US_PER_DAY
        self.locked_until_us = lock_us
        self.expirer = FootageExpirer(database, self.store, self.clock, 90)
        self.holds = HoldKeeper(database, self.clock)

    def segments(self) -> list[Segment]:
        with self.database.reading() as session:
            return list(session.scalars(select(Segment).order_by(Segment.start_us)))

    def there(self) -> list[int]:
        """Numbers of the recordings whose version the store still has."""
        found = []
        for number, segment in enumerate(self.segments()):
            try:
                self.store.stat_version(segment.object_key, segment.version_id)
            except NotFound:
                continue
            found.append(number)
        return found

    def certificates(self) -> list[entries.FootageDeleted]:
        with self.database.reading() as session:
            rows = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "footage-deleted"))
            return [entries.decode(row.body) for row in rows]

    def after_their_day(self) -> "Old":
        self.clock.advance(92 * 86_400)
        time.sleep(max(0, (self.locked_until_us - SystemClock().utc_us()) / 1e6) + 1.2)
        return self

    def hold(self, first: int, last: int) -> LegalHold:
        span = Span(self.begun_us + seconds(10 * first), self.begun_us + seconds(10 * last + 10))
        review_us = self.clock.utc_us() + 30 * US_PER_DAY
        return self.holds.place("sunflower", self.camera_id, span, "an accident", "wang", review_us)


def test_on_its_day_everything_goes_and_stands_on_a_certificate(database, object_store):
    old = Old(database, object_store)
    assert old.expirer.run() == 0
    old.clock.advance(90 * 86_400)
    assert old.expirer.run() == 0
    old.after_their_day()
    assert old.expirer.run() == 4
    assert old.there() == []
    days = old.certificates()
    assert sum(day.versions for day in days) == 4
    assert all(segment.certified_us for segment in old.segments())
    listed = "".join(f"{s.id}\n" for s in sorted(old.segments(), key=lambda s: s.id)).encode()
    assert len(days) > 1 or days[0].segments_sha256 == hashlib.sha256(listed).hexdigest()
    assert old.expirer.run() == 0
    assert len(old.certificates()) == len(days)


def test_a_hold_keeps_and_two_persons_let_go(database, object_store):
    old = Old(database, object_store)
    hold = old.hold(1, 2)
    assert old.holds.apply(old.store) == 2
    held = old.segments()[1]
    assert old.store.stat_version(held.object_key, held.version_id).legal_hold
    old.after_their_day()
    assert old.expirer.run() == 2
    assert old.there() == [1, 2]
    with pytest.raises(PermissionDenied):
        old.store.delete_version(held.object_key, held.version_id)
    with pytest.raises(Conflict):
        old.holds.confirm_lift(hold.id, "li")
    old.holds.request_lift(hold.id, "wang")
    with pytest.raises(PermissionDenied):
        old.holds.confirm_lift(hold.id, "wang")
    old.holds.confirm_lift(hold.id, "li")
    assert old.holds.apply(old.store) == 2
    assert old.expirer.run() == 2
    assert old.there() == []
    with pytest.raises(Conflict):
        old.holds.request_lift(hold.id, "wang")


def test_a_lock_that_still_stands_is_no_deletion(database, object_store):
    old = Old(database, object_store, count=1)
    segment = old.segments()[0]
    old.store.extend_retention(segment.object_key, segment.version_id, SystemClock().utc_us() + US_PER_DAY)
    old.clock.advance(92 * 86_400)
    assert old.expirer.run() == 0
    assert old.certificates() == []
    assert old.segments()[0].deleted_us is None


def test_a_policy_that_grew_keeps_what_is_still_there(database, object_store):
    old = Old(database, object_store, count=1)
    old.clock.advance(92 * 86_400)
    assert FootageExpirer(old.database, old.store, old.clock, 120).run() == 0


def test_what_was_claimed_and_not_finished_is_finished(database, object_store):
    old = Old(database, object_store).after_their_day()
    with old.database.unit_of_work() as session:
        for segment in session.scalars(select(Segment)):
            segment.deleted_us = old.clock.utc_us()
    assert old.expirer.run() == 0
    assert old.there() == []
    assert sum(day.versions for day in old.certificates()) == 4


def test_more_than_half_waits_for_a_person(database, object_store, monkeypatch):
    monkeypatch.setattr("server.domain.holds.SMALL_STORE", 1)
    old = Old(database, object_store).after_their_day()
    with pytest.raises(NotFound):
        old.expirer.confirm("wang")
    assert old.expirer.run() == 0
    assert old.expirer.run() == 0
    assert len(old.there()) == 4
    with old.database.reading() as session:
        assert [(run.versions, run.of_versions) for run in session.scalars(select(DeletionRun))] == [(4, 4)]
    old.expirer.confirm("wang")
    with pytest.raises(Conflict):
        old.expirer.confirm("li")
    assert old.expirer.run() == 4
    with old.database.reading() as session:
        assert session.scalars(select(DeletionRun)).one().finished_us is not None


def test_a_hold_needs_a_reason_a_span_a_place_and_a_day_of_review(database, object_store):
    old = Old(database, object_store, count=1)
    span, later = Span(0, 1), old.clock.utc_us() + 1
    for site, camera, where, reason, review, error in (
        ("sunflower", None, span, " ", later, InvalidInput),
        ("sunflower", None, span, "x" * 201, later, InvalidInput),
        ("sunflower", None, Span(1, 1), "why", later, InvalidInput),
        ("sunflower", None, Span(0, 401 * US_PER_DAY), "why", later, InvalidInput),
        ("sunflower", None, span, "why", later - 1, InvalidInput),
        ("nowhere", None, span, "why", later, NotFound),
        ("sunflower", "nowhere", span, "why", later, NotFound),
    ):
        with pytest.raises(error):
            old.holds.place(site, camera, where, reason, "wang", review)
    with pytest.raises(NotFound):
        old.holds.request_lift("0" * 32, "wang")
    hold = old.hold(0, 0)
    with pytest.raises(InvalidInput):
        old.holds.review(hold.id, "li", old.clock.utc_us())
    old.holds.request_lift(hold.id, "wang")
    old.holds.review(hold.id, "li", old.clock.utc_us() + US_PER_DAY)
    with pytest.raises(Conflict):
        old.holds.confirm_lift(hold.id, "li")
