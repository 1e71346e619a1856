"""The ingest process against a real broker, a real store and a real database, killed and restarted."""

import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select

from config.base.clock import US_PER_DAY, SystemClock
from config.wire import topics
from config.wire.envelope import decode_payload, open_envelope
from config.wire.segments import Receipt, SegmentRecorded
from config.wire.status import Acknowledgement
from deploy.local.broker import AgentIdentity, Broker
from server.admin.__main__ import main as admin
from storage.database import quarantine
from storage.database.models import Segment
from storage.database.unit_of_work import Database
from storage.objects.connection import connection_pool, minio_client
from storage.objects.keys import SegmentKey
from tests.support.brokers import StartBroker, tls_of
from tests.support.clock import SimulatedClock
from tests.support.databases import fresh_database
from tests.support.sites import NAMES, SigningAgent, seconds
from tests.support.stores import ObjectStore

pytestmark = pytest.mark.either_pair

DATA = b"sixty seconds of a sleeping room"
PATIENCE_S = 30.0
RESEND_S = 2.0


class Ingest:
    """One ingest process with its settings."""

    def __init__(self, root: Path, database: Database, broker: Broker, store: ObjectStore) -> None:
        self.settings = root / "server.toml"
        self.public_key_file = root / "signing-key.pub.pem"
        for name, secret in (("access", store.server.access_key), ("secret", store.server.secret_key)):
            (root / name).write_text(secret)
        url = database.engine.url.render_as_string(hide_password=False)
        self.settings.write_text(
            f"""
[server]
state_dir = "{root}"
signing_key_file = "{root}/signing-key.pem"
[database]
url = "{url}"
[store]
endpoint = "{store.server.endpoint}"
bucket = "{store.server.bucket}"
access_key_file = "{root}/access"
secret_key_file = "{root}/secret"
[mqtt]
port = {broker.port}
certificate_file = "{broker.certificate_file("ingest")}"
[enrolment]
authority_file = "{broker.authority_file}"
authority_key_file = "{broker.authority_key_file}"
"""
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["server.admin", "--settings", str(self.settings), "init"])
            assert admin() == 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "server.ingest", "--settings", str(self.settings)])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(15)


