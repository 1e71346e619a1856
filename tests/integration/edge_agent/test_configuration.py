"""The server's desired state, carried out by a running agent: cameras come, change and go without touching the others.

One agent serves every step, in order; each step begins where the one before it ended.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.ids import fresh_id
from config.wire.desired_state import ConfigurationReport, DesiredCamera, DesiredState
from config.wire.envelope import Signer
from config.wire.health import Heartbeat
from config.wire.sealing import SealedBox, camera_password, seal_to
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.simulator.launch import Simulator
from edge_agent.configuration.store import NEWEST_FILE
from edge_agent.identity import load_sealing_key
from tests.support.brokers import free_port
from tests.support.edge import AGENT, SITE, EdgeBox, StandInServer, standing_in, wait_for

SECRET = "Kleine-Laterne-77"


class Scene:
    """A server, an agent without local cameras, and two cameras that ask for a password."""

    def __init__(self, server: StandInServer, cameras: Simulator) -> None:
        self.server = server
        self.box = server.box
        self.cameras = cameras

    def sealed(self, camera_id: str, host: str = "127.0.0.1") -> SealedBox:
        key = load_sealing_key(self.box.folder / "state").public_key()
        return seal_to(key, SECRET.encode(), camera_password(AGENT, camera_id, host))

    def camera(self, camera_id: str, stream: str, **changes: object) -> DesiredCamera:
        told = {"url": self.cameras.url(stream), "username": "viewer", "password": self.sealed(camera_id)} | changes
        return DesiredCamera(camera_id=camera_id, **told)  # type: ignore[arg-type]

    def send(self, version: int, *cameras: DesiredCamera, signer: Signer | None = None) -> None:
        state = DesiredState(
            message_id=fresh_id(), site_id=SITE, agent_id=AGENT, version=version, cameras=list(cameras)
        )
        self.server.say(state, signer)

    def report(self, version: int, outcome: str = "taken") -> ConfigurationReport:
        def found() -> list[ConfigurationReport]:
            said = self.server.of(ConfigurationReport)
            return [report for report in said if (report.version, report.outcome) == (version, outcome)]

        return wait_for(f"the report on {version}", found)[-1]  # type: ignore[no-any-return]

    def condition(self, camera_id: str, condition: str) -> None:
        def shown() -> bool:
            beat = self.server.of(Heartbeat)[-1]
            return any((camera.camera_id, camera.condition) == (camera_id, condition) for camera in beat.cameras)

        wait_for(f"{camera_id} to be {condition}", shown)

    def beat(self) -> Heartbeat:
        """One that is made from now on: the next to arrive may have been under way."""
        count = len(self.server.of(Heartbeat)) + 1
        return wait_for("a heartbeat", lambda: self.server.of(Heartbeat)[count:])[0]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, server_time: str) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("agent")
    box, broker = EdgeBox(root / "edge"), Broker(root / "broker", free_port(), (AgentIdentity(SITE, AGENT),))
    broker.start()
    try:
        with ExitStack() as running:
            camera = Simulator.start(root / "camera", cameras=2, user="viewer", password=SECRET)
            running.enter_context(camera)
            server = running.enter_context(standing_in(broker, box))
            box.configure({}, mqtt=server.mqtt(), server={"url": server.url})
            box.start()
            yield Scene(server, camera)
            assert box.stop() == 0
            assert "worker_failed" not in box.log()
    finally:
        box.kill()
        broker.stop()


def outcomes(report: ConfigurationReport) -> dict[str, str]:
    return {camera.camera_id: camera.what for camera in report.cameras}


def test_without_a_word_from_the_server_there_is_nothing_to_record(scene: Scene) -> None:
    beat = wait_for("a heartbeat", lambda: scene.server.of(Heartbeat))[0]
    assert (beat.configuration_version, beat.configuration_source, beat.cameras) == (0, "none", [])
    assert scene.report(0).source == "none"


def test_cameras_that_the_server_names_are_recorded(scene: Scene) -> None:
    scene.send(3, scene.camera("cam-1", "cam1"), scene.camera("cam-2", "cam2"))
    report = scene.report(3)
    assert (report.source, outcomes(report)) == ("server", {"cam-1": "added", "cam-2": "added"})
    for camera_id in ("cam-1", "cam-2"):
        scene.condition(camera_id, "recording")
    beat = scene.beat()
    assert (beat.configuration_version, beat.configuration_source) == (3, "server")
    wait_for("a segment", lambda: [m for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"])


def test_a_change_touches_nothing_else_and_a_camera_that_fails_fails_alone(scene: Scene) -> None:
    runs = {m.run_id for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"}
    assert len(runs) == 1
    elsewhere = scene.sealed("cam-3", host="192.0.2.7")
    scene.send(
        4,
        scene.camera("cam-1", "cam1"),
        scene.camera("cam-2", "cam1", privacy_masks=[[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)]]),
        scene.camera("cam-3", "cam2", password=elsewhere),
    )
    report = scene.report(4)
    assert outcomes(report) == {"cam-1": "kept", "cam-2": "changed", "cam-3": "failed"}
    assert "another camera or host" in report.cameras[2].why
    scene.condition("cam-3", "unauthorised")
    scene.condition("cam-2", "recording")
    count = len([m for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"])
    wait_for(
        "two more segments",
        lambda: len([m for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"]) >= count + 2,
    )
    assert {m.run_id for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"} == runs


def test_a_change_that_fails_leaves_the_camera_as_it_was(scene: Scene) -> None:
    wrong = scene.sealed("cam-2", host="192.0.2.7")
    scene.send(5, scene.camera("cam-1", "cam1"), scene.camera("cam-2", "cam2", password=wrong))
    report = scene.report(5)
    assert outcomes(report) == {"cam-1": "kept", "cam-2": "failed"}
    beat = scene.beat()
    assert {camera.camera_id: camera.condition for camera in beat.cameras} == {
        "cam-1": "recording",
        "cam-2": "recording",
    }
    last = [state.condition for state in scene.server.of(CameraState) if state.camera_id == "cam-3"]
    assert last[-1] == "stopped"


def test_a_camera_that_is_no_longer_named_stops(scene: Scene) -> None:
    scene.send(6, scene.camera("cam-1", "cam1"))
    assert outcomes(scene.report(6)) == {"cam-1": "kept", "cam-2": "removed"}
    wait_for("its last word", lambda: [s for s in scene.server.of(CameraState) if s.camera_id == "cam-2"][-1])
    assert [camera.camera_id for camera in scene.beat().cameras] == ["cam-1"]


def test_an_older_version_and_a_strangers_change_nothing(scene: Scene) -> None:
    scene.send(9, signer=Signer(Ed25519PrivateKey.generate()))
    scene.send(2, scene.camera("cam-2", "cam2"))
    scene.send(2, scene.camera("cam-2", "cam2"))
    refused = scene.report(2, "refused")
    assert "older than 6" in refused.why
    beat = scene.beat()
    assert (beat.configuration_version, [camera.camera_id for camera in beat.cameras]) == (6, ["cam-1"])
    told = {r.message_id for r in scene.server.of(ConfigurationReport) if r.outcome == "refused"}
    assert len(told) == 1


def test_the_password_is_nowhere_in_the_clear(scene: Scene) -> None:
    kept = [file for file in scene.box.folder.rglob("*") if file.is_file() and file.suffix != ".mp4"]
    assert {"agent.log", "spool.sqlite3", NEWEST_FILE} <= {file.name for file in kept}
    for file in kept:
        with suppress(FileNotFoundError):
            assert SECRET.encode() not in file.read_bytes()
    assert not [topic for topic, _, data in scene.server.received if SECRET.encode() in data]


def restart_without_a_network(scene: Scene) -> None:
    scene.box.kill()
    scene.server.broker.stop()
    scene.box.start()


def records(scene: Scene) -> None:
    """The agent makes new segments of cam-1, whatever it can reach."""

    def known() -> set[str]:
        rows = scene.box.query("SELECT segment_id FROM segments WHERE camera_id = 'cam-1' AND state != 'open'")
        told = [m for m in scene.server.of(SegmentRecorded) if m.camera_id == "cam-1"]
        return {row["segment_id"] for row in rows} | {message.segment_id for message in told}

    before = known()
    wait_for("a segment of cam-1", lambda: known() - before)


def test_it_goes_on_through_a_restart_without_a_network(scene: Scene) -> None:
    restart_without_a_network(scene)
    try:
        records(scene)
    finally:
        scene.server.broker.start()
    assert scene.beat().configuration_version == 6


def test_a_damaged_file_falls_back_to_the_one_before(scene: Scene) -> None:
    scene.box.kill()
    file: Path = scene.box.folder / "state" / NEWEST_FILE
    file.write_bytes(file.read_bytes()[:-30])
    scene.box.start()
    records(scene)
    wait_for("the older version", lambda: scene.beat().configuration_version == 5)
    assert "desired_state_damaged" in scene.box.log()
    scene.send(6, scene.camera("cam-1", "cam1"))
    wait_for("the newer one again", lambda: scene.beat().configuration_version == 6)


def test_local_cameras_count_no_more_once_the_server_has_named_some(scene: Scene) -> None:
    scene.box.kill()
    settings = scene.box.settings_file
    settings.write_text(settings.read_text() + f'[[cameras]]\nid = "local"\nurl = "{scene.cameras.url("cam2")}"\n')
    scene.box.start()
    records(scene)
    beat = scene.beat()
    assert (beat.configuration_source, [camera.camera_id for camera in beat.cameras]) == ("server", ["cam-1"])
    assert "local_cameras_ignored" in scene.box.log()
