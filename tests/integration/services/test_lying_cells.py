"""Agents that choose what to answer, and when: none of it makes time count that was not proven (I1)."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.errors import Conflict
from config.base.ids import fresh_id
from config.base.timespan import SpanSet
from config.wire.cells import CellChallenge, CellFetch, CellFetched, SeenInCell
from config.wire.segments import Receipt, UploadRefused
from server.domain import cells as rules
from server.services.cells.fetch_from_cell import FetchView
from server.services.cells.read_cells import cell_day
from server.services.custody.sweep_store import StoreSweeper
from storage.database import cells
from storage.database.models import Agent, CellChallengeRow, CellCopy, Segment
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.objects.keys import FETCHED_PREFIX
from storage.objects.port import ListedVersion
from tests.support.cells import CellSite, span_of
from tests.support.databases import fresh_database

EVERYONE = Scope("police", AUDITOR, EVERY_REGION)
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


def test_a_recording_that_was_sworn_to_be_brought_and_is_not_there_counts_no_more(site: CellSite) -> None:
    manifest, _ = recorded = site.record()
    site.upload(recorded)
    site.answer_all()
    view = _asked(site, manifest.start_us)
    said = CellFetched(
        message_id=fresh_id(),
        site_id=site.agent.site_id,
        agent_id=site.agent.agent_id,
        fetch_id=view.fetch_id,
        outcome="put",
        version_id="00000000-0000-4000-8000-000000000000",
    )
    site.fetcher.fetched(site.agent.signer.seal(said))
    assert site.covered() == SpanSet()
    for _ in range(6):  # a leaf does not stand for it
        site.answer_all()
    assert site.covered() == SpanSet()
    (again,) = site.fetcher.due()
    assert isinstance(again, CellFetch)
    site.worker._try(again)
    assert len(site.covered()) == 1


def test_a_recording_is_played_to_whoever_gave_a_reason_and_no_version_of_it_stays(site: CellSite) -> None:
    manifest, data = recorded = site.record()
    site.upload(recorded)
    view = _asked(site, manifest.start_us)
    (task,) = site.fetcher.due()
    assert isinstance(task, CellFetch)
    for _ in range(2):  # asked for twice: the first answer was lost
        site.worker._try(task)
    here = site.agent.site_id
    assert b"".join(site.fetcher.recording(EVERYONE, here, view.fetch_id)) == data
    with pytest.raises(Conflict):
        site.fetcher.recording(Scope("overseer", AUDITOR, EVERY_REGION), here, view.fetch_id)
    evidence = site.store.evidence
    brought = [found for found in evidence.list_versions(FETCHED_PREFIX) if view.fetch_id in found.key]
    assert len(brought) == 2
    gone: list[str] = []

    class Unlocked:
        """The store a week later: no lock of a day stands."""

        def list_versions(self, prefix: str) -> list[ListedVersion]:
            there = [found for found in evidence.list_versions(prefix) if view.fetch_id in found.key]
            return [found for found in there if found.version_id not in gone]

        def delete_version(self, key: str, version_id: str) -> None:
            gone.append(version_id)

    sweeper = StoreSweeper(site.database, Unlocked(), site.clock, 90)  # type: ignore[arg-type]
    assert sweeper.sweep() == 0
    site.clock.advance(7 * 86_400)
    assert sweeper.sweep() + sweeper.sweep() == 2  # never more than half of what is kept, and one at least, at once
    assert set(gone) == {found.version_id for found in brought}


def test_a_word_that_was_judged_is_good_for_its_own_version_alone(site: CellSite) -> None:
    manifest, _ = site.record()
    seen = SeenInCell(
        version_id="v",
        size_bytes=manifest.size_bytes,
        sha256=manifest.sha256,
        lock_mode="COMPLIANCE",
        retain_until_us=manifest.end_us + 92 * US_PER_DAY,
        read_us=1,
    )
    site.agent.say(msgspec.structs.replace(site.agent.upload_of(manifest, "v"), seen=seen))
    (job,) = site.verifier.take(10)
    other = msgspec.structs.replace(seen, version_id="w", lock_mode="")
    site.agent.say(msgspec.structs.replace(site.agent.upload_of(manifest, "w"), seen=other))
    assert site.verifier.verify(job) == []
    assert states(site)[manifest.segment_id] == cells.CLAIMED
    (refusal,) = [answer for each in site.verifier.take(10) for answer in site.verifier.verify(each)]
    assert isinstance(refusal, UploadRefused)


def test_the_bound_is_that_of_the_agent_of_which_least_is_known_also_of_one_that_is_gone(site: CellSite) -> None:
    site.upload(site.record())
    site.answer_all()
    with site.database.reading() as session:
        told = cell_day(session, site.agent.site_id, site.clock.utc_us())
        assert told is not None
        assert told.samples == 1
    with site.database.unit_of_work() as session:  # nobody is asked about its recordings any more
        old = session.get_one(Agent, site.agent.agent_id)
        old.revoked_us = site.clock.utc_us()
        for row in session.scalars(select(CellChallengeRow)):
            row.drawn_us = 1
    with site.database.reading() as session:
        told = cell_day(session, site.agent.site_id, site.clock.utc_us())
        assert told is not None
        assert (told.samples, told.lost_at_most) == (0, 1.0)


def _asked(site: CellSite, at_us: int) -> FetchView:
    return site.fetcher.ask(EVERYONE, site.agent.site_id, site.camera_id, at_us, "an accident", "")
