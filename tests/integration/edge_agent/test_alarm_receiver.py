"""Alarm panels over real sockets: TCP and UDP, in cipher, with everything that goes wrong on a line."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.base.clock import US_PER_S, SystemClock
from deploy.local.commands import REPOSITORY
from deploy.local.simulator.panel import SIA_CODES, SimulatedPanel
from edge_agent.alarms import dc09, receiver
from edge_agent.alarms.webhook import PATH
from tests.support.alarms import ACCOUNT, KEY, PANEL, AlarmBox, alarm_settings, panel_settings
from tests.support.brokers import free_port
from tests.support.edge import wait_for


@pytest.fixture
def listening(alarm_box: AlarmBox) -> Iterator[AlarmBox]:
    with alarm_box.listening():
        wait_for("the receiver", lambda: answers(alarm_box))
        yield alarm_box


def answers(box: AlarmBox) -> bool:
    return box.panel(key=KEY).null() == "ACK"


def connected(box: AlarmBox) -> socket.socket:
    host, _, port = box.settings.listen.rpartition(":")
    return socket.create_connection((host, int(port)), 5)


def babble(line: socket.socket) -> None:
    for _ in range(100):
        line.sendall(os.urandom(4_096))
        time.sleep(0.01)


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("contact_id", [False, True], ids=["dc03", "contact-id"])
def test_a_panel_says_everything_it_can(listening: AlarmBox, udp: bool, contact_id: bool) -> None:
    panel = listening.panel(key=KEY, udp=udp, contact_id=contact_id)
    assert [panel.press(what, "3") for what in SIA_CODES] == ["ACK"] * len(SIA_CODES)
    told = {(kind, state) for kind, state, _, _ in listening.told}
    assert {("panic", "raised"), ("panic", "restored"), ("arming", "armed"), ("arming", "disarmed")} <= told
    assert {("test", "test"), ("trouble", "raised")} <= told
    assert len(listening.events) == len(SIA_CODES)
    status = listening.alarms.status.panels()[0]
    assert (status.alive, status.armed) == (True, ("1",))
    assert status.tested_us is not None


def test_a_panel_whose_clock_is_wrong_sets_it_by_the_nak(listening: AlarmBox) -> None:
    panel = listening.panel(key=KEY, clock_error_us=7_200 * US_PER_S)
    assert panel.press("panic", "3") == "ACK"
    assert [b'"NAK"' in answer for answer in panel.answers] == [True, False]
    assert abs(panel.clock_error_us) <= 2 * US_PER_S
    assert len(listening.events) == 1


def test_a_stranger_is_told_so_in_a_frame(listening: AlarmBox) -> None:
    assert listening.panel(account="BEEF").press("panic") == "DUH"
    assert listening.panel().press("panic") == "DUH"  # plain, where a key is set
    for answer in listening.panel(account="BEEF").answers:
        dc09.parse(answer)
    assert listening.events == []


def test_frames_in_pieces_several_at_once_and_nonsense_between(listening: AlarmBox) -> None:
    panel = listening.panel(key=KEY)
    frames = [panel.frame("SIA-DCS", b"NPA%d" % number, f"{number:04d}") for number in (1, 2, 3)]
    with connected(listening) as line:
        line.settimeout(5)
        for byte in b"nonsense" + frames[0]:
            line.send(bytes([byte]))
        line.sendall(b"\x00\x00" + frames[1] + b"\r\n" + frames[2])
        got = b""
        while got.count(b"\r") < 3:
            got += line.recv(4_096)
    assert got.count(b'"*ACK"') == 3
    assert [point for _, _, _, point in listening.told] == ["1", "2", "3"]


def test_a_connection_that_sends_nonsense_is_closed_and_others_go_on(listening: AlarmBox) -> None:
    with connected(listening) as line:
        line.settimeout(10)
        with pytest.raises(OSError, match=r"reset|pipe"):
            babble(line)
    assert listening.panel(key=KEY).press("panic", "3") == "ACK"


def test_idle_strangers_cannot_keep_a_panel_out(listening: AlarmBox) -> None:
    panel = listening.panel(key=KEY)
    with connected(listening) as proven:
        proven.settimeout(5)
        proven.sendall(panel.frame("NULL", b"", "0000"))
        assert b'"*ACK"' in proven.recv(4_096)
        crowd = [connected(listening) for _ in range(receiver.CONNECTIONS_MAX + 8)]
        try:
            assert panel.press("panic", "3") == "ACK"
            proven.sendall(panel.frame("NULL", b"", "0000"))
            assert b'"*ACK"' in proven.recv(4_096)
        finally:
            for one in crowd:
                one.close()


def test_half_a_frame_has_its_time_and_no_more(listening: AlarmBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "HALF_A_FRAME_US", US_PER_S // 2)
    with connected(listening) as line:
        line.settimeout(10)
        line.sendall(b"\n00")
        assert line.recv(1) == b""


def test_garbage_over_udp_gets_no_answer_and_does_no_harm(listening: AlarmBox) -> None:
    host, _, port = listening.settings.listen.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.2)
        for length in (0, 1, 30, 4_200):
            sender.sendto(os.urandom(length), (host, int(port)))
        with pytest.raises(TimeoutError):
            sender.recv(10)
    assert listening.panel(key=KEY, udp=True).press("panic", "3") == "ACK"


def test_an_address_that_is_taken_is_tried_again(tmp_path: Path) -> None:
    port = free_port()
    box = AlarmBox(tmp_path / "a", alarm_settings(listen=f"127.0.0.1:{port}"), SystemClock())
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen(1)
        with box.listening():
            time.sleep(0.3)
            squatter.close()
            wait_for("the receiver", lambda: box.panel().null() == "DUH")
    box.database.close()


STORES_AND_DIES = """
    import os, signal, sys
    from pathlib import Path
    from config.base.clock import SystemClock
    from edge_agent.alarms import dc09
    from tests.support.alarms import KEY, AlarmBox, alarm_settings, panel_settings

    folder, port = Path(sys.argv[1]), sys.argv[2]
    panels = [panel_settings(folder, KEY)]
    box = AlarmBox(folder, alarm_settings(listen=f"127.0.0.1:{port}", panels=panels), SystemClock())
    if sys.argv[3] == "die":
        dc09.acknowledgement = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    with box.listening():
        sys.stdin.read()
