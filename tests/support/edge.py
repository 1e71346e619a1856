"""Edge agents under test: their settings, the process, their spool, and a stand-in for the server they talk to.

The stand-in speaks the wire contract over a real broker and real HTTP; what it answers is up to the test.
"""

import hashlib
import http.server
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.base.clock import SystemClock
from config.base.ids import fresh_id
from config.settings.edge import EdgeSettings, load_edge
from config.wire import topics
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.health import Heartbeat
from config.wire.segments import Receipt, SegmentUploaded, UploadRefused, UploadTicket, UploadTicketRequest
from config.wire.status import Acknowledgement, Presence
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.commands import REPOSITORY
from edge_agent.enrolment.credentials import AUTHORITY_FILE, CERTIFICATE_FILE
from edge_agent.identity import create_key
from tests.support.brokers import free_port, tls_of

SITE, AGENT = "site-1", "agent-1"
WAIT_S = 45.0


def wait_for(what: str, check: Callable[[], Any], within_s: float = WAIT_S) -> Any:
    """The first true result of ``check``; fails the test after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s for {what}"
        time.sleep(0.05)
    return found


@dataclass
class EdgeBox:
    """One agent's folder: settings, state, and the process where one runs."""

    folder: Path
    time_url: str = ""
    """Where the server's time can be had; without it a start waits 3 s for it in vain."""
    server: Signer = field(default_factory=lambda: Signer(Ed25519PrivateKey.generate()))
    passwords: dict[str, str] = field(default_factory=dict)
    """Of the cameras that are opened as the user ``viewer``."""
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "server.pem").write_bytes(self.server.public_pem)
        self.public_key = create_key(self.folder / "state")

    @property
    def settings_file(self) -> Path:
        return self.folder / "settings.toml"

    @property
    def spool(self) -> Path:
        return self.folder / "state" / "spool"

    def configure(self, cameras: dict[str, str], **tables: dict[str, Any]) -> EdgeSettings:
        """Writes the settings: cameras by id and URL, and what differs from the defaults."""
        merged: dict[str, dict[str, Any]] = {
            "agent": {"site_id": SITE, "agent_id": AGENT, "state_dir": str(self.folder / "state")},
            "mqtt": {"port": free_port(), "heartbeat_s": 1},
            "server": {
                "url": self.time_url or f"http://127.0.0.1:{free_port()}",
                "public_key_file": str(self.folder / "server.pem"),
                "timeout_s": 5,
            },
            "recording": {"segment_s": 2, "stall_s": 2, "connect_timeout_s": 3, "reconnect_limit_s": 1.0},
            "spool": {"free_bytes_min": 0, "resend_s": 1, "upload_workers": 2},
        }
        for name, table in tables.items():
            merged.setdefault(name, {}).update(table)
        lines: list[str] = []
        for name, table in merged.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
        for camera_id, url in cameras.items():
            lines += ["[[cameras]]", f'id = "{camera_id}"', f'url = "{url}"']
            if camera_id in self.passwords:
                file = self.folder / f"password-of-{camera_id}"
                file.write_text(self.passwords[camera_id])
                lines += ['username = "viewer"', f"password_file = {json.dumps(str(file))}"]
        self.settings_file.write_text("\n".join(lines) + "\n")
        return load_edge(self.settings_file)

    def start(self) -> None:
        """Starts the agent as a process of its own; its log goes to ``agent.log``."""
        with (self.folder / "agent.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", "--settings", str(self.settings_file)],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )

    def equip(self, broker: Broker) -> None:
        """Gives the agent what it shows at this broker."""
        state = self.folder / "state"
        shutil.copy(broker.authority_file, state / AUTHORITY_FILE)
        shutil.copy(broker.certificate_file(AGENT), state / CERTIFICATE_FILE)

    def kill(self) -> None:
        """``kill -9``."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(15)
        finally:
            self.kill()

    def log(self) -> str:
        file = self.folder / "agent.log"
        return file.read_text() if file.exists() else ""

    def query(self, text: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the spool's database, read beside the agent; none while it does not exist yet."""
        file = self.spool / "spool.sqlite3"
        if not file.exists():
            return []
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
        try:
            connection.row_factory = sqlite3.Row
            with suppress(sqlite3.OperationalError):  # the agent has not made its tables yet
                return [dict(row) for row in connection.execute(text, values)]
            return []
        finally:
            connection.close()

    def segments(self, state: str = "waiting") -> list[dict[str, Any]]:
        return self.query("SELECT * FROM segments WHERE state = ? ORDER BY start_us", state)

    def outbox(self, name: str) -> list[msgspec.Struct]:
        """The messages of one kind that wait, in order."""
        rows = self.query("SELECT body FROM outbox WHERE name = ? ORDER BY position", name)
        return [decode_payload(open_envelope(bytes(row["body"]))) for row in rows]

    def file(self, row: dict[str, Any]) -> Path:
        return self.spool / str(row["camera_id"]) / f"{row['segment_id']}.mp4"


