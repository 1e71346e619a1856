"""A running agent can be asked and told; systemd hears of it; a loop that hangs is found out."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from config.base.clock import SystemClock
from config.base.errors import NotFound, Unavailable
from edge_agent import app as app_module
from edge_agent.app import App
from edge_agent.control.client import ask
from edge_agent.control.messages import AskServer, AskStatus, Done, PauseCamera, Status
from edge_agent.reporting.composing import SOFTWARE
from tests.support.edge import EdgeBox, wait_for


def conditions(folder):
    answer = ask(folder, AskStatus())
    assert isinstance(answer, Status)
    return {camera.camera_id: camera.condition for camera in answer.cameras}


def test_a_running_agent_says_how_it_is_and_lets_go_of_one_camera_alone(edge_box: EdgeBox, camera_server):
    cameras = camera_server(cameras=2)
    settings = edge_box.configure({"one": cameras.url("cam1"), "two": cameras.url("cam2")})
    state = edge_box.folder / "state"
    app = App(settings)
    app.start()
    try:
        wait_for("what the agent says", lambda: set(conditions(state).values()) == {"recording"}, 30)
        status = ask(state, AskStatus())
        assert isinstance(status, Status)
        assert (status.software, status.panels, status.broker_connected) == (SOFTWARE, 0, False)
        assert not status.hanging

        with pytest.raises(NotFound):
            ask(state, PauseCamera(camera_id="three", seconds=5))
        with pytest.raises(Unavailable):
            ask(state, AskServer(since_us=SystemClock().utc_us()))

        assert ask(state, PauseCamera(camera_id="one", seconds=3)) == Done()
        wait_for("what the agent says", lambda: conditions(state) == {"one": "unreachable", "two": "recording"}, 15)
        wait_for("what the agent says", lambda: set(conditions(state).values()) == {"recording"}, 30)
        said = [one.condition for one in edge_box.outbox("camera-state") if one.camera_id == "two"]
        assert said == ["starting", "recording"]
    finally:
        app.close()
    with pytest.raises(Unavailable, match="not running"):
        ask(state, AskStatus())


def test_every_loop_that_is_watched_says_that_it_turns(edge_box: EdgeBox, camera_server, monkeypatch):
    cameras = camera_server(cameras=1)
    monkeypatch.setattr(app_module, "HANGS_AFTER_S", 3.0)
    app = App(edge_box.configure({"one": cameras.url("cam1")}))
    monkeypatch.setattr("edge_agent.shards.fleet.HANGS_AFTER_S", 3.0)
    app.start()
    blocked = threading.Event()
    try:
        time.sleep(4)
        assert not app.liveness.overdue()
        monkeypatch.setattr(app.heartbeat, "send", lambda: blocked.wait(60))
        app.heartbeat.beat()
        wait_for("what the agent says", lambda: set(app.liveness.overdue()) == {"heartbeat"}, 20)
        blocked.set()
        wait_for("what the agent says", lambda: not app.liveness.overdue(), 10)
    finally:
        blocked.set()
        app.close()


def test_systemd_hears_ready_and_then_that_it_lives_and_at_the_end_that_it_stops(edge_box: EdgeBox, tmp_path):
    edge_box.configure({})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", "--settings", str(edge_box.settings_file)],
            env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            heard = [systemd.recv(1_024).decode() for _ in range(2)]
            process.terminate()
            while heard[-1] != "STOPPING=1":
                heard.append(systemd.recv(1_024).decode())
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    assert heard[0].startswith("READY=1")
    assert heard[1] == "WATCHDOG=1"
