"""Nothing that the agent has to say is lost: not while the broker is away, not when answers are, not to a forger.

Most tests share one running agent; each puts the server back to answering everything when it is done.
"""

import secrets
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from config.base.ids import fresh_id
from config.wire.envelope import Signer
from config.wire.health import Heartbeat
from config.wire.segments import SegmentRecorded, SegmentUploaded
from config.wire.status import CameraState, Presence
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.simulator.launch import Simulator
from tests.support.brokers import StartBroker, free_port, tls_of
from tests.support.edge import AGENT, SITE, EdgeBox, StandInServer, standing_in, wait_for


@pytest.fixture(scope="module")
def recording_agent(tmp_path_factory: pytest.TempPathFactory, server_time: str) -> Iterator[StandInServer]:
    """A server, and an agent that records one camera for it."""
    root = tmp_path_factory.mktemp("agent")
    box, broker = EdgeBox(root / "edge"), Broker(root / "broker", free_port(), (AgentIdentity(SITE, AGENT),))
    broker.start()
    try:
        with Simulator.start(root / "camera") as camera, standing_in(broker, box) as server:
            settings(box, server, {"cam-1": camera.url("cam1")})
            box.start()
            yield server
            assert box.stop() == 0
            assert "worker_failed" not in box.log()
    finally:
        box.kill()
        broker.stop()


@pytest.fixture
def server(recording_agent: StandInServer) -> Iterator[StandInServer]:
    yield recording_agent
    recording_agent.acknowledges = recording_agent.receipts = recording_agent.store_is_up = True


def settings(box: EdgeBox, server: StandInServer, cameras: dict[str, str]) -> None:
    box.configure(cameras, mqtt=server.mqtt(), server={"url": server.url})


def unreceipted(server: StandInServer) -> SegmentUploaded:
    """An upload that the server has said nothing of but that it came; it says no more from now on."""
    server.receipts = False

    def found() -> list[SegmentUploaded]:
        open_ones = {row["segment_id"] for row in server.box.segments("uploaded")}
        return [m for m in server.of(SegmentUploaded) if m.segment_id in open_ones][-1:]

    before = {m.segment_id for m in server.of(SegmentUploaded)}
    return wait_for("an upload", lambda: [m for m in found() if m.segment_id not in before])[0]  # type: ignore[no-any-return]


def test_a_minute_goes_from_camera_to_receipt_and_the_disk_is_free_again(server: StandInServer) -> None:
    uploaded = wait_for("an upload", lambda: server.of(SegmentUploaded))[0]
    wait_for("the file to go", lambda: not list(server.box.spool.glob(f"*/{uploaded.segment_id}*")))
    recorded = {m.segment_id: m for m in server.of(SegmentRecorded)}[uploaded.segment_id]
    assert recorded.sha256 == uploaded.sha256
    assert len(server.objects[uploaded.object_key]) == recorded.size_bytes
    beat = server.of(Heartbeat)[-1]
    assert beat.clock is not None
    assert beat.clock.bound_us < 1_000_000
    # A message may come twice; the second time says nothing new.
    said = {state.message_id: state.condition for state in server.of(CameraState)}
    assert list(said.values())[:2] == ["starting", "recording"]
    kinds = dict(server.expiries_s)
    assert (kinds["heartbeat"] or 0) > 20
    assert kinds["segment-recorded"] is None
    assert f" as {AGENT} (" in server.broker.log.read_text()
    wait_for("a rate", lambda: any(beat.cameras[0].kilobits_per_second for beat in server.of(Heartbeat)))


def test_the_broker_goes_away_and_comes_back_and_every_message_arrives(server: StandInServer) -> None:
    wait_for("the first state", lambda: server.of(CameraState))
    server.broker.stop()
    wait_for("messages to pile up", lambda: len(server.box.outbox("segment-recorded")) >= 1)
    waiting = [m.segment_id for m in server.box.outbox("segment-recorded")]  # type: ignore[attr-defined]
    server.broker.start()
    wait_for("the backlog", lambda: set(waiting) <= {m.segment_id for m in server.of(SegmentRecorded)})
    wait_for("the files to go", lambda: not [s for s in waiting if list(server.box.spool.glob(f"*/{s}*"))])
    sequences = [m.sequence for m in server.of(SegmentRecorded)]
    # Not in order always: a broker that has just begun takes a message while nobody has subscribed, and it comes again
    # after the next. What the server makes of that is tested with the server (test_out_of_order).
    assert set(sequences) == set(range(max(sequences) + 1))


