"""Holds, longer locks and deletion in a site's own store, on real ones: nothing counts but what an agent read back."""

import hashlib
import random
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import Conflict, NotFound, PermissionDenied
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.evidence import entries
from config.wire.cells import CellAnswer, CellChallenge, CellFetched, CellOrder, CellOrdered, StandsInCell
from config.wire.segments import SegmentRecorded
from server.domain import cell_orders as rules
from server.services.cells.challenge_cells import CellChallenger
from server.services.cells.fetch_from_cell import BRING_US
from server.services.cells.order_cells import CellKeeper
from server.services.cells.read_cells import CellReader
from server.services.cells.send_orders import OrderSender
from server.services.custody.expire_footage import FootageExpirer
from server.services.custody.hold_recordings import HoldKeeper
from storage.database import cell_orders
from storage.database.models import AuditFinding, CellCopy, CellOrderRow, LedgerEntry, LegalHold, Segment
from storage.objects.changes import DELETE_S, ChangeOffice
from tests.integration.services.test_cell_fetches import EVERYONE
from tests.support.cells import CellSite
from tests.support.databases import fresh_database
from tests.support.sites import seconds

pytestmark = pytest.mark.either_pair


@pytest.fixture
def database(request, object_store, tmp_path):
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO."""
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def site(database, object_store, tmp_path: Path) -> CellSite:
    """Two recordings that count."""
    made = CellSite(database, object_store, tmp_path)
    made.recorded = []
    for _ in range(2):
        recorded = made.record()
        made.upload(recorded)
        made.recorded.append(recorded[0])
    made.answer_all()
    assert len(made.covered()) == 1
    made.holds = HoldKeeper(database, made.clock)
    return made


def hold(site: CellSite, manifest: SegmentRecorded) -> LegalHold:
    review_us = site.clock.utc_us() + 30 * US_PER_DAY
    span = Span(manifest.start_us + 1, manifest.end_us - 1)
    return site.holds.place(site.agent.site_id, site.camera_id, span, "an accident", "li", review_us)


def lift(site: CellSite, placed: LegalHold) -> None:
    site.holds.request_lift(placed.id, "li")
    site.holds.confirm_lift(placed.id, "wang")


def copy_of(site: CellSite, manifest: SegmentRecorded) -> CellCopy:
    with site.database.reading() as session:
        return session.get_one(CellCopy, manifest.segment_id)


def in_cell(site: CellSite, manifest: SegmentRecorded):
    copy = copy_of(site, manifest)
    return site.store.evidence.stat_version(copy.object_key, copy.version_id)


def told(site: CellSite, kind: type) -> list:
    with site.database.reading() as session:
        found = [entries.decode(row.body) for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))]
    return [entry for entry in found if isinstance(entry, kind)]


def outcomes(site: CellSite) -> list[tuple[str, str | None]]:
    with site.database.reading() as session:
        rows = session.scalars(select(CellOrderRow).order_by(CellOrderRow.made_us, CellOrderRow.id))
        return [(row.action, row.outcome) for row in rows]


def past_its_day(site: CellSite, *manifests: SegmentRecorded) -> None:
    """As if they were of long ago: nobody can wait for real locks, so other versions lie there, locked for a moment."""
    for manifest in manifests:
        version_id = short_lived(site, copy_of(site, manifest).object_key)
        old_us = 100 * US_PER_DAY
        with site.database.unit_of_work() as session:
            about = session.get_one(CellCopy, manifest.segment_id)
            about.version_id = version_id
            segment = session.get_one(Segment, manifest.segment_id)
            segment.start_us, segment.end_us = segment.start_us - old_us, segment.end_us - old_us
            segment.received_us -= old_us
            about.retain_until_us, about.floor_us = about.retain_until_us - old_us, about.floor_us - old_us


def short_lived(site: CellSite, key: str, lock_s: int = 1) -> str:
    data, until_us = b"as recorded", SystemClock().utc_us() + seconds(lock_s)
    return site.store.admin.put_locked(key, data, hashlib.sha256(data).hexdigest(), until_us)


def unlocked(site: CellSite, key: str, version_id: str) -> None:
    """Waits for the end of a moment's lock."""
    until_us = site.store.evidence.stat_version(key, version_id).retain_until_us or 0
    time.sleep(max(0, until_us - SystemClock().utc_us()) / 10**6 + 0.1)


