"""The docket follows the verdicts: opened once, closed with a reason, its history only added to."""

import pytest
from sqlalchemy import select

from config.base.timespan import Span
from config.settings.server import DocketSettings
from server.domain.verdict import day_of
from server.jobs.app import assess_all
from server.services.coverage.assess_day import Assessor
from server.services.docket.follow_gaps import DocketFollower
from storage.database import evidence, spans
from storage.database.models import CaseAct, DocketCase, MaintenanceWindow, NoticeEvent
from storage.database.unit_of_work import Database
from tests.support.api import OPERATOR, add_accounts
from tests.support.clock import SimulatedClock
from tests.support.sites import POLICY, SigningAgent, seconds

FOLLOWER = DocketFollower(DocketSettings(due_days=3, store_due_days=1))


class Site:
    """One camera; footage is secured by hand (the read-back is tested elsewhere)."""

    def __init__(self, agent: SigningAgent, database: Database, clock: SimulatedClock) -> None:
        self.agent, self.database, self.clock = agent, database, clock

    def record(self, duration_s: float) -> None:
        start_us = self.clock.utc_us()
        for _ in range(round(duration_s / 30)):
            self.clock.advance(30)
            self.agent.say(self.agent.heartbeat())
        self.secure(start_us, self.clock.utc_us())

    def secure(self, start_us: int, end_us: int) -> None:
        with self.database.unit_of_work() as session:
            for kind in (spans.CLAIMED, spans.SECURED):
                spans.add_coverage(session, "nap-room", kind, self.agent.timeline_id, Span(start_us, end_us))
            evidence.activate(session, "nap-room", start_us)
            evidence.assess_again(session, ["nap-room"], day_of(start_us, "Asia/Shanghai").isoformat())

    def cases(self) -> list[DocketCase]:
        assess_all(self.database, Assessor(POLICY), self.clock, FOLLOWER)
        with self.database.reading() as session:
            return list(session.scalars(select(DocketCase).order_by(DocketCase.id)))

    def acts(self) -> list[tuple[int, str]]:
        with self.database.reading() as session:
            return [(act.case_id, act.act) for act in session.scalars(select(CaseAct).order_by(CaseAct.id))]


@pytest.fixture
def site(agent: SigningAgent, database: Database, clock: SimulatedClock) -> Site:
    agent.say(agent.heartbeat())
    return Site(agent, database, clock)


def test_a_gap_has_one_case_however_often_it_is_judged(site: Site) -> None:
    site.record(60)
    assert site.cases() == []
    gone_us = site.clock.utc_us()
    site.clock.advance(120)
    assert site.cases() == [], "it has not settled yet"
    site.clock.advance(300)
    [opened] = site.cases()
    assert (opened.cause, opened.status, opened.end_us) == ("agent_offline", "unexplained", None)
    assert opened.due_us == opened.opened_us + seconds(3 * 86_400)
    for _ in range(3):
        site.clock.advance(30)
        [again] = site.cases()
    assert (again.id, again.start_us) == (opened.id, opened.start_us)
    assert site.acts() == [(opened.id, "opened")]
    back_us = site.clock.utc_us()
    site.agent.say(site.agent.heartbeat())
    site.record(30)
    site.secure(gone_us, back_us)
    [filled] = site.cases()
    assert (filled.status, filled.closed_why) == ("closed", "filled")
    assert site.acts() == [(opened.id, "opened"), (opened.id, "filled")]
    with site.database.reading() as session:
        [event] = session.scalars(select(NoticeEvent))
        assert (event.key, event.kind, event.about) == (f"gap:{opened.id}", "gap", "agent_offline")
        act = session.scalars(select(CaseAct)).first()
        assert act is not None
        assert act.evidence == f"verdict:{day_of(gone_us, 'Asia/Shanghai')}"


def test_what_was_declared_beforehand_is_explained_by_that_and_still_missing(site: Site) -> None:
    add_accounts(site.database, site.clock, "sunflower")
    site.record(60)
    now_us = site.clock.utc_us()
    with site.database.unit_of_work() as session:
        session.add(
            MaintenanceWindow(
                site_id="sunflower", start_us=now_us + seconds(60), end_us=now_us + seconds(7_200), reason="new switch",
                declared_by=OPERATOR, declared_us=now_us,
            )
        )  # fmt: skip
    site.record(60)
    site.clock.advance(900)
    [case] = site.cases()
    assert (case.cause, case.status, case.explained_by) == ("planned_maintenance", "explained", OPERATOR)
    assert case.owner == OPERATOR
    assert [act for _, act in site.acts()] == ["opened", "explain"]
