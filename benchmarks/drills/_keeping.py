"""Everything that keeping footage takes, for real and on loopback: store, database, broker, the server's processes.

The store is reached through a ``Liar``; the server's processes are forked from a nursery and can be killed at any instant.
What an agent would say is said by ``SigningAgent``, signed, through the broker, and said again until it counted.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import urllib3
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select, update

from benchmarks.drills._liar import Liar
from config.base.clock import US_PER_DAY, US_PER_S, SystemClock
from config.settings.server import load_server
from config.wire import topics
from config.wire.segments import SegmentRecorded
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.commands import CACHE, REPOSITORY, environment
from deploy.local.store import LocalStore, StoreKind, find
from server.services.custody.hold_recordings import HoldKeeper
from server.services.intake.verify_upload import UploadVerifier
from storage.database.models import AuditRound, PendingVerification, Segment
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess
from storage.objects.keys import SegmentKey
from storage.objects.s3 import S3EvidenceStore
from storage.objects.tickets import TicketOffice
from tests.support.brokers import free_port, tls_of
from tests.support.clock import SimulatedClock
from tests.support.sites import NAMES, SigningAgent

BUCKET = "nightlight-drill"
SITE, AGENT, CAMERA = "sunflower", "sunflower-box", "nap-room"
RETAIN_DAYS = 1
SEGMENT_US = US_PER_S
SHORT_LOCK_US = 60 * US_PER_S
BACKLOG_US = 3 * 3_600 * US_PER_S
FIRST_PAST_DAYS = 8


@dataclass
class Said:
    """A recording that was put into the store and told of; it is told of again until the server has secured it."""

    manifest: SegmentRecorded
    key: str
    version_id: str
    messages: list[tuple[str, bytes]] = field(default_factory=list)


class Keeping:
    """Starts everything; ``close`` ends everything."""

    def __init__(
        self, root: Path, kind: StoreKind | None = None, *, processes: bool = True, timeout_s: float = 2.0
    ) -> None:
        self.root = root
        self._timeout_s = timeout_s
        self.clock = SystemClock()
        self._closing = ExitStack()
        self.running: dict[str, int] = {}
        self.said: list[Said] = []
        self.starts = 0
        try:
            here: list[StoreKind] = list(find(CACHE))
            self._build(kind or here[0], processes)
        except BaseException:
            self._closing.close()
            raise

    def close(self) -> None:
        self.kill(*self.running)
        self._closing.close()

    def _build(self, kind: StoreKind, processes: bool) -> None:  # noqa: FBT001 - the caller's word for it
        self.store = LocalStore.start(kind, self.root / "store", bucket=BUCKET, cache_dir=CACHE)
        self._closing.callback(self.store.stop)
        root_keys = (self.store.root_access_key_file.read_text(), self.store.root_secret_key_file.read_text())
        self.admin = S3EvidenceStore(StoreAccess(self.store.endpoint, BUCKET, *root_keys), self.clock)
        self.liar = Liar(self.store.endpoint, self.admin)
        self._closing.callback(self.liar.close)
        keys = (self.store.server_access_key_file.read_text(), self.store.server_secret_key_file.read_text())
        self.access = StoreAccess(self.liar.endpoint, BUCKET, *keys, timeout_s=self._timeout_s)
        self.evidence = S3EvidenceStore(self.access, self.clock)
        self.office = TicketOffice(self.access, self.clock)
        self.broker = Broker(self.root / "broker", free_port(), (AgentIdentity(SITE, AGENT),))
        self._closing.callback(self.broker.stop)
        self.broker.start()
        self.settings_file = self._write_settings()
        self._run("server.admin", "--settings", str(self.settings_file), "init")
        settings = load_server(self.settings_file)
        self.database = Database(settings.database.url)
        self._closing.callback(self.database.close)
        self.holds = HoldKeeper(self.database, self.clock)
        self.agent = SigningAgent(self.database, SimulatedClock(self.clock.utc_us())).register()
        self.next_us = self.clock.utc_us() - BACKLOG_US
        self.agent.started_us = self.next_us - US_PER_S
        self.http = urllib3.PoolManager(retries=False, timeout=10)
        if processes:
            self._start_nursery()
            self._connect()

    def _write_settings(self) -> Path:
        folder = self.root / "server"
        folder.mkdir(mode=0o700)
        file = self.root / "server.toml"
        file.write_text(
            f"""