def report_gone(site: CellSite) -> None:
    """The agent says that what it was ordered to delete is gone."""
    for order in site.orders():
        site.line.orders.ordered(said(site, order, outcome="missing"))


def said(site: CellSite, order: CellOrder, **found: object) -> bytes:
    who = {"message_id": fresh_id(), "site_id": order.site_id, "agent_id": order.agent_id, "order_id": order.order_id}
    return site.agent.signer.seal(CellOrdered(**who, **found))


def seen(site: CellSite, manifest: SegmentRecorded, **change: object) -> StandsInCell:
    copy = copy_of(site, manifest)
    found = StandsInCell(
        version_id=copy.version_id,
        lock_mode="COMPLIANCE",
        retain_until_us=copy.retain_until_us,
        held=False,
        read_us=site.clock.utc_us(),
    )
    return msgspec.structs.replace(found, **change)


@pytest.mark.both_pairs
def test_a_hold_reaches_the_cell_counts_once_it_was_read_back_and_is_lifted_by_two(site: CellSite) -> None:
    manifest, other = site.recorded
    placed = hold(site, manifest)
    (order,) = site.orders()
    assert (order.action, order.segment_id) == ("hold", manifest.segment_id)
    with site.database.reading() as session:
        assert cell_orders.under(session, placed) == (0, 1)  # asked for, and not held yet
    site.worker._try(order)
    assert in_cell(site, manifest).legal_hold
    assert not in_cell(site, other).legal_hold
    assert copy_of(site, manifest).held
    with site.database.reading() as session:
        assert cell_orders.under(session, placed) == (1, 0)
    assert site.orders(after_s=300) == []
    lift(site, placed)
    (order,) = site.carry_out()
    assert order.action == "release"
    assert not in_cell(site, manifest).legal_hold
    assert outcomes(site) == [("hold", "done"), ("release", "done")]
    assert site.covered().total_us == seconds(20)


@pytest.mark.both_pairs
@pytest.mark.both_pairs
def test_what_is_held_past_its_lock_is_challenged_for_as_long_as_it_is_held(site: CellSite) -> None:
    """The other one is past its lock as well, and need not be there any more."""
    placed = hold(site, manifest := site.recorded[0])
    site.carry_out()
    site.pass_time(100 * 86_400)
    for _ in range(4):
        sent = [task for task in site.answer_all() if isinstance(task, CellChallenge)]
        assert [task.segment_id for task in sent] == [manifest.segment_id]
    with site.database.unit_of_work() as session:  # one that came late has a lock still, and is drawn as well
        late = session.get_one(CellCopy, site.recorded[1].segment_id)
        late.retain_until_us += 100 * US_PER_DAY
    site.challenger = CellChallenger(site.database, site.clock, site.doors, random.Random(1))
    drawn = {task.segment_id for _ in range(8) for task in site.answer_all() if isinstance(task, CellChallenge)}
    assert drawn == {each.segment_id for each in site.recorded}  # whose answer says when its lock ends
    view = CellReader(site.database, site.clock).of_site(EVERYONE, site.agent.site_id)
    assert (view.agents[0].recordings, view.agents[0].unproven) == (1, False)
    lift(site, placed)
    site.carry_out()
    assert [task for task in site.answer_all() if isinstance(task, CellChallenge)] == []


def test_silence_about_what_is_held_past_its_lock_is_unverified_until_it_is_answered(site: CellSite) -> None:
    hold(site, manifest := site.recorded[0])
    site.carry_out()
    site.pass_time(100 * 86_400)
    span = Span(manifest.start_us, manifest.end_us)
    assert len(site.challenges()) == 1
    site.pass_time(3_700)
    site.challenger.due()
    assert not site.covered().clip(*span)
    for _ in range(20):  # every other draw is of what failed
        site.answer_all()
        if site.covered().clip(*span):
            return
    pytest.fail("an answer makes it good")


