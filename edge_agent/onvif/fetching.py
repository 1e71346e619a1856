"""Starts the process that fetches, reads what it says, and ends it in time.

Invariant: it never runs longer than its deadline, and what it says is looked at before it is believed: a camera's bytes
have been through it.
"""

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import msgspec

import edge_agent
from config.base.clock import US_PER_S, Clock
from config.base.decoding import decode_json
from config.base.errors import Unavailable
from config.wire.segments import SEGMENT_SPAN_US_MAX
from edge_agent.onvif.fetch import AROUND_US, Ended, Job
from edge_agent.onvif.fetched_segments import FetchedSegment

LINE_BYTES_MAX = 8_192
LOOK_EVERY_S = 0.5
END_WITHIN_S = 2.0
_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Line(msgspec.Struct, frozen=True):
    segment: FetchedSegment | None = None
    ended: Ended | None = None


def fetch_in_process(
    job: Job, clock: Clock, within_s: float, told_to_stop: Callable[[], bool]
) -> Generator[FetchedSegment | Ended, None, None]:
    """Segments as they are finished, and at last how it ended. Raises Unavailable where it did not end by itself."""
    # What this agent's code was loaded from, wherever that is; ``-I`` would leave it out.
    path = os.pathsep.join([str(Path(edge_agent.__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.onvif.fetch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
    )
    try:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
        child.stdin.write(msgspec.json.encode(job) + b"\n")
        child.stdin.flush()
        deadline_us = clock.monotonic_us() + int(within_s * US_PER_S)
        held = b""
        while clock.monotonic_us() < deadline_us and not told_to_stop():
            ready, _, _ = select.select([child.stdout], [], [], LOOK_EVERY_S)
            if not ready:
                continue
            data = os.read(child.stdout.fileno(), 65_536)
            if not data:
                break
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                said = checked(line, job)
                yield said
                if isinstance(said, Ended):
                    return
            if len(held) > LINE_BYTES_MAX:
                raise Unavailable("what fetches from cameras says too much at once")
        raise Unavailable("fetching did not come to an end")
    except (OSError, BrokenPipeError) as error:
        raise Unavailable(f"fetching broke off ({type(error).__name__})") from error
    finally:
        _end(child)


def checked(line: bytes, job: Job) -> FetchedSegment | Ended:
    """Raises Unavailable for what a process that is still itself would not say."""
    try:
        said = decode_json(line, _Line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Unavailable("what fetches from cameras makes no sense") from error
    if said.ended is not None:
        return said.ended
    found = said.segment
    if found is None or not _is_sound(found, job):
        raise Unavailable("what fetches from cameras claims what it was not asked for")
    return found


def _is_sound(found: FetchedSegment, job: Job) -> bool:
    ids = _ID.fullmatch(found.segment_id) and _ID.fullmatch(found.run_id) and _SHA256.fullmatch(found.sha256)
    lasts = 0 < found.end_us - found.start_us <= SEGMENT_SPAN_US_MAX
    asked = job.start_us - 2 * AROUND_US < found.start_us and found.end_us < job.end_us + 2 * AROUND_US
    return bool(ids) and lasts and asked


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with suppress(OSError):  # it is gone already
            child.stdin.close()
    try:
        child.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
