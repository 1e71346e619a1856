"""What the agent costs for each camera, and what it loses: 1, 8, 16 and 32 cameras of 1080p25 at 4 Mbit/s.

    python3 dev.py bench edge --json
    python -m benchmarks.edge --json --seconds 600 --cameras 32     the long run for "0 frames lost over ten minutes"

The source plays packets that were made once (``_replay``), so that what is measured is the agent; beside it, in the same
run, one ``ffmpeg -c copy`` for each camera does the same without hashing, spooling, or knowing what time it is.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks._clip import FPS
from benchmarks._processes import family, use_of
from benchmarks.report import Report
from config.base.clock import US_PER_S
from config.wire.envelope import Signer
from deploy.local.commands import REPOSITORY
from edge_agent.identity import create_key

FLEETS = (1, 8, 16, 32)
SEGMENT_S = 10
SETTLE_S = 5.0
BEGIN_WITHIN_S = 60.0
CLIP = REPOSITORY / ".cache" / "bench" / "1080p25-4mbit.h264"
RATIO_MAX, CPU_PERCENT_MAX, DIAGNOSED_PERCENT_MAX, CAMERA_MB_MAX, TIME_ERROR_MS_MAX = 1.25, 1.0, 75.0, 12.0, 100.0


@dataclass
class Sample:
    """One run of the agent, or of ffmpeg, with so many cameras."""

    cameras: int
    seconds: float
    cpu_s: float
    pss_bytes: int
    rss_bytes: int
    frames_lost: int = 0
    runs: int = 0
    source_late_ms: float = 0.0
    """By how much the source sent the frame at the head of a segment later than a camera would have."""
    boundary_errors_ms: list[float] = field(default_factory=list)
    time_errors_ms: list[float] = field(default_factory=list)
    reconnect_s: float = 0.0

    @property
    def cpu_percent(self) -> float:
        """Of one core, for each camera."""
        return 100 * self.cpu_s / self.seconds / self.cameras

    @property
    def camera_mb(self) -> float:
        return self.pss_bytes / 1e6 / self.cameras


class Keyframe(NamedTuple):
    """One that the source sent."""

    captured_us: int
    """When a camera would have taken it; it may have been sent later, which is for the agent to find out."""
    frames: int
    """How many frames came before it in its session."""
    late_us: int


@dataclass
class Source:
    """The replaying camera server."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def url(self, camera: int) -> str:
        return f"rtsp://127.0.0.1:{self.port}/cam{camera}"

    def cut(self) -> None:
        """Drops every connection."""
        self.process.send_signal(signal.SIGUSR1)

    def keyframes(self) -> dict[int, list["Keyframe"]]:
        """Of each camera, from its first session on."""
        found: dict[int, list[Keyframe]] = {}
        for line in self.log.read_text().splitlines():
            kind, camera, *numbers = line.split()
            if kind == "key":
                found.setdefault(int(camera), []).append(Keyframe(*map(int, numbers)))
        return found

    def played_us(self) -> list[int]:
        """When viewers began to play."""
        return [int(line.split()[2]) for line in self.log.read_text().splitlines() if line.startswith("play")]


@contextmanager
def source(folder: Path, cameras: int) -> Iterator[Source]:
    """A camera server of its own for each measurement."""
    log = folder / "replay.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._replay", str(CLIP), str(cameras), str(log)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield Source(process, json.loads(line)["port"], log)
    finally:
        process.kill()
        process.wait()


def measure_agent(cameras: int, seconds: float, *, diagnosis: bool) -> Sample:
    """The whole agent: every process of it."""
    with tempfile.TemporaryDirectory(prefix="nightlight-bench-") as name, source(Path(name), cameras) as replay:
        folder = Path(name)
        settings = _settings(folder, replay, cameras, diagnosis=diagnosis)
        with (folder / "agent.log").open("w") as log:
            agent = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", "--settings", str(settings)], cwd=REPOSITORY, stderr=log
            )
        try:
            _await_viewers(replay, cameras)
            sample = _measured(agent.pid, cameras, seconds)
            cut_us = time.time_ns() // 1_000
            replay.cut()
            time.sleep(4)
            again = [at_us for at_us in replay.played_us() if at_us > cut_us]
            sample.reconnect_s = (max(again) - cut_us) / US_PER_S if len(again) >= cameras else float("inf")
        finally:
            agent.terminate()
            agent.wait(20)
        _judge(sample, folder, replay, before_us=cut_us)
        return sample