def test_a_longer_floor_lengthens_the_locks_that_are_there(site: CellSite) -> None:
    before = [in_cell(site, manifest).retain_until_us for manifest in site.recorded]
    assert site.orders() == []
    site.keeper = CellKeeper(site.database, site.clock, 120)
    orders = site.carry_out()
    assert [order.action for order in orders] == ["extend", "extend"]
    for manifest, was_us in zip(site.recorded, before, strict=True):
        found = in_cell(site, manifest)
        assert found.retention_mode == "COMPLIANCE"
        assert found.retain_until_us >= manifest.end_us + 121 * US_PER_DAY > was_us
        copy = copy_of(site, manifest)
        assert copy.retain_until_us == found.retain_until_us
        assert copy.floor_us >= manifest.end_us + 121 * US_PER_DAY  # challenges ask for the longer lock from now on
    assert site.orders(after_s=60) == []
    site.keeper = CellKeeper(site.database, site.clock, 90)  # a policy that grows shorter shortens nothing
    assert site.orders() == []
    assert site.covered().total_us == seconds(20)


def test_a_longer_floor_asks_no_lock_of_what_is_past_it(site: CellSite) -> None:
    site.clock.advance(200 * 86_400)
    site.keeper = CellKeeper(site.database, site.clock, 150)
    assert site.orders() == []  # a hold may keep it: no store takes a lock that has ended
    site.keeper = CellKeeper(site.database, site.clock, 250)
    assert [order.action for order in site.orders()] == ["extend", "extend"]


def test_what_is_not_read_back_as_ordered_is_not_believed_and_asked_again(site: CellSite) -> None:
    manifest, _ = site.recorded
    hold(site, manifest)
    (order,) = site.orders()
    desk = site.line.orders
    desk.ordered(said(site, order, outcome="read", seen=seen(site, manifest), detail="403"))
    assert not copy_of(site, manifest).held
    assert site.orders() == []
    (again,) = site.orders(after_s=rules.FIRST_WAIT_US / 10**6)
    assert again.order_id == order.order_id
    desk.ordered(said(site, order, outcome="read", seen=seen(site, manifest, held=True, version_id="another")))
    assert not copy_of(site, manifest).held
    site.worker._try(again)
    assert copy_of(site, manifest).held
    desk.ordered(said(site, order, outcome="missing"))  # what is over stays as it was
    assert outcomes(site) == [("hold", "done")]
    assert copy_of(site, manifest).gone_us is None


def test_an_overdue_order_is_told_once_and_given_up_after_a_day_of_trying(site: CellSite, capfd) -> None:
    hold(site, site.recorded[0])
    assert len(site.orders()) == 1
    assert "cell_orders_overdue" not in capfd.readouterr().out
    site.orders(after_s=rules.DEADLINE_US["hold"] / 10**6 + 1)
    assert capfd.readouterr().out.count("cell_orders_overdue") == 1
    with site.database.reading() as session:
        (stands,) = cell_orders.standing_of(session, site.agent.site_id, site.clock.utc_us())
    assert (stands.action, stands.pending, stands.overdue) == ("hold", 1, 1)
    sent = 2
    while outcomes(site)[0] == ("hold", None):
        sent += len(site.orders(after_s=rules.WAIT_US_MAX / 10**6))
    assert sent == rules.TRIES_MAX
    assert outcomes(site) == [("hold", "given_up")]
    assert "cell_orders_overdue" not in capfd.readouterr().out
    site.orders(after_s=rules.PAUSE_US / 10**6)
    assert outcomes(site)[-1] == ("hold", None)  # given anew


def test_a_silent_site_is_not_asked_and_nothing_is_used_up(site: CellSite) -> None:
    hold(site, site.recorded[0])
    site.clock.advance(600)
    site.keeper.plan()
    assert site.sender.due() == []
    with site.database.reading() as session:
        assert session.scalars(select(CellOrderRow)).one().tries == 0
    assert len(site.orders(after_s=60)) == 1