def test_without_answers_the_same_bytes_are_sent_again_and_no_promise_goes_beyond_them(server: StandInServer) -> None:
    server.acknowledges = False
    answered = {m.message_id for m in server.of(SegmentRecorded)}

    def unanswered() -> list[SegmentRecorded]:
        return [m for m in server.of(SegmentRecorded) if m.message_id not in answered]

    message = wait_for("a manifest", unanswered)[0]

    def copies() -> list[bytes]:
        return [
            data for _, said, data in list(server.received) if getattr(said, "message_id", "") == message.message_id
        ]

    def beats() -> list[Heartbeat]:
        return [b for b in server.of(Heartbeat) if b.sent_us > message.end_us + 500_000]

    wait_for("a repeat", lambda: len(copies()) >= 2 and len(beats()) >= 2)
    assert len(set(copies())) == 1
    assert all(beat.settled_until_us(beat.cameras[0]) <= message.start_us for beat in beats())
    assert message.message_id in {m.message_id for m in server.box.outbox("segment-recorded")}  # type: ignore[attr-defined]
    server.acknowledges = True
    wait_for("progress", lambda: any(beat.settled_until_us(beat.cameras[0]) >= message.end_us for beat in beats()))


def test_forged_and_mismatched_answers_change_nothing(server: StandInServer) -> None:
    uploaded, box = unreceipted(server), server.box
    row = next(row for row in box.segments("uploaded") if row["segment_id"] == uploaded.segment_id)
    rejected, mismatched = box.log().count("answer_rejected"), box.log().count("receipt_mismatch")
    good = server.receipt(uploaded)
    sealed = box.server.seal(good)
    middle = len(sealed) // 2
    for data in (
        Signer(Ed25519PrivateKey.generate()).seal(good),  # another key
        sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :],
        box.server.seal(server.receipt(uploaded, agent_id="agent-2")),
        box.server.seal(server.receipt(uploaded, site_id="site-2")),
        box.server.seal(server.of(Heartbeat)[0]),  # a kind that is not for agents
        b"{}",
        secrets.token_bytes(500),
        box.server.seal(server.receipt(uploaded, sha256="0" * 64)),
        box.server.seal(server.receipt(uploaded, version_id="another")),
        box.server.seal(server.receipt(uploaded, object_key="another")),
        box.server.seal(server.receipt(uploaded, segment_id=fresh_id())),
        box.server.seal(server.acknowledgement(fresh_id())),
    ):
        server.say_bytes(data)
    wait_for("the rejections", lambda: box.log().count("answer_rejected") >= rejected + 7)
    wait_for("the mismatches", lambda: box.log().count("receipt_mismatch") >= mismatched + 3)
    assert box.file(row).exists()
    server.say(good)
    wait_for("the file to go", lambda: not box.file(row).exists())


def test_a_refused_upload_is_put_again_with_a_new_version(server: StandInServer) -> None:
    first, mismatched = unreceipted(server), server.box.log().count("receipt_mismatch")
    server.say(server.refusal(first))

    def again() -> list[SegmentUploaded]:
        same = [m for m in server.of(SegmentUploaded) if m.segment_id == first.segment_id]
        return [m for m in same if m.version_id != first.version_id]

    second = wait_for("another version", again)[0]
    server.say(server.receipt(first))  # of the version that was refused: frees nothing
    server.say(server.receipt(second))
    wait_for("the file to go", lambda: not list(server.box.spool.glob(f"*/{first.segment_id}*")))
    assert server.box.log().count("receipt_mismatch") == mismatched + 1