class Wire:
    """The agent's end of the broker link; collects what the server answers."""

    def __init__(self, agent: SigningAgent, broker: Broker, server_key_file: Path) -> None:
        self.agent = agent
        self.answers: queue.Queue[object] = queue.Queue()
        self._key = load_pem_public_key(server_key_file.read_bytes())
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=agent.agent_id, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(tls_of(broker, agent.agent_id))
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(topics.down(agent.site_id, agent.agent_id), 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, message) -> None:
        self.say_bytes(NAMES[type(message)], self.agent.signer.seal(message))

    def say_bytes(self, name: str, data: bytes) -> None:
        self._client.publish(topics.up(self.agent.site_id, self.agent.agent_id, name), data, qos=1)

    def ask(self, *messages: msgspec.Struct, kind: type, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """Says the messages, again and again as an agent without an answer does, until the wanted one comes."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for message in messages:
                self.say(message)
            again = time.monotonic() + RESEND_S
            while time.monotonic() < again:
                try:
                    answer = self.answers.get(timeout=RESEND_S)
                except queue.Empty:
                    continue
                if isinstance(answer, kind) and wanted(answer):
                    return answer
        pytest.fail(f"no {kind.__name__} within {PATIENCE_S} s")

    def _on_message(self, _client, _userdata, message: mqtt.MQTTMessage) -> None:
        opened = open_envelope(bytes(message.payload))
        opened.verify(self._key)
        self.answers.put(decode_payload(opened))


@pytest.fixture
def database(request: pytest.FixtureRequest, object_store: ObjectStore, tmp_path: Path) -> Iterator[Database]:
    """Each store with one database: processes are slow to start, and neither side knows of the other."""
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(SystemClock().utc_us() - seconds(30))


@pytest.fixture
def broker(start_broker: StartBroker, agent: SigningAgent) -> Broker:
    return start_broker(AgentIdentity(agent.site_id, agent.agent_id))


@pytest.fixture
def ingest(tmp_path: Path, database: Database, broker: Broker, object_store: ObjectStore) -> Iterator[Ingest]:
    made = Ingest(tmp_path, database, broker, object_store)
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


@pytest.fixture
def wire(agent: SigningAgent, broker: Broker, ingest: Ingest) -> Iterator[Wire]:
    made = Wire(agent, broker, ingest.public_key_file)
    yield made
    made.close()


def record(wire: Wire, store: ObjectStore) -> tuple[SegmentRecorded, str]:
    agent = wire.agent
    end_us = agent.clock.utc_us()
    data = DATA + str(end_us).encode()
    manifest = agent.manifest(end_us - seconds(10), end_us, data)
    agent.clock.advance(10)
    key = SegmentKey(agent.site_id, agent.camera_id, manifest.start_us, manifest.segment_id).text
    until_us = end_us + 92 * US_PER_DAY
    return manifest, store.evidence.put_locked(key, data, manifest.sha256, until_us)


def test_junk_blocks_nothing_behind_it(wire: Wire, database: Database) -> None:
    wire.ask(wire.agent.state("starting", wire.agent.clock.utc_us()), kind=Acknowledgement)
    for junk in (b"", b"{}", b"\x00" * 1000, b'{"payload":1}'):
        wire.say_bytes("segment-recorded", junk)
    state = wire.agent.state("recording", wire.agent.clock.utc_us())
    wire.ask(state, kind=Acknowledgement, wanted=lambda answer: answer.of_message_id == state.message_id)
    with database.reading() as session:
        assert quarantine.counts(session) == {"malformed": 4}


@pytest.mark.both_pairs
def test_killed_and_restarted_it_commits_each_message_exactly_once_and_answers_with_a_signed_receipt(
    wire: Wire, ingest: Ingest, database: Database, object_store: ObjectStore
) -> None:
    recorded = []
    for number in range(12):
        manifest, version_id = record(wire, object_store)
        upload = wire.agent.upload_of(manifest, version_id)
        recorded.append((manifest, upload))
        wire.say(manifest)
        wire.say(upload)
        if number in (3, 7):
            ingest.stop(signal.SIGKILL)
            ingest.start()
    for manifest, upload in recorded:
        receipt = wire.ask(
            manifest, upload, kind=Receipt, wanted=lambda answer, it=manifest: answer.segment_id == it.segment_id
        )
        assert receipt.version_id == upload.version_id
    with database.reading() as session:
        rows = session.scalars(select(Segment).order_by(Segment.sequence)).all()
    assert [row.id for row in rows] == [manifest.segment_id for manifest, _ in recorded]
    assert all(row.secured_us is not None for row in rows)


def test_a_store_that_is_down_at_start_holds_no_message_up(
    tmp_path: Path, database: Database, broker: Broker, object_store: ObjectStore, agent: SigningAgent
) -> None:
    made = Ingest(tmp_path, database, broker, object_store)
    up = made.settings.read_text()
    made.settings.write_text(up.replace(f'"{object_store.server.endpoint}"', '"127.0.0.1:1"'))
    made.start()
    wire = Wire(agent, broker, made.public_key_file)
    try:
        manifest, version_id = record(wire, object_store)
        upload = agent.upload_of(manifest, version_id)
        wire.ask(manifest, kind=Acknowledgement, wanted=lambda answer: answer.of_message_id == manifest.message_id)
        wire.ask(upload, kind=Acknowledgement, wanted=lambda answer: answer.of_message_id == upload.message_id)
        assert made.process is not None
        assert made.process.poll() is None
        made.stop()
        made.settings.write_text(up)
        made.start()
        wire.ask(upload, kind=Receipt, wanted=lambda answer: answer.segment_id == manifest.segment_id)
    finally:
        wire.close()
        made.stop()


def test_it_ends_and_says_why_on_a_store_that_gives_in(
    tmp_path: Path, database: Database, broker: Broker, object_store: ObjectStore
) -> None:
    made = Ingest(tmp_path, database, broker, object_store)
    bare = f"{object_store.server.bucket}-bare"
    _make_bucket_without_lock(object_store, bare)
    text = made.settings.read_text().replace(f'bucket = "{object_store.server.bucket}"', f'bucket = "{bare}"')
    made.settings.write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "server.ingest", "--settings", made.settings],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 3
    assert b"ingest:" in ended.stderr


def _make_bucket_without_lock(store: ObjectStore, name: str) -> None:
    client = minio_client(store.root, connection_pool(store.root))
    if not client.bucket_exists(name):
        client.make_bucket(name)