[server]
state_dir = "{folder}"
signing_key_file = "{folder}/signing-key.pem"
[database]
url = "sqlite:///{folder}/nightlight.db"
[store]
endpoint = "{self.liar.endpoint}"
bucket = "{BUCKET}"
access_key_file = "{self.store.server_access_key_file}"
secret_key_file = "{self.store.server_secret_key_file}"
timeout_s = 2
[mqtt]
port = {self.broker.port}
keepalive_s = 5
certificate_file = "{self.broker.certificate_file("ingest")}"
[enrolment]
authority_file = "{self.broker.authority_file}"
authority_key_file = "{self.broker.authority_key_file}"
[policy]
retain_days = {RETAIN_DAYS}
unsound_findings = []
"""
        )
        return file

    # --- what an agent does ---

    def record(self, count: int, *, short_every: int = 4, tell: bool = True) -> list[Said]:
        """Puts ``count`` new recordings into the store by ticket, every fourth under a lock that is too short."""
        made: list[Said] = []
        for number in range(count):
            start_us, self.next_us = self.next_us, self.next_us + SEGMENT_US
            data = f"footage of {start_us} ".encode() * 40
            manifest = self.agent.manifest(start_us, self.next_us, data)
            key = SegmentKey(SITE, CAMERA, start_us, manifest.segment_id).text
            now_us = self.clock.utc_us()
            until_us = (
                now_us + SHORT_LOCK_US if number % short_every == 1 else start_us + (RETAIN_DAYS + 1) * US_PER_DAY
            )
            version_id = self.put(key, data, until_us)
            if not version_id:
                continue
            made.append(self._said(self.agent, manifest, key, version_id))
        self.said += made
        if tell:
            self.tell()
        return made

    def put(self, key: str, data: bytes, until_us: int) -> str:
        """Uploads by ticket until the store agrees, as an agent does; empty where it never does."""
        digest = hashlib.sha256(data).hexdigest()
        for _ in range(5):
            ticket = self.office.mint(key, digest, len(data), until_us, expires_s=60)
            with suppress(urllib3.exceptions.HTTPError):
                answer = self.http.request("PUT", ticket.url, body=data, headers=ticket.headers)
                if answer.status == 200:
                    return str(answer.headers["x-amz-version-id"])
            time.sleep(0.05)
        return ""

    def record_past(self, days_ago: int, count: int, lock_s: float) -> list[Said]:
        """Recordings of a day that is long over, secured at that time; their locks end in ``lock_s`` from now."""
        now_us = self.clock.utc_us()
        noon_us = now_us - now_us % US_PER_DAY - days_ago * US_PER_DAY + 4 * 3_600 * US_PER_S
        then = SimulatedClock(noon_us + 600 * US_PER_S)
        agent = SigningAgent(self.database, then, signer=self.agent.signer, started_us=noon_us - US_PER_S)
        verifier = UploadVerifier(self.database, self.evidence, then, RETAIN_DAYS, 300 * US_PER_S)
        made: list[Said] = []
        for number in range(count):
            start_us = noon_us + number * SEGMENT_US
            data = f"old footage of {start_us} ".encode() * 40
            manifest = agent.manifest(start_us, start_us + SEGMENT_US, data)
            key = SegmentKey(SITE, CAMERA, start_us, manifest.segment_id).text
            version_id = self.put(key, data, self.clock.utc_us() + round(lock_s * US_PER_S))
            said = self._said(agent, manifest, key, version_id)
            for topic, payload in said.messages:
                agent.inbox.accept(topic, payload)
            for job in (job for job in verifier.take(50) if job.segment_id == manifest.segment_id):
                verifier.verify(job)
            made.append(said)
        return made

    def _said(self, agent: SigningAgent, manifest: SegmentRecorded, key: str, version_id: str) -> Said:
        told = [manifest, agent.upload_of(manifest, version_id)]
        where = [topics.up(SITE, AGENT, NAMES[type(message)]) for message in told]
        return Said(manifest, key, version_id, [(t, agent.signer.seal(m)) for t, m in zip(where, told, strict=True)])

    def tell(self) -> int:
        """Says again whatever has not been secured; how many recordings that are."""
        with self.database.reading() as session:
            done = set(session.scalars(select(Segment.id).where(Segment.secured_us.is_not(None))))
        waiting = [said for said in self.said if said.manifest.segment_id not in done]
        for said in waiting:
            for topic, payload in said.messages:
                self.client.publish(topic, payload, qos=1)
        return len(waiting)

    # --- the server's processes ---

    def start(self, *names: str) -> None:
        """Those of the processes that do not run."""
        for name in names or ("ingest", "jobs"):
            if name not in self.running or not _lives(self.running[name]):
                self._to_nursery.write(f"{name}\n")
                self._to_nursery.flush()
                self.running[name] = int(self._from_nursery.readline())
                self.starts += 1

    def kill(self, *names: str) -> None:
        """As a power cut would."""
        # Again and again: one that has only just been forked leads no group of its own yet, and no signal finds it.
        while alive := [self.running[name] for name in names if _lives(self.running[name])]:
            for process in alive:
                with suppress(ProcessLookupError):
                    os.killpg(process, signal.SIGKILL)
            time.sleep(0.005)
        for name in names:
            del self.running[name]

    def audit_again(self) -> None:
        """Makes the next audit due: the last rounds began a day earlier than they did."""
        with self.database.unit_of_work() as session:
            session.execute(update(AuditRound).values(started_us=AuditRound.started_us - US_PER_DAY))

    def read_back_again(self) -> None:
        """Makes every upload that waits to be read back due, as if the leases of those who were killed had run out."""
        with self.database.unit_of_work() as session:
            session.execute(update(PendingVerification).values(due_us=0))

    def wait(self, what: str, check: Callable[[], bool], within_s: float) -> bool:
        """Whether it came true in time; what did not is said on standard error."""
        until = time.monotonic() + within_s
        while not check():
            if time.monotonic() > until:
                print(f"  waited {within_s:.0f} s in vain for {what}", file=sys.stderr, flush=True)
                return False
            time.sleep(0.1)
        return True

    def _start_nursery(self) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.drills._nursery",
            str(self.settings_file),
            str(self.root / "server.log"),
        ]
        self._nursery = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._nursery.stdin is None or self._nursery.stdout is None:
            raise RuntimeError("the nursery has no pipes")
        self._to_nursery, self._from_nursery = self._nursery.stdin, self._nursery.stdout
        self._closing.callback(self._end_nursery)

    def _end_nursery(self) -> None:
        self._to_nursery.close()
        try:
            self._nursery.wait(10)
        except subprocess.TimeoutExpired:
            self._nursery.kill()

    def _connect(self) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, AGENT, protocol=mqtt.MQTTv5)
        self.client.tls_set_context(tls_of(self.broker, AGENT))
        self.client.connect("127.0.0.1", self.broker.port)
        self.client.loop_start()
        self._closing.callback(self._disconnect)

    def _disconnect(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _run(self, module: str, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=REPOSITORY,
            env=environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
