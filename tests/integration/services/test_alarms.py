"""Alarm events from the wire to the board: kept once, folded into alarms, handled by operators only."""

import itertools

import msgspec
import pytest
from sqlalchemy import func, select

from config.base.errors import Conflict, NotFound, PermissionDenied
from config.base.ids import fresh_id
from config.wire import topics
from config.wire.alarms import AlarmEvent
from config.wire.status import Acknowledgement
from server.services.intake.handle_alarms import AlarmDuty
from server.services.registers.register import Register
from storage.database.models import AlarmAct, AlarmEventRow, Timeline
from storage.database.scope import AUDITOR, OPERATOR, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.sites import SigningAgent

OPERATOR_OF_SITE = Scope("li", OPERATOR)
AUDITOR_OF_ALL = Scope("eye", AUDITOR, "*")
_steps = itertools.count()


def said(agent: SigningAgent, kind: str = "panic", state: str = "raised", **changed: object) -> AlarmEvent:
    made = AlarmEvent(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.agent_id,
        timeline_id=agent.timeline_id,
        at_us=NOON_US + next(_steps),
        source="dc09",
        panel_id="hall-panel",
        partition="1",
        point="3",
        code="PA",
        about="PA",
        kind=kind,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        raw=b"\n...\r",
    )
    return msgspec.structs.replace(made, **changed)


@pytest.fixture
def duty(agent: SigningAgent, database: Database, clock: SimulatedClock) -> AlarmDuty:
    Register(database, clock).add_account("li", OPERATOR, "a long password", [agent.site_id])
    return AlarmDuty(database, clock)


def statuses(duty: AlarmDuty) -> list[tuple[str, str, int]]:
    return [(alarm.kind, alarm.status, alarm.count) for alarm in duty.of_site(OPERATOR_OF_SITE, "sunflower").alarms]


def test_an_event_is_kept_as_signed_once_and_acknowledged_every_time(agent: SigningAgent, database: Database) -> None:
    event = said(agent)
    sealed = agent.signer.seal(event)
    topic = topics.up(agent.site_id, agent.agent_id, "alarm-event")
    first, second = agent.inbox.accept(topic, sealed), agent.inbox.accept(topic, sealed)
    assert (first.result, second.result) == ("committed", "duplicate")
    for outcome in (first, second):
        (reply,) = outcome.replies
        assert isinstance(reply, Acknowledgement)
        assert (reply.of_message_id, reply.outcome) == (event.message_id, "committed")
    with database.reading() as session:
        (row,) = session.scalars(select(AlarmEventRow)).all()
        assert (row.envelope, row.kind, row.state, row.at_us) == (sealed, "panic", "raised", event.at_us)
        assert session.get(Timeline, agent.timeline_id) is not None


def test_the_life_of_an_alarm(agent: SigningAgent, duty: AlarmDuty, database: Database) -> None:
    before = duty.mark(OPERATOR_OF_SITE, "sunflower")
    agent.say(said(agent))
    agent.say(said(agent))
    assert statuses(duty) == [("panic", "raised", 2)]
    assert duty.mark(OPERATOR_OF_SITE, "sunflower") != before
    alarm_id = duty.of_site(OPERATOR_OF_SITE, "sunflower").alarms[0].alarm_id
    with pytest.raises(Conflict):
        duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id, "clear")
    seen = duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id, "acknowledge")
    assert (seen.status, seen.acknowledged_by, seen.acknowledged_us) == ("acknowledged", "li", NOON_US)
    with pytest.raises(Conflict):
        duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id, "acknowledge")
    agent.say(said(agent, state="restored"))
    assert statuses(duty) == [("panic", "cleared", 2)]
    agent.say(said(agent))
    assert statuses(duty) == [("panic", "raised", 1), ("panic", "cleared", 2)]
    with database.reading() as session:
        acts = session.execute(select(AlarmAct.act, AlarmAct.account_name, AlarmAct.at_us)).all()
    assert [tuple(act) for act in acts] == [("acknowledged", "li", NOON_US)]


