"""``nightlight-agent discover``, as an installer runs it: against simulated cameras, at a terminal and without one."""

import argparse
import hashlib
import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.settings.edge import load_edge
from config.wire.discovery import DiscoveredCamera
from config.wire.sealing import discovered_picture, open_sealed, sealing_public_pem
from deploy.local.commands import REPOSITORY
from edge_agent.cli.desk import Desk
from edge_agent.cli.discover import _credentials
from edge_agent.cli.screen import Screen
from edge_agent.cli.speech import Speech
from edge_agent.onvif.discovery import Found
from tests.support.edge import AGENT, SITE, EdgeBox

PASSWORD = "small-lamp-77"
KEY = X25519PrivateKey.generate()
DISCOVER = [sys.executable, "-m", "edge_agent", "discover", "--settings"]


@pytest.fixture
def box(edge_box: EdgeBox) -> EdgeBox:
    (edge_box.folder / "sealing.pem").write_text(sealing_public_pem(KEY.public_key()))
    edge_box.configure({}, server={"sealing_key_file": str(edge_box.folder / "sealing.pem")})
    (edge_box.folder / "cameras-password").write_text(f"{PASSWORD}\n")
    return edge_box


def discover(box: EdgeBox, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DISCOVER, str(box.settings_file), "--language", language, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=100,
        check=False,
    )


def given(box: EdgeBox) -> list[str]:
    return ["--user", "viewer", "--password-file", str(box.folder / "cameras-password")]


def test_cameras_are_read_written_and_told_to_the_server(box, camera_server):
    simulator = camera_server(cameras=2, user="viewer", password=PASSWORD, onvif=True)
    simulator.arrange("cam1", sub=True)
    simulator.arrange("cam2", clock_error_us=200_000_000)
    addresses = [word for name in ("cam1", "cam2") for word in ("--address", simulator.device(name))]
    done = discover(box, *addresses, *given(box), "--yes", "--replay")
    assert done.returncode == 0, done.stderr
    assert "640×360" in done.stdout
    assert "s off" in done.stdout
    assert "no sub stream" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    first, second = load_edge(box.settings_file).cameras
    assert [(one.id, one.url, one.username, one.replay) for one in (first, second)] == [
        (f"{SITE}-cam-1", simulator.url("cam1"), "viewer", True),
        (f"{SITE}-cam-2", simulator.url("cam2"), "viewer", True),
    ]
    assert (bool(first.sub_url), second.sub_url, second.onvif_url) == (True, "", simulator.device("cam2"))
    written = [Path(first.password_file), box.folder / "state" / "cameras.toml"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in written] == [0o600, 0o600]
    assert written[0].read_text() == PASSWORD
    told = box.outbox("discovered-camera")
    assert [message.configured_as for message in told] == [first.id, second.id]
    assert "clock_off" in told[1].problems
    for message in told:
        assert isinstance(message, DiscoveredCamera)
        assert message.picture is not None
        jpeg = open_sealed(KEY, message.picture, discovered_picture(AGENT, message.discovery_id))
        assert jpeg.startswith(b"\xff\xd8")
        assert hashlib.sha256(jpeg).hexdigest() == message.picture_sha256
    again = discover(box, *addresses, *given(box), "--yes", "--no-report")
    assert again.returncode == 0
    assert [camera.id for camera in load_edge(box.settings_file).cameras] == [first.id, second.id]
    assert len(box.outbox("discovered-camera")) == 2


def test_where_nobody_can_be_asked_nothing_is_written(box, camera_server):
    simulator = camera_server(cameras=1, user="viewer", password=PASSWORD, onvif=True)
    done = discover(box, "--address", simulator.device("cam1"), *given(box), language="zh-CN")
    assert done.returncode == 4
    assert "没有写入任何内容" in done.stdout
    assert load_edge(box.settings_file).cameras == []


