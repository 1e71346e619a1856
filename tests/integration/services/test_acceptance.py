"""An installer's acceptance test hears what the server saw itself, of this agent's cameras alone."""

import hashlib
import threading

import pytest

from config.base.clock import US_PER_DAY
from config.base.errors import IntegrityViolation, InvalidInput, NotFound, ResourceExhausted
from config.base.ids import fresh_id
from config.wire.acceptance import AcceptanceRequest
from config.wire.alarms import AlarmEvent
from server.services.agents.acceptance import AcceptanceOffice
from server.services.coverage.assess_day import Assessor
from server.services.intake.verify_upload import UploadVerifier
from storage.objects.keys import CANARY_PREFIX, SegmentKey
from tests.support.clock import SimulatedClock, present_us
from tests.support.sites import POLICY, SigningAgent, seconds

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def clock():
    """Locks are judged by the store's own clock, so this one starts at the machine's."""
    return SimulatedClock(present_us())


@pytest.fixture
def office(database, any_object_store, clock):
    return AcceptanceOffice(database, any_object_store.evidence, clock, Assessor(POLICY), POLICY.retain_days)


def ask(office, agent, clock, *, at_once=False, **changes):
    fields = {
        "message_id": fresh_id(),
        "site_id": agent.site_id,
        "agent_id": agent.agent_id,
        "sent_us": clock.utc_us(),
        "since_us": clock.utc_us() - seconds(300),
    }
    if not at_once:
        office._asked_us.clear()
    return office.answer(agent.signer.seal(AcceptanceRequest(**fields | changes)))


def record(agent, store, database, clock, *, length_s, late_s=0.0, lock_days=92.0):
    """A segment that ends now, uploaded and read back; the agent has compared its clock."""
    end_us = clock.utc_us() - seconds(late_s)
    data = f"{length_s} s up to {end_us}".encode()
    manifest = agent.manifest(end_us - seconds(length_s), end_us, data)
    agent.say(manifest)
    key = SegmentKey(agent.site_id, agent.camera_id, manifest.start_us, manifest.segment_id).text
    until_us = round(clock.utc_us() + lock_days * US_PER_DAY)
    version_id = store.evidence.put_locked(key, data, hashlib.sha256(data).hexdigest(), until_us)
    agent.say(agent.upload_of(manifest, version_id))
    agent.say(agent.heartbeat(settled_until_us=end_us))
    verifier = UploadVerifier(database, store.evidence, clock, POLICY.retain_days, seconds(300))
    for job in verifier.take(5):
        verifier.verify(job)
    return manifest


def test_before_anything_is_recorded_there_is_nothing_to_show(office, agent, clock):
    seen = ask(office, agent, clock).cameras
    assert [(camera.camera_id, camera.first_minute, camera.secured) for camera in seen] == [("nap-room", None, None)]


def test_a_secured_minute_is_shown_with_the_instant_it_was_known_and_its_lock_as_it_is_now(
    office, agent, clock, any_object_store, database
):
    agent.started_us = clock.utc_us() - seconds(120)
    manifest = record(agent, any_object_store, database, clock, length_s=70)
    known_us = clock.utc_us()
    clock.advance(5)
    answer = ask(office, agent, clock)
    (camera,) = answer.cameras
    assert (camera.name, answer.site_name) == ("午睡室 1", "向日葵托育园")
    assert camera.first_minute is not None
    assert camera.first_minute.start_us == manifest.start_us
    assert camera.first_minute.end_us == manifest.start_us + seconds(60)
    assert camera.first_minute.verified_us == known_us
    assert camera.secured is not None
    assert camera.secured.locked
    assert camera.secured.segment_id == manifest.segment_id
    assert camera.secured.retain_until_us >= camera.secured.required_until_us > known_us + 90 * US_PER_DAY


def test_what_was_recorded_before_the_test_proves_nothing_in_it(office, agent, clock, any_object_store, database):
    agent.started_us = clock.utc_us() - seconds(120)
    record(agent, any_object_store, database, clock, length_s=20, late_s=60)
    (camera,) = ask(office, agent, clock, since_us=clock.utc_us() - seconds(30)).cameras
    assert camera.secured is None


def test_a_version_that_is_gone_is_not_called_locked(office, agent, clock, any_object_store, database, monkeypatch):
    agent.started_us = clock.utc_us() - seconds(120)
    record(agent, any_object_store, database, clock, length_s=20)
    asked = office.store.stat_version
    # The store keeps what is locked; so another object is asked for, one that never was.
    monkeypatch.setattr(office.store, "stat_version", lambda key, version: asked(f"{key}-gone", version))
    (camera,) = ask(office, agent, clock).cameras
    assert camera.secured is not None
    assert not camera.secured.locked
    assert camera.secured.detail


