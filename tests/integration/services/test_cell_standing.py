"""What lies in a cell counts while the cell goes on proving itself, whichever of the site's agents answers (I1)."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NotFound
from config.wire.cells import CellChallenge, CellFetch, SeenInCell
from config.wire.segments import SegmentRecorded
from edge_agent.cells.worker import CellWorker
from edge_agent.messages import Sealer
from server.domain import cells as rules
from server.domain.coverage import Cause, Certainty, Gap
from server.domain.verdict import DayVerdict, day_of
from server.jobs.app import assess_site
from server.services.agents.revoke_agent import Revoker
from server.services.cells.read_cells import CellReader, cell_day
from server.services.coverage.assess_day import Assessor
from storage.database.models import Camera, CellChallengeRow, CellCopy, Segment, Site, Verdict
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.cells import CellSite, span_of
from tests.support.databases import fresh_database
from tests.support.sites import POLICY, SigningAgent

pytestmark = pytest.mark.either_pair

EVERYONE = Scope("police", AUDITOR, EVERY_REGION)
STALE_S = rules.PROOF_US_MAX / US_PER_S + 1
OVERDUE = (Cause.CHALLENGE_OVERDUE, Certainty.UNVERIFIED)


@pytest.fixture
def site(object_store, request, tmp_path: Path) -> CellSite:
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO; one recording counts."""
    kind = "sqlite" if object_store.kind == "seaweedfs" else "postgresql"
    for database in fresh_database(kind, request, tmp_path):
        site = CellSite(database, object_store, tmp_path)
        site.first, _ = recorded = site.record()
        site.upload(recorded)
        site.answer_all()
        assert is_covered(site, site.first)
        yield site


def judged(site: CellSite, manifest: SegmentRecorded) -> DayVerdict:
    """The camera's day as pages and verdicts judge it now."""
    with site.database.reading() as session:
        home, camera = session.get_one(Site, site.agent.site_id), session.get_one(Camera, site.camera_id)
        day = day_of(manifest.start_us, home.timezone)
        return Assessor(POLICY).judge(session, home, camera, day, site.clock.utc_us())


def is_covered(site: CellSite, manifest: SegmentRecorded) -> bool:
    span = span_of(manifest)
    return judged(site, manifest).coverage.covered.clip(*span).total_us == span.end_us - span.start_us


def gap_of(site: CellSite, manifest: SegmentRecorded) -> Gap:
    gaps = judged(site, manifest).gaps
    return next(g for g in gaps if g.start_us <= manifest.start_us and (g.end_us or manifest.end_us) >= manifest.end_us)


def days_due(site: CellSite) -> date | None:
    with site.database.reading() as session:
        day = session.get_one(Camera, site.camera_id).assess_from_day
        return None if day is None else date.fromisoformat(day)


def entries(site: CellSite, manifest: SegmentRecorded) -> list[Verdict]:
    """Judges what is due; the entries of that day, oldest first."""
    assess_site(site.database, Assessor(POLICY), site.clock, site.agent.site_id)
    with site.database.reading() as session:
        zone = session.get_one(Site, site.agent.site_id).timezone
        on = (Verdict.camera_id == site.camera_id, Verdict.day == day_of(manifest.start_us, zone).isoformat())
        return list(session.scalars(select(Verdict).where(*on).order_by(Verdict.id)))


def second_agent(site: CellSite) -> tuple[SigningAgent, CellWorker]:
    """Another living agent of the same site, which reads the same cell."""
    other = SigningAgent(
        site.database,
        site.clock,
        site_id=site.agent.site_id,
        agent_id="second-box",
        camera_id="door",
        started_us=site.clock.utc_us(),
    ).register()
    other.say(other.heartbeat())
    worker = CellWorker(
        Sealer(other.site_id, other.agent_id, other.signer), site.line, site.agent_store, site.worker._clock
    )  # type: ignore[arg-type]
    return other, worker


def revoke(site: CellSite) -> None:
    Revoker(site.database, site.clock).revoke(site.agent.site_id, site.agent.agent_id, "the machine was exchanged")


def test_what_a_silent_agent_recorded_is_unverified_after_a_time_and_counts_again_with_an_answer(
    site: CellSite,
) -> None:
    (before,) = entries(site, site.first)[-1:]
    site.clock.advance(STALE_S)
    assert not is_covered(site, site.first)
    assert gap_of(site, site.first)[2:] == OVERDUE
    after = entries(site, site.first)
    assert after[-1].id != before.id
    assert after[-1].covered_us == 0
    site.answer_all(after_s=3_700)  # a provisional entry tells a change of gaps once an hour
    assert is_covered(site, site.first)
    assert entries(site, site.first)[-1].covered_us == before.covered_us


@pytest.mark.both_pairs
def test_a_day_that_was_final_is_judged_again_when_its_proof_ends_and_when_it_comes(site: CellSite) -> None:
    for _ in range(5):  # proven all the while
        site.pass_time(STALE_S - 7_200)
        site.answer_all()
    final = entries(site, site.first)[-1]
    assert final.final
    assert final.covered_us > 0
    assert (days_due(site) or date.min) > date.fromisoformat(final.day)
    site.clock.advance(STALE_S)
    stale = entries(site, site.first)[-1]
    assert (stale.replaces_id, stale.final, stale.covered_us) == (final.id, True, 0)
    site.answer_all()
    fresh = entries(site, site.first)[-1]
    assert (fresh.replaces_id, fresh.covered_us) == (stale.id, final.covered_us)
    assert entries(site, site.first)[-1].id == fresh.id


