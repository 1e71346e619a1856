"""The auditor inside, on real stores: everything is looked at, every lie is found, and nothing is found that is not."""

import hashlib
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import IntegrityViolation, NightlightError, NotFound, PermissionDenied, Unavailable
from config.base.ids import fresh_id
from config.base.timespan import Span, SpanSet
from server.domain.audit import Drift
from server.domain.sampling import population_of
from server.services.audit import read_listing, tell_drift
from server.services.audit.audit_store import StoreAuditor
from server.services.intake.verify_upload import UploadVerifier
from storage.database import audits, deep_audits, spans
from storage.database.models import (
    AuditFinding,
    AuditRound,
    LedgerEntry,
    LegalHold,
    NoticeEvent,
    PendingVerification,
    Segment,
    Site,
)
from storage.objects.keys import SegmentKey
from storage.objects.port import StoredVersion
from tests.support.clock import SimulatedClock, present_us
from tests.support.sites import SigningAgent, seconds

pytestmark = pytest.mark.either_pair


@dataclass
class Lying:
    """A store that answers as it likes about some versions, and truly about the rest."""

    real: object
    gone: set[str] = field(default_factory=set)
    changed: dict[str, dict[str, object]] = field(default_factory=dict)
    refuses_locks: bool = False
    down: bool = False
    raises: dict[str, NightlightError] = field(default_factory=dict)

    def __getattr__(self, name):
        return getattr(self.real, name)

    def stat_version(self, key: str, version_id: str) -> StoredVersion:
        if self.down:
            raise Unavailable("the store does not answer")
        if key in self.gone:
            raise NotFound("no such version")
        if key in self.raises:
            raise self.raises[key]
        found = self.real.stat_version(key, version_id)
        return StoredVersion(**{**found.__dict__, **self.changed.get(key, {})})

    def extend_retention(self, key: str, version_id: str, until_us: int) -> StoredVersion:
        if self.refuses_locks:
            raise NotFound("the store will not")
        self.changed.pop(key, None)
        return self.real.extend_retention(key, version_id, until_us)


class Secured:
    """Ten-second segments of one camera, recorded, uploaded and read back."""

    def __init__(self, database, object_store, clock, **agent) -> None:
        self.database, self.clock = database, clock
        self.evidence = object_store.evidence
        self.camera_id = f"nap-{fresh_id()[:8]}"  # the store is shared, and locked objects stay
        self.agent = SigningAgent(
            database, clock, camera_id=self.camera_id, started_us=clock.utc_us() - seconds(200), **agent
        ).register()
        self.verifier = UploadVerifier(database, self.evidence, clock, 90, backfilled_after_us=seconds(300))
        self.end_us = clock.utc_us() - seconds(60)
        self.keys: list[str] = []

    def add(self, count: int) -> "Secured":
        for _ in range(count):
            data = b"footage %d" % len(self.keys)
            start_us, self.end_us = self.end_us, self.end_us + seconds(10)
            manifest = self.agent.manifest(start_us, self.end_us, data)
            self.agent.say(manifest)
            key = SegmentKey("sunflower", self.camera_id, start_us, manifest.segment_id).text
            until_us = self.end_us + 92 * US_PER_DAY
            version_id = self.evidence.put_locked(key, data, hashlib.sha256(data).hexdigest(), until_us)
            self.agent.say(self.agent.upload_of(manifest, version_id))
            self.keys.append(key)
        for job in self.verifier.take(100):
            self.verifier.verify(job)
        return self

    def covered(self) -> SpanSet:
        with self.database.reading() as session:
            series = spans.coverage_of(session, self.camera_id, Span(0, 2**53)).get(spans.SECURED, {})
        return SpanSet(span for part in series.values() for span in part)

    def seconds_covered(self) -> int:
        return self.covered().total_us // 1_000_000

    def audit(self, store=None, retain_days: int = 90) -> AuditRound:
        auditor = StoreAuditor(self.database, store or self.evidence, self.clock, retain_days)
        self.clock.advance(86_400)
        assert auditor.begin() is not None
        while auditor.step():
            pass
        with self.database.reading() as session:
            return session.scalars(select(AuditRound).order_by(AuditRound.id.desc())).first()

    def findings(self, *, still_open: bool = True) -> list[str]:
        with self.database.reading() as session:
            rows = session.scalars(select(AuditFinding)).all()
        return sorted(row.drift for row in rows if not still_open or row.settled_us is None)

    def entries(self) -> list[str]:
        with self.database.reading() as session:
            return [row.subject for row in session.scalars(select(LedgerEntry)) if row.kind == "segment-unsound"]