"""


def receiver_process(folder: Path, port: int, how: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STORES_AND_DIES), str(folder), str(port), how],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    wait_for("the receiver", lambda: _is_open(port))
    return started


def test_killed_between_the_commit_and_the_answer_nothing_is_lost_and_nothing_is_told_twice(tmp_path: Path) -> None:
    """The panel had no ACK, so it says it again; the event is on the disk, so it is not made again."""
    port = free_port()
    panel = SimulatedPanel("127.0.0.1", port, ACCOUNT, KEY)
    first = receiver_process(tmp_path, port, "die")
    raw = panel.frame("SIA-DCS", b"NPA3", "0042")
    assert panel.exchange(raw) == b""
    assert first.wait(10) == -signal.SIGKILL
    second = receiver_process(tmp_path, port, "answer")
    try:
        assert b'"*ACK"0042' in panel.exchange(raw)
    finally:
        second.communicate("")
    box = AlarmBox(
        tmp_path, alarm_settings(panels=[panel_settings(tmp_path, KEY)], listen="127.0.0.1:1"), SystemClock()
    )
    assert box.told == [("panic", "raised", "", "3")]
    box.database.close()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def post(port: int, body: object, token: str = "t" * 32, path: str = PATH, length: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {"Content-Length": length} if length else {}
        connection.request("POST", path, text, {"Authorization": f"Bearer {token}", **more})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_webhook(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "token").write_text("t" * 32 + "\n")
    folder = tmp_path / "alarms"
    folder.mkdir()
    panels = [panel_settings(folder, account="", points={"3": "panic"})]
    settings = alarm_settings(listen="", panels=panels, webhook_port=port, webhook_token_file=str(tmp_path / "token"))
    box = AlarmBox(folder, settings, SystemClock())
    pressed = {"panel_id": PANEL, "kind": "intrusion", "point": "3", "text": "午睡室", "event_id": "e1"}
    with box.listening():
        wait_for("the webhook", lambda: _is_open(port))
        assert post(port, {"panel_id": PANEL}) == 204
        assert box.alarms.status.panels()[0].alive is True
        assert [post(port, pressed) for _ in range(2)] == [204, 204]
        assert post(port, pressed | {"event_id": "e2", "state": "restored"}) == 204
        assert post(port, pressed, token="wrong") == 401
        assert post(port, pressed, path="/") == 404
        assert post(port, pressed | {"panel_id": "other"}) == 404
        assert post(port, pressed | {"kind": "birthday"}) == 400
        assert post(port, b"\xff\xfe") == 400
        assert post(port, b"x" * 5_000) == 413
        assert post(port, b"{}", length="00000000099999999999") == 413
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", PATH)
        assert connection.getresponse().status == 501
        connection.close()
    assert box.told == [("panic", "raised", "", "3"), ("panic", "restored", "", "3")]
    assert box.events[0].raw == json.dumps(pressed).encode()
    assert box.events[0].detail == "午睡室"
    box.database.close()