def measure_ffmpeg(cameras: int, seconds: float) -> Sample:
    """One ``ffmpeg`` for each camera: stream copy into segments of fragmented MP4."""
    with tempfile.TemporaryDirectory(prefix="nightlight-bench-") as name, source(Path(name), cameras) as replay:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp"]
        output = ["-an", "-c", "copy", "-f", "segment", "-segment_time", str(SEGMENT_S), "-segment_format", "mp4"]
        output += ["-segment_format_options", "movflags=frag_keyframe+empty_moov+default_base_moof"]
        processes = [
            subprocess.Popen([*command, "-i", replay.url(number), *output, f"{name}/{number}-%05d.mp4"])
            for number in range(1, cameras + 1)
        ]
        try:
            _await_viewers(replay, cameras)
            return _measured([process.pid for process in processes], cameras, seconds)
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _await_viewers(replay: Source, cameras: int) -> None:
    deadline_s = time.monotonic() + BEGIN_WITHIN_S
    while len(replay.played_us()) < cameras:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not all of {cameras} cameras were asked for within {BEGIN_WITHIN_S:.0f} s")
        time.sleep(0.2)


def _measured(pids: int | list[int], cameras: int, seconds: float) -> Sample:
    time.sleep(SETTLE_S)
    everybody = family(pids) if isinstance(pids, int) else pids
    before, began_s = use_of(everybody), time.monotonic()
    time.sleep(seconds)
    after, elapsed_s = use_of(everybody), time.monotonic() - began_s
    return Sample(cameras, elapsed_s, after.cpu_s - before.cpu_s, after.pss_bytes, after.rss_bytes)


def _settings(folder: Path, replay: Source, cameras: int, *, diagnosis: bool) -> Path:
    state = folder / "state"
    create_key(state)
    (folder / "server.pem").write_bytes(Signer(Ed25519PrivateKey.generate()).public_pem)
    lines = ["[agent]", 'site_id = "bench"', 'agent_id = "bench"', f"state_dir = {json.dumps(str(state))}"]
    lines += ["[server]", 'url = "http://127.0.0.1:1"', f"public_key_file = {json.dumps(str(folder / 'server.pem'))}"]
    lines += ["[recording]", f"segment_s = {SEGMENT_S}", "[spool]", "free_bytes_min = 0"]
    lines += ["[diagnosis]", f"enabled = {json.dumps(diagnosis)}", "[mqtt]", "port = 1"]
    for number in range(1, cameras + 1):
        lines += ["[[cameras]]", f'id = "cam-{number}"', f'url = "{replay.url(number)}"']
    file = folder / "settings.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def _judge(sample: Sample, folder: Path, replay: Source, before_us: int) -> None:
    """What the segments say against what the source sent, up to the moment at which the connections were cut."""
    connection = sqlite3.connect(folder / "state" / "spool" / "spool.sqlite3")
    rows = connection.execute(
        "SELECT camera_id, run_id, start_us, end_us, frames FROM segments WHERE frames IS NOT NULL"
        " AND start_us < ? ORDER BY camera_id, start_us",
        (before_us,),
    ).fetchall()
    connection.close()
    keyframes = replay.keyframes()
    cameras: dict[str, list[tuple[str, int, int, int]]] = {}
    for camera_id, run_id, start_us, end_us, frames in rows:
        cameras.setdefault(camera_id, []).append((run_id, start_us, end_us, frames))
    sample.runs = len({run_id for segments in cameras.values() for run_id, *_ in segments})
    for camera_id, segments in cameras.items():
        sent = keyframes[int(camera_id.removeprefix("cam-"))]
        places = [_nearest(sent, start_us) for _, start_us, _, _ in segments]
        for number, ((_, start_us, _, frames), place) in enumerate(zip(segments, places, strict=True)):
            sample.time_errors_ms.append(abs(start_us - place.captured_us) / 1_000)
            sample.source_late_ms = max(sample.source_late_ms, place.late_us / 1_000)
            if number:
                nearest = round(start_us / (SEGMENT_S * US_PER_S)) * SEGMENT_S * US_PER_S
                sample.boundary_errors_ms.append(abs(start_us - nearest) / 1_000)
            if number + 1 < len(segments):
                sample.frames_lost += max(0, places[number + 1].frames - place.frames - frames)
    sample.frames_lost += FPS * SEGMENT_S * (sample.cameras - len(cameras))


