"""Recordings in a site's own store, on real ones: what counts, and how each lie is found by the next challenge (I1)."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from config.base.errors import (
    Conflict,
    IntegrityViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)
from config.base.timespan import SpanSet
from config.evidence import entries
from config.wire.cells import CellChallenge, CellFetch, SeenInCell
from config.wire.segments import Receipt, SegmentRecorded, SegmentUploaded, UploadRefused
from server.domain import cells as rules
from server.domain.coverage import Cause, Certainty
from server.services.audit.audit_store import StoreAuditor
from server.services.cells.fetch_from_cell import BRING_US, OPEN_MAX, sweep_fetched
from server.services.cells.read_cells import CellReader
from storage.database.models import Agent, AuditFinding, CellChallengeRow, CellCopy, LedgerEntry, Segment
from storage.database.scope import AUDITOR, EVERY_REGION, OPERATOR, Scope
from tests.support.cells import CellSite, span_of
from tests.support.databases import fresh_database
from tests.support.sites import seconds

pytestmark = pytest.mark.either_pair

EVERYONE = Scope("police", AUDITOR, EVERY_REGION)


@pytest.fixture
def database(request, object_store, tmp_path):
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO."""
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def site(database, object_store, tmp_path: Path) -> CellSite:
    return CellSite(database, object_store, tmp_path)


@pytest.fixture
def running(site: CellSite) -> CellSite:
    """The same, with one recording that counts: the camera is in service."""
    site.upload(site.record())
    site.answer_all()
    assert len(site.covered()) == 1
    return site


def cause_at(site: CellSite, at_us: int) -> tuple[str, str]:
    (said,) = site.gaps_at(at_us)
    return said


@pytest.mark.both_pairs
def test_it_counts_after_the_read_back_and_a_challenge_that_was_drawn_later(site: CellSite) -> None:
    recorded = [site.record() for _ in range(3)]
    receipts = [answer for one in recorded for answer in site.upload(one)]
    assert [type(receipt) for receipt in receipts] == [Receipt] * 3
    assert site.covered() == SpanSet()
    first, second = site.answer_all()
    assert isinstance(first, CellChallenge)
    assert first.segment_id in {manifest.segment_id for manifest, _ in recorded}
    assert site.covered() == SpanSet(span_of(manifest) for manifest, _ in recorded)
    assert site.outcomes() == ["right", "right"]
    with site.database.reading() as session:
        told = [entries.decode(row.body) for row in session.scalars(select(LedgerEntry))]
        secured = [entry for entry in told if isinstance(entry, entries.SegmentSecured)]
        assert [entry.in_cell for entry in secured] == [True] * 3
        assert {session.get_one(CellChallengeRow, task.challenge_id).why for task in (first, second)} == {"new", "kept"}
        # The centre's own audits, holds and deletions never meet what lies elsewhere.
        assert all(row.retain_until_us is None for row in session.scalars(select(Segment)))


def test_what_came_after_the_draw_waits_for_the_next(site: CellSite) -> None:
    early, _ = recorded = site.record()
    site.upload(recorded)
    sent = site.challenges()
    late, _ = recorded = site.record()
    site.pass_time(1)
    site.upload(recorded)
    for task in sent:
        site.worker._try(task)
    assert site.covered() == SpanSet.of(span_of(early))
    site.answer_all()
    assert site.covered() == SpanSet([span_of(early), span_of(late)])


def test_a_receipt_is_given_again_and_no_other_version_is_taken_in(site: CellSite) -> None:
    manifest, data = recorded = site.record()
    (receipt,) = site.upload(recorded)
    seen = site.agent_store.look(site.ticket(manifest).look_url)
    again = site.agent.say(_uploaded(site, manifest, receipt.version_id, seen))
    assert again.replies[1] == receipt.__class__(
        **{name: getattr(receipt, name) for name in receipt.__struct_fields__ if name != "message_id"},
        message_id=again.replies[1].message_id,
    )
    other = site.agent.say(_uploaded(site, manifest, "another", seen))
    assert other.result == "quarantined:foreign_segment"
    site.answer_all()
    assert len(site.covered()) == 1
    assert data