def test_a_restore_ends_what_it_names_and_nothing_beside_it(agent: SigningAgent, duty: AlarmDuty) -> None:
    for about in ("BA", "BT", "AT"):
        agent.say(said(agent, "intrusion" if about == "BA" else "trouble", about=about, code=about))
    agent.say(said(agent, point="4", about="BA", kind="intrusion"))
    agent.say(said(agent, "intrusion", "restored", about="B"))
    alarms = duty.of_site(OPERATOR_OF_SITE, "sunflower").alarms
    over = {(alarm.kind, alarm.point) for alarm in alarms if alarm.restored_us is not None}
    going_on = {(alarm.kind, alarm.point) for alarm in alarms if alarm.restored_us is None}
    assert over == {("intrusion", "3"), ("trouble", "3")}
    assert going_on == {("trouble", "3"), ("intrusion", "4")}


def test_tests_and_notes_open_no_alarm_and_are_kept(agent: SigningAgent, duty: AlarmDuty) -> None:
    agent.say(said(agent, "test", "test", code="RP"))
    agent.say(said(agent, "other", "noted", code="QQ"))
    found = duty.of_site(OPERATOR_OF_SITE, "sunflower")
    assert (found.open_count, found.alarms) == (0, [])
    assert [event.kind for event in found.events] == ["other", "test"]


def test_armed_is_what_the_panel_said_last(agent: SigningAgent, duty: AlarmDuty) -> None:
    armed, disarmed = said(agent, "arming", "armed"), said(agent, "arming", "disarmed")
    for event in (disarmed, armed):  # the older one comes late
        agent.say(event)
    (partition,) = duty.of_site(OPERATOR_OF_SITE, "sunflower").partitions
    assert (partition.partition, partition.armed, partition.since_us) == ("1", False, disarmed.at_us)


def test_who_may_do_what(agent: SigningAgent, duty: AlarmDuty) -> None:
    agent.say(said(agent))
    alarm_id = duty.of_site(AUDITOR_OF_ALL, "sunflower").alarms[0].alarm_id
    with pytest.raises(PermissionDenied):
        duty.act(AUDITOR_OF_ALL, "sunflower", alarm_id, "acknowledge")
    stranger = Scope("wang", OPERATOR)
    for attempt in (
        lambda: duty.of_site(stranger, "sunflower"),
        lambda: duty.mark(stranger, "sunflower"),
        lambda: duty.act(stranger, "sunflower", alarm_id, "acknowledge"),
        lambda: duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id + 1, "acknowledge"),
        lambda: duty.of_site(OPERATOR_OF_SITE, "no\0id"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert statuses(duty) == [("panic", "raised", 1)]


def test_another_agents_alarm_is_another_alarm(
    agent: SigningAgent, duty: AlarmDuty, database: Database, clock: SimulatedClock
) -> None:
    other = SigningAgent(database, clock, agent_id="second-box", camera_id="gate").register()
    agent.say(said(agent))
    other.say(said(other))
    other.say(said(other, state="restored"))
    assert statuses(duty).count(("panic", "raised", 1)) == 2
    over = [alarm.restored_us is not None for alarm in duty.of_site(OPERATOR_OF_SITE, "sunflower").alarms]
    assert sorted(over) == [False, True]


def test_an_event_of_another_site_is_refused(agent: SigningAgent, database: Database) -> None:
    topic = topics.up(agent.site_id, agent.agent_id, "alarm-event")
    outcome = agent.say(said(agent, site_id="little-boat"), topic=topic)
    assert outcome.result == "quarantined:foreign_site"
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AlarmEventRow)) == 0


def test_what_is_over_leaves_the_list_after_a_day(agent: SigningAgent, duty: AlarmDuty, clock: SimulatedClock) -> None:
    agent.say(said(agent))
    alarm_id = duty.of_site(OPERATOR_OF_SITE, "sunflower").alarms[0].alarm_id
    duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id, "acknowledge")
    duty.act(OPERATOR_OF_SITE, "sunflower", alarm_id, "clear")
    assert statuses(duty) == [("panic", "cleared", 1)]
    clock.advance(86_401)
    assert statuses(duty) == []
