"""The whole system on this machine: broker, store, server, simulated cameras and two agents, all on loopback.

Invariant: one stack a state directory; what an earlier start recorded is kept; ``stop`` leaves no process behind.

    stack = Stack(Path(".nightlight"))
    stack.start(print)
    stack.address
    stack.stop()
"""

import fcntl
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from config.base.clock import SystemClock
from config.base.errors import ConfigurationError, ResourceExhausted, Unavailable
from config.settings.server import ServerSettings, load_server
from deploy.local import store as stores
from deploy.local.accounts import AUDITOR, Account, invite, register, register_cameras
from deploy.local.agents import enrol, is_enrolled, write_agent_settings
from deploy.local.broker import Broker
from deploy.local.commands import CACHE, REPOSITORY, environment
from deploy.local.facilities import SITES
from deploy.local.inventory import CameraAccess, set_cameras
from deploy.local.layout import Layout, write_settings
from deploy.local.own_camera import recall
from deploy.local.panels import SITE as PANEL_SITE
from deploy.local.panels import DemoPanel
from deploy.local.processes import Service, stop_all
from deploy.local.say import text
from deploy.local.simulator.launch import Simulator

BUCKET = "nightlight-evidence"
API_PORT = 8_080
LIVE_PORT = 8_090
API_WITHIN_S = 60.0
INIT_WITHIN_S = 120
CAMERA_USER = "nightlight"


class AlreadyRunning(ResourceExhausted):
    """Another process runs this stack; it goes on undisturbed."""

    code = "already_running"


