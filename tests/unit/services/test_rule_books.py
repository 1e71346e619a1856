"""What a site's pack decides: never less than what the store promised, never more trust than the setting gives."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from server.domain.clock_trust import ClockRule
from server.services.compliance import rule_books
from storage.database.models import Base, Site


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, [Site.__table__])
    with Session(engine) as session:
        yield session
    engine.dispose()


def site(pack: str | None, **facts: object) -> Site:
    return Site(
        id=f"s-{pack}", name="x", region="cn", timezone="Asia/Shanghai", created_us=0, policy_pack=pack, **facts
    )


@pytest.mark.parametrize(
    ("pack", "days"),
    [(None, 7), ("cn-national-base", 90), ("luzhou-longmatan", 90), ("kr-national", 60), ("gone-since", 90)],
)
def test_the_pack_says_for_how_long(session, pack, days):
    session.add(site(pack))
    session.flush()
    assert rule_books.retain_days(pack, 7) == days
    assert rule_books.retain_days_of(session, f"s-{pack}", 7) == days


def test_a_pack_that_nobody_knows_shortens_nothing(session):
    assert rule_books.retain_days("gone-since", 400) == 400
    session.add_all([site("kr-national"), site("cn-national-base"), site(None)])
    assert rule_books.longest_retain_days(session, 7) == 90
    assert rule_books.longest_retain_days(session, 100) == 100
    assert rule_books.retain_days_of(session, "nowhere", 7) == 7


def test_a_clock_is_never_believed_further_than_the_setting(session):
    session.add_all([site("cn-national-base"), site(None)])
    strict, loose = ClockRule(5_000_000, 50), ClockRule(60_000_000 + 1, 50)
    assert rule_books.rule_for(session, "s-cn-national-base", strict) is strict
    assert rule_books.rule_for(session, "s-cn-national-base", loose).tolerance_us == 60_000_000
    assert rule_books.rule_for(session, "s-None", loose) == loose


@pytest.mark.parametrize(
    ("region", "pack"),
    [
        ("cn/sichuan/luzhou/lmt/xiaoshi", "luzhou-longmatan"),
        ("cn/sichuan/luzhou", "cn-national-base"),
        ("cn", "cn-national-base"),
        ("kr/seoul", "kr-national"),
        ("de/berlin", None),
        ("", None),
    ],
)
def test_a_new_site_is_judged_by_the_pack_of_the_smallest_region_that_has_one(region, pack):
    codes = {"cn": "CN", "cn/sichuan/luzhou": "510500", "cn/sichuan/luzhou/lmt": "510504", "de/berlin": "510504"}
    assert rule_books.usual_pack(region, codes) == pack


@pytest.mark.parametrize(("said", "answer"), [(True, "yes"), (False, "no"), (None, None)])
def test_facts_are_those_that_rules_ask_for(said, answer):
    facts = rule_books.facts_of(site(None, inclusive=said, reg799_class="art7"))
    assert (facts["site.inclusive"], facts["site.reg799_class"], facts["site.live_view"]) == (answer, "art7", "off")
    assert rule_books.facts_of(site(None), live=True)["site.live_view"] == "on"
