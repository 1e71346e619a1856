"""Everything that an agent lives among, for real and on loopback: cameras, broker, store, server; and itself.

Agent, broker, server and store reach each other through relays, so that networks can be cut; the agent's processes can
be stopped, looked at and killed at any instant.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from benchmarks.drills import _footage
from benchmarks.drills._proxy import Relay
from config.base.clock import SystemClock
from config.settings.server import ServerSettings, load_server
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.commands import CACHE, REPOSITORY, environment
from deploy.local.processes import Service, stop_all
from deploy.local.simulator.launch import Simulator
from deploy.local.store import LocalStore, StoreKind, find
from server.services.registers.register import Register
from storage.database.models import BoxNotice, ConditionChange
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess
from storage.objects.s3 import S3EvidenceStore
from tests.support.brokers import free_port
from tests.support.edge import AGENT, SITE, EdgeBox

BUCKET = "nightlight-drill"
SEGMENT_S = 2
FAKED = "faketime"
SMALL_DISK = "128m"


class World:
    """Starts everything; ``close`` ends everything."""

    def __init__(self, root: Path, cameras: int) -> None:
        self.root = root
        self.clock = SystemClock()
        self.cameras = [f"cam-{number}" for number in range(1, cameras + 1)]
        self.durable: dict[str, set[str]] = {camera: set() for camera in self.cameras}
        """Digests of the frames that were seen on the agent's disk."""
        self.frames_of: dict[str, set[str]] = {}
        """The same by segment id."""
        self.garbage: list[tuple[str, int, int]] = []
        """Camera, from, until: when pictures were sent that nobody can decode."""
        self.clock_can_be_set = False
        """From the agent's next start on. Under libfaketime its threads wake each other for nothing, take ten times the
        processor's time and now and then seconds for what takes milliseconds: no other fault is judged under it."""
        self._log_at = 0
        self._closing = ExitStack()
        try:
            self._build(cameras)
        except BaseException:
            self._closing.close()
            raise

    def _build(self, cameras: int) -> None:
        self.broker = Broker(self.root / "broker", free_port(), (AgentIdentity(SITE, AGENT),))
        self._closing.callback(self.broker.stop)
        self.broker.start()
        self.store = self._start_store()
        self._closing.callback(self._stop_store)
        self.to_broker = self._relay(self.broker.port)
        self.to_store = self._relay(_port(self.store.endpoint))
        api_port = free_port()
        self.to_api = self._relay(api_port)
        self.settings_file = self.root / "server.toml"
        self._write_server_settings(api_port)
        self._run("server.admin", "--settings", str(self.settings_file), "init")
        self.settings: ServerSettings = load_server(self.settings_file)
        self.database = Database(self.settings.database.url)
        self._closing.callback(self.database.close)
        self.services = [
            Service(name, (f"server.{name}", "--settings", str(self.settings_file)), self.root / f"{name}.log")
            for name in ("api", "ingest")
        ]
        self._closing.callback(lambda: stop_all(self.services))
        for service in self.services:
            service.start()
        self.simulator = Simulator.start(self.root / "cameras", cameras=cameras)
        self._closing.callback(self.simulator.stop)
        state = self.root / "edge" / "state"
        state.mkdir(parents=True)
        if _mount_small_disk(state):
            self._closing.callback(_unmount, state)
        self.box = EdgeBox(self.root / "edge")
        self.box.equip(self.broker)
        self._closing.callback(self.kill_agent)
        self._register()
        self.configure()

    def close(self) -> None:
        self._closing.close()

    def evidence(self) -> S3EvidenceStore:
        """The store as the server sees it."""
        key, secret = self.store.server_access_key_file.read_text(), self.store.server_secret_key_file.read_text()
        return S3EvidenceStore(StoreAccess(self.store.endpoint, BUCKET, key, secret), self.clock)

    def configure(self, **tables: dict[str, Any]) -> None:
        """The agent's settings; it takes them at its next start."""
        merged: dict[str, dict[str, Any]] = {
            "mqtt": {"port": self.to_broker.port, "keepalive_s": 5, "heartbeat_s": 1},
            "server": {
                "url": f"http://127.0.0.1:{self.to_api.port}",
                "public_key_file": str(self.root / "server" / "signing-key.pub.pem"),
                "timeout_s": 3,
            },
            "recording": {"segment_s": SEGMENT_S, "stall_s": 3, "connect_timeout_s": 3, "reconnect_limit_s": 1.0},
            "spool": {"free_bytes_min": 0, "resend_s": 2, "upload_workers": 4},
            "clock": {"sync_s": 5},
        }
        for name, table in tables.items():
            merged.setdefault(name, {}).update(table)
        urls = {camera: self.simulator.url(self.simulator.cameras[n]) for n, camera in enumerate(self.cameras)}
        self.box.configure(urls, **merged)

    def start_agent(self) -> None:
        """Under a clock that can be set where that is wanted: see ``set_clock``."""
        with (self.box.folder / "agent.log").open("a") as log:
            self.box.process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", "--settings", str(self.box.settings_file)],
                cwd=REPOSITORY,
                env=environment() | self._faked(),
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=log,
                text=True,
                start_new_session=True,
            )

    def agent_processes(self) -> list[psutil.Process]:
        """The main process first, then all others of the agent."""
        if self.box.process is None:
            return []
        try:
            main = psutil.Process(self.box.process.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def shards(self) -> list[psutil.Process]:
        """Those that read cameras."""
        found: list[psutil.Process] = []
        for process in self.agent_processes()[1:]:
            with suppress(psutil.Error):
                if process.name() == "nightlight-shrd":
                    found.append(process)
        return found

    def is_writing(self) -> bool:
        """Whether a camera's frames are on their way to the disk at this moment."""
        found = list(self.box.spool.glob("*/*.part"))
        with suppress(FileNotFoundError):
            return any(path.stat().st_size for path in found) and bool(self.shards())
        return False

    def look_at_disk(self) -> int:
        """Stops the agent for a moment and notes every frame that is on its disk; how many of them are new."""
        stopped = self.agent_processes()
        for process in stopped:
            with suppress(psutil.Error):
                process.suspend()
        try:
            return self.note_durable()
        finally:
            for process in reversed(stopped):
                with suppress(psutil.Error):
                    process.resume()

    def note_durable(self) -> int:
        """The same of an agent that stands still."""
        fresh = 0
        for camera, known in self.durable.items():
            for path in self.box.spool.glob(f"{camera}/*.mp4*"):
                found = set(_footage.digests(path.read_bytes()))
                self.frames_of.setdefault(path.name.partition(".")[0], set()).update(found)
                fresh += len(found - known)
                known.update(found)
        return fresh

    def kill_agent(self) -> None:
        """Kill -9 of all of it, at one instant."""
        processes = self.agent_processes()
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        if self.box.process is not None:
            self.box.process.wait()
            self.box.process = None
        psutil.wait_procs(processes[1:], timeout=5)

    def set_clock(self, offset_s: int) -> None:
        """What the agent's machine takes for the time, against the true one."""
        (self.root / FAKED).write_text(f"{offset_s:+d}s\n")

    def fill_disk(self, leave_bytes: int) -> Path | None:
        """Somebody else's file on the agent's own small disk; None where it has none. Remove it to make room."""
        state = self.box.folder / "state"
        if not state.is_mount():
            return None
        self._log_at = len(self.box.log())
        filler = state / "somebody-elses"
        found = os.statvfs(state)
        with filler.open("wb") as opened:
            os.posix_fallocate(opened.fileno(), 0, max(1, found.f_bavail * found.f_frsize - leave_bytes))
        return filler

    def log_since_full(self) -> str:
        """What the agent logged since ``fill_disk``."""
        return self.box.log()[self._log_at :]

    def notices(self, notice: str) -> int:
        """How often the server was told something of the box."""
        with self.database.reading() as session:
            return len(session.scalars(select(BoxNotice.message_id).where(BoxNotice.notice == notice)).all())

    def conditions_since(self, since_us: int) -> set[str]:
        """What the server was told of cameras."""
        with self.database.reading() as session:
            query = select(ConditionChange.condition).where(ConditionChange.at_us >= since_us)
            return set(session.scalars(query))

    def restart_store(self) -> None:
        """Brings a stopped store up again, wherever it listens now."""
        self.store = self._start_store()
        self.to_store.target_port = _port(self.store.endpoint)

    def wait(self, what: str, check: Callable[[], bool], within_s: float) -> bool:
        """Whether it came true in time; what did not is said on standard error."""
        until = time.monotonic() + within_s
        while not check():
            if time.monotonic() > until:
                print(f"  waited {within_s:.0f} s in vain for {what}", file=sys.stderr, flush=True)
                return False
            time.sleep(0.2)
        return True

    def _stop_store(self) -> None:
        self.store.stop()  # the one that runs by then

    def _relay(self, target_port: int) -> Relay:
        made = Relay(free_port(), target_port)
        self._closing.callback(made.close)
        return made

    def _start_store(self) -> LocalStore:
        kinds = find(CACHE)
        kind: StoreKind = "minio" if "minio" in kinds else "seaweedfs"
        return LocalStore.start(kind, self.root / "store", bucket=BUCKET, cache_dir=CACHE)

    def _faked(self) -> dict[str, str]:
        library = _libfaketime() if self.clock_can_be_set else None
        if library is None:
            return {}
        if not (self.root / FAKED).exists():
            self.set_clock(0)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.root / FAKED),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }

    def _register(self) -> None:
        register = Register(self.database, self.clock)
        register.add_site(SITE, "Drill", "cn/sichuan/luzhou", "Asia/Shanghai")
        register.add_zone(SITE, "room", "Room", "activity")
        register.add_agent(SITE, AGENT, self.box.public_key.encode())
        for camera in self.cameras:
            register.add_camera(SITE, camera, "room", AGENT, camera)

    def _write_server_settings(self, api_port: int) -> None:
        folder = self.root / "server"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.settings_file.write_text(
            f"""
[server]
state_dir = "{folder}"
signing_key_file = "{folder}/signing-key.pem"
[database]
url = "sqlite:///{folder}/nightlight.db"
[store]
endpoint = "127.0.0.1:{self.to_store.port}"
bucket = "{BUCKET}"
access_key_file = "{self.store.server_access_key_file}"
secret_key_file = "{self.store.server_secret_key_file}"
timeout_s = 5
[mqtt]
port = {self.to_broker.port}
keepalive_s = 5
certificate_file = "{self.broker.certificate_file("ingest")}"
[enrolment]
authority_file = "{self.broker.authority_file}"
authority_key_file = "{self.broker.authority_key_file}"
[api]
port = {api_port}
[policy]
retain_days = 1
unsound_findings = []
"""
        )

    def _run(self, module: str, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", module, *arguments], cwd=REPOSITORY, env=environment(), check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip


def _mount_small_disk(folder: Path) -> bool:
    """A disk of its own; False where that is not allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def can_set_clock() -> bool:
    """Whether the agent can be given another clock here."""
    return _libfaketime() is not None


def _libfaketime() -> Path | None:
    try:
        import libfaketime  # type: ignore[import-untyped]
    except ImportError:
        return None
    folder = Path(libfaketime.__file__).parent
    return next(iter(sorted(folder.rglob("libfaketime.so.1"))), None)


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
