"""Drill ``install``: the bundle on a machine with a real systemd: installed, recording in its cage, upgraded, hung, broken, removed.

``python3 dev.py drill install --json``. Needs root on Debian or Ubuntu; elsewhere it says so and ends. Goals, all of
them invariants:

- it records under the hardened unit, picture diagnosis included, and the unit is as closed as it was judged to be;
- an upgrade keeps settings, key and every recording, and the recorder is away for seconds only;
- a process that hangs is begun again by the watchdog, and the log says where it hung;
- a release that does not start is switched back to the one before, and the settings are as they were;
- removal leaves what was recorded where it was.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Report
from deploy.local.simulator.launch import Simulator
from deploy.systemd import bundle
from tests.drills._machine import SHARED, Machine, why_not

UNIT = "nightlight-agent.service"
SPOOL = "/var/lib/nightlight/spool"
SEGMENTS_WITHIN_S = 90.0
WATCHDOG_S = 6
AGAIN_WITHIN_S = 90.0
SETTINGS = """
site_id = "sunflower"
agent_id = "sunflower-box"
[server]
url = "http://127.0.0.1:9"
public_key_file = "/etc/nightlight/server.pub.pem"
[recording]
segment_s = 5
[diagnosis]
enabled = true
[[cameras]]
id = "nap-room"
url = "{url}"
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    report = Report("install", figures={})
    missing = why_not()
    if missing:
        print(f"the drill cannot be run here: {missing}", file=sys.stderr)
        report.expect_true(f"machine ({missing})", value=False)
        return report.finish_drill(as_json=as_json)
    with tempfile.TemporaryDirectory(prefix="install-") as scratch:
        folder = Path(scratch)
        python = subprocess.run(
            ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        arch = subprocess.run(
            ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
        ).stdout.strip()
        made = bundle.build(arch, (python,), folder)
        with Simulator.start(folder / "cameras", cameras=1) as cameras, Machine(folder) as machine:
            _Drill(machine, folder, made, cameras.url("cam1"), report).run()
    return report.finish_drill(as_json=as_json)


class _Drill:
    def __init__(self, machine: Machine, folder: Path, made: Path, url: str, report: Report) -> None:
        self._machine, self._folder, self._made, self._url, self._report = machine, folder, made, url, report

    def run(self) -> None:
        for part in (
            self._install,
            self._enrolled,
            self._records,
            self._upgrade,
            self._hang,
            self._broken_release,
            self._remove,
        ):
            part()

    def _install(self) -> None:
        began = time.monotonic()
        done = self._machine.run("sh", f"{SHARED}/{self._made.name}", "--language", "en")
        self._tell(done)
        self._report.figures["bundle_mib"] = round(self._made.stat().st_size / 2**20)
        self._report.figures["install_s"] = round(time.monotonic() - began, 1)
        self._report.expect_true("installed", value=done.returncode == 0)
        self._report.expect_true("waits for its enrolment", value=self._state() == "inactive")

    def _enrolled(self) -> None:
        """As ``enrol`` leaves it, without a server: key, server's key, settings."""
        (self._folder / "settings.toml").write_text(SETTINGS.format(url=self._url))
        self._machine.run("sh", "-c", f"cat {SHARED}/settings.toml >>/etc/nightlight/agent.toml")
        made = self._machine.run("sh", "-c", "nightlight-agent init >/etc/nightlight/server.pub.pem")
        self._tell(made)
        self._machine.run("chmod", "0644", "/etc/nightlight/server.pub.pem")
        self._tell(self._machine.run("systemctl", "start", UNIT))

    def _records(self) -> None:
        recorded = self._wait(lambda: self._recordings() >= 3, SEGMENTS_WITHIN_S)
        self._report.expect_true("records under the hardened unit", value=recorded)
        log = self._machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager").stdout
        self._report.expect_true("no fault in its log", value="Traceback" not in log)
        if "Traceback" in log:
            print(log[-6_000:], file=sys.stderr)
        pid = self._machine.property(UNIT, "MainPID")
        status = self._machine.run("cat", f"/proc/{pid}/status").stdout
        facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        self._report.expect_true("no capability", value=int(facts.get("CapBnd", "1").strip(), 16) == 0)
        self._report.expect_true("no new privileges", value=facts.get("NoNewPrivs", "").strip() == "1")
        self._report.expect_true("a system call filter", value=facts.get("Seccomp", "").strip() == "2")
        judged = self._machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout
        level = judged.rpartition("level for ")[2].partition(": ")[2].split(" ")[0]
        self._report.figures["exposure_level"] = float(level) if level else None
        status_said = self._machine.run("nightlight-agent", "--language", "en", "status")
        self._report.expect_true("status answers", value="running" in status_said.stdout)

    def _upgrade(self) -> None:
        before, settings, key = self._recordings(), self._file("/etc/nightlight/agent.toml"), self._key()
        newer = self._another_release("upgraded", lambda app: (app / "edge_agent" / "UPGRADED").write_text("yes\n"))
        done = self._machine.run("sh", f"{SHARED}/{newer}/install.sh", "--language", "en")
        self._tell(done)
        self._report.expect_true("upgraded", value=done.returncode == 0 and self._state() == "active")
        self._report.expect_true("settings kept", value=self._file("/etc/nightlight/agent.toml") == settings)
        self._report.expect_true("key kept", value=self._key() == key)
        self._report.expect_true("recordings kept", value=self._recordings() >= before)
        after = self._recordings()
        goes_on = self._wait(lambda: self._recordings() > after, SEGMENTS_WITHIN_S)
        self._report.expect_true("recording goes on", value=goes_on)

    def _hang(self) -> None:
        drop_in = f"/etc/systemd/system/{UNIT}.d"
        text = f"[Service]\\nWatchdogSec={WATCHDOG_S}\\nTimeoutAbortSec=5\\n"
        self._machine.run("sh", "-c", f"mkdir -p {drop_in}; printf '{text}' >{drop_in}/drill.conf")
        self._machine.run("systemctl", "daemon-reload")
        self._machine.run("systemctl", "restart", UNIT)
        pid, began = self._machine.property(UNIT, "MainPID"), time.monotonic()
        self._machine.run("kill", "-STOP", pid)

        def again() -> bool:
            return self._state() == "active" and self._machine.property(UNIT, "MainPID") not in (pid, "0")

        self._report.expect_true("a hung agent is begun again", value=self._wait(again, AGAIN_WITHIN_S))
        self._report.figures["hang_to_again_s"] = round(time.monotonic() - began, 1)
        log = self._machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager").stdout
        self._report.expect_true("the log names the watchdog", value="atchdog" in log)
        self._machine.run("rm", "-r", drop_in)
        self._machine.run("systemctl", "daemon-reload")

    def _broken_release(self) -> None:
        good = self._machine.run("readlink", "/opt/nightlight/current").stdout.strip()

        def break_it(app: Path) -> None:
            run = app / "edge_agent" / "cli" / "run.py"
            run.write_text(
                run.read_text().replace(
                    "def run(desk: Desk) -> int:\n", "def run(desk: Desk) -> int:\n    os._exit(1)\n"
                )
            )

        broken = self._another_release("broken", break_it)
        done = self._machine.run("sh", f"{SHARED}/{broken}/install.sh", "--language", "en")
        self._tell(done)
        self._report.expect_true("a release that does not start is refused", value=done.returncode == 1)
        back = self._machine.run("readlink", "/opt/nightlight/current").stdout.strip() == good
        self._report.expect_true(
            "the one before runs again", value=back and self._wait(lambda: self._state() == "active", 30)
        )

    def _remove(self) -> None:
        before = self._recordings()
        done = self._machine.run("sh", f"{SHARED}/upgraded/install.sh", "--uninstall", "--yes", "--language", "en")
        self._tell(done)
        self._report.expect_true("removed", value=done.returncode == 0 and self._state() == "inactive")
        self._report.expect_true("its recordings stay", value=0 < before <= self._recordings())
        self._report.figures["recordings_kept"] = self._recordings()

    def _another_release(self, name: str, change: Callable[[Path], object]) -> str:
        """The bundle unpacked, its program changed and its sums made anew; the name of its folder."""
        folder = self._folder / name
        folder.mkdir()
        lines = bundle.HEADER.count("\n") + 1
        subprocess.run(f"tail -n +{lines} '{self._made}' | tar -xz -C '{folder}'", shell=True, check=True)
        change(folder / "app")
        (folder / "SHA256SUMS").unlink()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        sums = [f"{bundle._sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
        (folder / "SHA256SUMS").write_text("".join(sums))
        return name

    def _recordings(self) -> int:
        found = self._machine.run("find", SPOOL, "-name", "*.mp4").stdout
        return len(found.splitlines())

    def _file(self, path: str) -> str:
        return self._machine.run("cat", path).stdout

    def _key(self) -> str:
        return self._machine.run("sha256sum", "/var/lib/nightlight/agent-key.pem").stdout

    def _state(self) -> str:
        return self._machine.property(UNIT, "ActiveState")

    def _wait(self, check: Callable[[], bool], within_s: float) -> bool:
        deadline_s = time.monotonic() + within_s
        while not check():
            if time.monotonic() > deadline_s:
                print(self._machine.run("journalctl", "-u", UNIT, "-n", "40", "-o", "cat").stdout, file=sys.stderr)
                return False
            time.sleep(1)
        return True

    def _tell(self, done: "subprocess.CompletedProcess[str]") -> None:
        print(done.stdout + done.stderr, file=sys.stderr, end="")


if __name__ == "__main__":
    sys.exit(main())