def test_a_manifest_comes_before_the_bytes_and_without_a_root_they_go_to_the_centre(site: CellSite) -> None:
    manifest = site.agent.manifest(site.end_us, site.end_us + seconds(10))
    with pytest.raises(Unavailable) as early:
        site.ticket(manifest)
    assert early.value.code == "manifest_first"
    assert site.agent.say(manifest).result == "committed"
    assert site.ticket(manifest).look_url == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sha256": "0" * 64}, "object_corrupt"),
        ({"size_bytes": 1}, "object_corrupt"),
        ({"lock_mode": "GOVERNANCE"}, "lock_refused"),
        ({"lock_mode": ""}, "lock_refused"),
        ({"retain_until_us": None}, "lock_refused"),
        ({"retain_until_us": 1}, "lock_refused"),
    ],
)
def test_a_read_back_that_is_not_whole_and_locked_is_refused(site: CellSite, change: dict, reason: str) -> None:
    manifest, _ = site.record()
    seen = {"version_id": "v", "size_bytes": manifest.size_bytes, "sha256": manifest.sha256, "read_us": 1}
    seen |= {"lock_mode": "COMPLIANCE", "retain_until_us": manifest.end_us + 92 * 86_400 * 10**6} | change
    (refusal,) = site.tell(manifest, SeenInCell(**seen), "v")
    assert isinstance(refusal, UploadRefused)
    assert refusal.reason == reason
    again = site.agent.say(_uploaded(site, manifest, "v", SeenInCell(**seen)))
    assert isinstance(again.replies[1], UploadRefused)
    assert site.challenges() == []
    better = seen | {"version_id": "w", "size_bytes": manifest.size_bytes, "sha256": manifest.sha256}
    better |= {"lock_mode": "COMPLIANCE", "retain_until_us": manifest.end_us + 92 * 86_400 * 10**6}
    (receipt,) = site.tell(manifest, SeenInCell(**better), "w")
    assert isinstance(receipt, Receipt)


@pytest.mark.both_pairs
def test_a_deleted_recording_is_found(running: CellSite) -> None:
    manifest, key, version_id = running.lie(compliance=False)
    bypass = {"x-amz-bypass-governance-retention": "true"}
    assert running.store.admin.raw.send("DELETE", key, query={"versionId": version_id}, headers=bypass).agreed
    running.answer_all()
    assert "object_missing" in running.outcomes()
    assert not running.covered() & SpanSet.of(span_of(manifest))
    assert cause_at(running, manifest.start_us) == (Cause.OBJECT_MISSING, Certainty.MISSING)


def test_a_flipped_byte_anywhere_is_found_by_the_next_challenge_of_that_recording(running: CellSite) -> None:
    data = bytes(200_000)
    manifest, _, _ = running.lie(b"\x01" + data[1:])
    running.answer_all()
    assert "object_corrupt" in running.outcomes()
    assert cause_at(running, manifest.start_us) == (Cause.OBJECT_CORRUPT, Certainty.MISSING)
    with running.database.reading() as session:
        assert [finding.drift for finding in session.scalars(select(AuditFinding))] == ["object_corrupt"]


@pytest.mark.both_pairs
@pytest.mark.parametrize("lie", [{"lock_days": 3}, {"compliance": False}], ids=["short", "one that can be lifted"])
def test_a_lock_that_is_not_what_was_sworn_is_found(running: CellSite, lie: dict) -> None:
    manifest, _, _ = running.lie(**lie)
    running.answer_all()
    assert "lock_short" in running.outcomes()
    assert not running.covered() & SpanSet.of(span_of(manifest))
    assert cause_at(running, manifest.start_us)[0] == Cause.LOCK_TOO_SHORT


@pytest.mark.both_pairs
def test_a_proven_recording_that_goes_wrong_counts_no_more_and_stands_in_the_ledger(site: CellSite) -> None:
    recorded = site.record()
    site.upload(recorded)
    site.answer_all()
    assert len(site.covered()) == 1
    with site.database.unit_of_work() as session:  # as if the cell had lost it: it is asked for another version
        session.get_one(CellCopy, recorded[0].segment_id).version_id = "00000000-0000-4000-8000-000000000000"
    site.answer_all()
    assert site.covered() == SpanSet()
    with site.database.reading() as session:
        told = [entries.decode(row.body) for row in session.scalars(select(LedgerEntry))]
        assert [entry.finding for entry in told if isinstance(entry, entries.SegmentUnsound)] == ["object_missing"]
        version_id = session.get_one(Segment, recorded[0].segment_id).version_id
    with site.database.unit_of_work() as session:
        session.get_one(CellCopy, recorded[0].segment_id).version_id = version_id or ""
    for _ in range(20):  # every other draw asks again for the leaf that was missed
        site.answer_all()
        if site.covered():
            break
    assert len(site.covered()) == 1


