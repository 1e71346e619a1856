"""``server.admin camera set``: the password goes in by standard input and is nowhere on the server in the clear."""

import io
import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.clock import SystemClock
from config.wire.sealing import camera_password, open_sealed, sealing_public_pem
from server.admin.__main__ import main
from server.services.cameras.configure_cameras import CameraConfigurer
from server.services.cameras.send_configuration import ConfigurationOutlet
from server.services.registers.register import Register
from storage.database.unit_of_work import Database
from tests.support.sites import SigningAgent

SECRET = "Kleine-Laterne-78"
KEY = X25519PrivateKey.generate()
CONTEXT = camera_password("sunflower-box", "nap-room", "192.0.2.10")
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def admin(database: Database, agent: SigningAgent, tmp_path: Path, monkeypatch, capfd):
    """Runs one command; the exit status, and what it printed."""
    file = tmp_path / "server.toml"
    url = database.engine.url.render_as_string(hide_password=False)
    file.write_text(f'[server]\nstate_dir = "{tmp_path}"\n[database]\nurl = "{url}"\n')
    keys = agent.signer.public_pem + sealing_public_pem(KEY.public_key()).encode()
    Register(database, SystemClock()).add_agent("sunflower", "sunflower-box", keys)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        status = main()
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return run


def settings(database: Database):
    return CameraConfigurer(database, SystemClock()).settings("sunflower", "nap-room")


SET = ("camera", "set", "sunflower", "nap-room")


def test_a_camera_is_set_and_its_password_is_nowhere_in_the_clear(admin, database: Database, tmp_path: Path) -> None:
    given = ("--url", "rtsp://192.0.2.10/main", "--sub-url", "rtsp://192.0.2.10/sub", "--user", "viewer")
    status, printed = admin(*SET, *given, "--password-stdin", stdin=f"{SECRET}\n")
    assert (status, "version 1 of agent sunflower-box" in printed) == (0, True)
    (state,) = ConfigurationOutlet(database, SystemClock()).due()
    (camera,) = state.cameras
    assert camera.password is not None
    assert open_sealed(KEY, camera.password, CONTEXT).decode() == SECRET
    _, shown = admin("camera", "show", "sunflower", "nap-room")
    assert json.loads(shown)["sub_url"] == "rtsp://192.0.2.10/sub"
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name.endswith(".db") for file in files)
    for text in (printed.encode(), shown.encode(), *(file.read_bytes() for file in files)):
        assert SECRET.encode() not in text


def test_a_password_may_be_sealed_elsewhere(admin, database: Database, tmp_path: Path) -> None:
    keys = tmp_path / "agent.pub.pem"
    keys.write_text("-----BEGIN SOMETHING-----\nx\n-----END SOMETHING-----\n" + sealing_public_pem(KEY.public_key()))
    seal = ("camera", "seal", "sunflower-box", "nap-room", "192.0.2.10", "--key-file", str(keys))
    status, box = admin(*seal, stdin=SECRET)
    assert status == 0
    assert admin(*SET, "--url", "rtsp://192.0.2.10/x", "--user", "viewer", "--sealed-stdin", stdin=box)[0] == 0
    found = settings(database)
    assert found is not None
    assert found.password is not None
    assert open_sealed(KEY, found.password, CONTEXT).decode() == SECRET
    assert admin(*SET, "--user", "")[0] == 0
    without = settings(database)
    assert without is not None
    assert (without.username, without.password) == ("", None)
    assert admin("camera", "seal", "a", "b", "c", "--key-file", str(tmp_path / "none"), stdin="x")[0] == 2
    assert admin(*SET, "--sealed-stdin", stdin="{}")[0] == 1


def test_what_is_not_named_stays_as_it_was(admin, database: Database) -> None:
    admin(*SET, "--url", "rtsp://192.0.2.10/x", "--mask", "0,0 0.5,0 0.5,0.5", "--replay", "--turned")
    admin(*SET, "--transport", "udp", "--live", "main")
    found = settings(database)
    assert found is not None
    assert (found.transport, found.live, found.replay, found.view) == ("udp", "main", True, 2)
    assert found.privacy_masks == [[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)]]
    admin(*SET, "--mask", "", "--no-replay")
    again = settings(database)
    assert again is not None
    assert (again.privacy_masks, again.replay) == ([], False)
    assert "recorded no more" in admin("camera", "unset", "sunflower", "nap-room")[1]
    assert "was not set" in admin("camera", "unset", "sunflower", "nap-room")[1]
    assert admin("camera", "show", "sunflower", "nap-room")[0] == 1


def test_cameras_that_the_agent_will_drop_are_named(admin, database: Database) -> None:
    Register(database, SystemClock()).add_camera("sunflower", "garden", "nap", "sunflower-box", "花园")
    _, printed = admin(*SET, "--url", "rtsp://192.0.2.10/x")
    assert "not recorded until they are set as well" in printed
    assert "garden" in printed


@pytest.mark.parametrize(
    ("given", "stdin", "words"),
    [
        (("--transport", "udp"), "", "--url"),
        (("--url", "rtsp://192.0.2.10/x", "--user", "viewer", "--password-stdin"), "", "one line"),
        (("--url", "rtsp://192.0.2.10/x", "--user", "viewer", "--password-stdin"), "x" * 300, "one line"),
        (("--url", "rtsp://192.0.2.10/x", "--password-stdin"), "secret", "no user"),
        (("--url", "rtsp://u:p@192.0.2.10/x"), "", "nap-room"),
        (("--url", "rtsp://192.0.2.10/x", "--mask", "0,0 1,1"), "", "three corners"),
        (("--url", "rtsp://192.0.2.10/x", "--mask", "left"), "", "corners as x,y"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(admin, database, given, stdin, words) -> None:
    status, printed = admin(*SET, *given, stdin=stdin)
    assert status == 1
    assert words in printed
    assert settings(database) is None


def test_an_agent_without_a_key_cannot_be_sealed_to(admin, database: Database) -> None:
    register = Register(database, SystemClock())
    other = SigningAgent(database, SystemClock(), site_id="boat", agent_id="boat-box", camera_id="boat-door")
    register.add_site("boat", "小船", "cn/x", "Asia/Shanghai")
    register.add_zone("boat", "door", "门口", "entrance")
    register.add_agent("boat", "boat-box", other.signer.public_pem)
    register.add_camera("boat", "boat-door", "door", "boat-box", "门口")
    given = ("camera", "set", "boat", "boat-door", "--url", "rtsp://192.0.2.1/x", "--user", "v", "--password-stdin")
    status, printed = admin(*given, stdin="x")
    assert (status, "no key to seal to" in printed) == (1, True)
