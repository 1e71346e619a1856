"""Everything between a camera and a guardian's browser: simulator, agent, broker, ``server.live``, pages; all real.

def test_something(live_rig):
    page.context.add_cookies([live_rig.cookie("mum")])
    page.goto(f"{live_rig.url}/live/cam-a")
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from config.base.clock import SystemClock
from config.settings.server import load_server
from config.wire.envelope import Signer
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.commands import REPOSITORY
from deploy.local.simulator.launch import Simulator
from edge_agent.enrolment.credentials import AUTHORITY_FILE, CERTIFICATE_FILE
from server.api.__main__ import Server
from server.api.app import application
from server.api.parts import build
from storage.database.models import Agent, LeaseRow
from storage.database.unit_of_work import Database
from tests.support.api import settings_for
from tests.support.brokers import free_port
from tests.support.edge import EdgeBox, wait_for
from tests.support.nursery import SITE, Nursery

AGENT_ID = f"{SITE}-box"


@dataclass
class LiveRig:
    """It runs."""

    nursery: Nursery
    url: str
    live_url: str
    box: EdgeBox
    simulator: Simulator
    folder: Path

    def cookie(self, name: str) -> dict[str, str]:
        """As Playwright takes it."""
        self.nursery.session(name)
        return {"name": "nightlight", "value": self.nursery.tokens[name], "url": self.url, "sameSite": "Strict"}


@pytest.fixture
def live_rig(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRig]:
    """Up to the agent's recording of its camera."""
    with ExitStack() as stack:
        yield stack.enter_context(rig(database, tmp_path_factory.mktemp("rig")))


@contextmanager
def rig(database: Database, folder: Path, clip: Path | None = None, hevc: Path | None = None) -> Iterator[LiveRig]:
    """``clip``: what the camera plays in place of its drawn room; ``hevc``: what ``cam-b`` does, where there is one."""
    nursery = Nursery(database, clock=SystemClock()).furnish()  # type: ignore[arg-type]
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", hours="mon-sun 00:00-24:00")
    key = Ed25519PrivateKey.generate()
    box = EdgeBox(folder / "box", server=Signer(key))
    public = load_pem_public_key(box.public_key.encode())
    assert isinstance(public, Ed25519PublicKey)
    nursery.change(Agent, Agent.id == AGENT_ID, public_key=public.public_bytes_raw())
    broker = Broker(folder / "broker", free_port(), (AgentIdentity(SITE, AGENT_ID),))
    api_port, live_port = free_port(), free_port()
    settings_file = _settings(database, folder, broker, key, api_port, live_port)
    with ExitStack() as stack:
        stack.callback(broker.stop)
        broker.start()
        simulator = stack.enter_context(Simulator.start(folder / "c", cameras=1, clip=clip))
        stack.enter_context(_api(settings_file, nursery, api_port))
        stack.enter_context(_live(settings_file, folder, live_port))
        cameras = {"cam-a": simulator.url("cam1")}
        if hevc is not None:
            other = stack.enter_context(Simulator.start(folder / "b", codec="hevc", clip=hevc))
            cameras["cam-b"] = other.url("cam1")
        _equip(box, broker, f"http://127.0.0.1:{api_port}", cameras)
        stack.callback(box.stop)
        box.start()
        wait_for("a recording", lambda: "stream_opened" in box.log() or list(box.spool.glob("cam-a/*")))
        yield LiveRig(nursery, f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{live_port}", box, simulator, folder)


def _settings(
    database: Database, folder: Path, broker: Broker, key: Ed25519PrivateKey, api_port: int, live_port: int
) -> Path:
    pem = folder / "signing-key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file = settings_for(database, folder, port=api_port)
    own = f'[server]\nstate_dir = "{folder / "server"}"\nsigning_key_file = "{pem}"\n'
    file.write_text(file.read_text().replace(f'[server]\nstate_dir = "{folder}"\n', own))
    identities = folder / "broker" / "identities"
    with file.open("a") as opened:
        opened.write(
            f'[mqtt]\nport = {broker.port}\ncertificate_file = "{identities / "ingest.pem"}"\n'
            f'[enrolment]\nauthority_file = "{broker.authority_file}"\n'
            f'[live]\nport = {live_port}\npublic_url = "http://127.0.0.1:{live_port}"\n'
        )
    return file


@contextmanager
def _api(settings_file: Path, nursery: Nursery, port: int) -> Iterator[None]:
    parts = build(load_server(settings_file), nursery.clock)
    config = uvicorn.Config(application(parts), host="127.0.0.1", port=port, ws="none", log_config=None)
    server = Server(config, parts)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    try:
        wait_for("the API", lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def _live(settings_file: Path, folder: Path, port: int) -> Iterator[None]:
    """``python -m server.live`` as it ships."""
    with (folder / "live.log").open("w") as log:  # its process id is in live.pid
        process = subprocess.Popen(
            [sys.executable, "-m", "server.live", "--settings", str(settings_file)],
            cwd=REPOSITORY,
            stderr=log,
            stdout=log,
        )
        (folder / "live.pid").write_text(str(process.pid))
        try:
            wait_for("the live process", lambda: process.poll() is not None or _healthy(port))
            assert process.poll() is None, (folder / "live.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(10)


def _healthy(port: int) -> bool:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=2)
    except httpx.TransportError:
        time.sleep(0.05)
        return False
    return answer.status_code == 200 and answer.json()["broker"]


def _equip(box: EdgeBox, broker: Broker, server_url: str, cameras: dict[str, str]) -> None:
    box.configure(
        cameras,
        agent={"site_id": SITE, "agent_id": AGENT_ID},
        mqtt={"port": broker.port, "keepalive_s": 5},
        server={"url": server_url},
    )
    state = box.folder / "state"
    shutil.copy(broker.authority_file, state / AUTHORITY_FILE)
    shutil.copy(broker.certificate_file(AGENT_ID), state / CERTIFICATE_FILE)