def _nearest(sent: list[Keyframe], at_us: int) -> Keyframe:
    return min(sent, key=lambda key: abs(key.captured_us - at_us))


def main(arguments: list[str]) -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edge", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each measurement lasts")
    parser.add_argument("--cameras", type=int, action="append", help="instead of 1, 8, 16 and 32")
    options = parser.parse_args(arguments)
    fleets = tuple(options.cameras or FLEETS)
    report = Report("edge", {"seconds": options.seconds, "segment_s": SEGMENT_S, "load_before": round(_load(), 2)})
    for cameras in fleets:
        _record(report, cameras, options.seconds, largest=cameras == max(fleets))
    _diagnose(report, max(fleets), options.seconds)
    report.figures["load_after"] = round(_load(), 2)
    return report.finish_bench(as_json=options.json)


def _record(report: Report, cameras: int, seconds: float, *, largest: bool) -> None:
    agent = measure_agent(cameras, seconds, diagnosis=False)
    peer = measure_ffmpeg(cameras, seconds)
    ratio = agent.cpu_percent / peer.cpu_percent
    prefix = f"{cameras}_cameras"
    _put(report, prefix, agent)
    report.figures[f"{prefix}_ffmpeg_cpu_percent_each"] = round(peer.cpu_percent, 3)
    report.figures[f"{prefix}_ffmpeg_pss_mb_each"] = round(peer.camera_mb, 1)
    report.figures[f"{prefix}_against_ffmpeg"] = round(ratio, 2)
    if largest:
        report.expect("cpu_percent_each", round(agent.cpu_percent, 3), at_most=CPU_PERCENT_MAX)
        report.expect("against_ffmpeg_copy", round(ratio, 2), at_most=RATIO_MAX)
        report.expect("frames_lost", agent.frames_lost, at_most=0)
        report.expect("time_error_ms_max", round(max(agent.time_errors_ms, default=1e9), 1), at_most=TIME_ERROR_MS_MAX)
        report.expect("boundary_error_ms_max", round(max(agent.boundary_errors_ms, default=1e9), 1), at_most=1_050)
        report.expect("reconnect_s_max", round(agent.reconnect_s, 2), at_most=1.0)


def _diagnose(report: Report, cameras: int, seconds: float) -> None:
    sample = measure_agent(cameras, seconds, diagnosis=True)
    _put(report, f"{cameras}_diagnosed", sample)
    together = sample.cpu_percent * cameras
    report.expect("diagnosed_percent_of_a_core", round(together, 1), at_most=DIAGNOSED_PERCENT_MAX)
    report.expect("diagnosed_mb_each", round(sample.camera_mb, 1), at_most=CAMERA_MB_MAX)
    report.expect("diagnosed_frames_lost", sample.frames_lost, at_most=0)


def _put(report: Report, prefix: str, sample: Sample) -> None:
    report.figures |= {
        f"{prefix}_cpu_percent_each": round(sample.cpu_percent, 3),
        f"{prefix}_pss_mb_each": round(sample.camera_mb, 1),
        f"{prefix}_rss_mb_each": round(sample.rss_bytes / 1e6 / sample.cameras, 1),
        f"{prefix}_frames_lost": sample.frames_lost,
        f"{prefix}_bytes_lost": sample.frames_lost * 4_000_000 // 8 // FPS,
        f"{prefix}_runs": sample.runs,
        f"{prefix}_boundary_error_ms_max": round(max(sample.boundary_errors_ms, default=0.0), 1),
        f"{prefix}_time_error_ms_max": round(max(sample.time_errors_ms, default=0.0), 1),
        f"{prefix}_source_late_ms_max": round(sample.source_late_ms, 1),
        f"{prefix}_reconnect_s_max": round(sample.reconnect_s, 2),
    }


def _load() -> float:
    return os.getloadavg()[0]


if __name__ == "__main__":
    if shutil.disk_usage(tempfile.gettempdir()).free < 4 << 30:
        sys.exit("the edge benchmark needs 4 GB in the temporary folder")
    sys.exit(main(sys.argv[1:]))
