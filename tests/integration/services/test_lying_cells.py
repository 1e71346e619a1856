"""Agents that choose what to answer, and when: none of it makes time count that was not proven (I1)."""

from pathlib import Path

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.timespan import SpanSet
from config.wire.cells import CellChallenge
from config.wire.segments import Receipt
from server.domain import cells as rules
from storage.database import cells
from storage.database.models import CellChallengeRow, CellCopy, Segment
from tests.support.cells import CellSite, span_of
from tests.support.databases import fresh_database

OVERDUE_S = rules.ANSWER_US / 10**6
LOST = b"\x01" * 200_000


@pytest.fixture
def site(object_store, request, tmp_path: Path) -> CellSite:
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO."""
    kind = "sqlite" if object_store.kind == "seaweedfs" else "postgresql"
    for database in fresh_database(kind, request, tmp_path):
        yield CellSite(database, object_store, tmp_path)


def states(site: CellSite) -> dict[str, str]:
    with site.database.reading() as session:
        return {copy.segment_id: copy.state for copy in session.scalars(select(CellCopy))}


def test_silence_about_a_new_recording_draws_no_other_leaf_of_it(site: CellSite) -> None:
    lost, _, _ = site.lie(LOST)
    sent = [task for task in site.challenges() if task.segment_id == lost.segment_id]
    assert sent
    site.challenges(after_s=OVERDUE_S)
    assert states(site)[lost.segment_id] == cells.UNSOUND
    assert site.covered() == SpanSet()
    kept = site.record()
    site.upload(kept)
    for _ in range(12):
        for task in site.challenges():
            assert isinstance(task, CellChallenge)
            if task.segment_id != lost.segment_id:
                site.worker._try(task)
        site.pass_time(OVERDUE_S)
    assert site.covered() == SpanSet.of(span_of(kept[0]))


def test_a_leaf_that_nobody_answered_for_is_not_made_good_by_another(site: CellSite) -> None:
    manifest, _ = recorded = site.record()
    site.upload(recorded)
    site.answer_all()
    assert len(site.covered()) == 1
    missed = site.challenges()
    assert {task.segment_id for task in missed} == {manifest.segment_id}
    site.challenges(after_s=OVERDUE_S)
    assert site.covered() == SpanSet()
    asked = {task.leaf for task in missed}
    other = _drawn(site, manifest.segment_id, next(leaf for leaf in range(4) if leaf not in asked), "kept")
    site.worker._try(other)
    assert _outcome(site, other) == "right"
    assert site.covered() == SpanSet()
    for task in missed:
        site.worker._try(task)
    assert len(site.covered()) == 1


def test_a_late_answer_proves_nothing_that_was_taken_in_after_the_draw_whatever_the_clock_says(site: CellSite) -> None:
    early, _ = recorded = site.record()
    site.upload(recorded)
    site.clock.advance(7_200)  # the server's clock was ahead when it drew
    sent = site.challenges()
    site.clock.advance(-9_900)
    late = site.record()
    site.upload(late)
    for task in sent:
        site.worker._try(task)
    assert site.covered() == SpanSet.of(span_of(early))


def test_an_old_recording_that_comes_late_keeps_no_other_from_being_drawn(site: CellSite) -> None:
    for _ in range(2):
        site.upload(site.record())
    late, _ = recorded = site.record()
    site.upload(recorded)
    with site.database.unit_of_work() as session:  # as of one that was brought 80 days after it was recorded
        session.get_one(CellCopy, late.segment_id).retain_until_us = site.clock.utc_us() + 11 * US_PER_DAY
    with site.database.reading() as session:
        assert cells.first_kept_leaf(session, site.agent.agent_id, site.clock.utc_us()) == 0


def test_what_is_secured_at_the_centre_is_not_moved_into_a_cell_by_an_agents_word(site: CellSite) -> None:
    manifest, data = recorded = site.record()
    key = site.agent.upload_of(manifest, "v").object_key
    until_us = site.clock.utc_us() + 92 * US_PER_DAY
    version_id = site.store.admin.put_locked(key, data, manifest.sha256, until_us)
    site.agent.say(site.agent.upload_of(manifest, version_id))
    (receipt,) = [answer for job in site.verifier.take(10) for answer in site.verifier.verify(job)]
    assert isinstance(receipt, Receipt)
    (again,) = [one for one in site.upload(recorded) if isinstance(one, Receipt)] or [None]
    with site.database.reading() as session:
        segment = session.get_one(Segment, manifest.segment_id)
        assert (segment.object_key, segment.version_id) == (key, version_id)
        assert session.get(CellCopy, manifest.segment_id) is None
    assert again is None or again.version_id == version_id
    assert len(site.covered()) == 1


def _drawn(site: CellSite, segment_id: str, leaf: int, why: str) -> CellChallenge:
    """A challenge for one leaf, as chance might have it."""
    with site.database.unit_of_work() as session:
        for row in session.scalars(select(CellChallengeRow).where(CellChallengeRow.due_us.is_not(None))):
            session.delete(row)
        site.challenger._ask(session, session.get_one(CellCopy, segment_id), leaf, why, site.clock.utc_us())
    (task,) = site.challenger._messages()
    assert isinstance(task, CellChallenge)
    return task


def _outcome(site: CellSite, task: CellChallenge) -> str | None:
    with site.database.reading() as session:
        return session.get_one(CellChallengeRow, task.challenge_id).outcome
