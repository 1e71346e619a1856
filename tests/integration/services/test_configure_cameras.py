"""The inventory becomes an agent's desired state: versioned, sent when it is due, never with a clear password in it."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import fresh_id
from config.wire.desired_state import CameraOutcome, ConfigurationReport, DesiredCamera
from config.wire.envelope import ENVELOPE_BYTES_MAX
from config.wire.sealing import camera_password, open_sealed, seal_to, sealing_public_pem
from server.services.cameras.configuration_versions import VERSION_MAX
from server.services.cameras.configure_cameras import CameraConfigurer
from server.services.cameras.send_configuration import ConfigurationOutlet
from server.services.registers.register import Register
from storage.database.models import AgentConfiguration
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

KEY = X25519PrivateKey.generate()
HOST = "192.0.2.10"
SITE, CAMERA, AGENT = "sunflower", "nap-room", "sunflower-box"
SETTINGS = DesiredCamera(
    camera_id=CAMERA,
    url=f"rtsp://{HOST}/main",
    username="viewer",
    password=seal_to(KEY.public_key(), b"secret", camera_password(AGENT, CAMERA, HOST)),
)


@pytest.fixture
def configurer(agent: SigningAgent, database: Database, clock: SimulatedClock) -> CameraConfigurer:
    return CameraConfigurer(database, clock)


@pytest.fixture
def outlet(database: Database, clock: SimulatedClock) -> ConfigurationOutlet:
    return ConfigurationOutlet(database, clock)


def put(configurer: CameraConfigurer, settings: DesiredCamera, **changes: object) -> int:
    made = msgspec.structs.replace(settings, **changes)
    return configurer.change(SITE, made.camera_id, lambda _: made).version


def kept(database: Database) -> AgentConfiguration:
    with database.reading() as session:
        return session.get_one(AgentConfiguration, AGENT)


def test_each_change_is_a_new_version_and_the_same_again_is_none(configurer: CameraConfigurer) -> None:
    assert put(configurer, SETTINGS) == 1
    assert put(configurer, SETTINGS) == 1
    assert put(configurer, SETTINGS, transport="udp") == 2
    assert configurer.settings(SITE, CAMERA) == msgspec.structs.replace(SETTINGS, transport="udp")


def test_a_change_is_due_at_once_and_sent_once(
    configurer: CameraConfigurer, outlet: ConfigurationOutlet, agent: SigningAgent
) -> None:
    assert outlet.due() == []
    put(configurer, SETTINGS)
    (state,) = outlet.due()
    assert (state.site_id, state.agent_id, state.version, state.cameras) == (SITE, AGENT, 1, [SETTINGS])
    assert state.cameras[0].password is not None
    assert open_sealed(KEY, state.cameras[0].password, camera_password(AGENT, CAMERA, HOST)) == b"secret"
    assert outlet.due() == []


def test_a_heartbeat_with_an_older_version_makes_it_due_again(
    configurer: CameraConfigurer, outlet: ConfigurationOutlet, agent: SigningAgent, clock: SimulatedClock
) -> None:
    put(configurer, SETTINGS)
    assert len(outlet.due()) == 1
    clock.advance(1)
    agent.say(agent.heartbeat())
    assert outlet.due() == []
    clock.advance(10)
    assert [state.version for state in outlet.due()] == [1]
    clock.advance(30)
    agent.say(agent.heartbeat(configuration_version=1))
    clock.advance(60)
    assert outlet.due() == []


def report(agent: SigningAgent, clock: SimulatedClock, **changes: object) -> ConfigurationReport:
    made = ConfigurationReport(
        message_id=fresh_id(),
        site_id=SITE,
        agent_id=AGENT,
        timeline_id=agent.timeline_id,
        at_us=clock.utc_us(),
        source="server",
        version=1,
        outcome="taken",
        cameras=[CameraOutcome(camera_id=CAMERA, what="failed", why="its password was sealed to another key")],
    )
    return msgspec.structs.replace(made, **changes)


def test_a_report_is_kept_as_received_and_acknowledged(
    configurer: CameraConfigurer,
    outlet: ConfigurationOutlet,
    agent: SigningAgent,
    database: Database,
    clock: SimulatedClock,
) -> None:
    assert agent.say(report(agent, clock, version=0, source="file")).result == "noted"
    put(configurer, SETTINGS)
    outlet.due()
    said = report(agent, clock)
    outcome = agent.say(said)
    assert outcome.result == "committed"
    assert len(outcome.replies) == 1
    assert agent.say(said).result == "duplicate"
    row = kept(database)
    assert (row.reported_version, row.report, row.due_us) == (1, agent.signer.seal(said), None)
    refused = report(agent, clock, version=0, outcome="refused")
    assert agent.say(refused).result == "committed"
    assert kept(database).reported_version == 1


def test_after_a_restore_the_version_is_lifted_above_what_the_agent_works_by(
    configurer: CameraConfigurer,
    outlet: ConfigurationOutlet,
    agent: SigningAgent,
    database: Database,
    clock: SimulatedClock,
) -> None:
    agent.say(agent.heartbeat(configuration_version=7))  # named cameras once, and the server knows nothing of it
    assert outlet.due() == []
    put(configurer, SETTINGS)
    outlet.due()
    clock.advance(1)
    agent.say(agent.heartbeat(configuration_version=7))
    assert [state.version for state in outlet.due()] == [8]
    clock.advance(1)
    agent.say(agent.heartbeat(configuration_version=VERSION_MAX))
    assert kept(database).version == 8


def test_a_retired_camera_is_no_longer_named(
    configurer: CameraConfigurer, outlet: ConfigurationOutlet, database: Database, clock: SimulatedClock
) -> None:
    register = Register(database, clock)
    register.add_camera(SITE, "garden", "nap", AGENT, "花园")
    assert configurer.change(SITE, CAMERA, lambda _: SETTINGS).not_set_up == ["garden"]
    put(configurer, DesiredCamera(camera_id="garden", url="rtsp://192.0.2.11/x"))
    assert [camera.camera_id for camera in outlet.due()[0].cameras] == ["garden", CAMERA]
    register.retire_camera(SITE, CAMERA)
    (state,) = outlet.due()
    assert (state.version, [camera.camera_id for camera in state.cameras]) == (3, ["garden"])
    with pytest.raises(NotFound):
        put(configurer, SETTINGS)
    with pytest.raises(NotFound):
        configurer.place(SITE, "nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "rtsp://viewer:secret@192.0.2.10/main"},
        {"url": "file:/etc/passwd"},
        {"url": "rtsp://"},
        {"sub_url": "rtsp://192.0.2.99/sub"},
        {"record": "sub"},
        {"username": ""},
        {"camera_id": "garden"},
        {"transport": "pigeon"},
        {"privacy_masks": [[(0.0, 0.0), (2.0, 0.0), (1.0, 1.0)]]},
    ],
)
def test_what_no_agent_could_carry_out_is_refused(configurer: CameraConfigurer, changes: dict[str, object]) -> None:
    wrong = msgspec.structs.replace(SETTINGS, **changes)
    with pytest.raises(InvalidInput):
        configurer.change(SITE, CAMERA, lambda _: wrong)
    assert configurer.settings(SITE, CAMERA) is None


def test_a_password_does_not_follow_its_camera_to_another_host(configurer: CameraConfigurer) -> None:
    put(configurer, SETTINGS)
    with pytest.raises(Conflict):
        put(configurer, SETTINGS, url="rtsp://198.51.100.1/main")
    fresh = seal_to(KEY.public_key(), b"secret", camera_password(AGENT, CAMERA, "198.51.100.1"))
    assert put(configurer, SETTINGS, url="rtsp://198.51.100.1/main", password=fresh) == 2


def test_the_key_to_seal_to_is_the_agents(configurer: CameraConfigurer, agent: SigningAgent) -> None:
    assert configurer.place(SITE, CAMERA) == (AGENT, None)
    both = agent.signer.public_pem + sealing_public_pem(KEY.public_key()).encode()
    Register(configurer.database, configurer.clock).add_agent(SITE, AGENT, both)
    assert configurer.place(SITE, CAMERA) == (AGENT, KEY.public_key())


def test_an_agent_with_64_cameras_fits_into_a_message_and_more_is_refused(
    configurer: CameraConfigurer, outlet: ConfigurationOutlet, agent: SigningAgent
) -> None:
    register = Register(configurer.database, configurer.clock)
    square = [(0.125, 0.125), (0.375, 0.125), (0.375, 0.375), (0.125, 0.375)]
    for number in range(65):
        name = f"classroom-{number:02d}-ceiling"
        register.add_camera(SITE, name, "nap", AGENT, name)
        made = DesiredCamera(
            camera_id=name,
            url=f"rtsp://192.0.2.{number}:554/Streaming/Channels/101?transportmode=unicast",
            sub_url=f"rtsp://192.0.2.{number}:554/Streaming/Channels/102?transportmode=unicast",
            username="nightlight",
            password=seal_to(
                KEY.public_key(), b"a password of 24 letters", camera_password(AGENT, name, f"192.0.2.{number}")
            ),
            privacy_masks=[square],
            onvif_url=f"http://192.0.2.{number}/onvif/device_service",
            replay=True,
        )
        if number == 64:
            with pytest.raises(InvalidInput):
                put(configurer, made)
        else:
            put(configurer, made)
    (state,) = outlet.due()
    assert len(state.cameras) == 64
    assert len(agent.signer.seal(state)) <= ENVELOPE_BYTES_MAX


def test_masks_that_fill_the_message_are_refused(configurer: CameraConfigurer) -> None:
    register = Register(configurer.database, configurer.clock)
    large = DesiredCamera(
        camera_id=CAMERA, url="rtsp://192.0.2.1/x", privacy_masks=[[(0.123456789, 0.123456789)] * 32] * 16
    )
    for number in range(4):
        register.add_camera(SITE, f"camera-{number}", "nap", AGENT, "x")
        if number < 3:
            put(configurer, large, camera_id=f"camera-{number}")
    with pytest.raises(InvalidInput) as refused:
        put(configurer, large, camera_id="camera-3")
    assert refused.value.code == "configuration_too_large"


def test_a_camera_that_is_forgotten_is_no_longer_named(
    configurer: CameraConfigurer, outlet: ConfigurationOutlet
) -> None:
    assert not configurer.forget(SITE, CAMERA)
    put(configurer, SETTINGS)
    assert not configurer.forget("boat", CAMERA)
    assert configurer.forget(SITE, CAMERA)
    (state,) = outlet.due()
    assert (state.version, state.cameras) == (2, [])
    assert configurer.settings(SITE, CAMERA) is None