def test_what_is_past_its_day_is_deleted_by_version_and_certified_as_the_agent_reported_it(site: CellSite) -> None:
    past_its_day(site, site.recorded[0])
    manifest = site.recorded[0]
    key = copy_of(site, manifest).object_key
    store = site.store.evidence
    site.expirer.run()
    assert told(site, entries.FootageDeleted) == []
    with site.database.reading() as session:
        assert session.get_one(Segment, manifest.segment_id).deleted_us is None  # ordered is not deleted
    unlocked(site, key, copy_of(site, manifest).version_id)
    (order,) = site.carry_out()
    assert order.action == "delete"
    # What was recorded lies under the same key, locked still: it keeps the certificate back.
    left = {found.version_id for found in store.list_versions(key)}
    assert copy_of(site, manifest).version_id not in left
    assert copy_of(site, manifest).gone_us is None
    with site.database.reading() as session:
        (row,) = session.scalars(select(CellOrderRow))
        assert set(row.versions.split("\n")) == left
    (again,) = site.carry_out(after_s=rules.FIRST_WAIT_US / 10**6)
    assert len(again.requests) == 1 + len(left)
    assert {found.version_id for found in store.list_versions(key)} == left
    site.expirer.run()
    assert told(site, entries.FootageDeleted) == []
    site.line.orders.ordered(said(site, again, outcome="missing"))  # the last of them is gone
    site.expirer.run()
    (certificate,) = told(site, entries.FootageDeleted)
    assert (certificate.versions, certificate.in_cell, certificate.retained_days) == (1, True, 90)
    assert certificate.size_bytes == manifest.size_bytes
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
        assert segment.deleted_us is not None
        assert segment.certified_us == certificate.at_us
    site.expirer.run()
    assert len(told(site, entries.FootageDeleted)) == 1
    assert FootageExpirer(site.database, store, site.clock, 90).run() == 0  # the centre's own has nothing to do with it


@pytest.mark.both_pairs
def test_a_copy_that_nobody_else_lies_upon_goes_at_once(site: CellSite) -> None:
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    free = f"{copy_of(site, manifest).object_key}.alone"
    version_id = short_lived(site, free, lock_s=3)
    with site.database.unit_of_work() as session:
        session.execute(
            update(CellCopy)
            .where(CellCopy.segment_id == manifest.segment_id)
            .values(object_key=free, version_id=version_id)
        )
    site.expirer.run()
    site.carry_out()
    assert outcomes(site) == [("delete", None)]  # the store keeps it still, and nothing is certified
    site.expirer.run()
    assert told(site, entries.FootageDeleted) == []
    unlocked(site, free, version_id)
    site.carry_out(after_s=rules.FIRST_WAIT_US / 10**6)
    assert list(site.store.evidence.list_versions(free)) == []
    assert outcomes(site) == [("delete", "done")]


def gone(site: CellSite) -> SegmentRecorded:
    """One that went after its last day, as its agent reported."""
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    site.expirer.run()
    (order,) = site.orders()
    site.line.orders.ordered(said(site, order, outcome="missing"))
    return manifest


def ask(site: CellSite, manifest: SegmentRecorded) -> None:
    with site.database.reading() as session:
        at_us = session.get_one(Segment, manifest.segment_id).start_us
    site.fetcher.ask(EVERYONE, site.agent.site_id, site.camera_id, at_us, "why", "")


def counts(site: CellSite, manifest: SegmentRecorded) -> tuple[bool, str | None]:
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
        return segment.secured_us is not None, segment.refusal


def test_what_went_on_its_day_cannot_be_fetched_and_its_day_stays_as_it_was(site: CellSite) -> None:
    manifest = gone(site)
    with pytest.raises(NotFound):
        ask(site, manifest)
    assert counts(site, manifest) == (True, None)


@pytest.mark.parametrize("told", ["missing", "nothing"])
def test_a_fetch_that_was_on_its_way_when_its_recording_went_accuses_nobody(site: CellSite, told: str) -> None:
    ask(site, site.recorded[0])
    (task,) = site.fetcher.due()
    manifest = gone(site)
    if told == "missing":
        who = {"message_id": fresh_id(), "site_id": task.site_id, "agent_id": task.agent_id}
        fetched = CellFetched(**who, fetch_id=task.fetch_id, outcome="missing")
        site.fetcher.fetched(site.agent.signer.seal(fetched))
    site.pass_time(BRING_US / 10**6 + 1)
    assert site.fetcher.due() == []
    assert counts(site, manifest) == (True, None)
    assert site.fetcher.newest(EVERYONE, site.agent.site_id)[0].outcome == "gone"


