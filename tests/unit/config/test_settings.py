"""Settings: defaults, file, environment, and errors that name file and key."""

from pathlib import Path

import pytest

from config.base.errors import ConfigurationError
from config.settings.edge import ENROLLED_FILE, EdgeSettings, load_edge
from config.settings.loader import load, read_secret
from config.settings.server import ServerSettings, load_server
from server.domain.clock_trust import SLEW_PPM_MAX

DEFAULTS = Path(load_server.__code__.co_filename).parent
MINIMAL = '[agent]\nsite_id = "sunflower"\nagent_id = "box"\n'


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


def test_the_annotated_defaults_are_complete() -> None:
    assert load_server().policy.retain_days == 90
    assert load(EdgeSettings, DEFAULTS / "edge.toml", "X").recording.segment_s == 60


def test_a_file_overrides_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    settings = load_server(write(tmp_path, "[policy]\nretain_days = 120\n"))
    assert (settings.policy.retain_days, settings.policy.backfill_hours) == (120, 72)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[policy]\nretain_dayz = 90\n", "policy.retain_dayz"),
        ("[polizy]\nretain_days = 90\n", "polizy.retain_days"),
        ("[policy]\nretain_days = 0\n", "policy.retain_days"),
        ('[policy]\nretain_days = "ninety"\n', "policy.retain_days"),
        ("not toml", "not valid TOML"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_server(write(tmp_path, text))
    assert named in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_missing_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.toml"):
        load_server(tmp_path / "gone.toml")


def from_environment(variables: dict[str, str]) -> ServerSettings:
    return load(ServerSettings, DEFAULTS / "server.toml", "NIGHTLIGHT_SERVER", env=variables)


def test_the_environment_overrides_every_kind_of_key() -> None:
    settings = from_environment(
        {
            "NIGHTLIGHT_SERVER__STORE__ENDPOINT": "10.0.0.1:9000",
            "NIGHTLIGHT_SERVER__STORE__TLS": "true",
            "NIGHTLIGHT_SERVER__POLICY__RETAIN_DAYS": "180",
            "UNRELATED": "x",
        }
    )
    assert (settings.store.endpoint, settings.store.tls, settings.policy.retain_days) == ("10.0.0.1:9000", True, 180)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NIGHTLIGHT_SERVER__STORE__ENDPOINTS", "x"),
        ("NIGHTLIGHT_SERVER__POLICY__RETAIN_DAYS", "ninety"),
        ("NIGHTLIGHT_SERVER__POLICY__RETAIN_DAYS", "0"),
        ("NIGHTLIGHT_SERVER_STORE__ENDPOINT", "x"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        from_environment({variable: value})


def test_cameras_of_an_agent(tmp_path: Path) -> None:
    camera = '[[cameras]]\nid = "nap"\nurl = "rtsp://192.0.2.1/1"\n'
    (found,) = load_edge(write(tmp_path, MINIMAL + camera)).cameras
    assert (found.id, found.transport, found.username) == ("nap", "tcp", "")


@pytest.mark.parametrize(
    ("camera", "named"),
    [
        ('id = "nap"\nurl = "http://192.0.2.1/1"', "cameras"),
        ('id = "nap"\nurl = "rtsp://user:secret@192.0.2.1/1"', "cameras"),
        ('id = "Nap Room"\nurl = "rtsp://192.0.2.1/1"', "Nap Room"),
        ('id = "nap"\nurl = "rtsp://192.0.2.1/1"\nuser = "x"', "user"),
    ],
)
def test_a_wrong_camera_is_named_and_its_password_is_not(tmp_path: Path, camera: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_edge(write(tmp_path, f"{MINIMAL}[[cameras]]\n{camera}\n"))
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)


def test_where_user_and_password_of_a_camera_belong(tmp_path: Path) -> None:
    camera = '[[cameras]]\nid = "nap"\nurl = "rtsp://user:secret@192.0.2.1/1"\n'
    with pytest.raises(ConfigurationError, match=r"cameras\.nap\.username.*password_file") as caught:
        load_edge(write(tmp_path, MINIMAL + camera))
    assert "secret" not in str(caught.value)


def test_a_hole_of_ten_seconds_cannot_be_made_to_count_as_covered(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="frame_gap_s"):
        load_edge(write(tmp_path, f"{MINIMAL}[recording]\nframe_gap_s = 3\n"))


def test_a_camera_that_stands_there_twice(tmp_path: Path) -> None:
    camera = '[[cameras]]\nid = "nap"\nurl = "rtsp://192.0.2.1/1"\n'
    with pytest.raises(ConfigurationError, match="twice"):
        load_edge(write(tmp_path, MINIMAL + camera * 2))


def test_an_agent_needs_its_ids(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"agent\.site_id"):
        load_edge(write(tmp_path, ""))


def test_secrets_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2 \n")
    assert read_secret(str(file), "mqtt.password_file") == "hunter2 "
    for bad in ("", str(tmp_path / "gone"), str(write(tmp_path, " \n"))):
        with pytest.raises(ConfigurationError, match=r"mqtt\.password_file"):
            read_secret(bad, "mqtt.password_file")


def test_a_secret_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xff\xfe\x00secret")
    with pytest.raises(ConfigurationError, match=r"mqtt\.password_file.*UTF-8"):
        read_secret(str(file), "mqtt.password_file")


def test_a_box_that_is_not_enrolled_is_told_how(tmp_path: Path) -> None:
    file = write(tmp_path, f'[agent]\nstate_dir = "{tmp_path}"\n')
    with pytest.raises(ConfigurationError, match="sudo nightlight-agent enrol"):
        load_edge(file)
    assert load_edge(file, enrolled=False).agent.agent_id == ""


def test_what_enrolment_wrote_comes_beneath_the_settings_file(tmp_path: Path) -> None:
    file = write(tmp_path, f'[agent]\nstate_dir = "{tmp_path}"\n[mqtt]\nport = 9999\n')
    enrolled = tmp_path / ENROLLED_FILE
    enrolled.write_text('[agent]\nsite_id = "sunflower"\nagent_id = "box"\n[mqtt]\nhost = "192.0.2.1"\nport = 8883\n')
    settings = load_edge(file)
    assert (settings.agent.agent_id, settings.mqtt.host, settings.mqtt.port) == ("box", "192.0.2.1", 9999)
    enrolled.write_text("[agent]\nsite = 1\n")
    with pytest.raises(ConfigurationError, match=rf"{ENROLLED_FILE}.*agent\.site"):
        load_edge(file)


def test_plain_http_to_another_machine_is_refused_and_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.url.*https://watch\.example\.org"):
        load_edge(write(tmp_path, f'{MINIMAL}[server]\nurl = "http://watch.example.org"\n'))
    assert load_edge(write(tmp_path, f'{MINIMAL}[server]\nurl = "http://127.0.0.1:80"\n'))


def test_the_clock_is_slewed_no_faster_than_the_server_reckons_with(tmp_path: Path) -> None:
    for ppm, fine in ((SLEW_PPM_MAX, True), (SLEW_PPM_MAX + 1, False)):
        file = write(tmp_path, f"{MINIMAL}[clock]\nslew_ppm = {ppm}\n")
        if fine:
            assert load(EdgeSettings, DEFAULTS / "edge.toml", "X", file).clock.slew_ppm == ppm
        else:
            with pytest.raises(ConfigurationError, match=r"clock\.slew_ppm"):
                load(EdgeSettings, DEFAULTS / "edge.toml", "X", file)
