"""What eight simulated cameras cost: they run beside everything else in the demonstration, so they must be cheap."""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import av

from benchmarks.report import Report
from deploy.local.simulator.launch import Simulator

CAMERAS = 8
SETTLE_S = 3.0
MEASURE_S = 15.0
CORE_PERCENT_MAX = 25


class _Watcher(threading.Thread):
    """Reads one camera and counts."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.stopped = threading.Event()
        self.frames = 0
        self.bytes = 0

    def run(self) -> None:
        with av.open(self._url, options={"rtsp_transport": "tcp"}, timeout=10) as container:
            for packet in container.demux(video=0):
                self.frames += 1
                self.bytes += packet.size
                if self.stopped.is_set():
                    return


def main(*, as_json: bool) -> int:
    """Measures and reports."""
    with tempfile.TemporaryDirectory() as folder, Simulator.start(Path(folder), cameras=CAMERAS) as simulator:
        watchers = [_Watcher(simulator.url(camera)) for camera in simulator.cameras]
        for watcher in watchers:
            watcher.start()
        time.sleep(SETTLE_S)
        frames, octets = sum(w.frames for w in watchers), sum(w.bytes for w in watchers)
        cpu_s, began = _cpu_s(simulator.process.pid), time.monotonic()
        time.sleep(MEASURE_S)
        elapsed_s = time.monotonic() - began
        cpu_percent = round(100 * (_cpu_s(simulator.process.pid) - cpu_s) / elapsed_s, 1)
        fps = round((sum(w.frames for w in watchers) - frames) / elapsed_s / CAMERAS, 2)
        kilobits = round((sum(w.bytes for w in watchers) - octets) * 8 / elapsed_s / CAMERAS / 1_000)
        for watcher in watchers:
            watcher.stopped.set()
        for watcher in watchers:
            watcher.join(5)
    report = Report(
        "simulator",
        {"cameras": CAMERAS, "cpu_percent": cpu_percent, "frames_per_second": fps, "kilobits_per_second": kilobits},
    )
    report.expect("cpu_percent", cpu_percent, at_most=CORE_PERCENT_MAX)
    report.expect("frames_per_second", fps, at_least=9.5)
    return report.finish_bench(as_json=as_json)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(as_json="--json" in sys.argv[1:]))