class Stack:
    """Everything that the demonstration runs."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root.resolve())
        self.accounts: list[Account] = []
        self.ready_at = 0.0
        self._lock: IO[str] | None = None
        self._broker: Broker | None = None
        self._store: stores.LocalStore | None = None
        self._simulator: Simulator | None = None
        self._server: list[Service] = []
        self._agents: dict[str, Service] = {}
        self._panel: Service | None = None
        self._api_port = 0

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self._api_port}"

    @property
    def auditor(self) -> Account:
        """Sees every site."""
        return next(account for account in self.accounts if account.name == AUDITOR)

    @property
    def store(self) -> stores.LocalStore:
        """The running store."""
        if self._store is None:
            raise Unavailable("the store is not running")
        return self._store

    @property
    def simulator(self) -> Simulator:
        """The running cameras."""
        if self._simulator is None:
            raise Unavailable("the simulated cameras are not running")
        return self._simulator

    @property
    def broker(self) -> Broker:
        """The running broker."""
        if self._broker is None:
            raise Unavailable("the broker is not running")
        return self._broker

    def settings(self) -> ServerSettings:
        """What the server's processes run with."""
        return load_server(self.layout.server_settings)

    def start(self, told: Callable[[str], None]) -> None:
        """Starts everything; ``told`` gets a word for each part. Raises NightlightError; call ``stop`` then as well."""
        self.claim()
        told("S3")
        self._store = stores.LocalStore.start(self._store_kind(), self.layout.store, bucket=BUCKET, cache_dir=CACHE)
        told("server.admin")
        files = self.layout.server / "broker"
        self._broker = Broker(self.layout.broker, self.layout.port("broker"), files=files)
        self._write_server_settings()
        self._initialise_server()
        told("MQTT")
        self._broker.start()
        self.accounts = register(self.layout, self.settings(), SystemClock())
        told("server.api")
        self._server = [self._service(name, f"server.{name}") for name in ("api", "ingest", "jobs", "live")]
        for service in self._server:
            service.start()
        told("RTSP")
        self._simulator = self._start_simulator()
        self._await_api()
        told("edge_agent")
        for site in SITES:
            panel = DemoPanel(self.layout) if site is PANEL_SITE else None
            write_agent_settings(self.layout.agent(site.agent_id), panel)
        self._enrol_agents()
        register_cameras(self.layout, self.settings(), SystemClock())
        set_cameras(self.settings(), SystemClock(), self._camera, recall(self.layout.cameras))
        for site in SITES:
            self.start_agent(site.site_id)
        self._panel = DemoPanel(self.layout).service()
        self._panel.start()
        self._note_in_lock(self.address)
        self.ready_at = time.monotonic()

    def start_agent(self, site_id: str) -> None:
        """Starts the agent of one site, or starts it again."""
        site = next(site for site in SITES if site.site_id == site_id)
        settings = self.layout.agent(site.agent_id) / "settings.toml"
        self._agents[site_id] = Service(
            site.agent_id, ("edge_agent", "run", "--settings", str(settings)), self.layout.logs / f"{site.agent_id}.log"
        )
        self._agents[site_id].start()

    def kill_agent(self, site_id: str) -> None:
        """Kills it as a power cut would."""
        self._agents[site_id].kill()

    def crashed(self) -> list[str]:
        """The obituaries of processes that ended by themselves."""
        found = [
            service.obituary for service in [*self._server, *self._agents.values(), *self._panels] if service.crashed
        ]
        if self._broker and self._broker.process and self._broker.process.poll() is not None:
            found.append(f"mosquitto: {self._broker.process.returncode}, {self._broker.log}")
        if self._store and self._store.process and self._store.process.poll() is not None:
            found.append(f"{self._store.kind}: {self._store.process.returncode}, {self._store.log_file}")
        if self._simulator and self._simulator.process.poll() is not None:
            found.append(f"simulator: {self._simulator.process.returncode}")
        return found

    @property
    def _panels(self) -> list[Service]:
        return [self._panel] if self._panel else []

    def stop(self) -> None:
        """Ends everything in order: those who record, those who answer, then what they lean on. May be called twice."""
        stop_all([*self._panels, *self._agents.values()])
        if self._simulator is not None:
            self._simulator.stop()
        stop_all(self._server)
        if self._broker is not None:
            self._broker.stop()
        if self._store is not None:
            self._store.stop()
        if self._lock is not None:
            self._lock.close()
        self._agents, self._server, self._panel = {}, [], None
        self._simulator = self._broker = self._store = self._lock = None

    def claim(self, *, empty: bool = False) -> None:
        """Makes the state directory this process's own, ``empty`` of what was there. Raises AlreadyRunning."""
        if self._lock is not None:
            return
        self.layout.make()
        self._take_lock()
        if empty:
            self.layout.clear()

    def _take_lock(self) -> None:
        lock = self.layout.lock.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise AlreadyRunning(_who_runs(self.layout.lock)) from error
        self._lock = lock
        self._note_in_lock("")

    def _note_in_lock(self, address: str) -> None:
        """Tells whoever finds the lock taken who has it, and where; the address is empty until it answers."""
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.write(f"{os.getpid()} {address}")
            self._lock.flush()

    def _store_kind(self) -> stores.StoreKind:
        kept = stores.kind_of(self.layout.store)
        if kept is not None:
            return kept  # what was recorded lies in that kind of store
        found = stores.find(CACHE)
        if not found:
            raise ConfigurationError("no object store to be had: run python3 dev.py setup")
        return "minio" if "minio" in found else next(iter(found))

    def _service(self, name: str, module: str) -> Service:
        return Service(name, (module, "--settings", str(self.layout.server_settings)), self.layout.logs / f"{name}.log")

    def _write_server_settings(self) -> None:
        self._api_port = self.layout.port("api", API_PORT)
        live_port = self.layout.port("live", LIVE_PORT)
        write_settings(
            self.layout.server_settings,
            {
                "server": {"state_dir": str(self.layout.server), "signing_key_file": str(self.layout.signing_key)},
                "database": {"url": f"sqlite:///{self.layout.server / 'nightlight.db'}"},
                "store": {
                    "endpoint": self.store.endpoint,
                    "bucket": BUCKET,
                    "access_key_file": str(self.store.server_access_key_file),
                    "secret_key_file": str(self.store.server_secret_key_file),
                },
                "mqtt": {"port": self.broker.port},
                "broker": {"pid_file": str(self.broker.pid_file)},
                # The demonstration's passwords stand on its own screen: a second step would only be in the way.
                "api": {"port": self._api_port, "second_step_roles": []},
                "live": {"port": live_port, "public_url": f"http://127.0.0.1:{live_port}"},
                "policy": {"backfilled_after_s": 60},
            },
        )

    def _initialise_server(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "server.admin", "--settings", self.layout.server_settings, "init"],
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INIT_WITHIN_S,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"server.admin init: {done.stderr.strip()[-2_000:]}")

    def _enrol_agents(self) -> None:
        """Each with a code of its own; both at once, for a Python starts slowly."""
        settings, clock = self.settings(), SystemClock()
        days = settings.enrolment.return_days
        missing = [site for site in SITES if not is_enrolled(self.layout.agent(site.agent_id), clock, days)]
        codes = {site.agent_id: invite(settings, clock, site) for site in missing}
        with ThreadPoolExecutor(len(SITES)) as pool:
            list(pool.map(lambda agent_id: enrol(self.layout.agent(agent_id), codes[agent_id]), codes))

    def _camera(self, stream: str) -> CameraAccess:
        return CameraAccess(self.simulator.url(stream), CAMERA_USER, str(self.layout.cameras / "camera-password"))

    def _start_simulator(self) -> Simulator:
        password = self.layout.secret(self.layout.cameras, "camera-password")
        count = sum(len(site.cameras) for site in SITES)
        return Simulator.start(
            self.layout.cameras,
            cameras=count,
            port=self.layout.port("cameras", 8_554),
            user=CAMERA_USER,
            password=password,
        )

    def _await_api(self) -> None:
        deadline = time.monotonic() + API_WITHIN_S
        while time.monotonic() < deadline:
            dead = self.crashed()
            if dead:
                raise Unavailable("\n".join(dead))
            with (
                suppress(urllib.error.URLError, TimeoutError, ConnectionError),
                urllib.request.urlopen(f"{self.address}/healthz", timeout=2),
            ):
                return
            time.sleep(0.1)
        raise Unavailable(
            f"the API did not answer within {API_WITHIN_S:.0f} s; its log is {self.layout.logs / 'api.log'}"
        )


def _who_runs(lock: Path) -> str:
    pid, _, address = lock.read_text().partition(" ")
    return text(
        f"It is running already at {address}" if address else "It is being started already",
        f"演示已在运行：{address}" if address else "演示已在启动中",
    ) + text(
        f". That one was left alone. To end it, press Ctrl-C in its terminal, or type: kill {pid}",
        f"，未受影响。如需停止，请在它的终端按 Ctrl-C，或运行：kill {pid}",
    )
