"""Answers questions on the agent's own machine.

Invariants: only the agent's own user and root are answered; a question is read within seconds and a bound, and at most
a few are worked on at once, so that whoever asks cannot hold the agent up.
Source: unix(7), SO_PEERCRED.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from config.base.errors import ConfigurationError, InvalidInput, NightlightError, PermissionDenied
from config.base.logs import get_logger
from edge_agent.control.address import NAME, short_path
from edge_agent.control.messages import (
    ANSWER_BYTES_MAX,
    QUESTION_BYTES_MAX,
    Answer,
    Question,
    Refused,
    pack,
    read_question,
)
from edge_agent.lifecycle import Worker

AT_ONCE_MAX = 4
BACKLOG = 8
LOOK_EVERY_S = 0.5
READ_WITHIN_S = 5.0
_PEER = struct.Struct("3i")

log = get_logger("control")


class ControlServer(Worker):
    """``answer`` runs in a thread of its own for each question; a NightlightError of it is the answer."""

    def __init__(self, state_dir: Path, answer: Callable[[Question], Answer]) -> None:
        """Opens the socket. Raises ConfigurationError where the folder takes none."""
        super().__init__("control")
        self._answer = answer
        self._places = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = state_dir / NAME
        try:
            # The state folder's lock is held: a socket that lies there belongs to nobody any more.
            self._path.unlink(missing_ok=True)
            with short_path(state_dir) as path:
                self._socket.bind(path)
                os.chmod(path, 0o600)  # noqa: PTH101 - the short path, not a Path
        except OSError as error:
            self._socket.close()
            raise ConfigurationError(f"'agent.state_dir': no socket in {state_dir}: {error.strerror}") from error
        self._socket.listen(BACKLOG)
        self._socket.settimeout(LOOK_EVERY_S)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            try:
                asked, _ = self._socket.accept()
            except TimeoutError:
                continue
            if not self._places.acquire(blocking=False):
                asked.close()
                continue
            threading.Thread(target=self._serve, args=(asked,), name="control-answer", daemon=True).start()

    def close(self, timeout_s: float) -> bool:
        ended = super().close(timeout_s)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        return ended

    def _serve(self, asked: socket.socket) -> None:
        try:
            with asked:
                asked.settimeout(READ_WITHIN_S)
                asked.sendall(self._answered(asked))
        except OSError as error:
            log.debug("asker_gone", error=type(error).__name__)
        finally:
            self._places.release()

    def _answered(self, asked: socket.socket) -> bytes:
        try:
            # Read first: an asker that is still sending would see a broken pipe instead of the refusal.
            said = _line(asked)
            _check_peer(asked)
            line = pack(self._answer(read_question(said)))
        except NightlightError as error:
            line = pack(Refused(code=error.code, detail=str(error)[:1_000]))
        return line if len(line) <= ANSWER_BYTES_MAX else pack(Refused(code="oversized", detail="too long an answer"))


def _check_peer(asked: socket.socket) -> None:
    """Raises PermissionDenied unless the asker is this user or root."""
    _pid, uid, _gid = _PEER.unpack(asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if uid not in (0, os.getuid()):
        raise PermissionDenied("only the agent's own user may ask it")


def _line(asked: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = asked.recv(QUESTION_BYTES_MAX)
        received += part
        if not part or len(received) > QUESTION_BYTES_MAX:
            raise InvalidInput(f"a question is one line of at most {QUESTION_BYTES_MAX} bytes", code="malformed")
    return bytes(received)
