"""The guard's question: cheap while nothing was committed, whole as soon as anything was, and time ends a view by itself (I6)."""

import pytest

from server.domain.lease import Permit, Reason, Refusal
from server.services.live.standing import Standing
from server.services.live.views import ViewDesk
from storage.database.models import Account, LeaseRow
from storage.database.stamp import ChangeStamp
from storage.database.unit_of_work import Database
from tests.support.nursery import SITE


@pytest.fixture
def asked(nursery):
    book = ViewDesk(nursery.database, nursery.clock)
    standing = Standing(nursery.database, nursery.desk, book, nursery.time, nursery.clock)
    digest = nursery.session("mum")
    permit = nursery.desk.decide(digest, "cam-a", nursery.now_us)
    assert isinstance(permit, Permit)
    yield standing, book.open(permit, digest, "", "test"), book
    standing.close()


def test_what_nobody_changed_is_not_read_again_and_what_anybody_changed_is(nursery, asked):
    standing, view, _ = asked
    standing.ask([view])
    standing.ask([view])  # the first may have kept the newest instant
    read = standing.rounds_read
    for _ in range(5):
        ((answer,), replaced) = standing.ask([view])
        assert isinstance(answer, Permit)
        assert not replaced
    assert standing.rounds_read == read
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss")
    for _ in range(2):
        ((answer,), _) = standing.ask([view])
        assert answer == Refusal(Reason.REVOKED)


def test_another_process_is_seen_as_well(nursery, asked):
    standing, view, _ = asked
    standing.ask([view])
    standing.ask([view])
    url = nursery.database.engine.url.render_as_string(hide_password=False)
    other = Database(url)
    with other.unit_of_work() as session:
        session.get_one(Account, "mum").locked_us = 1
    other.close()
    assert standing.ask([view])[0] == [Refusal(Reason.ACCOUNT_LOCKED)]


def test_time_ends_a_view_though_nothing_was_written(nursery, asked):
    standing, view, _ = asked
    standing.ask([view])
    nursery.clock.advance((view.permit.until_us - nursery.now_us) / 1_000_000)
    ((answer,), _) = standing.ask([view])
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.OUTSIDE_HOURS


def test_a_newer_view_replaces_and_stays_so(nursery, asked):
    standing, view, book = asked
    standing.ask([view])
    book.open(view.permit, view.session_sha256, "", "test")
    for _ in range(2):
        assert standing.ask([view])[1] == {view.view_id}


def test_a_stamp_differs_after_any_commit_and_only_then(nursery):
    stamp = ChangeStamp(nursery.database)
    first = stamp.read()
    with nursery.database.reading() as session:
        session.get(Account, "mum")
    assert stamp.read() == first
    nursery.change(Account, Account.name == "mum", region="")
    nursery.change(Account, Account.name == "mum", locked_us=1)
    assert stamp.read() != first
    stamp.close()
