"""Asks a running agent. One connection a question."""

import socket
from pathlib import Path

from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from edge_agent.control.address import short_path
from edge_agent.control.messages import ANSWER_BYTES_MAX, Answer, Question, Refused, pack, read_answer

ANSWER_WITHIN_S = 75.0
"""The server may take its time over a deletion; longer than every bound on the way together."""
_REFUSALS: dict[str, type[NightlightError]] = {
    kind.code: kind for kind in (InvalidInput, NotFound, PermissionDenied, ResourceExhausted)
}


def ask(state_dir: Path, question: Question, timeout_s: float = ANSWER_WITHIN_S) -> Answer:
    """The running agent's answer.

    Raises Unavailable where none runs or none answers; where it refuses, the error that it had.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened, short_path(state_dir) as path:
            opened.settimeout(timeout_s)
            opened.connect(path)
            opened.sendall(pack(question))
            line = _line(opened)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise Unavailable(
            "the agent is not running. Start it: sudo systemctl start nightlight-agent", code="not_running"
        ) from error
    except PermissionError as error:
        raise Unavailable("only the agent's own user may ask it: use sudo", code="not_allowed") from error
    except OSError as error:
        raise Unavailable(f"the running agent does not answer ({type(error).__name__})", code="no_answer") from error
    answer = read_answer(line)
    if isinstance(answer, Refused):
        raise _REFUSALS.get(answer.code, Unavailable)(answer.detail, code=answer.code)
    return answer


def _line(opened: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = opened.recv(65_536)
        if not part or len(received) > ANSWER_BYTES_MAX:
            raise OSError("the answer broke off, or is too long")
        received += part
    return bytes(received)
