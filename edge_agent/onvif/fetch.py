"""``python -m edge_agent.onvif.fetch``: fetches one stretch of a camera's own recording, in a process of its own.

The job comes as one line of JSON on standard input, each finished segment goes out as one line on standard output, and
the last line says how it ended. When standard input closes, the parent is gone, and so is this.

Invariant: whatever a camera sends, native code included, ends this process at most. It writes into its scratch folder
and nowhere else; what becomes of the files there, the parent decides.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from config.base.decoding import decode_json
from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied
from edge_agent.cameras.rtsp.asking import Credentials
from edge_agent.onvif.fetched_segments import FetchedSegment, FetchedWriter, groups
from edge_agent.onvif.stored_frames import StoredFrame, StoredFrames

JOB_BYTES_MAX = 16_384
NICE = 10
AROUND_US = 10_000_000
"""Asked for before and after, so that the keyframe that the first frames hang on is among them."""

Why = Literal["complete", "silent", "closed", "broken", "nonsense", "nothing", "refused", "no_times", "disk"]


class Job(msgspec.Struct, frozen=True):
    """``[start, end)`` by the agent's clock; the camera's is ahead by ``offset_us`` at ``start``, and at ``end``."""

    url: str
    username: str
    password: str
    folder: str
    start_us: int
    end_us: int
    start_offset_us: int
    end_offset_us: int
    segment_us: int
    connect_within_s: float
    silent_s: float
    allow_basic: bool = False

    def to_agent(self, camera_us: int) -> int:
        """An instant of the camera's on the agent's clock; before the stretch and after it as at its ends."""
        at_us = camera_us - self.start_offset_us
        part = min(1.0, max(0.0, (at_us - self.start_us) / (self.end_us - self.start_us)))
        return camera_us - self.start_offset_us - int((self.end_offset_us - self.start_offset_us) * part)


class Ended(msgspec.Struct, frozen=True):
    """The last word."""

    why: Why
    lost_packets: int = 0


def main() -> int:
    """Entry point; returns the exit status."""
    line = sys.stdin.buffer.readline(JOB_BYTES_MAX)
    job = decode_json(line, Job)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICE)
    _say(fetch(job, _say))
    return 0


def fetch(job: Job, on_segment: Callable[[FetchedSegment], None]) -> Ended:
    """Everything of the stretch that the camera has. Never raises for what a camera does."""
    stored: StoredFrames | None = None
    try:
        who = Credentials(job.username, job.password, job.allow_basic)
        stored = StoredFrames(job.url, who, job.connect_within_s, job.silent_s)
        first_us = job.start_us + job.start_offset_us - AROUND_US
        stored.play(first_us, job.end_us + job.end_offset_us + AROUND_US)
        why = _write(job, stored, on_segment)
        return Ended(why, stored.lost)
    except NotFound:
        return Ended("nothing")
    except PermissionDenied:
        return Ended("refused")
    except InvalidInput:
        return Ended("nonsense")
    except (OSError, ValueError):
        return Ended("broken")
    except NightlightError:
        return Ended("disk")
    finally:
        if stored is not None:
            stored.close()


def _write(job: Job, stored: StoredFrames, on_segment: Callable[[FetchedSegment], None]) -> Why:
    writer = FetchedWriter(Path(job.folder), stored.codec, job.segment_us, on_segment)
    seen = 0

    def until_the_end() -> Iterator[StoredFrame]:
        nonlocal seen
        for frame in stored.frames():
            seen += 1
            yield frame
            if frame.is_key and job.to_agent(frame.camera_us) >= job.end_us:
                stored.ended = "complete"
                return

    for group in groups(until_the_end(), job.to_agent):
        if group.end_us > job.start_us and group.start_us < job.end_us:
            writer.add(group)
    writer.finish()
    if not seen and stored.untimed:
        return "no_times"
    if not seen and stored.ended in ("complete", "closed"):
        return "nothing"
    return stored.ended or "complete"  # type: ignore[return-value]


def _say(message: FetchedSegment | Ended) -> None:
    kind = "segment" if isinstance(message, FetchedSegment) else "ended"
    sys.stdout.buffer.write(msgspec.json.encode({kind: message}) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    while os.read(0, 1_024):  # unbuffered: nothing holds a lock when the process ends
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
