"""How far a site's set-up has come is read off what there is, and a test counts only what came after its beginning."""

import pytest

from config.base.errors import Conflict, NotFound, PermissionDenied
from server.services.cameras.setup_progress import WATCHED_US, SetupProgress
from server.services.coverage.assess_day import Assessor
from server.services.registers.register import Register
from storage.database.scope import OPERATOR, Scope
from tests.integration.services.test_acceptance import record
from tests.support.api import add_accounts
from tests.support.clock import SimulatedClock, present_us
from tests.support.sites import POLICY, seconds

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
LIN = Scope("lin", OPERATOR)


@pytest.fixture
def clock():
    """Locks are judged by the store's own clock, so this one starts at the machine's."""
    return SimulatedClock(present_us())


@pytest.fixture
def progress(database, clock, agent):
    add_accounts(database, clock, agent.site_id)
    return SetupProgress(database, clock, Assessor(POLICY))


def test_a_new_site_has_nothing_and_says_what_is_not_known(progress, database, clock, agent):
    seen = progress.of_site(LIN, agent.site_id)
    assert (seen.plans, seen.zones, seen.zones_on_plan, seen.found) == (0, 1, 0, 0)
    assert [(box.agent_id, box.alive, box.heard_us) for box in seen.boxes] == [("sunflower-box", False, None)]
    assert seen.unreached == ["午睡室 1"]
    assert seen.unknown_facts == ["type", "ownership", "inclusive", "places"]
    assert seen.test is None
    assert not seen.cameras[0].stream
    agent.say(agent.heartbeat())
    seen = progress.of_site(LIN, agent.site_id)
    assert seen.boxes[0].alive
    assert seen.unreached == []


def test_only_who_sets_the_site_up_sees_it_and_without_a_camera_there_is_no_test(progress, database, clock, agent):
    with pytest.raises(PermissionDenied):
        progress.of_site(Scope("auditor", "police_auditor", "cn"), agent.site_id)
    with pytest.raises(NotFound):
        progress.of_site(Scope("somebody", OPERATOR), agent.site_id)
    Register(database, clock).retire_camera(agent.site_id, agent.camera_id)
    with pytest.raises(Conflict, match="no camera"):
        progress.begin(LIN, agent.site_id)


def test_a_test_counts_what_this_server_saw_since_it_began_step_by_step(
    progress, agent, clock, any_object_store, database
):
    agent.started_us = clock.utc_us() - seconds(400)
    record(agent, any_object_store, database, clock, length_s=70)
    clock.advance(5)
    progress.begin(LIN, agent.site_id)
    (camera,) = progress.of_site(LIN, agent.site_id).cameras
    assert not camera.stream
    assert (camera.claimed_us, camera.uploaded, camera.read_back_us, camera.minute_us) == (None, False, None, None)
    clock.advance(40)
    agent.say(agent.manifest(clock.utc_us() - seconds(20), clock.utc_us() - seconds(10)))
    (camera,) = progress.of_site(LIN, agent.site_id).cameras
    assert camera.stream
    assert camera.claimed_us == clock.utc_us()
    assert not camera.uploaded
    clock.advance(80)
    manifest = record(agent, any_object_store, database, clock, length_s=70)
    seen = progress.of_site(LIN, agent.site_id)
    (camera,) = seen.cameras
    assert camera.uploaded
    assert camera.read_back_us == clock.utc_us()
    assert camera.locked_until_us > manifest.end_us + seconds(90 * 86_400)
    assert camera.minute_us == clock.utc_us()
    assert (seen.test.begun_by, seen.test.over) == ("lin", False)
    clock.advance(WATCHED_US // 1_000_000 + 1)
    assert progress.of_site(LIN, agent.site_id).test.over