def test_only_an_evenly_drawn_leaf_keeps_it_fresh(site: CellSite) -> None:
    for _ in range(3):
        site.pass_time(STALE_S / 3)
        site.upload(site.record())
        for task in site.challenges():
            assert isinstance(task, CellChallenge)
            with site.database.reading() as session:
                why = session.get_one(CellChallengeRow, task.challenge_id).why
            if why == "new":
                site.worker._try(task)
    assert not is_covered(site, site.first)
    assert gap_of(site, site.first)[2:] == OVERDUE


def test_a_late_answer_counts_as_of_its_drawing(site: CellSite) -> None:
    sent = site.challenges()
    site.clock.advance(STALE_S)
    for task in sent:
        site.worker._try(task)
    assert not is_covered(site, site.first)


@pytest.mark.both_pairs
def test_recordings_of_a_revoked_agent_are_asked_of_the_one_that_lives(site: CellSite) -> None:
    other, worker = second_agent(site)
    open_before = site.challenges()  # asked of the first, which will not answer any more
    revoke(site)
    assert {task.agent_id for task in open_before} == {site.agent.agent_id}
    for _ in range(12):
        site.clock.advance(STALE_S / 12)
        other.say(other.heartbeat())
        sent = site.challenger.due()
        assert {task.agent_id for task in sent} <= {"second-box"}
        for task in sent:
            worker._try(task)
    assert is_covered(site, site.first)
    with site.database.reading() as session:
        told = cell_day(session, site.agent.site_id, site.clock.utc_us())
        assert told is not None
        assert told.samples > 3
        assert not told.unproven


def test_what_waited_of_a_revoked_agent_is_proven_by_the_other(site: CellSite) -> None:
    waiting, _ = recorded = site.record()
    site.upload(recorded)
    revoke(site)
    other, worker = second_agent(site)
    site.clock.advance(2_800)
    other.say(other.heartbeat())
    for task in site.challenger.due():
        worker._try(task)
    assert is_covered(site, waiting)


def test_nobody_answers_for_another_unasked(site: CellSite) -> None:
    _, worker = second_agent(site)
    (task,) = site.challenges()
    said: list[bytes] = []
    site.line.cell_answer = lambda sealed, leaf: said.append(sealed + b"\n" + leaf)  # type: ignore[method-assign]
    worker._try(task)
    with pytest.raises(NotFound):
        site.line.desk.answer(said[0])


def test_where_nobody_lives_the_proof_of_a_revoked_agent_ends_and_the_page_says_so(site: CellSite) -> None:
    revoke(site)
    site.clock.advance(STALE_S)
    assert site.challenger.due() == []
    assert gap_of(site, site.first)[2:] == OVERDUE
    told = CellReader(site.database, site.clock).of_site(EVERYONE, site.agent.site_id)
    assert told.agents[0].unproven
    assert told.agents[0].proven_us is not None
    with site.database.reading() as session:
        day = cell_day(session, site.agent.site_id, site.clock.utc_us())
        assert day is not None
        assert day.unproven


def test_a_recording_of_a_revoked_agent_is_brought_by_the_one_that_lives(site: CellSite) -> None:
    revoke(site)
    _, worker = second_agent(site)
    view = site.fetcher.ask(EVERYONE, site.agent.site_id, site.camera_id, site.first.start_us, "an accident", "")
    (task,) = site.fetcher.due()
    assert isinstance(task, CellFetch)
    assert task.agent_id == "second-box"
    worker._try(task)
    assert b"".join(site.fetcher.recording(EVERYONE, site.agent.site_id, view.fetch_id))


def test_a_recording_of_more_bytes_than_a_camera_sends_is_no_matter_for_a_cell(site: CellSite) -> None:
    manifest, _ = recorded = site.record()
    with site.database.unit_of_work() as session:  # as one that claims repeated leaves, so as to be drawn
        session.get_one(Segment, manifest.segment_id).size_bytes = 2**32
    with pytest.raises(InvalidInput) as refused:
        site.ticket(manifest)
    assert refused.value.code == "too_dense"
    with pytest.raises(AssertionError, match="too_dense"):
        site.tell(manifest, _seen(recorded), "v")
    assert not is_covered(site, manifest)


def test_a_recording_of_time_that_was_recorded_already_is_no_matter_for_a_cell(site: CellSite) -> None:
    site.end_us = site.first.start_us
    manifest, _ = recorded = site.record()
    with pytest.raises(InvalidInput) as refused:
        site.ticket(manifest)
    assert refused.value.code == "recorded_again"
    with pytest.raises(AssertionError, match="recorded_again"):
        site.tell(manifest, _seen(recorded), "v")
    with site.database.reading() as session:
        assert session.get(CellCopy, manifest.segment_id) is None


def _seen(recorded: tuple[SegmentRecorded, bytes]) -> SeenInCell:
    manifest, _ = recorded
    return SeenInCell(
        version_id="v",
        size_bytes=manifest.size_bytes,
        sha256=manifest.sha256,
        lock_mode="COMPLIANCE",
        retain_until_us=manifest.end_us + 92 * 86_400 * US_PER_S,
        read_us=1,
    )
