"""Recordings that somebody asked a site's own store for: what nobody brings does not count until it comes (I1)."""

from pathlib import Path

import pytest

from config.base.timespan import SpanSet
from config.wire.cells import CellFetch
from server.domain.coverage import Cause, Certainty
from server.services.cells.fetch_from_cell import AGAIN_OVERDUE_US, BRING_US, KEEP_ASKING_US
from storage.database.models import CellCopy
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.cells import CellSite, span_of
from tests.support.databases import fresh_database

pytestmark = pytest.mark.either_pair

EVERYONE = Scope("police", AUDITOR, EVERY_REGION)


@pytest.fixture
def database(request, object_store, tmp_path):
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO."""
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def site(database, object_store, tmp_path: Path) -> CellSite:
    """Two recordings that count."""
    made = CellSite(database, object_store, tmp_path)
    for _ in range(2):
        made.upload(made.record())
    made.answer_all()
    assert len(made.covered()) == 1
    return made


def asked(site: CellSite, at_us: int) -> CellFetch:
    site.fetcher.ask(EVERYONE, site.agent.site_id, site.camera_id, at_us, "an accident", "192.0.2.1")
    (task,) = site.fetcher.due()
    assert isinstance(task, CellFetch)
    return task


def overdue(site: CellSite) -> CellFetch:
    """Nobody brings the first recording in time."""
    task = asked(site, site.end_us - 15_000_000)
    site.pass_time(BRING_US / 10**6 + 1)
    assert site.fetcher.due() == []
    return task


@pytest.mark.both_pairs
def test_what_nobody_brings_in_time_is_unverified_until_it_comes(site: CellSite) -> None:
    before = site.covered()
    task = overdue(site)
    lost = before - site.covered()
    (at_us, _) = next(iter(lost))
    assert site.gaps_at(at_us) == [(Cause.CHALLENGE_OVERDUE, Certainty.UNVERIFIED)]
    site.worker._try(task)
    assert site.covered() == before
    assert site.fetcher.newest(EVERYONE, site.agent.site_id)[0].outcome == "here"


def test_a_leaf_does_not_stand_for_a_recording_that_was_not_brought(site: CellSite) -> None:
    before = site.covered()
    task = overdue(site)
    for _ in range(6):  # every other draw asks for what failed before
        site.answer_all()
    assert site.covered() != before
    site.worker._try(task)
    assert site.covered() == before


def test_it_is_asked_for_again_for_a_week_and_no_longer(site: CellSite) -> None:
    before = site.covered()
    first = overdue(site)
    site.pass_time(AGAIN_OVERDUE_US / 10**6)
    (again,) = site.fetcher.due()
    assert isinstance(again, CellFetch)
    assert again.fetch_id == first.fetch_id
    assert site.fetcher.due() == []
    site.pass_time(KEEP_ASKING_US / 10**6)
    assert len(site.fetcher.due()) == 1  # what was due meanwhile is sent a last time
    site.pass_time(AGAIN_OVERDUE_US / 10**6)
    assert site.fetcher.due() == []
    assert site.covered() != before
    new = asked(site, site.end_us - 15_000_000)
    site.worker._try(new)
    assert site.covered() == before


def test_what_is_brought_late_and_is_something_else_does_not_count(site: CellSite) -> None:
    before = site.covered()
    task = overdue(site)
    site.agent_store.pass_on = lambda *_: "00000000-0000-4000-8000-000000000000"  # type: ignore[method-assign]
    site.worker._try(task)
    assert site.covered() != before
    assert site.fetcher.newest(EVERYONE, site.agent.site_id)[0].outcome == "object_missing"


def test_one_that_waits_for_its_first_challenge_does_not_count_either(site: CellSite) -> None:
    manifest, _ = recorded = site.record()
    site.upload(recorded)
    task = asked(site, manifest.start_us)
    site.clock.advance(BRING_US / 10**6 + 1)
    assert site.fetcher.due() == []
    with site.database.reading() as session:
        assert session.get_one(CellCopy, manifest.segment_id).state == "unsound"
    for _ in range(3):
        site.answer_all()
    assert not site.covered() & SpanSet.of(span_of(manifest))
    site.worker._try(task)
    assert site.covered() & SpanSet.of(span_of(manifest))