@pytest.fixture
def secured(database, object_store) -> Secured:
    return Secured(database, object_store, SimulatedClock(present_us())).add(5)


@pytest.mark.both_pairs
def test_everything_under_retention_is_looked_at_and_nothing_is_found(secured):
    done = secured.audit()
    assert (done.versions, done.checked, done.found) == (5, 5, 0)
    assert done.finished_us is not None
    assert secured.seconds_covered() == 50
    assert abs(done.store_clock_us) < seconds(US_PER_DAY)


@pytest.mark.both_pairs
def test_a_version_that_is_gone_is_not_covered_and_counts_again_when_it_is_back(secured):
    store = Lying(secured.evidence, gone={secured.keys[2]})
    assert secured.audit(store).found == 1
    assert secured.findings() == ["object_missing"]
    assert secured.seconds_covered() == 40
    assert len(secured.entries()) == 1
    assert secured.audit(store).found == 0
    assert len(secured.entries()) == 1
    secured.audit()
    assert secured.findings() == []
    assert secured.seconds_covered() == 50


@pytest.mark.parametrize("change", [{"size_bytes": 3}, {"sha256": "0" * 64}, {"sha256": None}])
def test_other_bytes_are_not_covered(secured, change):
    secured.audit(Lying(secured.evidence, changed={secured.keys[0]: change}))
    assert secured.findings() == ["object_corrupt"]
    assert secured.seconds_covered() == 40


@pytest.mark.parametrize("change", [{"retain_until_us": 1}, {"retention_mode": "GOVERNANCE"}, {"retention_mode": None}])
def test_a_short_lock_is_lengthened_at_once_or_not_covered(secured, change):
    store = Lying(secured.evidence, changed={secured.keys[0]: change}, refuses_locks=True)
    secured.audit(store)
    assert secured.findings() == ["lock_short"]
    assert secured.seconds_covered() == 40
    store.refuses_locks = False
    assert secured.audit(store).found == 1
    assert secured.findings() == ["lock_was_short"]  # it counts again, and a person learns of it
    assert secured.seconds_covered() == 50
    assert secured.audit(store).found == 0
    assert secured.findings() == []
    assert secured.seconds_covered() == 50


@pytest.mark.both_pairs
def test_a_grown_policy_lengthens_old_locks_on_the_store_itself(secured):
    done = secured.audit(retain_days=120)
    assert (done.extended, done.found) == (5, 0)
    with secured.database.reading() as session:
        for segment in session.scalars(select(Segment)):
            found = secured.evidence.stat_version(segment.object_key, segment.version_id)
            assert found.locked_until(segment.end_us + 120 * US_PER_DAY)
            assert segment.retain_until_us == found.retain_until_us
    assert secured.audit(retain_days=90).extended == 0


def test_a_sites_pack_is_its_policy(secured):
    with secured.database.unit_of_work() as session:
        session.get_one(Site, "sunflower").policy_pack = "cn-national-base"
    assert secured.audit(retain_days=120).extended == 0, "the pack asks for 90 days"


def test_a_recording_in_its_last_day_keeps_the_lock_it_has(secured):
    secured.clock.advance(89.9 * 86_400)
    done = secured.audit()
    assert (done.checked, done.extended) == (5, 0)


@pytest.mark.both_pairs
def test_markers_and_strangers_on_the_store_are_named(secured):
    evidence = secured.evidence
    evidence.raw.send("DELETE", secured.keys[0])
    forged = b"another picture"
    digest = hashlib.sha256(forged).hexdigest()
    until_us = SystemClock().utc_us() + 2 * US_PER_DAY
    evidence.put_locked(secured.keys[1], forged, digest, until_us)
    evidence.put_locked(secured.keys[2].replace(".mp4", "x.mp4"), forged, digest, until_us)
    again = b"footage 3"
    evidence.put_locked(secured.keys[3], again, hashlib.sha256(again).hexdigest(), until_us)
    secured.audit()
    assert secured.findings() == ["delete_marker", "foreign_object", "foreign_version"]
    assert secured.seconds_covered() == 50