def test_a_store_that_is_down_holds_up_uploads_and_nothing_else_and_a_damaged_file_holds_up_nothing(
    server: StandInServer,
) -> None:
    server.store_is_up, box = False, server.box
    failed, known = box.log().count("upload_waits"), len(server.of(SegmentRecorded))
    wait_for("a failed upload", lambda: box.log().count("upload_waits") > failed)
    first = box.segments("waiting")[0]
    data = bytearray(box.file(first).read_bytes())
    data[len(data) // 2] ^= 1
    box.file(first).write_bytes(bytes(data))
    wait_for("manifests", lambda: len(server.of(SegmentRecorded)) > known)
    waiting = {row["segment_id"] for row in wait_for("another", lambda: box.segments("waiting")[1:])}
    assert (waiting | {first["segment_id"]}).isdisjoint({m.segment_id for m in server.of(SegmentUploaded)})
    server.store_is_up = True
    wait_for("the uploads", lambda: waiting <= {m.segment_id for m in server.of(SegmentUploaded)})
    wait_for("the verdict", lambda: box.segments("damaged"))
    assert [row["segment_id"] for row in box.segments("damaged")] == [first["segment_id"]]
    assert first["segment_id"] not in {m.segment_id for m in server.of(SegmentUploaded)}


def test_what_the_server_quarantines_is_kept_apart_and_counted(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    stand_in.outcome = "quarantined"
    settings(edge_box, stand_in, {"cam-1": "rtsp://127.0.0.1:1/x"})
    edge_box.start()
    wait_for("dead letters", lambda: edge_box.query("SELECT * FROM dead_letters WHERE reason = 'tested'"))
    wait_for("the count", lambda: any(beat.spool.refused_messages for beat in stand_in.of(Heartbeat)))
    assert edge_box.stop() == 0


def test_an_agent_that_stops_says_so_and_the_last_will_speaks_for_a_killed_one(
    edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    def said() -> list[str]:
        return [presence.state for presence in stand_in.of(Presence)]

    settings(edge_box, stand_in, {})
    edge_box.start()
    wait_for("presence", lambda: said() == ["online"])
    assert edge_box.stop() == 0
    wait_for("goodbye", lambda: said() == ["online", "offline"])
    edge_box.start()
    wait_for("presence", lambda: said()[2:] == ["online"])
    edge_box.kill()
    wait_for("the will", lambda: said()[3:] == ["offline"])
    assert stand_in.of(Presence)[-1].site_id == SITE


def test_a_certificate_of_another_authority_is_told_and_tried_again(
    edge_box: EdgeBox, stand_in: StandInServer, start_broker: StartBroker
) -> None:
    edge_box.equip(start_broker(AgentIdentity(SITE, AGENT)))
    settings(edge_box, stand_in, {})
    edge_box.start()
    wait_for("two refusals", lambda: edge_box.log().count("broker_untrusted") >= 2)
    assert "is not the broker of the server" in edge_box.log()
    assert edge_box.stop() == 0


def test_a_box_without_a_certificate_says_how_to_get_one_and_goes_on(edge_box: EdgeBox) -> None:
    edge_box.configure({"cam-1": "rtsp://127.0.0.1:1/x"})
    edge_box.start()
    wait_for("the advice", lambda: "nightlight-agent enrol" in edge_box.log())
    wait_for("a camera's state", lambda: edge_box.outbox("camera-state"))
    assert edge_box.stop() == 0


def test_an_agent_that_the_broker_does_not_know_yet_comes_again(edge_box: EdgeBox, start_broker: StartBroker) -> None:
    broker = start_broker(AgentIdentity("elsewhere", AGENT))
    edge_box.equip(broker)
    edge_box.configure({}, mqtt={"port": broker.port})
    edge_box.start()
    wait_for("two refusals", lambda: edge_box.log().count("subscription_refused") >= 2)
    assert "ask for a code" in edge_box.log()
    assert edge_box.stop() == 0


def test_two_boxes_with_one_identity_are_told_of(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    settings(edge_box, stand_in, {})
    edge_box.start()
    wait_for("the first", lambda: stand_in.of(Heartbeat))
    copy = Client(CallbackAPIVersion.VERSION2, client_id=AGENT, protocol=MQTTProtocolVersion.MQTTv5)
    copy.tls_set_context(tls_of(stand_in.broker, AGENT))
    copy.connect("127.0.0.1", stand_in.broker.port)
    copy.loop_start()
    wait_for("the word", lambda: "identity_in_two_places" in edge_box.log())
    copy.disconnect()
    copy.loop_stop()
    assert edge_box.stop() == 0
