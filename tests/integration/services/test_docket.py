"""The docket follows the verdicts: opened once, closed with a reason, its history only added to."""

import pytest
from sqlalchemy import select

from config.base.errors import NotFound
from config.base.timespan import Span
from config.settings.server import DocketSettings
from server.domain.verdict import day_of
from server.jobs.app import assess_all
from server.services.coverage.assess_day import Assessor
from server.services.docket.desk import DocketDesk, Filter
from server.services.docket.follow_gaps import DocketFollower
from server.services.notices.watch_due import DueWatch
from storage.database import evidence, spans
from storage.database.models import Camera, CaseAct, DocketCase, MaintenanceWindow, NoticeEvent
from storage.database.scope import AUDITOR as POLICE
from storage.database.scope import OPERATOR as MANAGER
from storage.database.scope import Scope
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


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
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


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_docket_is_read_within_reach_alone(site: Site) -> None:
    add_accounts(site.database, site.clock, "sunflower")
    site.record(60)
    site.clock.advance(600)
    [case] = site.cases()
    desk = DocketDesk(site.database, site.clock)
    manager, elsewhere = Scope(OPERATOR, MANAGER), Scope("police", POLICE, "cn/yunnan")
    listed = desk.listed(manager, None, Filter(status="open", owner=OPERATOR))
    assert [(one.incident_id, one.end_us, listed.owners) for one in listed.incidents] == [
        (case.incident_id, None, [OPERATOR])
    ]
    assert desk.listed(elsewhere, None, Filter()).total == 0
    with pytest.raises(NotFound):
        desk.incident(elsewhere, "sunflower", case.incident_id)
    DueWatch(site.database, site.clock).look()
    site.clock.advance(2.5 * 86_400)
    for _ in range(2):
        DueWatch(site.database, site.clock).look()
    with site.database.reading() as session:
        assert [event.kind for event in session.scalars(select(NoticeEvent).order_by(NoticeEvent.id))] == [
            "gap",
            "docket",
        ]


def test_an_outage_of_the_whole_site_is_one_incident(site: Site) -> None:
    with site.database.unit_of_work() as session:
        gate = Camera(
            site_id="sunflower", id="gate", zone_id="zone", agent_id=site.agent.agent_id, name="Gate", registered_us=0
        )  # fmt: skip
        session.add(gate)
    site.record(60)
    with site.database.unit_of_work() as session:
        end_us = site.clock.utc_us()
        for kind in (spans.CLAIMED, spans.SECURED):
            spans.add_coverage(
                session, "gate", kind, site.agent.timeline_id, Span(end_us - seconds(60), end_us - seconds(20))
            )
        evidence.activate(session, "gate", end_us - seconds(60))
        evidence.assess_again(session, ["gate"], day_of(end_us, "Asia/Shanghai").isoformat())
    site.clock.advance(600)
    first, second = site.cases()
    assert {first.camera_id, second.camera_id} == {"gate", "nap-room"}
    assert first.incident_id == second.incident_id


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_time_that_was_signed_off_before_a_long_outage_stays_signed_off(site: Site) -> None:
    """A case that reaches back beyond the days that are judged brings in what lies there, and its cases with it."""
    site.record(60)
    site.clock.advance(3_600)
    site.agent.say(site.agent.heartbeat())
    site.record(60)
    [first] = site.cases()
    assert first.end_us is not None
    with site.database.unit_of_work() as session:
        session.get_one(DocketCase, first.id).status = "signed_off"
        began_us = first.start_us - seconds(40)
        oldest = DocketCase(
            site_id="sunflower", camera_id="nap-room", incident_id="0" * 32, cause="object_missing", start_us=began_us,
            end_us=began_us + seconds(10), missing_us=seconds(10), status="unexplained", opened_us=began_us, due_us=0,
        )  # fmt: skip
        session.add(oldest)
    for _ in range(6):
        site.clock.advance(86_400)
        site.cases()
    cases = site.cases()
    over = [case for case in cases if case.id != first.id and case.end_us == first.end_us]
    assert over == []
    assert {case.status for case in cases if case.id == first.id} == {"signed_off"}