def test_whoever_fills_a_camera_day_with_strangers_fills_no_memory_and_hides_nothing(secured, monkeypatch, capfd):
    class Crowded(Lying):
        shown = 0

        def list_versions(self, prefix, *, stating=False):
            ours = list(self.real.list_versions(prefix, stating=stating))
            yield ours[0]
            for number in range(1_000):
                self.shown += 1
                yield replace(ours[0], key=f"{prefix}stranger-{number}.mp4", last_modified_us=0)
            yield from ours[1:]

    monkeypatch.setattr(read_listing, "STRANGERS_MAX", 3)
    crowded = Crowded(secured.evidence, gone={secured.keys[4]})
    secured.audit(crowded)
    assert crowded.shown == 4
    assert secured.findings() == ["foreign_object"] * 3 + ["object_missing"]
    assert "too_many_strangers" in capfd.readouterr().out
    monkeypatch.setattr(read_listing, "STRANGERS_MAX", 2)
    secured.audit(Crowded(secured.evidence))
    assert secured.findings() == ["foreign_object"] * 3, "of the third nothing is known"
    secured.audit()
    assert secured.findings() == []


def told(secured) -> list[tuple[str, bool]]:
    with secured.database.reading() as session:
        events = session.scalars(select(NoticeEvent).order_by(NoticeEvent.id))
        return [(event.about, event.urgent) for event in events]


def test_who_can_write_there_is_told_of_at_once_and_hides_no_drift(secured):
    secured.evidence.raw.send("DELETE", secured.keys[0])
    done = secured.audit(Lying(secured.evidence, gone={secured.keys[1]}))
    assert done.found == 2
    assert sorted(told(secured)) == [("delete_marker", True), ("object_missing", True)]
    secured.audit(Lying(secured.evidence, gone={secured.keys[1]}))
    assert len(told(secured)) == 2  # both stand open still


def test_what_a_clock_ahead_has_found_keeps_nothing_quiet(secured):
    secured.audit(Lying(secured.evidence, gone={secured.keys[1]}))
    secured.clock.jump(-3 * 86_400)
    secured.audit(Lying(secured.evidence, gone={secured.keys[1], secured.keys[2]}))
    assert told(secured) == [("object_missing", True)] * 2


def test_what_somebody_else_found_during_a_look_is_not_settled_by_it(secured):
    """Two processes audit, and one goes deep: what one has seen whole may be gone by the time it says so."""

    class Slow(Lying):
        def list_versions(self, prefix, *, stating=False):
            secured.clock.advance(1)
            with secured.database.unit_of_work() as session:
                segment = session.scalars(select(Segment).where(Segment.object_key == secured.keys[0])).one()
                site = session.get_one(Site, segment.site_id)
                tell_drift.tell(session, secured.clock.utc_us(), site, segment, Drift.OBJECT_MISSING, "")
            secured.clock.advance(1)
            return self.real.list_versions(prefix, stating=stating)

    secured.audit(Slow(secured.evidence))
    assert (secured.findings(), secured.seconds_covered()) == (["object_missing"], 40)
    secured.audit()
    assert (secured.findings(), secured.seconds_covered()) == ([], 50)


def test_a_version_without_an_id_of_its_own_is_a_stranger_and_stops_no_round(secured):
    class Unversioned(Lying):
        def list_versions(self, prefix, *, stating=False):
            for one in self.real.list_versions(prefix, stating=stating):
                yield one
                yield replace(one, version_id="null", last_modified_us=0)

    done = secured.audit(Unversioned(secured.evidence))
    assert (done.finished_us is None, done.checked) == (False, 5)
    assert secured.findings() == ["foreign_version"] * 5


def test_a_store_that_is_down_proves_nothing(secured):
    store = Lying(secured.evidence, down=True)
    auditor = StoreAuditor(secured.database, store, secured.clock, 90)
    auditor.begin()
    with pytest.raises(Unavailable):
        auditor.step()
    assert secured.findings() == []
    assert secured.seconds_covered() == 50
    store.down = False
    assert auditor.step()
    assert not auditor.step()


@pytest.mark.both_pairs
def test_a_round_goes_on_where_it_stopped_and_there_is_one_a_day(secured):
    auditor = StoreAuditor(secured.database, secured.evidence, secured.clock, 90)
    assert auditor.begin() is not None
    assert auditor.begin() is None
    secured.clock.advance(3_600)
    assert auditor.behind()
    again = StoreAuditor(secured.database, secured.evidence, secured.clock, 90)
    while again.step():
        pass
    assert not again.behind()
    assert auditor.begin() is None
    secured.clock.advance(86_400)
    assert auditor.begin() is not None


