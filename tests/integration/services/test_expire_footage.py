"""The end of a recording's life, on real stores: nothing goes early or under a hold, everything else goes, certified."""

import hashlib
import threading
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, Unavailable
from config.base.timespan import Span
from server.services.audit.audit_store import StoreAuditor
from server.services.custody.sweep_store import StoreSweeper
from storage.database.models import AgentStatus, AuditFinding, DeletionRun, LegalHold, Segment, Site
from storage.objects.keys import SegmentKey
from tests.support.past import COUNT, RETAIN_DAYS, Old, put
from tests.support.sites import seconds

pytestmark = pytest.mark.either_pair


@dataclass
class Interrupting:
    """A store that does something before each deletion, and stops answering after so many."""

    real: object
    answers: int = 1_000
    before: list = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.real, name)

    def delete_version(self, key: str, version_id: str) -> None:
        for do in self.before:
            do()
        if self.answers <= 0:
            raise Unavailable("the store does not answer")
        self.answers -= 1
        self.real.delete_version(key, version_id)


@pytest.mark.both_pairs
def test_on_its_day_everything_goes_and_stands_on_a_certificate(old: Old):
    assert old.expirer.run() == 0
    old.clock.advance(90 * 86_400)
    assert old.expirer.run() == 0
    old.after_their_day()
    assert old.expirer.run() == COUNT
    assert old.there() == []
    days = old.certificates()
    assert old.certified() == COUNT
    assert all(segment.certified_us for segment in old.segments())
    listed = "".join(f"{s.id}\n" for s in sorted(old.segments(), key=lambda s: s.id)).encode()
    assert len(days) > 1 or days[0].segments_sha256 == hashlib.sha256(listed).hexdigest()
    assert old.expirer.run() == 0
    assert len(old.certificates()) == len(days)


def test_what_a_store_says_is_gone_and_has_still_is_not_certified(old: Old):
    class Pretending(Interrupting):
        def delete_version(self, key: str, version_id: str) -> None:
            if key != old.segments()[1].object_key or self.answers <= 0:
                self.real.delete_version(key, version_id)

    store = Pretending(old.store)
    old.after_their_day()
    assert old.expirer_on(store).run() == COUNT - 1
    assert (old.there(), old.certified()) == ([1], COUNT - 1)
    assert old.segments()[1].deleted_us is None
    store.answers = 0
    assert old.expirer_on(store).run() == 1
    assert (old.there(), old.certified()) == ([], COUNT)


def test_a_version_without_an_id_of_its_own_stops_nothing(old: Old):
    class Unversioned(Interrupting):
        def list_versions(self, prefix, *, stating=False):
            for one in self.real.list_versions(prefix, stating=stating):
                yield one
                yield replace(one, version_id="null")

    old.after_their_day()
    assert old.expirer_on(Unversioned(old.store)).run() == COUNT
    assert old.there() == []
    assert StoreSweeper(old.database, Unversioned(old.store), old.clock, RETAIN_DAYS).sweep() == 0


def test_a_sites_pack_says_when_not_the_setting(old: Old):
    old.after_their_day()
    by_setting = old.expirer_on(old.store, 400)
    assert by_setting.run() == 0
    with old.database.unit_of_work() as session:
        session.get_one(Site, "sunflower").policy_pack = "cn-national-base"
    assert by_setting.run() == COUNT
    assert {entry.retained_days for entry in old.certificates()} == {90}


@pytest.mark.both_pairs
def test_a_hold_keeps_and_two_persons_let_go(old: Old):
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


def test_what_is_held_does_not_count_as_due(old: Old):
    old.after_their_day().alone()
    old.hold(0, 2)
    assert old.expirer.tally().versions == 1
    assert old.expirer.run() == 1
    assert old.there() == [0, 1, 2]


@pytest.mark.both_pairs
def test_a_lock_that_still_stands_is_no_deletion(old: Old):
    first = old.segments()[0]
    old.object_store.evidence.extend_retention(first.object_key, first.version_id, old.clock.utc_us() + US_PER_DAY)
    old.after_their_day()
    assert old.expirer.run() == COUNT - 1
    assert old.there() == [0]
    assert old.certified() == COUNT - 1
    assert old.segments()[0].deleted_us is None


def test_a_policy_that_grew_keeps_what_is_still_there(old: Old):
    old.after_their_day()
    assert old.expirer_on(old.store, 120).run() == 0
    assert len(old.there()) == COUNT


@pytest.mark.both_pairs
def test_a_crash_between_deletion_and_certificate_loses_no_certificate(old: Old):
    old.after_their_day()
    with pytest.raises(Unavailable):
        old.expirer_on(Interrupting(old.store, answers=2)).run()
    assert len(old.there()) == COUNT - 2
    assert old.certificates() == []
    old.expirer.run()
    assert old.there() == []
    assert old.certified() == COUNT


