"""Starts processes that decode what others sent, waits so long and no longer, and reads an answer as the words of a stranger.

Invariant: whatever the bytes do to the decoder, this process only sees an answer, a wrong answer or none.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from config.base.decoding import decode_json
from config.base.errors import InvalidInput, Unavailable
from server.domain.deep_audit import Footage

CHILD = Path(__file__).with_name("child.py")
WAIT_S = 120.0
ANSWER_BYTES_MAX = 64 * 1024
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""None of ours: it may name files with secrets. One thread a process."""
_BY_ITS_BYTES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT})
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Answer(msgspec.Struct, frozen=True):
    error: str = ""
    duration_us: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    frames: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0
    dark: Annotated[list[Share], msgspec.Meta(max_length=64)] = []
    unchanged: Annotated[list[Share], msgspec.Meta(max_length=64)] = []


def run(
    child: Path, words: Sequence[str], *, wait_s: float, file: BinaryIO | int | None = None, data: bytes | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """A program of this folder by itself, with ``file`` or ``data`` on its standard input; what it wrote is bytes of a stranger.

    Raises Unavailable (``not_decoded``) where it took too long or could not be started.
    """
    try:
        return subprocess.run(
            [sys.executable, "-I", str(child), *words],
            stdin=file,
            input=data,
            capture_output=True,
            timeout=wait_s,
            check=False,
            env=ENVIRONMENT,
            cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"decoding took more than {wait_s:.0f} s", code="not_decoded") from error
    except OSError as error:
        raise Unavailable(f"no process to decode in: {error.strerror}", code="not_decoded") from error


def check_survived(ended: "subprocess.CompletedProcess[bytes]") -> None:
    """Raises InvalidInput (``undecodable``) where the bytes broke the decoder."""
    if -ended.returncode in _BY_ITS_BYTES:
        name = signal.Signals(-ended.returncode).name
        raise InvalidInput(f"the decoder broke down over it ({name})", code="undecodable")


def probe(file: BinaryIO, span_us: int, *, child: Path = CHILD, wait_s: float = WAIT_S) -> Footage:
    """Decodes a segment; ``file`` has a descriptor and stands at its beginning.

    Raises InvalidInput (``undecodable``) where the bytes are no footage, Unavailable (``not_decoded``) where that could
    not be found out: too slow, out of memory, killed.
    """
    ended = run(child, (str(span_us),), file=file, wait_s=wait_s)
    check_survived(ended)
    if ended.returncode != 0 or len(ended.stdout) > ANSWER_BYTES_MAX:
        raise Unavailable(f"the decoder ended with {ended.returncode}", code="not_decoded")
    try:
        answer = decode_json(ended.stdout, _Answer)
    except msgspec.MsgspecError as error:
        raise InvalidInput("the decoder's answer makes no sense", code="undecodable") from error
    if answer.error:
        raise InvalidInput(answer.error[:160], code="undecodable")
    return Footage(answer.duration_us, answer.frames, len(answer.dark), tuple(answer.dark), tuple(answer.unchanged))