def test_a_camera_that_is_down_shows_as_a_gap_that_lasts(office, agent, clock, any_object_store, database):
    agent.started_us = clock.utc_us() - seconds(120)
    record(agent, any_object_store, database, clock, length_s=30)
    agent.say(agent.state("unreachable", clock.utc_us()))
    clock.advance(20)
    agent.say(agent.heartbeat(condition="unreachable"))
    (camera,) = ask(office, agent, clock).cameras
    assert [(gap.cause, gap.end_us) for gap in camera.gaps][-1] == ("camera_unreachable", None)


def test_the_early_deletion_is_tried_on_a_canary_and_on_nothing_else(office, agent, clock, any_object_store, database):
    agent.started_us = clock.utc_us() - seconds(120)
    record(agent, any_object_store, database, clock, length_s=20)

    def versions():
        return {(one.key, one.version_id, one.is_delete_marker) for one in any_object_store.admin.list_versions("")}

    before = versions()
    canary = ask(office, agent, clock, canary=True).canary
    assert canary is not None
    assert not canary.failure
    assert {"version delete", "version delete with bypass", "shortening"} <= {one.attack for one in canary.refusals}
    assert all(key.startswith(CANARY_PREFIX) for key, _, _ in versions() ^ before)


def test_the_deletion_is_not_tried_again_at_once(office, agent, clock):
    assert ask(office, agent, clock).canary is None
    ask(office, agent, clock, canary=True)
    with pytest.raises(ResourceExhausted) as refused:
        ask(office, agent, clock, canary=True)
    assert refused.value.code == "too_soon"
    clock.advance(21)
    assert ask(office, agent, clock, canary=True).canary is not None


def test_an_agent_has_one_request_answered_at_a_time_and_none_right_after_another(office, agent, clock, monkeypatch):
    inside, leave = threading.Event(), threading.Event()
    judged = office._answer

    def slowly(*request):
        inside.set()
        leave.wait(10)
        return judged(*request)

    monkeypatch.setattr(office, "_answer", slowly)
    first = threading.Thread(target=ask, args=(office, agent, clock))
    first.start()
    inside.wait(10)
    clock.advance(60)
    with pytest.raises(ResourceExhausted) as busy:
        ask(office, agent, clock, at_once=True)
    leave.set()
    first.join(10)
    monkeypatch.undo()
    clock.advance(2)
    ask(office, agent, clock, at_once=True)
    clock.advance(1)
    with pytest.raises(ResourceExhausted) as again:
        ask(office, agent, clock, at_once=True)
    assert {busy.value.code, again.value.code} == {"too_soon"}


def test_strangers_and_old_requests_are_refused(office, agent, clock, database):
    stranger = SigningAgent(database, clock)
    with pytest.raises(IntegrityViolation):
        ask(office, stranger, clock)
    with pytest.raises(NotFound):
        ask(office, agent, clock, agent_id="nobody")
    with pytest.raises(NotFound):
        ask(office, agent, clock, site_id="elsewhere")
    with pytest.raises(InvalidInput, match="acceptance"):
        office.answer(agent.signer.seal(agent.heartbeat()))
    for changes in (
        {"sent_us": clock.utc_us() - seconds(400)},
        {"since_us": clock.utc_us() - 2 * US_PER_DAY},
        {"since_us": clock.utc_us() + seconds(400)},
    ):
        with pytest.raises(InvalidInput) as refused:
            ask(office, agent, clock, **changes)
        assert refused.value.code == "stale_request"


def test_tests_of_the_panel_are_shown_and_nothing_else_of_it(office, agent, clock):
    def event(kind, state):
        return AlarmEvent(
            message_id=fresh_id(),
            site_id=agent.site_id,
            agent_id=agent.agent_id,
            timeline_id=agent.timeline_id,
            at_us=clock.utc_us(),
            source="dc09",
            panel_id="hall-panel",
            code="RX",
            kind=kind,
            state=state,
        )

    agent.say(event("test", "test"))
    clock.advance(400)
    agent.say(event("panic", "raised"))
    assert ask(office, agent, clock).alarm_tests == []
    agent.say(event("test", "test"))
    (heard,) = ask(office, agent, clock).alarm_tests
    assert heard.received_us == heard.at_us == clock.utc_us()
    assert "hall-panel" in heard.detail