def test_what_is_found_on_a_slow_store_is_told_before_the_camera_day_is_through(secured):
    told: list[list[str]] = []

    class Slow(Lying):
        def stat_version(self, key, version_id):
            secured.clock.advance(20)
            if key == secured.keys[4]:
                told.append(secured.findings())
            return super().stat_version(key, version_id)

    store = Slow(secured.evidence, gone={secured.keys[0]})
    auditor = StoreAuditor(secured.database, store, secured.clock, 90, workers=1)
    auditor.begin()
    assert auditor.step()
    assert told == [["object_missing"]]
    assert len(secured.entries()) == 1


def test_an_empty_centre_has_an_empty_round(database, object_store):
    auditor = StoreAuditor(database, object_store.evidence, SystemClock(), 90)
    assert auditor.begin() is not None
    assert auditor.behind()
    assert not auditor.step()
    assert not auditor.behind()


@pytest.mark.parametrize(
    "error",
    [Unavailable("500"), PermissionDenied("403"), IntegrityViolation("another version", code="other_version")],
    ids=["failing", "denied", "another"],
)
def test_what_a_store_does_not_give_out_is_missing_and_stops_no_audit(secured, error):
    done = secured.audit(Lying(secured.evidence, raises={secured.keys[1]: error}))
    assert done.finished_us is not None
    assert secured.findings() == ["object_missing"]
    assert secured.seconds_covered() == 40
    secured.audit()
    assert secured.findings() == []
    assert secured.seconds_covered() == 50


@pytest.mark.parametrize("error", [Unavailable("500"), PermissionDenied("403")], ids=["failing", "denied"])
def test_a_store_that_gives_out_nothing_proves_nothing(secured, error):
    store = Lying(secured.evidence, raises=dict.fromkeys(secured.keys, error))
    auditor = StoreAuditor(secured.database, store, secured.clock, 90)
    auditor.begin()
    with pytest.raises(type(error)):
        auditor.step()
    assert secured.seconds_covered() == 50


def test_a_round_that_a_wrong_clock_began_in_the_future_keeps_no_other_from_beginning(secured):
    auditor = StoreAuditor(secured.database, secured.evidence, secured.clock, 90)
    secured.clock.jump(365 * 86_400)
    assert auditor.begin() is not None
    secured.clock.jump(-365 * 86_400)
    assert auditor.begin() is None
    secured.clock.advance(86_400)
    assert auditor.behind()  # the round that is open goes on
    while auditor.step():
        pass
    secured.clock.jump(365 * 86_400)
    assert auditor.begin() is not None
    while auditor.step():
        pass
    secured.clock.jump(-365 * 86_400)
    assert auditor.begin() is not None


def test_a_round_comes_to_its_end_also_where_recordings_came_in_meanwhile(secured):
    auditor = StoreAuditor(secured.database, secured.evidence, secured.clock, 90)
    assert auditor.begin() is not None
    secured.add(3)
    for _ in range(24):  # as server.jobs does: only as far as the round is behind
        secured.clock.advance(3_600)
        while auditor.behind():
            auditor.step()
    with secured.database.reading() as session:
        done = session.scalars(select(AuditRound)).one()
    assert done.finished_us is not None
    assert auditor.begin() is not None


def test_what_was_found_is_told_also_where_the_rest_of_the_camera_day_fails(secured):
    class Unlisted(Lying):
        def list_versions(self, prefix, *, stating=False):
            raise Unavailable("500")

    auditor = StoreAuditor(secured.database, Unlisted(secured.evidence, gone={secured.keys[2]}), secured.clock, 90)
    auditor.begin()
    for _ in range(2):
        with pytest.raises(Unavailable):
            auditor.step()
    assert secured.findings() == ["object_missing"]
    assert secured.seconds_covered() == 40
    assert len(secured.entries()) == 1


def test_a_whole_camera_day_that_a_store_keeps_to_itself_stops_no_audit(secured, monkeypatch):
    monkeypatch.setattr("server.services.audit.audit_store.SILENT_MAX", 2)
    lost = list(secured.keys)
    other = Secured(secured.database, secured, secured.clock, signer=secured.agent.signer).add(1)
    store = Lying(secured.evidence, raises=dict.fromkeys(lost, Unavailable("500")))
    auditor = StoreAuditor(secured.database, store, secured.clock, 90)
    secured.clock.advance(86_400)
    assert auditor.begin() is not None
    failed, steps = 0, 0
    while steps < 9:
        steps += 1
        try:
            if not auditor.step():
                break
        except Unavailable:
            failed += 1
    assert (failed, steps) == (2, 5)
    assert secured.findings() == ["object_missing"] * 5
    assert (secured.seconds_covered(), other.seconds_covered()) == (0, 10)
    secured.audit()
    assert secured.findings() == []
    assert secured.seconds_covered() == 50