def test_what_is_wrong_with_a_camera_is_said_in_words(box, camera_server, hostile):
    simulator = camera_server(cameras=2, user="viewer", password="other", onvif=True)
    simulator.switch("cam2", "off")
    page = hostile(b"HTTP/1.1 200 OK\r\n\r\n<html>hello</html>")
    places = ["--address", simulator.device("cam1"), "--address", simulator.device("cam2"), "--address", page]
    done = discover(box, *places, *given(box), "--yes", language="zh-CN")
    assert done.returncode == 1
    said = "".join(line.rpartition("|")[0] for line in done.stdout.splitlines())
    for words in ("拒绝此用户名和密码", "应答无法理解"):
        assert words in said
    assert "Traceback" not in done.stderr
    assert load_edge(box.settings_file).cameras == []
    assert box.outbox("discovered-camera") == []


def test_an_address_that_is_none(box):
    done = discover(box, "--address", "http://user:secret@192.0.2.1/")
    assert done.returncode == 2


def test_at_a_terminal_it_asks_and_never_shows_the_password(box, camera_server):
    simulator = camera_server(cameras=1, user="viewer", password=PASSWORD, onvif=True)
    arguments = [*DISCOVER, str(box.settings_file), "--language", "en", "--address", simulator.device("cam1")]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(REPOSITORY)
        os.execv(sys.executable, arguments)
    said = ""
    answers = [
        ("User of the cameras", "viewer\n"),
        ("Password", "wrong\n"),
        ("Another user", "viewer\n"),
        ("Password", f"{PASSWORD}\n"),
        ("Id for", "Nap Room\n"),
        ("Id for", "nap-room\n"),
        ("[y/N]", "y\n"),
    ]
    mark, deadline_s = 0, time.monotonic() + 90
    try:
        while time.monotonic() < deadline_s:
            ready, _, _ = select.select([terminal], [], [], 1)
            if ready:
                try:
                    said += os.read(terminal, 65_536).decode()
                except OSError:  # the terminal is closed: it has ended
                    break
            if answers and answers[0][0] in said[mark:]:
                mark = len(said)
                time.sleep(0.3)  # getpass throws away what was typed before it asked
                os.write(terminal, answers.pop(0)[1].encode())
    finally:
        _, status = os.waitpid(child, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert answers == []
    assert "cannot be used" in said
    assert PASSWORD not in said
    [camera] = load_edge(box.settings_file).cameras
    assert (camera.id, camera.url) == ("nap-room", simulator.url("cam1"))


def test_what_a_search_found_is_shown_no_password_unless_somebody_agrees(box):
    """Anything on the network can answer a search."""
    found = [Found("http://192.0.2.9/onvif/device_service", "Gate\x1b[31m")]
    speech = Speech("en")

    def credentials(address, *, yes):
        options = argparse.Namespace(
            user="viewer", password_file=str(box.folder / "cameras-password"), address=address, yes=yes
        )
        return _credentials(Desk(options, speech, Screen(speech, assume_yes=yes)), found, again=False)

    assert not credentials(None, yes=False)
    assert credentials(None, yes=True)
    assert credentials(["192.0.2.9"], yes=False)


IN_A_NETWORK_OF_ITS_OWN = """
set -e
ip link set lo up
ip addr add 10.77.0.1/24 dev lo
ip route add 224.0.0.0/4 dev lo
{python} -m deploy.local.simulator --port 0 --host 10.77.0.1 --cameras 2 --onvif --discoverable >{folder}/told &
simulator=$!
trap 'kill $simulator' EXIT
for _ in $(seq 300); do grep -q onvif {folder}/told && break; sleep 0.1; done
{python} -m edge_agent discover --settings {settings} --language en --yes --listen 2
"""


def test_cameras_are_found_by_asking_the_network(box):
    """WS-Discovery for real: multicast, in a network namespace that nobody else is in."""
    alone = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    script = textwrap.dedent(IN_A_NETWORK_OF_ITS_OWN).format(
        python=sys.executable, folder=box.folder, settings=box.settings_file
    )
    done = subprocess.run(
        [*alone, "sh", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Cameras that answer: 2" in done.stdout
    assert "lets anybody in" in done.stdout
    found = load_edge(box.settings_file).cameras
    assert sorted(camera.url.rpartition("/")[2] for camera in found) == ["cam1", "cam2"]
    assert all(camera.url.startswith("rtsp://10.77.0.1:") for camera in found)


def test_an_empty_network_says_what_to_look_at(box):
    done = discover(box, "--interface", "127.0.0.1", "--listen", "0.5")
    assert done.returncode == 1
    assert "ONVIF switched on" in done.stderr