class StandInServer:
    """What an agent sees of the centre. Switch its answers on and off with the flags."""

    def __init__(self, broker: Broker, box: EdgeBox) -> None:
        self.broker = broker
        self.box = box
        box.equip(broker)
        self.acknowledges = True
        self.receipts = True
        self.store_is_up = True
        self.outcome = "committed"
        self.received: list[tuple[str, msgspec.Struct, bytes]] = []
        self.expiries_s: list[tuple[str, int | None]] = []
        """Kind and message expiry of all that came."""
        self.objects: dict[str, bytes] = {}
        self.clock_shift_us = 0
        self.issue: Callable[[UploadTicketRequest], UploadTicket] = self._ticket
        self._agent_key = load_pem_public_key(box.public_key.encode())
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where its HTTP interface is."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def mqtt(self) -> dict[str, object]:
        """The agent's [mqtt] settings."""
        return {"port": self.broker.port, "keepalive_s": 5}

    def connect(self) -> None:
        """Listens at the broker, as ingest does."""
        client = Client(CallbackAPIVersion.VERSION2, "stand-in", protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set_context(tls_of(self.broker, "ingest"))
        client.reconnect_delay_set(1, 1)
        client.on_message = lambda _c, _u, message: self._take(message)
        client.on_connect = lambda c, *_: c.subscribe(topics.ALL_UP, qos=1)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # kept by the broker while this client is away, as ingest's is
        session.SessionExpiryInterval = 3_600
        client.connect("127.0.0.1", self.broker.port, properties=session)
        client.loop_start()
        self._client = client

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
        self._http.shutdown()
        self._http.server_close()

    def say(self, message: msgspec.Struct, signer: Signer | None = None) -> None:
        """Sends a message down to the agent."""
        self.say_bytes((signer or self.box.server).seal(message))

    def say_bytes(self, data: bytes) -> None:
        assert self._client is not None
        self._client.publish(topics.down(SITE, AGENT), data, qos=1)

    def of(self, kind: type[msgspec.Struct]) -> list[Any]:
        """What has come of one kind, repeats included."""
        with self._lock:
            return [message for _, message, _ in self.received if type(message) is kind]

    def acknowledgement(self, of_message_id: str, outcome: str = "committed") -> Acknowledgement:
        return Acknowledgement(
            message_id=fresh_id(),
            site_id=SITE,
            agent_id=AGENT,
            of_message_id=of_message_id,
            outcome=outcome,  # type: ignore[arg-type]
            reason="" if outcome == "committed" else "tested",
        )

    def receipt(self, uploaded: SegmentUploaded, **changed: object) -> Receipt:
        made = Receipt(
            message_id=fresh_id(),
            site_id=SITE,
            agent_id=AGENT,
            segment_id=uploaded.segment_id,
            sha256=uploaded.sha256,
            object_key=uploaded.object_key,
            version_id=uploaded.version_id,
            retain_until_us=SystemClock().utc_us(),
            verified_us=SystemClock().utc_us(),
        )
        return msgspec.structs.replace(made, **changed)

    def refusal(self, uploaded: SegmentUploaded) -> UploadRefused:
        return UploadRefused(
            message_id=fresh_id(),
            site_id=SITE,
            agent_id=AGENT,
            segment_id=uploaded.segment_id,
            object_key=uploaded.object_key,
            version_id=uploaded.version_id,
            reason="object_corrupt",
            detail="tested",
        )

    def _take(self, message: MQTTMessage) -> None:
        opened = open_envelope(bytes(message.payload))
        assert isinstance(self._agent_key, Ed25519PublicKey)
        opened.verify(self._agent_key)
        said: Any = decode_payload(opened)
        with self._lock:
            self.received.append((message.topic, said, bytes(message.payload)))
            kind = message.topic.rpartition("/")[2]
            self.expiries_s.append((kind, getattr(message.properties, "MessageExpiryInterval", None)))
        if isinstance(said, Heartbeat | Presence) or not self.acknowledges:
            return
        self.say(self.acknowledgement(said.message_id, self.outcome))
        if isinstance(said, SegmentUploaded) and self.receipts:
            self.say(self.receipt(said))

    def _ticket(self, request: UploadTicketRequest) -> UploadTicket:
        key = f"{request.site_id}/{request.camera_id}/{request.segment_id}"
        return UploadTicket(
            segment_id=request.segment_id,
            object_key=key,
            url=f"{self.url}/objects/{key}",
            headers={"x-test-sha256": request.sha256},
            expires_us=SystemClock().utc_us() + 60_000_000,
        )

    def put(self, path: str, body: bytes, sha256: str) -> tuple[int, str]:
        """Plays the store: status and version id."""
        if not self.store_is_up:
            return 503, ""
        if hashlib.sha256(body).hexdigest() != sha256:
            return 400, ""
        with self._lock:
            self.objects[path.removeprefix("/objects/")] = body
        return 200, fresh_id()


def _handler(server: StandInServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({"utc_us": SystemClock().utc_us() + server.clock_shift_us}).encode()
            self._answer(200 if self.path == "/agent/v1/time" else 404, body)

        def do_POST(self) -> None:
            opened = open_envelope(self._body())
            assert isinstance(server._agent_key, Ed25519PublicKey)
            opened.verify(server._agent_key)
            request = decode_payload(opened)
            assert isinstance(request, UploadTicketRequest)
            self._answer(200, msgspec.json.encode(server.issue(request)))

        def do_PUT(self) -> None:
            status, version = server.put(self.path, self._body(), self.headers.get("x-test-sha256", ""))
            self._answer(status, b"", version)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _answer(self, status: int, body: bytes, version: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if version:
                self.send_header("x-amz-version-id", version)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="session")
def server_time() -> Iterator[str]:
    """Somebody who knows the time, and nothing else of the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"utc_us": SystemClock().utc_us()}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def edge_box(tmp_path: Path, server_time: str) -> Iterator[EdgeBox]:
    """An agent's folder; its process, if the test started one, is killed at the end."""
    box = EdgeBox(tmp_path / "edge", server_time)
    yield box
    box.kill()


@contextmanager
def standing_in(broker: Broker, box: EdgeBox) -> Iterator[StandInServer]:
    """A server that answers everything, at a broker that runs."""
    with ExitStack() as closing:
        server = StandInServer(broker, box)
        closing.callback(server.close)
        server.connect()
        yield server


@pytest.fixture
def stand_in(start_broker: Callable[..., Broker], edge_box: EdgeBox) -> Iterator[StandInServer]:
    """A server that answers everything, over a real broker."""
    with standing_in(start_broker(AgentIdentity(SITE, AGENT)), edge_box) as server:
        yield server