def test_what_was_claimed_and_not_finished_is_finished_whatever_waits(old: Old):
    old.after_their_day().alone()
    with old.database.unit_of_work() as session:
        for segment in session.scalars(select(Segment)):
            segment.deleted_us = old.clock.utc_us()
    assert old.expirer.run() == 0
    assert old.there() == []
    assert old.certified() == COUNT


@pytest.mark.both_pairs
def test_a_hold_that_comes_during_a_run_wins_or_is_told_what_went(old: Old, monkeypatch):
    monkeypatch.setattr("server.services.custody.expire_footage.BATCH", 1)
    old.after_their_day()
    placed = []

    def place() -> None:
        if not placed:
            thread = threading.Thread(target=lambda: placed.append(old.hold(0, COUNT - 1)))
            thread.start()
            thread.join(20)

    gone = old.expirer_on(Interrupting(old.store, before=[place])).run()
    assert gone == 1
    assert old.there() == [1, 2, 3]
    assert old.holds.already_gone(placed[0]) == 1
    assert old.certified() == 1
    assert old.expirer.run() == 0
    assert old.there() == [1, 2, 3]


def test_more_than_half_waits_for_a_person_who_names_the_figures(old: Old):
    old.after_their_day().alone()
    with pytest.raises(NotFound):
        old.expirer.confirm("wang", COUNT, COUNT)
    assert old.expirer.run() == 0
    assert old.expirer.run() == 0
    assert len(old.there()) == COUNT
    with old.database.reading() as session:
        assert [(run.versions, run.of_versions) for run in session.scalars(select(DeletionRun))] == [(COUNT, COUNT)]
    assert StoreSweeper(old.database, old.store, old.clock, RETAIN_DAYS).sweep() == 0
    with pytest.raises(Conflict):
        old.expirer.confirm("wang", COUNT - 1, COUNT)
    old.expirer.confirm("wang", COUNT, COUNT)
    with pytest.raises(Conflict):
        old.expirer.confirm("li", COUNT, COUNT)
    assert old.expirer.run() == COUNT
    assert {certificate.confirmed_by for certificate in old.certificates()} == {"wang"}
    with old.database.reading() as session:
        assert session.scalars(select(DeletionRun)).one().finished_us is not None


def lift(old: Old, hold: LegalHold) -> None:
    old.holds.request_lift(hold.id, "wang")
    old.holds.confirm_lift(hold.id, "li")


def test_runs_without_a_person_do_not_add_up_to_more_than_half_within_a_day(old: Old):
    """Of four: one and one go, a third would be one of two."""
    holds = [old.after_their_day().alone().hold(number, number) for number in range(1, COUNT)]
    assert old.expirer.run() == 1
    lift(old, holds[0])
    assert old.expirer.run() == 1
    lift(old, holds[1])
    assert old.expirer.run() == 0
    assert old.there() == [2, 3]
    old.clock.advance(86_000)
    assert old.expirer.run() == 0
    old.clock.advance(500)
    assert old.expirer.run() == 1, "a day later it is one of two"
    lift(old, holds[2])
    assert old.expirer.run() == 0
    old.expirer.confirm("wang", 1, 1)
    assert old.expirer.run() == 1


def test_two_processes_at_once_do_not_take_half_each(old: Old):
    old.after_their_day().alone()
    hold, other = old.hold(2, 3), old.expirer_on(old.store)
    leave = other._leave(other.tally())
    assert old.expirer.run() == 2
    lift(old, hold)
    assert other._site("sunflower", leave) == 0
    assert old.there() == [2, 3]


def test_what_the_store_keeps_is_not_counted_as_gone(old: Old):
    class Keeping(Interrupting):
        def delete_version(self, key: str, version_id: str) -> None:
            raise PermissionDenied("locked")

    old.after_their_day().alone()
    hold = old.hold(2, 3)
    for _ in range(3):
        assert old.expirer_on(Keeping(old.store)).run() == 0
    assert old.expirer.run() == 2
    lift(old, hold)
    assert old.expirer.run() == 0


def test_a_confirmation_is_for_so_many_and_no_more(old: Old):
    old.after_their_day().alone()
    old.expirer.run()
    old.expirer.confirm("wang", COUNT, COUNT)
    with old.database.unit_of_work() as session:
        session.scalars(select(DeletionRun)).one().versions = COUNT - 1
    assert old.expirer.run() == COUNT - 1
    assert old.expirer.run() == 0
    assert old.there() == [COUNT - 1]


def test_a_question_that_is_over_is_closed(old: Old):
    old.after_their_day().alone()
    old.expirer.run()
    old.hold(0, COUNT - 1)
    assert old.expirer.run() == 0
    with old.database.reading() as session:
        assert session.scalars(select(DeletionRun)).one().finished_us is not None