def test_silence_is_unverified_and_an_answer_makes_it_good(site: CellSite) -> None:
    recorded = site.record()
    site.upload(recorded)
    site.answer_all()
    sent = site.challenges()
    assert [type(task) for task in sent] == [CellChallenge]
    assert site.challenges(after_s=rules.ASK_AGAIN_US / 10**6)[0].challenge_id == sent[0].challenge_id
    site.challenges(after_s=rules.ANSWER_US / 10**6)
    assert site.covered() == SpanSet()
    assert cause_at(site, recorded[0].start_us) == (Cause.CHALLENGE_OVERDUE, Certainty.UNVERIFIED)
    site.worker._try(sent[0])
    assert len(site.covered()) == 1


def test_nobody_is_asked_who_does_not_live(site: CellSite) -> None:
    site.upload(site.record())
    site.clock.advance(2_800)
    assert site.challenger.due() == []
    site.pass_time(1)
    assert len(site.challenger.due()) == 2


def test_answers_are_believed_of_the_agent_alone_and_once(site: CellSite) -> None:
    site.upload(site.record())
    challenge = site.challenges()[0]
    said: list[tuple[bytes, bytes]] = []
    site.line.cell_answer = lambda sealed, leaf: said.append((sealed, leaf))  # type: ignore[method-assign]
    site.worker._try(challenge)
    ((sealed, leaf),) = said
    desk = site.line.desk
    with pytest.raises(InvalidInput) as refused:
        desk.answer(sealed + b"\n" + leaf[:-1] + bytes([leaf[-1] ^ 1]))
    assert refused.value.code == "bad_leaf"
    with pytest.raises(InvalidInput):
        desk.answer(sealed + b"\n" + leaf + bytes(70_000))
    with pytest.raises(IntegrityViolation):
        desk.answer(sealed.replace(b'"sig":"', b'"sig":"AAAA', 1)[:-6] + sealed[-6:] + b"\n" + leaf)
    with pytest.raises(InvalidInput):
        desk.answer(site.agent.signer.seal(site.agent.heartbeat()) + b"\n")
    assert site.covered() == SpanSet()
    desk.answer(sealed + b"\n" + leaf)
    desk.answer(sealed + b"\n" + leaf)
    assert len(site.covered()) == 1


def test_a_revoked_or_foreign_agent_answers_nothing(site: CellSite) -> None:
    site.upload(site.record())
    challenge = site.challenges()[0]
    said: list[bytes] = []
    site.line.cell_answer = lambda sealed, leaf: said.append(sealed + b"\n" + leaf)  # type: ignore[method-assign]
    site.worker._try(challenge)
    with site.database.unit_of_work() as session:
        session.get_one(CellChallengeRow, challenge.challenge_id).id = "0" * 32
    with pytest.raises(NotFound):
        site.line.desk.answer(said[0])
    with site.database.unit_of_work() as session:
        session.get_one(Agent, site.agent.agent_id).revoked_us = 1
    with pytest.raises(PermissionDenied):
        site.line.desk.answer(said[0])


def test_the_centre_s_own_audit_passes_by(site: CellSite) -> None:
    site.upload(site.record())
    site.answer_all()
    auditor = StoreAuditor(site.database, site.store.evidence, site.clock, 90)
    begun = auditor.begin()
    assert begun is not None
    while auditor.step():
        pass
    assert begun.versions == 0
    with site.database.reading() as session:
        assert session.scalars(select(AuditFinding)).all() == []
    assert len(site.covered()) == 1


@pytest.mark.both_pairs
def test_a_recording_is_brought_on_record_and_is_the_manifest_s_bytes(site: CellSite) -> None:
    manifest, data = recorded = site.record()
    site.upload(recorded)
    site.answer_all()
    where = (site.agent.site_id, site.camera_id, manifest.start_us + 1)
    asked = site.fetcher.ask(EVERYONE, *where, "an accident", "192.0.2.1")
    assert asked.outcome is None
    with pytest.raises(Conflict):
        site.fetcher.recording(EVERYONE, site.agent.site_id, asked.fetch_id)
    with site.database.reading() as session:
        told = [entries.decode(row.body) for row in session.scalars(select(LedgerEntry))]
        assert [(e.what, e.account, e.reason) for e in told if isinstance(e, entries.AccessRecorded)] == [
            ("playback", "police", "an accident")
        ]
    (task,) = _brought(site)
    assert task.segment_id == manifest.segment_id
    (seen,) = site.fetcher.newest(EVERYONE, site.agent.site_id)
    assert seen.outcome == "here"
    assert b"".join(site.fetcher.recording(EVERYONE, site.agent.site_id, asked.fetch_id)) == data
    assert site.fetcher.due() == []
    sweep_fetched(site.database, site.store.evidence, site.clock)
    assert site.fetcher.newest(EVERYONE, site.agent.site_id)[0].outcome == "here"  # its day is not over
    site.clock.advance(2 * 86_400)
    sweep_fetched(site.database, site.store.evidence, site.clock)
    assert site.fetcher.newest(EVERYONE, site.agent.site_id)[0].outcome == "here"  # the store's clock judges


