"""Nothing that the agent has to say is lost: not while the broker is away, not when answers are, not to a forger."""

import secrets
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.ids import fresh_id
from config.wire.envelope import Signer
from config.wire.segments import SegmentRecorded, SegmentUploaded
from config.wire.status import CameraState, Heartbeat, Presence
from tests.support.cameras import StartCameras
from tests.support.edge import SITE, EdgeBox, StandInServer, wait_for


def settings(box: EdgeBox, server: StandInServer, cameras: dict[str, str]) -> None:
    box.configure(cameras, mqtt=server.mqtt(), server={"url": server.url})


def drained(box: EdgeBox) -> bool:
    return bool(box.query("SELECT COUNT(*) AS n FROM outbox HAVING n = 0"))


def test_a_minute_goes_from_camera_to_receipt_and_the_disk_is_free_again(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    uploaded = wait_for("an upload", lambda: stand_in.of(SegmentUploaded))[0]
    wait_for("the file to go", lambda: not list(edge_box.spool.glob(f"*/{uploaded.segment_id}*")))
    assert edge_box.stop() == 0
    recorded = {m.segment_id: m for m in stand_in.of(SegmentRecorded)}[uploaded.segment_id]
    assert recorded.sha256 == uploaded.sha256
    assert len(stand_in.objects[uploaded.object_key]) == recorded.size_bytes
    beat = stand_in.of(Heartbeat)[-1]
    assert beat.clock is not None
    assert beat.clock.bound_us < 1_000_000
    assert [state.condition for state in stand_in.of(CameraState)][:2] == ["starting", "recording"]
    assert [said.state for said in stand_in.of(Presence)] == ["online", "offline"]
    assert any(m.cameras[0].condition == "recording" and m.cameras[0].bits_per_second for m in stand_in.of(Heartbeat))


def test_the_broker_goes_away_and_comes_back_and_every_message_arrives_in_order(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    wait_for("the first state", lambda: stand_in.of(CameraState))
    stand_in.broker.stop()
    wait_for("messages to pile up", lambda: len(edge_box.outbox("segment-recorded")) >= 1)
    waiting = [m.segment_id for m in edge_box.outbox("segment-recorded")]  # type: ignore[attr-defined]
    stand_in.broker.start()
    wait_for("the backlog", lambda: set(waiting) <= {m.segment_id for m in stand_in.of(SegmentRecorded)})
    wait_for("the files to go", lambda: not [s for s in waiting if list(edge_box.spool.glob(f"*/{s}*"))])
    edge_box.stop()
    sequences = [m.sequence for m in stand_in.of(SegmentRecorded)]
    first_seen = [s for i, s in enumerate(sequences) if s not in sequences[:i]]
    assert first_seen == list(range(len(first_seen)))
    assert "worker_failed" not in edge_box.log()


def test_without_answers_the_same_bytes_are_sent_again_and_nothing_is_dropped(
    edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.acknowledges = False
    settings(edge_box, stand_in, {"cam-1": "rtsp://127.0.0.1:1/x"})
    edge_box.start()

    def copies() -> list[bytes]:
        return [data for _, said, data in list(stand_in.received) if isinstance(said, CameraState)]

    wait_for("repeats", lambda: len(copies()) > 2 * len(set(copies())))
    assert not drained(edge_box)
    stand_in.acknowledges = True
    wait_for("an empty outbox", lambda: drained(edge_box))
    assert edge_box.stop() == 0


def test_what_the_server_quarantines_is_kept_apart_and_counted(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    stand_in.outcome = "quarantined"
    settings(edge_box, stand_in, {"cam-1": "rtsp://127.0.0.1:1/x"})
    edge_box.start()
    wait_for("dead letters", lambda: edge_box.query("SELECT * FROM dead_letters WHERE reason = 'tested'"))
    wait_for("the count", lambda: any(beat.spool.refused_messages for beat in stand_in.of(Heartbeat)))
    assert edge_box.stop() == 0


def test_forged_and_mismatched_answers_change_nothing(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.receipts = False
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    uploaded = wait_for("an upload", lambda: stand_in.of(SegmentUploaded))[0]
    row = wait_for("its row", lambda: edge_box.segments("uploaded"))[0]
    stand_in.receipts = False
    good = stand_in.receipt(uploaded)
    sealed = stand_in.box.server.seal(good)
    middle = len(sealed) // 2
    for data in (
        Signer(Ed25519PrivateKey.generate()).seal(good),  # another key
        sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :],
        stand_in.box.server.seal(stand_in.receipt(uploaded, agent_id="agent-2")),
        stand_in.box.server.seal(stand_in.receipt(uploaded, site_id="site-2")),
        stand_in.box.server.seal(stand_in.of(Heartbeat)[0]),  # a kind that is not for agents
        b"{}",
        secrets.token_bytes(500),
        stand_in.box.server.seal(stand_in.receipt(uploaded, sha256="0" * 64)),
        stand_in.box.server.seal(stand_in.receipt(uploaded, version_id="another")),
        stand_in.box.server.seal(stand_in.receipt(uploaded, object_key="another")),
        stand_in.box.server.seal(stand_in.receipt(uploaded, segment_id=fresh_id())),
        stand_in.box.server.seal(stand_in.acknowledgement(fresh_id())),
    ):
        stand_in.say_bytes(data)
    wait_for("the rejections", lambda: edge_box.log().count("answer_rejected") >= 7)
    wait_for("the mismatches", lambda: edge_box.log().count("receipt_mismatch") >= 3)
    assert edge_box.file(row).exists()
    stand_in.say(good)
    wait_for("the file to go", lambda: not edge_box.file(row).exists())
    assert edge_box.stop() == 0


def test_a_refused_upload_is_put_again_with_a_new_version(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.receipts = False
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    first = wait_for("an upload", lambda: stand_in.of(SegmentUploaded))[0]
    wait_for("its row", lambda: edge_box.segments("uploaded"))
    stand_in.say(stand_in.refusal(first))

    def again() -> list[SegmentUploaded]:
        same = [m for m in stand_in.of(SegmentUploaded) if m.segment_id == first.segment_id]
        return [m for m in same if m.version_id != first.version_id]

    second = wait_for("another version", again)[0]
    stand_in.say(stand_in.receipt(first))  # of the version that was refused: frees nothing
    stand_in.say(stand_in.receipt(second))
    wait_for("the file to go", lambda: not list(edge_box.spool.glob(f"*/{first.segment_id}*")))
    assert edge_box.log().count("receipt_mismatch") == 1
    assert edge_box.stop() == 0


def test_a_store_that_is_down_holds_up_uploads_and_nothing_else(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.store_is_up = False
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    wait_for("manifests", lambda: stand_in.of(SegmentRecorded))
    wait_for("a failed upload", lambda: "upload_waits" in edge_box.log())
    assert not stand_in.of(SegmentUploaded)
    assert edge_box.segments("waiting")
    stand_in.store_is_up = True
    wait_for("the upload", lambda: stand_in.of(SegmentUploaded))
    assert edge_box.stop() == 0


def test_the_last_will_speaks_for_a_killed_agent(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    settings(edge_box, stand_in, {})
    edge_box.start()
    wait_for("presence", lambda: stand_in.of(Presence))
    edge_box.kill()
    wait_for("the will", lambda: [p for p in stand_in.of(Presence) if p.state == "offline"])
    assert stand_in.of(Presence)[-1].site_id == SITE


def test_a_wrong_broker_password_is_told_and_tried_again(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    wrong = edge_box.folder / "wrong"
    wrong.write_text("not it")
    edge_box.configure({}, mqtt={**stand_in.mqtt(), "password_file": str(wrong)}, server={"url": stand_in.url})
    edge_box.start()
    wait_for("two refusals", lambda: edge_box.log().count("broker_refused") >= 2)
    assert "mqtt.password_file" in edge_box.log()
    assert edge_box.stop() == 0


def test_heartbeats_never_promise_more_than_was_acknowledged(
    camera_server: StartCameras, edge_box: EdgeBox, stand_in: StandInServer
) -> None:
    stand_in.acknowledges = False
    cameras = camera_server(cameras=1)
    settings(edge_box, stand_in, {"cam-1": cameras.url("cam1")})
    edge_box.start()
    recorded = wait_for("a manifest", lambda: stand_in.of(SegmentRecorded))[0]
    states = stand_in.of(CameraState)
    time.sleep(2)
    held = min(state.at_us for state in states)
    assert all(beat.cameras[0].settled_until_us <= held for beat in stand_in.of(Heartbeat)[1:])
    stand_in.acknowledges = True

    def settled(check: Callable[[int], bool]) -> bool:
        return any(check(beat.cameras[0].settled_until_us) for beat in stand_in.of(Heartbeat))

    wait_for("progress", lambda: settled(lambda at: at >= recorded.end_us))
    assert edge_box.stop() == 0


@pytest.fixture(autouse=True)
def _log_stays_readable(edge_box: EdgeBox) -> None:
    """The log exists from the start, so that a test may read it at any time."""
    (edge_box.folder / "agent.log").touch()