@pytest.mark.both_pairs
def test_a_delete_marker_is_told_however_young_it_is(secured):
    secured.clock.jump(-7_200)
    secured.evidence.raw.send("DELETE", secured.keys[0])
    auditor = StoreAuditor(secured.database, secured.evidence, secured.clock, 90)
    assert auditor.begin() is not None
    while auditor.step():
        pass
    assert secured.findings() == ["delete_marker"]


def test_what_a_hold_keeps_past_its_last_day_is_still_looked_at(database, object_store):
    site = Secured(database, object_store, SimulatedClock(present_us())).add(2)
    hold = {"id": fresh_id(), "reason": "incident", "owner": "zhou", "review_us": 0, "placed_by": "zhou"}
    with database.unit_of_work() as session:
        session.add(
            LegalHold(
                **hold,
                site_id="sunflower",
                camera_id=site.camera_id,
                start_us=site.end_us - seconds(5),
                end_us=site.end_us,
                placed_us=site.clock.utc_us(),
            )
        )
    site.clock.advance(120 * 86_400)
    done = site.audit(Lying(site.evidence, gone={site.keys[1]}))
    assert (done.versions, done.finished_us is not None, site.findings()) == (1, True, ["object_missing"])
    with database.reading() as session:
        drawn = population_of(deep_audits.footage(session, "sunflower", site.clock.utc_us()))
    assert drawn.size == 0  # what was held is known to be missing


def test_a_floor_that_grew_asks_no_lock_of_what_is_past_it_and_only_held(database, object_store):
    site = Secured(database, object_store, SimulatedClock(present_us())).add(1)
    hold = {"id": fresh_id(), "reason": "incident", "owner": "zhou", "review_us": 0, "placed_by": "zhou"}
    where = {"site_id": "sunflower", "camera_id": site.camera_id, "start_us": 0, "end_us": site.end_us}
    with database.unit_of_work() as session:
        session.add(LegalHold(**hold, **where, placed_us=site.clock.utc_us()))
    site.clock.advance(200 * 86_400)
    # A store takes no lock that ends in the past.
    done = site.audit(Lying(site.evidence, refuses_locks=True), retain_days=150)
    assert (done.checked, done.extended, site.findings(), site.seconds_covered()) == (1, 0, [], 10)


def test_two_processes_at_one_camera_day_count_it_once(database, object_store):
    site = Secured(database, object_store, SimulatedClock(present_us())).add(2)
    other = StoreAuditor(database, site.evidence, site.clock, 90)

    class Slow(Lying):
        def stat_version(self, key: str, version_id: str) -> StoredVersion:
            if not self.down:
                self.down = True
                assert other.step()  # the other process is through with it meanwhile
                self.down = False
                self.stat_version = self.real.stat_version
            return self.real.stat_version(key, version_id)

    auditor = StoreAuditor(database, Slow(site.evidence), site.clock, 90, workers=1)
    assert auditor.begin() is not None
    assert auditor.step()
    with database.reading() as session:
        current = audits.last_round(session)
    assert (current.checked, current.versions) == (2, 2)


def test_findings_of_recordings_without_a_version_are_told_apart(database, object_store):
    site = Secured(database, object_store, SimulatedClock(present_us())).add(2)
    with database.unit_of_work() as session:
        for segment in session.scalars(select(Segment)):
            segment.object_key = segment.version_id = None
            place = session.get_one(Site, segment.site_id)
            assert tell_drift.tell(session, site.clock.utc_us(), place, segment, Drift.OBJECT_MISSING, "gone")
    assert site.findings() == ["object_missing"] * 2


def test_what_went_on_its_day_and_is_sent_again_is_there_again(database, object_store):
    site = Secured(database, object_store, SimulatedClock(present_us())).add(1)
    with database.unit_of_work() as session:
        segment = session.scalars(select(Segment)).one()
        segment.secured_us, segment.refusal = None, "object_missing"
        segment.deleted_us = segment.certified_us = site.clock.utc_us()
        session.add(
            PendingVerification(
                segment_id=segment.id, object_key=segment.object_key, version_id=segment.version_id, due_us=0
            )
        )
    for job in site.verifier.take(9):
        site.verifier.verify(job)
    with database.reading() as session:
        segment = session.scalars(select(Segment)).one()
    assert (segment.secured_us is not None, segment.deleted_us, segment.certified_us) == (True, None, None)
    assert site.audit().versions == 1