@pytest.mark.parametrize("reported", [True, False], ids=["after", "before"])
def test_a_challenge_that_was_on_its_way_accuses_nobody_either(site: CellSite, reported: bool) -> None:
    tasks = site.challenges()
    task = next(each for each in tasks if isinstance(each, CellChallenge))
    site.recorded.sort(key=lambda each: each.segment_id != task.segment_id)
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    site.expirer.run()
    (order,) = site.orders()
    missing = said(site, order, outcome="missing")
    if reported:
        site.line.orders.ordered(missing)
    who = {"message_id": fresh_id(), "site_id": task.site_id, "agent_id": task.agent_id}
    answer = CellAnswer(**who, challenge_id=task.challenge_id, outcome="missing", leaf_sha256=None)
    site.line.desk.answer(site.agent.signer.seal(answer) + b"\n")
    if not reported:
        site.line.orders.ordered(missing)
    assert counts(site, manifest) == (True, None)
    with site.database.reading() as session:
        assert session.scalars(select(AuditFinding)).all() == []


def test_more_than_half_of_a_cell_waits_for_a_person_and_their_figures(site: CellSite) -> None:
    past_its_day(site, *site.recorded)
    assert site.expirer.run() == 0
    assert site.orders() == []
    here = site.agent.site_id
    with pytest.raises(Conflict):
        site.expirer.confirm(here, "li", 1, 2)
    site.expirer.confirm(here, "li", 2, 2)
    with pytest.raises(Conflict):
        site.expirer.confirm(here, "li", 2, 2)
    with pytest.raises(NotFound):
        site.expirer.confirm("other", "li", 2, 2)
    assert site.expirer.run() == 2
    assert [order.action for order in site.orders()] == ["delete", "delete"]


def test_deletions_of_a_cell_do_not_add_up_to_more_than_half_within_a_day(site: CellSite) -> None:
    """Of four: one and one go, a third would be one of two."""
    for _ in range(2):
        recorded = site.record()
        site.upload(recorded)
        site.recorded.append(recorded[0])
    site.answer_all()
    for manifest in site.recorded[:2]:
        past_its_day(site, manifest)
        assert site.expirer.run() == 1
        report_gone(site)
    past_its_day(site, site.recorded[2])
    site.pass_time(86_000)
    assert (site.expirer.run(), site.orders()) == (0, [])
    site.pass_time(500)
    assert site.expirer.run() == 1, "a day later it is one of two"
    report_gone(site)
    past_its_day(site, site.recorded[3])
    assert site.expirer.run() == 0
    site.expirer.confirm(site.agent.site_id, "li", 1, 1)
    assert site.expirer.run() == 1


@pytest.mark.both_pairs
def test_a_deletion_is_good_for_a_short_while_and_a_hold_that_comes_after_it_waits_for_its_end(site: CellSite) -> None:
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    site.expirer.run()
    (deletion,) = site.orders()
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
    hold(site, msgspec.structs.replace(manifest, start_us=segment.start_us, end_us=segment.end_us))
    (holding,) = site.carry_out()
    assert holding.action == "hold"
    assert ("hold", None) in outcomes(site)
    (url,) = [request.url for request in deletion.requests]
    assert f"X-Amz-Expires={DELETE_S}" in url
    assert site.agent_store.pool.request("DELETE", url.replace("X-Amz-Expires=120", "X-Amz-Expires=9999")).status == 403
    later = ChangeOffice(site.store.server, SystemClock().utc_us() - seconds(DELETE_S + 5))
    copy = copy_of(site, manifest)
    lapsed = later.delete(copy.object_key, copy.version_id)
    assert site.agent_store.pool.request("DELETE", lapsed.url).status == 403
    (again,) = site.carry_out(after_s=DELETE_S + 61)
    assert (again.order_id, copy_of(site, manifest).held) == (holding.order_id, True)
    assert ("hold", "done") in outcomes(site)


@pytest.mark.both_pairs
def test_a_hold_stops_a_deletion_that_was_ordered_and_saves_what_is_there_still(site: CellSite) -> None:
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    site.expirer.run()
    now = copy_of(site, manifest)
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
    placed = hold(site, msgspec.structs.replace(manifest, start_us=segment.start_us, end_us=segment.end_us))
    assert site.sender.due() == []  # the order is there, and is not signed any more
    assert outcomes(site) == [("delete", "cancelled")]
    (order,) = site.carry_out()
    assert order.action == "hold"
    assert site.store.evidence.stat_version(now.object_key, now.version_id).legal_hold
    with pytest.raises(PermissionDenied):  # and whatever was signed before it finds the store's own hold
        site.store.evidence.delete_version(now.object_key, now.version_id)
    assert site.expirer.run() == 0
    lift(site, placed)
    site.carry_out()
    assert site.expirer.run() == 1


