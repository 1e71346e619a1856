"""The control socket: bounded, private, and never in the agent's way."""

import os
import socket
import stat
import threading
import time

import pytest

from config.base.errors import ConfigurationError, InvalidInput, NotFound, Unavailable
from edge_agent.control.address import NAME, short_path
from edge_agent.control.client import ask
from edge_agent.control.messages import (
    PAUSE_S_MAX,
    QUESTION_BYTES_MAX,
    AskServer,
    AskStatus,
    Done,
    PauseCamera,
    pack,
    read_answer,
    read_question,
)
from edge_agent.control.server import AT_ONCE_MAX, ControlServer


@pytest.fixture
def served(tmp_path):
    """Starts servers with a given way to answer; ends them all."""
    servers = []

    def serve(answer, folder=tmp_path):
        server = ControlServer(folder, answer)
        servers.append(server)
        server.start()
        return folder

    yield serve
    assert all(server.close(5) for server in servers)


def spoken(folder, data):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened, short_path(folder) as path:
        opened.settimeout(10)
        opened.connect(path)
        opened.sendall(data)
        opened.shutdown(socket.SHUT_WR)
        received = b""
        while part := opened.recv(65_536):
            received += part
    return received


def test_a_question_arrives_as_it_was_asked_and_is_answered(served):
    asked = []
    folder = served(lambda question: asked.append(question) or Done())
    questions = [AskStatus(), AskServer(since_us=5, canary=True), PauseCamera(camera_id="nap-room", seconds=20)]
    assert [ask(folder, question) for question in questions] == [Done()] * 3
    assert asked == questions


def test_only_its_own_user_can_open_it(served):
    folder = served(lambda _question: Done())
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_another_user_is_refused_even_where_the_file_lets_them_in(served, tmp_path):
    folder = served(lambda _question: Done())
    (folder / NAME).chmod(0o666)
    for parent in (folder, *folder.parents):
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65_534)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
                opened.connect(str(folder / NAME))
                time.sleep(0.1)  # as on a busy machine: the server has looked at the peer before anything is sent
                opened.sendall(pack(AskStatus()))
                os.write(writing, opened.recv(4_096))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert b"permission_denied" in os.read(reading, 4_096)
    os.close(reading)


def test_a_refusal_comes_back_as_the_error_that_it_was(served):
    def answer(_question):
        raise NotFound("no camera of that name")

    folder = served(answer)
    with pytest.raises(NotFound, match="no camera"):
        ask(folder, AskStatus())


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"nonsense\n", b"[1]\n", b'{"type":"Format"}\n', b"x" * (QUESTION_BYTES_MAX + 1)]
)
def test_what_is_no_question_is_refused_and_hurts_nobody(served, data):
    folder = served(lambda _question: Done())
    assert b"malformed" in spoken(folder, data)
    assert ask(folder, AskStatus()) == Done()


def test_a_question_has_bounds():
    assert len(pack(AskServer(since_us=2**53 - 1, canary=True))) < QUESTION_BYTES_MAX
    for seconds in (0, PAUSE_S_MAX + 1):
        with pytest.raises(InvalidInput):
            read_question(b'{"type":"PauseCamera","camera_id":"a","seconds":%d}\n' % seconds)
    with pytest.raises(InvalidInput):
        read_answer(b'{"type":"Maybe"}')


def test_more_questions_at_once_than_there_are_places_are_turned_away(served):
    inside, leave = threading.Barrier(AT_ONCE_MAX + 1), threading.Event()

    def answer(_question):
        inside.wait(10)
        leave.wait(10)
        return Done()

    folder = served(answer)
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(ask(folder, AskStatus()))) for _ in range(AT_ONCE_MAX)]
    for asker in askers:
        asker.start()
    inside.wait(10)
    with pytest.raises(Unavailable) as turned_away:
        ask(folder, AskStatus())
    assert turned_away.value.code == "no_answer"
    leave.set()
    for asker in askers:
        asker.join(10)
    assert answers == [Done()] * AT_ONCE_MAX


def test_without_an_agent_the_words_say_what_to_do(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Unavailable, match="systemctl start") as error:
            ask(folder, AskStatus())
        assert error.value.code == "not_running"


def test_a_socket_that_a_killed_agent_left_is_taken_over_and_removed_at_the_end(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(Unavailable):
        ask(tmp_path, AskStatus())
    server = ControlServer(tmp_path, lambda _question: Done())
    server.start()
    assert ask(tmp_path, AskStatus()) == Done()
    assert server.close(5)
    assert not (tmp_path / NAME).exists()


def test_the_path_of_the_folder_may_be_long(served, tmp_path):
    folder = tmp_path / ("long" * 30) / ("longer" * 20)
    folder.mkdir(parents=True)
    served(lambda _question: Done(), folder)
    assert ask(folder, AskStatus()) == Done()


def test_a_folder_that_takes_no_socket_is_a_fault_of_the_settings(tmp_path):
    with pytest.raises(ConfigurationError, match="state_dir"):
        ControlServer(tmp_path / "nowhere", lambda _question: Done())
