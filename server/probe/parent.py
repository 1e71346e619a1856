"""Starts processes that decode what others sent, waits so long and no longer, and reads an answer as the words of a stranger.

Invariant: whatever the bytes do to the decoder, this process only sees an answer of bounded length, a wrong answer or none.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from config.base.decoding import decode_json
from config.base.errors import InvalidInput, Unavailable
from server.domain.deep_audit import Footage

CHILD = Path(__file__).with_name("child.py")
WAIT_S = 120.0
ANSWER_BYTES_MAX = 64 * 1024
READ_BYTES = 64 * 1024
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


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it wrote: the bytes of a stranger."""

    code: int
    output: bytes


def run(child: Path, words: Sequence[str], file: BinaryIO | int, *, bytes_max: int, wait_s: float) -> Ended:
    """A program of this folder by itself, with ``file`` on its standard input.

    Raises InvalidInput (``undecodable``) where the bytes broke the decoder; Unavailable (``not_decoded``) where it took too long, wrote
    more than ``bytes_max``, or could not be started.
    """
    command = [sys.executable, "-I", str(child), *words]
    until_s = time.monotonic() + wait_s
    try:
        with subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd="/"
        ) as process:
            try:
                output = _read(process, bytes_max, until_s)
                code = process.wait(max(0.0, until_s - time.monotonic()))
            finally:
                process.kill()
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"decoding took more than {wait_s:.0f} s", code="not_decoded") from error
    except OSError as error:
        raise Unavailable(f"no process to decode in: {error.strerror}", code="not_decoded") from error
    if -code in _BY_ITS_BYTES:
        raise InvalidInput(f"the decoder broke down over it ({signal.Signals(-code).name})", code="undecodable")
    return Ended(code, output)


def _read(process: "subprocess.Popen[bytes]", bytes_max: int, until_s: float) -> bytes:
    """All that it writes until it closes its output. Raises TimeoutError, Unavailable."""
    if process.stdout is None:
        return b""
    found, descriptor = bytearray(), process.stdout.fileno()
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while ready.poll(max(0.0, until_s - time.monotonic()) * 1_000):
        some = os.read(descriptor, READ_BYTES)
        if not some:
            return bytes(found)
        found += some
        if len(found) > bytes_max:
            raise Unavailable("the decoder writes more than it may", code="not_decoded")
    raise TimeoutError


def probe(file: BinaryIO, span_us: int, *, child: Path = CHILD, wait_s: float = WAIT_S) -> Footage:
    """Decodes a segment; ``file`` has a descriptor and stands at its beginning.

    Raises InvalidInput (``undecodable``) where the bytes are no footage, Unavailable (``not_decoded``) where that could
    not be found out: too slow, out of memory, killed.
    """
    ended = run(child, (str(span_us),), file, bytes_max=ANSWER_BYTES_MAX, wait_s=wait_s)
    if ended.code != 0:
        raise Unavailable(f"the decoder ended with {ended.code}", code="not_decoded")
    try:
        answer = decode_json(ended.output, _Answer)
    except msgspec.MsgspecError as error:
        raise InvalidInput("the decoder's answer makes no sense", code="undecodable") from error
    if answer.error:
        raise InvalidInput(answer.error[:160], code="undecodable")
    return Footage(answer.duration_us, answer.frames, len(answer.dark), tuple(answer.dark), tuple(answer.unchanged))
