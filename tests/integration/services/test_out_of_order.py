"""A broker that came back before the server did drops what it is given: the second message is then taken in before the first.

Whatever order the messages of one camera or box come in, the server knows the same in the end.
"""

import pytest

from config.base.clock import US_PER_MINUTE
from config.base.ids import fresh_id
from config.wire.desired_state import CameraOutcome, ConfigurationReport
from config.wire.notices import BoxNotice
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.coverage.read_health import HealthReader
from storage.database.models import AgentConfiguration, Segment
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.seeding import DAYCARE, SeededSite
from tests.support.sites import POLICY

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
POLICE = Scope("police", AUDITOR, EVERY_REGION)
IN_ORDER, LATE = (0, 1, 2), (0, 2, 1)


def test_conditions_and_gaps_of_a_camera(database):
    site = SeededSite(database, NOON_US, DAYCARE["en"]).register()
    at_us = [NOON_US - minutes * US_PER_MINUTE for minutes in (120, 90, 60)]
    said = list(zip(("recording", "unreachable", "recording"), at_us, strict=True))
    for camera, order in (("gate", IN_ORDER), ("yard", LATE)):
        site.secure(camera, at_us[0], at_us[1])
        site.secure(camera, at_us[2], NOON_US)
        for place in order:
            site.condition(camera, *said[place])
    site.beat(site.main, NOON_US, {})
    day = DayReader(database, SimulatedClock(NOON_US), Assessor(POLICY)).day(POLICE, "sunflower", None)
    gate, yard = (next(one for one in day.cameras if one.camera_id == name) for name in ("gate", "yard"))
    assert [(gap.start_us, gap.end_us, gap.cause) for gap in gate.gaps] == [(at_us[1], at_us[2], "camera_unreachable")]
    assert yard.gaps == gate.gaps
    assert (yard.condition, yard.condition_since_us) == (gate.condition, gate.condition_since_us)


def test_manifests_of_a_chain(agent, database):
    manifests = [
        agent.manifest(NOON_US + number * US_PER_MINUTE, NOON_US + (number + 1) * US_PER_MINUTE) for number in range(3)
    ]
    assert [agent.say(manifests[place]).result for place in LATE] == ["committed"] * 3
    with database.reading() as session:
        assert session.query(Segment).count() == 3


def test_notices_of_a_box(agent, clock, database):
    def notice(at_us: int, *, raised: bool) -> BoxNotice:
        return BoxNotice(
            message_id=fresh_id(),
            site_id=agent.site_id,
            agent_id=agent.agent_id,
            timeline_id=agent.timeline_id,
            at_us=at_us,
            notice="spool_filling",
            raised=raised,
            hours_left=2.0 if raised else None,
        )

    said = [notice(NOON_US + number, raised=number != 1) for number in range(3)]
    clock.advance(60)
    agent.say(agent.heartbeat())
    for place in LATE:
        agent.say(said[place])
    found = DayReader(database, clock, Assessor(POLICY)).day(POLICE, agent.site_id, None).notices
    assert [(one.start_us, one.end_us) for one in found] == [(NOON_US, NOON_US + 1), (NOON_US + 2, None)]


def test_what_an_agent_made_of_its_configuration(agent, clock, database):
    def report(number: int, what: str) -> ConfigurationReport:
        return ConfigurationReport(
            message_id=fresh_id(),
            site_id=agent.site_id,
            agent_id=agent.agent_id,
            timeline_id=agent.timeline_id,
            at_us=NOON_US + number,
            source="server",
            version=number + 1,
            outcome="taken",
            cameras=[CameraOutcome(camera_id=agent.camera_id, what=what)],
        )

    with database.unit_of_work() as session:
        session.add(AgentConfiguration(agent_id=agent.agent_id, version=3, changed_us=1, sent_us=1, reported_version=0))
    said = [report(0, "added"), report(1, "failed"), report(2, "changed")]
    assert [agent.say(said[place]).result for place in LATE] == ["committed", "committed", "stale"]
    assert agent.say(said[2]).result == "duplicate"
    agent.say(agent.heartbeat(configuration_version=3))
    (box,) = HealthReader(database, clock, Assessor(POLICY)).of_site(POLICE, agent.site_id).agents
    assert box.configuration.failed == {}
    agent.restart()  # its clock may be behind the one before: what it says now is newer all the same
    agent.say(agent.heartbeat(configuration_version=3))
    clock.advance(1)
    late = report(-1, "failed")
    assert agent.say(late).result == "committed"
