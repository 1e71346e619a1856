"""Where a store states locks in its listings the audit asks fewer questions, and finds no less."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from config.base.clock import US_PER_DAY
from server.services.audit.audit_store import StoreAuditor
from server.services.audit.read_listing import CameraDay, Version
from storage.database.models import AuditRound, Segment
from tests.integration.services.test_audit_store import Lying, Secured, secured  # noqa: F401 - a fixture

pytestmark = pytest.mark.either_pair


class Stating(Lying):
    """Says in listings what it says of each version, where ``listed`` does not say otherwise; counts questions."""

    states_locks = True
    listed: dict[str, dict[str, object]]
    asked: list[str]

    def list_versions(self, prefix, *, stating=False):
        for one in self.real.list_versions(prefix, stating=stating):
            if one.is_delete_marker or not stating:
                yield one
                continue
            seen = self.real.stat_version(one.key, one.version_id)
            stated = {"etag": seen.etag, "retention_mode": seen.retention_mode, "retain_until_us": seen.retain_until_us}
            yield replace(one, **{**stated, **self.listed.get(one.key, {})})

    def stat_version(self, key, version_id):
        self.asked.append(key)
        return super().stat_version(key, version_id)


@pytest.fixture
def stating(secured, monkeypatch) -> Stating:  # noqa: F811
    monkeypatch.setattr("server.services.audit.read_listing.TURNS", 10**9)
    store = Stating(secured.evidence)
    store.listed, store.asked = {}, []
    return store


def audit(secured: Secured, store: Stating, asked_min: int = 0) -> AuditRound:  # noqa: F811
    auditor = StoreAuditor(secured.database, store, secured.clock, 90, asked_min=asked_min)
    secured.clock.advance(86_400)
    assert auditor.begin() is not None
    while auditor.step():
        pass
    with secured.database.reading() as session:
        return session.scalars(select(AuditRound).order_by(AuditRound.id.desc())).first()


@pytest.mark.both_pairs
def test_versions_that_a_listing_shows_as_they_were_secured_are_not_asked(secured, stating):  # noqa: F811
    done = audit(secured, stating)
    assert (done.checked, done.found, stating.asked) == (5, 0, [])


@pytest.mark.parametrize(
    "otherwise",
    [
        {"retention_mode": None},
        {"retention_mode": "GOVERNANCE"},
        {"retain_until_us": 0},
        {"etag": "another"},
        {"etag": ""},
        {"size_bytes": 1},
        {"version_id": "another"},
        {"key": "elsewhere"},
    ],
    ids="-".join,
)
def test_what_a_listing_shows_otherwise_is_asked_and_not_accused(secured, stating, otherwise):  # noqa: F811
    stating.listed[secured.keys[3]] = otherwise
    audit(secured, stating)
    assert set(stating.asked) >= {secured.keys[3]}
    assert secured.seconds_covered() == 50


def test_one_that_is_named_twice_is_as_its_worse_entry_has_it(secured, stating):  # noqa: F811
    first = secured.keys[0]

    def twice(prefix, *, stating=False):
        found = list(Stating.list_versions(store, prefix, stating=stating))
        yield from (replace(one, retention_mode=None) for one in found if one.key == first)
        yield from found

    store = stating
    store.list_versions = twice
    audit(secured, store)
    assert store.asked == [first]


def test_a_lock_shorter_than_was_promised_is_found_by_way_of_the_listing(secured, stating):  # noqa: F811
    key = secured.keys[2]
    stating.listed[key] = {"retain_until_us": 1}
    stating.changed[key], stating.refuses_locks = {"retain_until_us": 1}, True
    assert audit(secured, stating).found == 1
    assert secured.findings() == ["lock_short"]
    assert stating.asked == [key]


def test_a_listing_that_is_wrong_of_one_is_believed_of_none(secured, stating):  # noqa: F811
    for key in secured.keys:
        stating.gone.add(key)  # the listing has them all
    assert audit(secured, stating, asked_min=1).found == 5
    assert secured.seconds_covered() == 0


def test_a_name_that_was_not_known_is_learnt_beside_the_digest(secured, stating):  # noqa: F811
    with secured.database.unit_of_work() as session:
        session.execute(update(Segment).values(etag=None))
    audit(secured, stating)
    assert sorted(stating.asked) == sorted(secured.keys)
    stating.asked.clear()
    audit(secured, stating)
    assert stating.asked == []


def test_what_does_not_count_is_asked_whatever_a_listing_says(secured, stating):  # noqa: F811
    stating.gone.add(secured.keys[1])
    audit(secured, stating, asked_min=5)
    assert secured.findings() == ["object_missing"]
    stating.asked.clear()
    audit(secured, stating)
    assert secured.findings() == ["object_missing"]
    assert secured.keys[1] in stating.asked


def test_each_version_has_its_turn_and_some_are_drawn_besides():
    versions = [Version(f"{number:032x}", f"k{number}", "v", None) for number in range(300)]  # type: ignore[arg-type]
    seen: set[str] = set()
    for round_id in range(30):
        day = CameraDay(round_id, "site", "camera", US_PER_DAY, versions, frozenset())
        turn = {version.segment_id for version in day.whose_turn(0)}
        assert len(turn) == 10
        assert not turn & seen
        seen |= turn
        assert 32 <= len(day.whose_turn(32)) <= 42
    assert len(seen) == 300
