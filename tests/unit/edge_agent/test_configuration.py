"""Which cameras an agent records: what is kept, what is refused, what a camera that cannot be set up costs the others."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.errors import InvalidInput, Unavailable
from config.base.ids import fresh_id
from config.wire.desired_state import DesiredCamera, DesiredState, check_camera, host_of
from config.wire.envelope import Signer
from config.wire.sealing import camera_password, seal_to
from edge_agent.cli.frame import main
from edge_agent.configuration.cameras import Unusable, to_record
from edge_agent.configuration.store import BEFORE_FILE, NEWEST_FILE, DesiredStore

SERVER, STRANGER = Signer(Ed25519PrivateKey.generate()), Signer(Ed25519PrivateKey.generate())
KEY = X25519PrivateKey.generate()
IDENTITY = ("site-1", "agent-1")


def desired(version: int, *cameras: DesiredCamera, agent_id: str = "agent-1") -> DesiredState:
    return DesiredState(
        message_id=fresh_id(), site_id="site-1", agent_id=agent_id, version=version, cameras=list(cameras)
    )


def camera(**changes: object) -> DesiredCamera:
    sealed = seal_to(KEY.public_key(), "p@ss wörd".encode(), camera_password("agent-1", "cam-1", "192.0.2.10"))
    made = DesiredCamera(camera_id="cam-1", url="rtsp://192.0.2.10:8554/main", username="viewer", password=sealed)
    return msgspec.structs.replace(made, **changes)


@pytest.fixture
def store(tmp_path: Path) -> DesiredStore:
    return DesiredStore(tmp_path, SERVER._key.public_key(), IDENTITY)


def test_the_newest_is_read_back_and_the_one_before_kept(store: DesiredStore) -> None:
    assert store.load() is None
    for version in (1, 2, 3):
        store.save(SERVER.seal(desired(version)))
    loaded = store.load()
    assert loaded is not None
    assert loaded.version == 3
    assert {file.name for file in store.state_dir.iterdir()} == {NEWEST_FILE, BEFORE_FILE}
    assert (store.state_dir / NEWEST_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        SERVER.seal(desired(9))[:-40],
        STRANGER.seal(desired(9)),
        SERVER.seal(desired(9, agent_id="agent-2")),
        b"x" * 70_000,
    ],
    ids=["empty", "no envelope", "torn", "of a stranger", "another agent's", "endless"],
)
def test_a_damaged_newest_falls_back_to_the_one_before_and_never_pushes_it_out(
    store: DesiredStore, damage: bytes
) -> None:
    for version in (1, 2):
        store.save(SERVER.seal(desired(version)))
    (store.state_dir / NEWEST_FILE).write_bytes(damage)
    loaded = store.load()
    assert loaded is not None
    assert loaded.version == 1
    store.save(SERVER.seal(desired(3)))
    (store.state_dir / NEWEST_FILE).write_bytes(damage)
    again = store.load()
    assert again is not None
    assert again.version == 1


def test_a_power_cut_between_the_two_renames_leaves_the_one_before(store: DesiredStore) -> None:
    store.save(SERVER.seal(desired(1)))
    (store.state_dir / NEWEST_FILE).replace(store.state_dir / BEFORE_FILE)
    loaded = store.load()
    assert loaded is not None
    assert loaded.version == 1


def test_what_cannot_be_written_is_said(store: DesiredStore, tmp_path: Path) -> None:
    gone = DesiredStore(tmp_path / "nowhere", SERVER._key.public_key(), IDENTITY)
    with pytest.raises(Unavailable):
        gone.save(SERVER.seal(desired(1)))
    (tmp_path / NEWEST_FILE).mkdir()
    assert store.load() is None


def test_a_camera_is_recorded_with_its_password_in_the_clear() -> None:
    made = to_record(camera(sub_url="rtsp://192.0.2.10/sub", diagnose="sub"), "agent-1", KEY)
    assert not isinstance(made, Unusable)
    assert made.password == "p@ss wörd"
    assert made.settings.username == "viewer"
    assert made.settings.stream_for(made.settings.live) == "sub"
    open_to_all = to_record(DesiredCamera(camera_id="cam-2", url="rtsp://192.0.2.11/x"), "agent-1", KEY)
    assert not isinstance(open_to_all, Unusable)
    assert open_to_all.password == ""


@pytest.mark.parametrize(
    ("changes", "agent_id", "condition", "words"),
    [
        ({"url": "rtsp://198.51.100.9/main"}, "agent-1", "unauthorised", "another camera or host"),
        ({"camera_id": "cam-2"}, "agent-1", "unauthorised", "another camera or host"),
        ({}, "agent-2", "unauthorised", "another camera or host"),
        ({"sub_url": "rtsp://198.51.100.9/sub"}, "agent-1", "unreachable", "another host"),
        ({"onvif_url": "http://198.51.100.9/"}, "agent-1", "unreachable", "another host"),
        ({"live": "sub"}, "agent-1", "unreachable", "sub stream"),
        ({"username": ""}, "agent-1", "unreachable", "no user"),
        ({"url": "rtsp://"}, "agent-1", "unreachable", "without a host"),
        ({"url": "http://192.0.2.10/"}, "agent-1", "unreachable", "url"),
    ],
)
def test_a_camera_that_cannot_be_meant_says_why(changes, agent_id: str, condition: str, words: str) -> None:
    made = to_record(camera(**changes), agent_id, KEY)
    assert isinstance(made, Unusable)
    assert made.condition == condition
    assert words in made.why
    assert len(made.why) <= 200


def test_a_password_for_another_key_says_so() -> None:
    made = to_record(camera(), "agent-1", X25519PrivateKey.generate())
    assert isinstance(made, Unusable)
    assert "another key" in made.why


def test_a_password_that_is_no_text_says_so() -> None:
    sealed = seal_to(KEY.public_key(), b"\xff\xfe", camera_password("agent-1", "cam-1", "192.0.2.10"))
    made = to_record(camera(password=sealed), "agent-1", KEY)
    assert isinstance(made, Unusable)
    assert "no text" in made.why


def test_the_host_is_what_an_address_connects_to() -> None:
    assert host_of("rtsp://Cam.Local:554/x") == "cam.local"
    assert host_of("rtsp://[fe80::1]:554/x") == "fe80::1"
    for url in ("rtsp:///x", "rtsp://[fe80/x", ""):
        with pytest.raises(InvalidInput):
            host_of(url)
    check_camera(camera())


def told_by_status(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> str:
    settings = tmp_path / "settings.toml"
    (tmp_path / "server.pem").write_bytes(SERVER.public_pem)
    settings.write_text(
        f'[agent]\nsite_id = "site-1"\nagent_id = "agent-1"\nstate_dir = "{tmp_path}"\n'
        f'[server]\npublic_key_file = "{tmp_path / "server.pem"}"\n'
        '[[cameras]]\nid = "local"\nurl = "rtsp://192.0.2.9/x"\n'
    )
    main(["status", "--settings", str(settings), "--language", language])
    return " ".join(capsys.readouterr().out.split())


def test_status_says_which_cameras_count(store: DesiredStore, tmp_path: Path, capsys) -> None:
    assert "1 cameras from local files" in told_by_status(tmp_path, capsys, "en")
    store.save(SERVER.seal(desired(7, camera())))
    told = told_by_status(tmp_path, capsys, "en")
    assert "1 cameras, by version 7 of the server's inventory" in told
    assert "1 cameras in local files are ignored" in told
    assert "按服务器清单第 7 版" in told_by_status(tmp_path, capsys, "zh-CN")


def test_leave_to_show_the_password_in_clear_reaches_the_camera() -> None:
    assert not to_record(camera(), "agent-1", KEY).settings.allow_basic
    assert to_record(camera(allow_basic=True), "agent-1", KEY).settings.allow_basic