def test_a_floor_that_grew_while_the_site_was_silent_ends_a_deletion_that_was_ordered(site: CellSite) -> None:
    past_its_day(site, site.recorded[0])
    assert site.expirer.run() == 1
    site.sender = OrderSender(site.database, site.clock, site.doors, 365)
    assert site.sender.due() == []
    assert outcomes(site) == [("delete", "cancelled")]


def test_what_had_gone_before_the_hold_reached_it_is_told(site: CellSite, capfd) -> None:
    manifest = site.recorded[0]
    past_its_day(site, manifest)
    site.expirer.run()
    (order,) = site.orders()
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
    hold(site, msgspec.structs.replace(manifest, start_us=segment.start_us, end_us=segment.end_us))
    (holding,) = site.orders()
    assert holding.action == "hold"
    site.line.orders.ordered(said(site, holding, outcome="missing"))
    assert "held_recording_was_gone" in capfd.readouterr().out
    site.line.orders.ordered(said(site, order, outcome="missing"))
    site.expirer.run()
    assert len(told(site, entries.FootageDeleted)) == 1


@pytest.mark.both_pairs
def test_one_that_is_missing_although_nobody_ordered_it_gone_is_a_finding(site: CellSite) -> None:
    manifest = site.recorded[0]
    hold(site, manifest)
    with site.database.unit_of_work() as session:
        session.get_one(CellCopy, manifest.segment_id).version_id = "00000000-0000-4000-8000-000000000000"
    site.carry_out()
    assert outcomes(site) == [("hold", "missing")]
    with site.database.reading() as session:
        assert [finding.drift for finding in session.scalars(select(AuditFinding))] == ["object_missing"]
        assert session.get_one(Segment, manifest.segment_id).deleted_us is None
    assert site.covered().total_us == seconds(10)


def test_a_lock_that_is_read_back_shorter_than_it_was_is_a_finding(site: CellSite) -> None:
    manifest = site.recorded[0]
    hold(site, manifest)
    (order,) = site.orders()
    short = seen(site, manifest, held=True, retain_until_us=site.clock.utc_us() + US_PER_DAY)
    site.line.orders.ordered(said(site, order, outcome="read", seen=short))
    assert copy_of(site, manifest).held
    assert site.covered().total_us == seconds(10)
    for _ in range(6):  # no leaf makes that good, nor does a fetch
        site.answer_all()
        if copy_of(site, manifest).state != "unsound":
            break
    assert told(site, entries.SegmentUnsound)[0].finding == "lock_short"


def test_an_answer_is_believed_of_an_agent_that_was_asked_alone(site: CellSite) -> None:
    hold(site, site.recorded[0])
    (order,) = site.orders()
    good = said(site, order, outcome="read", seen=seen(site, site.recorded[0], held=True))
    with site.database.unit_of_work() as session:
        session.execute(update(CellOrderRow).values(id="0" * 32))
    with pytest.raises(NotFound):
        site.line.orders.ordered(good)
    assert not copy_of(site, site.recorded[0]).held


@pytest.mark.both_pairs
def test_what_was_signed_cannot_be_turned_round_or_sent_elsewhere(site: CellSite) -> None:
    manifest, other = site.recorded
    hold(site, manifest)
    (order,) = site.orders()
    (request,) = order.requests
    pool = site.agent_store.pool
    turned = request.body.replace("ON", "OF")
    for url, body in (
        (request.url, turned),
        (request.url.replace(order.version_id, copy_of(site, other).version_id), request.body),
        (request.url.replace("legal-hold", "retention"), request.body),
    ):
        answer = pool.request(request.method, url, headers=request.headers, body=body.encode())
        assert answer.status >= 400, (url, body)
    assert not in_cell(site, manifest).legal_hold
    assert not in_cell(site, other).legal_hold
