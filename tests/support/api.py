"""The real API on a free loopback port, in this process with a clock of the test's, or as the process it ships as.

def test_something(api):
    api.client().get("/healthz")
"""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from config.base.clock import Clock
from config.settings.server import ServerSettings, load_server
from server.api import parts as api_parts
from server.api.__main__ import Server
from server.api.app import build_app
from server.api.compression import Compression
from server.api.parts import Parts, build
from server.api.shield import Shield
from storage.database.models import Account, AccountSite
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock

START_S = 100.0
OPERATOR = "lin"
AUDITOR = "auditor"
PASSWORD = "little-lamp-at-night"
_idle: list[FastAPI] = []
"""Made, and not serving now: 260 routes take longer to make than most tests to run, and keep nothing of one."""
api_parts.Pages = functools.cache(api_parts.Pages)  # nor do compiled templates


@dataclass
class RunningApi:
    """An API that answers at ``url``."""

    url: str
    parts: Parts
    server: uvicorn.Server
    _clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **options: object) -> httpx.Client:
        """A browser-like client without a session: it keeps cookies and says where its requests come from."""
        made = httpx.Client(
            base_url=self.url,
            trust_env=False,
            timeout=20,
            headers={"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Accept-Language": "en"},
            **options,
        )
        self._clients.append(made)
        return made

    def signed_in(self, name: str = OPERATOR) -> httpx.Client:
        """A client with a session."""
        client = self.client()
        answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


def settings_for(database: Database, directory: Path, *, port: int = 0, public_origin: str = "") -> Path:
    """A settings file for an API on this database, which keeps its state there too; the store is never reached by it."""
    for name, secret in (("access", "tester"), ("secret", "not-a-real-secret")):
        (directory / name).write_text(secret)
    file = directory / "server.toml"
    url = database.engine.url.render_as_string(hide_password=False)
    file.write_text(
        f'[server]\nstate_dir = "{directory}"\n'
        f'[database]\nurl = "{url}"\n'
        f'[store]\naccess_key_file = "{directory / "access"}"\nsecret_key_file = "{directory / "secret"}"\n'
        f'[api]\nport = {port}\npublic_origin = "{public_origin}"\nsecond_step_roles = []\n'
    )
    return file


@contextmanager
def serving(settings: ServerSettings, clock: Clock, *, port: int = 0) -> Iterator[RunningApi]:
    """A real uvicorn in a thread of this process; on a free port where none is named."""
    parts = build(settings, clock)
    app = _idle.pop() if _idle else build_app(parts)
    app.state.parts = parts
    config = uvicorn.Config(
        Shield(Compression(app), parts),  # as ``application`` does it
        host="127.0.0.1",
        port=port,
        ssl_certfile=settings.api.certificate_file or None,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config, parts)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started, "the API did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    scheme = "https" if settings.api.certificate_file else "http"
    running = RunningApi(f"{scheme}://127.0.0.1:{port}", parts, server)
    try:
        yield running
    finally:
        running.close()
        server.should_exit = True
        thread.join(START_S)
        if not thread.is_alive():
            _idle.append(app)


@contextmanager
def api_process(settings_file: Path, port: int) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """``python -m server.api`` as it ships."""
    process = subprocess.Popen(
        [sys.executable, "-m", "server.api", "--settings", str(settings_file)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline, answered = time.monotonic() + START_S, False
        while not answered and time.monotonic() < deadline and process.poll() is None:
            try:
                httpx.get(f"{url}/healthz", trust_env=False, timeout=5)
                answered = True
            except httpx.TransportError:
                time.sleep(0.05)
        assert process.poll() is None, (process.stderr.read() if process.stderr else b"").decode()
        assert answered, f"the API did not answer within {START_S:.0f} s"
        yield url, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def add_accounts(database: Database, clock: Clock, site_id: str) -> None:
    """An operator of one site, and an auditor of the whole region tree."""
    now_us = clock.utc_us()
    with database.unit_of_work() as session:
        for name, role, region in ((OPERATOR, "facility_manager", ""), (AUDITOR, "police_auditor", "cn")):
            session.add(Account(name=name, role=role, region=region, password_hash=_password_hash(), created_us=now_us))
        session.flush()
        session.add(AccountSite(account_name=OPERATOR, site_id=site_id))


@functools.cache
def _password_hash() -> str:
    """Made once a run, and as weak as can be: what a check must cost is the product's concern, not the tests'."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def api(database: Database, clock: SimulatedClock, tmp_path: Path) -> Iterator[RunningApi]:
    """The API on the test's database and clock."""
    settings = load_server(settings_for(database, tmp_path))
    with serving(settings, clock) as running:
        yield running