def test_a_fetch_needs_a_reason_reach_and_a_recording(site: CellSite) -> None:
    manifest, _ = recorded = site.record()
    site.upload(recorded)
    here, at_us = site.agent.site_id, manifest.start_us
    with pytest.raises(InvalidInput):
        site.fetcher.ask(EVERYONE, here, site.camera_id, at_us, " ", "")
    for asked in ((here, "other", at_us), ("other", site.camera_id, at_us), (here, site.camera_id, at_us - 1)):
        with pytest.raises(NotFound):
            site.fetcher.ask(EVERYONE, *asked, "why", "")
    with pytest.raises(NotFound):
        site.fetcher.ask(Scope("wang", OPERATOR), here, site.camera_id, at_us, "why", "")
    with pytest.raises(NotFound):
        site.fetcher.recording(EVERYONE, here, "0" * 32)
    for _ in range(OPEN_MAX):
        site.fetcher.ask(EVERYONE, here, site.camera_id, at_us, "why", "")
    with pytest.raises(ResourceExhausted):
        site.fetcher.ask(EVERYONE, here, site.camera_id, at_us, "why", "")


def test_what_the_cell_lost_is_told_by_a_fetch_too_and_silence_ends(running: CellSite) -> None:
    manifest, key, version_id = running.lie(compliance=False)
    bypass = {"x-amz-bypass-governance-retention": "true"}
    assert running.store.admin.raw.send("DELETE", key, query={"versionId": version_id}, headers=bypass).agreed
    running.fetcher.ask(EVERYONE, running.agent.site_id, running.camera_id, manifest.start_us, "why", "")
    _brought(running)
    assert running.fetcher.newest(EVERYONE, running.agent.site_id)[0].outcome == "object_missing"
    assert cause_at(running, manifest.start_us)[0] == Cause.OBJECT_MISSING
    running.fetcher.ask(EVERYONE, running.agent.site_id, running.camera_id, manifest.start_us, "why", "")
    assert len(running.fetcher.due()) == 1
    running.clock.advance(BRING_US // 10**6 + 1)
    (again,) = running.fetcher.due()  # for the one that was not there: it may come back; the other is overdue
    assert again.fetch_id == running.fetcher.newest(EVERYONE, running.agent.site_id)[1].fetch_id
    outcomes = {view.outcome for view in running.fetcher.newest(EVERYONE, running.agent.site_id)}
    assert outcomes == {"object_missing", "overdue"}


@pytest.mark.both_pairs
def test_the_page_s_figures_say_what_they_rest_on(running: CellSite) -> None:
    manifest, _, _ = running.lie(lock_days=3)
    running.answer_all()
    told = CellReader(running.database, running.clock).of_site(EVERYONE, running.agent.site_id)
    (proof,) = told.agents
    assert told.basis == "as_the_sites_agent_read_it"
    assert (proof.recordings, proof.unsound, proof.waiting) == (2, 1, 0)
    assert proof.asked == 4
    assert proof.wrong >= 1
    assert proof.right + proof.wrong == 4
    assert proof.samples <= proof.right
    assert [chance.chance for chance in proof.chances] == [
        pytest.approx((1 - chance.lost_fraction) ** proof.samples) for chance in proof.chances
    ]
    assert told.failed[0].segment_id == manifest.segment_id
    with pytest.raises(NotFound):
        CellReader(running.database, running.clock).of_site(Scope("wang", OPERATOR), running.agent.site_id)


def _brought(site: CellSite) -> list[CellFetch]:
    """The agent does what it is asked for; requests are signed for the stores' own time."""
    asked = [task for task in site.fetcher.due() if isinstance(task, CellFetch)]
    for task in asked:
        site.worker._try(task)
    return asked


def _uploaded(site: CellSite, manifest: SegmentRecorded, version_id: str, seen: SeenInCell) -> SegmentUploaded:
    return msgspec.structs.replace(site.agent.upload_of(manifest, version_id), seen=seen)
