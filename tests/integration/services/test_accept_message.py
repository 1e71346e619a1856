"""What the inbox makes of good, repeated, foreign, forged and broken messages; on every database."""

import itertools

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from config.base.timespan import Span
from config.wire import topics
from config.wire.catalogue import PAYLOAD_TYPE
from config.wire.envelope import ENVELOPE_BYTES_MAX, Signer
from config.wire.findings import PictureFinding
from config.wire.health import Heartbeat
from config.wire.segments import UploadTicketRequest
from config.wire.status import Acknowledgement
from server.services.agents.revoke_agent import Revoker
from server.services.registers.register import Register
from storage.database import quarantine, spans
from storage.database.models import (
    AgentStatus,
    Camera,
    ConditionChange,
    PendingVerification,
    QuarantinedMessage,
    Segment,
)
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.sites import NAMES, SigningAgent, seconds

WINDOW = Span(NOON_US - seconds(3_600), NOON_US + seconds(3_600))


def held_for(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return quarantine.counts(session)


def claimed(database: Database, camera_id: str = "nap-room") -> list[tuple[int, int]]:
    with database.reading() as session:
        series = spans.coverage_of(session, camera_id, WINDOW).get(spans.CLAIMED, {})
        return [tuple(span) for found in series.values() for span in found]


def test_a_manifest_claims_its_span_and_is_acknowledged(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    outcome = agent.say(manifest)
    assert outcome.result == "committed"
    (reply,) = outcome.replies
    assert isinstance(reply, Acknowledgement)
    assert (reply.of_message_id, reply.outcome) == (manifest.message_id, "committed")
    assert claimed(database) == [(NOON_US - seconds(10), NOON_US)]


def test_the_bytes_kept_are_the_bytes_received(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    sealed = agent.signer.seal(manifest)
    agent.inbox.accept(topics.up("sunflower", "sunflower-box", "segment-recorded"), sealed)
    with database.reading() as session:
        assert session.get_one(Segment, manifest.segment_id).envelope == sealed


def test_a_redelivery_changes_nothing_and_is_answered_again(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    state = agent.state("unreachable", NOON_US)
    for message in (manifest, state):
        first, second = agent.say(message), agent.say(message)
        assert (first.result, second.result) == ("committed", "duplicate")
        assert second.replies[0].of_message_id == message.message_id  # type: ignore[attr-defined]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Segment)) == 1
        assert session.scalar(select(func.count()).select_from(ConditionChange)) == 1


def test_adjacent_segments_are_one_row(agent: SigningAgent, database: Database) -> None:
    edges = [NOON_US + seconds(10 * step) for step in range(-5, 1)]
    pairs = list(itertools.pairwise(edges))
    manifests = [agent.manifest(*pair) for pair in pairs]
    for manifest in [manifests[0], manifests[2], manifests[1], *manifests[3:]]:
        assert agent.say(manifest).result == "committed"
    assert claimed(database) == [(edges[0], edges[-1])]


@pytest.mark.parametrize(
    ("mutate", "reason"),
    [
        (lambda m: {"start_us": m.end_us}, "bad_span"),
        (lambda m: {"start_us": m.end_us - seconds(311)}, "bad_span"),
        (lambda _: {"site_id": "little-boat"}, "foreign_site"),
        (lambda _: {"agent_id": "another-box"}, "foreign_site"),
        (lambda _: {"previous": "0" * 64}, "chain_broken"),
        (lambda _: {"sequence": 7}, "chain_broken"),
    ],
)
def test_a_manifest_that_cannot_be_true_is_quarantined(
    agent: SigningAgent, database: Database, mutate, reason: str
) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    outcome = agent.say(
        msgspec.structs.replace(manifest, **mutate(manifest)),
        topic=topics.up("sunflower", "sunflower-box", "segment-recorded"),
    )
    assert outcome.result == f"quarantined:{reason}"
    assert outcome.replies[0].outcome == "quarantined"  # type: ignore[attr-defined]
    assert held_for(database) == {reason: 1}
    assert claimed(database) == []


def test_a_camera_that_is_not_registered_yet_is_answered_when_it_is(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.camera_id = "new-room"
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    early = agent.say(manifest)
    assert (early.result, early.replies) == ("deferred", [])
    assert agent.say(agent.heartbeat()).result == "committed"
    Register(database, clock).add_camera("sunflower", "new-room", "nap", "sunflower-box", "新房间")
    assert agent.say(manifest).result == "committed"
    assert held_for(database) == {}


def test_another_agents_camera_is_refused(agent: SigningAgent, database: Database, clock: SimulatedClock) -> None:
    SigningAgent(database, clock, site_id="boat", agent_id="boat-box", camera_id="boat-door").register()
    agent.camera_id = "boat-door"
    assert agent.say(agent.manifest(NOON_US - seconds(10), NOON_US)).result == "quarantined:foreign_camera"
    assert agent.say(agent.heartbeat(settled_until_us=NOON_US)).result == "committed"
    with database.reading() as session:
        assert session.get_one(Camera, "boat-door").settled_until_us == 0


def test_the_same_footage_does_not_count_twice(agent: SigningAgent, database: Database) -> None:
    assert agent.say(agent.manifest(NOON_US - seconds(20), NOON_US - seconds(10), b"once")).result == "committed"
    again = agent.manifest(NOON_US - seconds(10), NOON_US, b"once")
    assert agent.say(again).result == "quarantined:footage_repeated"
    assert claimed(database) == [(NOON_US - seconds(20), NOON_US - seconds(10))]


def test_a_link_that_arrives_late_must_fit_the_one_after_it(agent: SigningAgent) -> None:
    first = agent.manifest(NOON_US - seconds(30), NOON_US - seconds(20))
    second = agent.manifest(NOON_US - seconds(20), NOON_US - seconds(10))
    assert agent.say(second).result == "committed"
    other = msgspec.structs.replace(first, frames=99)
    assert agent.say(other).result == "quarantined:chain_broken"
    assert agent.say(first).result == "committed"


def test_the_chain_may_not_fork_or_skip_its_link(agent: SigningAgent, database: Database) -> None:
    first = agent.manifest(NOON_US - seconds(30), NOON_US - seconds(20))
    second = agent.manifest(NOON_US - seconds(20), NOON_US - seconds(10))
    assert agent.say(first).result == "committed"
    forged = msgspec.structs.replace(second, previous="f" * 64)
    assert agent.say(forged).result == "quarantined:chain_broken"
    assert agent.say(second).result == "committed"
    rewritten = msgspec.structs.replace(second, segment_id="9" * 32, end_us=NOON_US - seconds(11))
    assert agent.say(rewritten).result == "quarantined:chain_forked"
    same_id = msgspec.structs.replace(second, end_us=NOON_US - seconds(11))
    assert agent.say(same_id).result == "quarantined:chain_forked"


def test_a_strangers_signature_is_quarantined_and_not_answered(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    agent.signer = Signer(Ed25519PrivateKey.generate())
    outcome = agent.say(manifest)
    assert (outcome.result, outcome.replies) == ("quarantined:bad_signature", [])
    assert claimed(database) == []


@pytest.mark.parametrize(
    ("topic", "data", "reason"),
    [
        ("nightlight/v1/up/sunflower/sunflower-box/heartbeat", b"", "malformed"),
        ("nightlight/v1/up/sunflower/sunflower-box/heartbeat", b"{}", "malformed"),
        ("nightlight/v1/up/sunflower/sunflower-box/heartbeat", b"\xff\xfe", "malformed"),
        ("nightlight/v1/up/sunflower/sunflower-box/heartbeat", b"x" * (ENVELOPE_BYTES_MAX + 1), "oversized"),
        (
            "nightlight/v1/up/sunflower/sunflower-box/heartbeat",
            b'{"payload":"e30=","payloadType":"x","signatures":[{"keyid":"","sig":"AAAA"}]}',
            "bad_signature",
        ),
        ("nightlight/v1/up/sunflower/nobody/heartbeat", b"{}", "malformed"),
        ("nightlight/v1/up/SUNFLOWER/x/heartbeat", b"{}", "bad_topic"),
        ("elsewhere", b"{}", "bad_topic"),
    ],
)
def test_junk_is_quarantined_with_its_reason(
    agent: SigningAgent, database: Database, topic: str, data: bytes, reason: str
) -> None:
    assert agent.inbox.accept(topic, data).result == f"quarantined:{reason}"
    assert agent.inbox.accept(topic, data).result == f"quarantined:{reason}"
    with database.reading() as session:
        (kept,) = session.scalars(select(QuarantinedMessage)).all()
    assert (kept.reason, kept.size_bytes) == (reason, len(data))
    assert len(kept.payload) <= ENVELOPE_BYTES_MAX
    assert agent.say(agent.heartbeat()).result == "committed"


@pytest.mark.parametrize("kind", [Heartbeat, PictureFinding])
def test_what_is_nested_too_deeply_holds_no_worker_up(agent: SigningAgent, kind: type) -> None:
    payload = b'{"message_id":"%s","extra":' % (b"0" * 32) + b"[" * 40_000
    sealed = agent.signer.seal_payload(PAYLOAD_TYPE[kind], payload)
    topic = topics.up("sunflower", "sunflower-box", NAMES[kind])
    assert agent.inbox.accept(topic, sealed).result == "quarantined:malformed"
    assert agent.inbox.give_up(topic, sealed, RecursionError("too deep")).result == "quarantined:internal_error"
    assert agent.say(agent.heartbeat()).result == "committed"


def test_an_unknown_agent_or_site_is_quarantined(agent: SigningAgent) -> None:
    sealed = agent.signer.seal(agent.heartbeat())
    for topic in ("nightlight/v1/up/sunflower/nobody/heartbeat", "nightlight/v1/up/elsewhere/sunflower-box/heartbeat"):
        assert agent.inbox.accept(topic, sealed).result == "quarantined:unknown_agent"


def test_kinds_and_versions_that_are_not_known(agent: SigningAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = agent.heartbeat()
    for payload_type, reason in (
        ("application/vnd.nightlight.heartbeat.v1+json", "unknown_version"),
        ("application/vnd.nightlight.gossip.v1+json", "unknown_kind"),
        ("text/plain", "unknown_kind"),
    ):
        with monkeypatch.context() as patched:
            patched.setitem(__import__("config.wire.envelope", fromlist=["x"]).PAYLOAD_TYPE, type(beat), payload_type)
            sealed = agent.signer.seal(beat)
        outcome = agent.inbox.accept(topics.up("sunflower", "sunflower-box", "heartbeat"), sealed)
        assert outcome.result == f"quarantined:{reason}"


def test_a_kind_on_another_kinds_topic(agent: SigningAgent) -> None:
    topic = topics.up("sunflower", "sunflower-box", "segment-recorded")
    assert agent.say(agent.heartbeat(), topic=topic).result == "quarantined:wrong_topic"
    request = UploadTicketRequest(
        message_id="0" * 32,
        site_id="sunflower",
        agent_id="sunflower-box",
        camera_id="nap-room",
        segment_id="0" * 32,
        start_us=0,
        end_us=1,
        sha256="0" * 64,
        size_bytes=1,
    )
    assert agent.say(request, topic=topic).result == "quarantined:unknown_kind"


def test_an_upload_waits_for_its_manifest_then_for_its_read_back(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    upload = agent.upload_of(manifest, "v1")
    early = agent.say(upload)
    assert (early.result, early.replies) == ("deferred", [])
    agent.say(manifest)
    assert agent.say(upload).result == "committed"
    assert agent.say(upload).result == "duplicate"
    with database.reading() as session:
        assert session.get_one(PendingVerification, manifest.segment_id).version_id == "v1"
        assert spans.coverage_of(session, "nap-room", WINDOW).get(spans.SECURED) is None


@pytest.mark.parametrize(("field", "reason"), [("object_key", "foreign_key"), ("sha256", "foreign_segment")])
def test_an_upload_that_points_elsewhere(agent: SigningAgent, field: str, reason: str) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    agent.say(manifest)
    upload = msgspec.structs.replace(agent.upload_of(manifest, "v1"), **{field: "a" * 64})
    assert agent.say(upload).result == f"quarantined:{reason}"


def test_heartbeats_tell_who_is_alive_and_last_wills_who_is_not(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat(settled_until_us=NOON_US - 5))
    stale = agent.heartbeat()
    clock.advance(10)
    assert agent.say(agent.heartbeat(settled_until_us=NOON_US + 5)).result == "committed"
    assert agent.say(stale).result == "stale"
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").settled_until_us == NOON_US + 5
        assert not session.get_one(AgentStatus, "sunflower-box").gone
    agent.say(agent.last_will())
    with database.reading() as session:
        assert session.get_one(AgentStatus, "sunflower-box").gone


def test_a_late_last_will_of_an_earlier_process_says_nothing(agent: SigningAgent, database: Database) -> None:
    agent.say(agent.heartbeat())
    will = agent.last_will()
    agent.restart()
    agent.say(agent.heartbeat())
    assert agent.say(will).result == "noted"
    with database.reading() as session:
        assert not session.get_one(AgentStatus, "sunflower-box").gone


def test_a_heartbeat_of_an_earlier_process_does_not_replace_a_newer_one(
    agent: SigningAgent, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    clock.advance(1)
    old = agent.heartbeat()
    clock.advance(1)
    agent.restart()
    assert agent.say(agent.heartbeat()).result == "committed"
    assert agent.say(old).result == "stale"


def test_no_one_elses_timeline(agent: SigningAgent, database: Database, clock: SimulatedClock) -> None:
    agent.say(agent.heartbeat())
    other = SigningAgent(
        database,
        clock,
        site_id="little-boat",
        agent_id="boat-box",
        camera_id="boat-door",
        timeline_id=agent.timeline_id,
    ).register()
    assert other.say(other.heartbeat()).result == "quarantined:foreign_timeline"


def test_nothing_of_a_revoked_agent_is_accepted(agent: SigningAgent, database: Database, clock: SimulatedClock) -> None:
    before = agent.state("recording", clock.utc_us())
    assert agent.say(before).result == "committed"
    Revoker(database, clock).revoke(agent.site_id, agent.agent_id, "stolen")
    for message in (agent.state("stalled", clock.utc_us()), agent.heartbeat(), before):
        outcome = agent.say(message)
        assert (outcome.result, outcome.replies) == ("quarantined:agent_revoked", [])