@pytest.mark.both_pairs
def test_copies_markers_and_what_others_put_on_top_go_with_it(old: Old):
    first, second = old.objects[:2]
    put(old.object_store, first.key, first.data, 1)
    put(old.object_store, second.key, b"something else", 1)
    old.object_store.admin._client.remove_object(old.object_store.root.bucket, first.key)
    assert len(old.versions()) == COUNT + 3
    old.after_their_day()
    threading.Event().wait(2.2)
    assert old.expirer.run() == COUNT
    assert old.versions() == []


@pytest.mark.both_pairs
def test_a_copy_that_the_store_keeps_keeps_the_recording_too(old: Old):
    first, second = old.objects[:2]
    put(old.object_store, first.key, first.data, 3_600)
    put(old.object_store, second.key, b"something else", 3_600)
    old.after_their_day()
    assert old.expirer.run() == COUNT - 1
    assert old.there() == [0]
    assert old.certified() == COUNT - 1


def test_what_was_never_secured_goes_as_well_but_not_early_and_not_under_a_hold(old: Old):
    sweeper = StoreSweeper(old.database, old.store, old.clock, RETAIN_DAYS)
    lost = SegmentKey("sunflower", old.camera_id, old.begun_us + seconds(5), "0" * 32).text
    put(old.object_store, lost, b"nobody told of it", 1)
    put(old.object_store, f"sunflower/{old.camera_id}/notes.txt", b"a stranger's", 1)
    threading.Event().wait(2.2)
    assert sweeper.sweep() == 0
    old.clock.advance(94 * 86_400)
    hold = old.hold(0, 0)
    assert sweeper.sweep() == 0
    old.holds.request_lift(hold.id, "wang")
    old.holds.confirm_lift(hold.id, "li")
    assert sweeper.sweep() == 1
    assert len(old.there()) == COUNT
    assert lost not in old.versions()


def test_what_went_on_its_day_is_not_missed_by_the_audit(old: Old):
    with old.database.unit_of_work() as session:
        late = session.scalars(select(Segment).where(Segment.object_key.startswith("late/"))).all()
        for segment in late:
            session.delete(segment)
        kept = session.get_one(Segment, old.objects[3].segment_id)
        kept.retain_until_us = until_us = kept.end_us + 1_000 * US_PER_DAY
    old.object_store.evidence.extend_retention(old.objects[3].key, old.objects[3].version_id, until_us)
    old.after_their_day()
    old.expirer.run()
    old.expirer.confirm("wang", 3, 4)
    assert old.expirer.run() == 3
    auditor = StoreAuditor(old.database, old.store, old.clock, RETAIN_DAYS)
    auditor.begin(at_once=True)
    while auditor.step():
        pass
    with old.database.reading() as session:
        assert session.scalars(select(AuditFinding)).all() == []


def test_a_hold_needs_a_reason_a_span_a_place_and_a_day_of_review(old: Old):
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


def test_a_hold_of_which_the_store_was_told_in_part_is_taken_off_in_whole(old: Old):
    class Stopping:
        told = 0

        def set_legal_hold(self, key: str, version_id: str, *, on: bool) -> None:
            if self.told:
                raise Unavailable("the store does not answer")
            self.told += 1
            old.store.set_legal_hold(key, version_id, on=on)

    hold = old.hold(0, COUNT - 1)
    with pytest.raises(Unavailable):
        old.holds.apply(Stopping())  # type: ignore[arg-type]
    old.holds.request_lift(hold.id, "wang")
    old.holds.confirm_lift(hold.id, "li")
    old.holds.apply(old.store)
    assert not any(old.store.stat_version(each.key, each.version_id).legal_hold for each in old.objects)
    assert old.holds.apply(old.store) == 0
    old.after_their_day()
    assert old.expirer.run() == COUNT


def test_a_hold_that_is_lifted_while_the_store_is_told_is_taken_off_by_the_next_round(old: Old):
    hold = old.hold(0, 0)

    class Slow:
        def set_legal_hold(self, key: str, version_id: str, *, on: bool) -> None:
            old.holds.request_lift(hold.id, "wang")
            old.holds.confirm_lift(hold.id, "li")
            old.store.set_legal_hold(key, version_id, on=on)

    assert old.holds.apply(Slow()) == 1  # type: ignore[arg-type]
    assert old.holds.apply(old.store) == 1
    old.after_their_day()
    assert old.expirer.run() == COUNT


def test_a_clock_that_every_living_agent_contradicts_deletes_nothing(old: Old):
    old.agent.say(old.agent.heartbeat())
    old.after_their_day()
    with old.database.unit_of_work() as session:  # they are heard now, and say that it is three months earlier
        session.get_one(AgentStatus, old.agent.agent_id).heard_us = old.clock.utc_us()
    assert old.expirer.run() == 0
    assert StoreSweeper(old.database, old.store, old.clock, 1).sweep() == 0
    assert len(old.there()) == COUNT
    with old.database.unit_of_work() as session:
        session.get_one(AgentStatus, old.agent.agent_id).sent_us = old.clock.utc_us()
    assert old.expirer.run() == COUNT
