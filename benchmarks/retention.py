"""How fast what is kept can be checked, beside the store and the processor doing no more than they must.

    python3 dev.py bench retention [--json] [--versions 5760] [--memory 10000,1000000] [--store minio|seaweedfs]

Audit against the store's listing, as the SDK gives it; reading back and hashing against plain SHA-256; an evidence package
of a camera-day against SHA-256 of its bytes; uploads by ticket, locked and with a checksum, against plain PUTs, and what
they would be if the store did not check the digest; memory of an audit, of stores that state locks in listings and of others.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
import urllib3
from minio import Minio

from benchmarks.report import Report
from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, SystemClock, to_datetime
from config.base.ids import fresh_id
from config.evidence.verify import verify
from config.wire.segments import UploadTicket
from deploy.local.commands import CACHE, REPOSITORY, environment
from deploy.local.store import LocalStore, StoreKind, find
from edge_agent.upload.store import ObjectStore
from edge_agent.upload.throttle import Throttle
from server.services.audit.audit_store import StoreAuditor
from storage.database.migrate import migrate
from storage.database.models import Segment
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess, connection_pool, minio_client
from storage.objects.keys import SegmentKey, day_prefix
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore
from storage.objects.signing import presign
from storage.objects.tickets import TicketOffice
from tests.support.clock import SimulatedClock
from tests.support.packages import CENTRE, Evidence
from tests.support.sites import SigningAgent

Item = TypeVar("Item")
BUCKET = "nightlight-bench"
VERSIONS = 5_760
A_DAY = 1_440
"""One recording a minute."""
WORKERS = 8
HASHED_BYTES, HASHED = 16 * 2**20, 8
PACKAGE_SEGMENTS, PACKAGE_BYTES = 1_440, 64 * 2**10
UPLOAD_BYTES, UPLOADS, UPLOADERS = 4 * 2**20, 24, 4
REPEATS = 3
MEMORY = (10_000, 1_000_000)
KINDS = ("asked", "stating")
"""Stores that are asked of each version, and stores whose listings state locks."""
LISTING_MIN, HASH_MIN, UPLOAD_MIN, FLAT_MAX = 0.5, 0.9, 0.8, 1.25


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options, began = _parser().parse_args(argv), time.monotonic()
    report = Report("retention", figures={"load_before": round(os.getloadavg()[0], 1), "versions": options.versions})
    stores: list[StoreKind] = [options.store] if options.store else list(find(CACHE))
    _progress("verification of a camera-day")
    _package(report)
    for store_kind in stores:
        _progress(f"audit, hashing and uploads on {store_kind}")
        with tempfile.TemporaryDirectory(prefix="nightlight-bench-", ignore_cleanup_errors=True) as folder:
            store = LocalStore.start(store_kind, Path(folder) / "store", bucket=BUCKET, cache_dir=CACHE)
            try:
                bench = StoreBench(report, store, Path(folder))
                bench.audit(options.versions)
                bench.hashing()
                bench.uploads()
            finally:
                store.stop()
    for size in (int(size) for size in options.memory.split(",") if size):
        _memory(report, size)
    for kind in KINDS:
        peaks = [value for name, value in report.figures.items() if name.startswith("memory_") and name.endswith(kind)]
        if len(peaks) > 1:
            growth = max(float(peak or 0) for peak in peaks) / float(peaks[0] or 1)
            report.expect(f"memory_growth_{kind}", round(growth, 2), at_most=FLAT_MAX)
    report.figures["took_s"] = round(time.monotonic() - began)
    report.figures["load_after"] = round(os.getloadavg()[0], 1)
    return report.finish_bench(as_json=options.json)


class StoreBench:
    """What is measured on one store."""

    def __init__(self, report: Report, store: LocalStore, folder: Path) -> None:
        self._report, self._name, self._folder = report, store.kind, folder
        self._clock = SystemClock()
        server = (store.server_access_key_file.read_text(), store.server_secret_key_file.read_text())
        root = (store.root_access_key_file.read_text(), store.root_secret_key_file.read_text())
        self._access = StoreAccess(store.endpoint, BUCKET, *server)
        self._root = StoreAccess(store.endpoint, BUCKET, *root)
        provision(self._access, 1)
        self._evidence = S3EvidenceStore(self._access, self._clock)
        report.figures[f"{self._name}_version"] = store.version

    def audit(self, count: int) -> None:
        """Versions audited a second, beside the listing of the same folders by the SDK, and by pages thrown away unread."""
        database = Database(f"sqlite:///{self._folder}/bench.db")
        migrate(database)
        agent = SigningAgent(database, SimulatedClock(self._clock.utc_us())).register()
        prefixes = self._fill(database, agent, count)
        listed, bare, audited = [], [], []
        sdk = minio_client(self._access, connection_pool(self._access))
        for _ in range(REPEATS):
            listed.append(_timed(lambda: [_listed(sdk, one) for one in prefixes]))
            bare.append(_timed(lambda: [self._pages(one) for one in prefixes]))
            audited.append(_timed(lambda: self._audit(database, count)))
        database.close()
        name = self._name
        for what, took_s in (("listed", listed), ("listed_bare", bare), ("audited", audited)):
            self._report.figures[f"{name}_{what}_per_s"] = round(count / min(took_s))
        self._report.figures[f"{name}_listing_states_locks"] = self._evidence.states_locks
        self._report.figures[f"{name}_audit_against_bare_pages"] = _ratio(bare, audited)
        self._report.expect(f"{name}_audit_against_listing", _ratio(listed, audited), at_least=LISTING_MIN)

    def _fill(self, database: Database, agent: SigningAgent, count: int) -> list[str]:
        now_us = self._clock.utc_us()
        days = -(-count // A_DAY)
        midnight_us = now_us - now_us % US_PER_DAY - days * US_PER_DAY
        rows = [self._row(agent, midnight_us, number) for number in range(count)]

        def put(row: Segment) -> None:
            data = b"%d" % row.sequence
            key = row.object_key or ""
            row.version_id = self._evidence.put_locked(key, data, row.sha256, row.retain_until_us or 0)
            row.etag = self._evidence.stat_version(key, row.version_id).etag or None  # as when it is read back

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(put, rows))
        with database.unit_of_work() as session:
            session.add_all(rows)
        midnights = [to_datetime(midnight_us + day * US_PER_DAY) for day in range(days)]
        return [day_prefix(agent.site_id, agent.camera_id, midnight) for midnight in midnights]

    def _row(self, agent: SigningAgent, midnight_us: int, number: int) -> Segment:
        start_us = midnight_us + number * US_PER_MINUTE
        data, segment_id, end_us = b"%d" % number, fresh_id(), start_us + US_PER_MINUTE
        return Segment(
            id=segment_id,
            site_id=agent.site_id,
            camera_id=agent.camera_id,
            agent_id=agent.agent_id,
            timeline_id=agent.timeline_id,
            chain_id=fresh_id(),
            sequence=number,
            start_us=start_us,
            end_us=end_us,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            payload_sha256="0" * 64,
            envelope=b"x" * 1_000,
            received_us=end_us,
            object_key=SegmentKey(agent.site_id, agent.camera_id, start_us, segment_id).text,
            retain_until_us=-(-(self._clock.utc_us() + 9 * US_PER_DAY) // US_PER_S) * US_PER_S,
            secured_us=end_us,
        )

    def _pages(self, prefix: str) -> int:
        """Pages of the listing, thrown away unread but for where the next one begins."""
        query, found = {"versions": "", "prefix": prefix, "max-keys": "1000"}, 0
        while True:
            body = self._evidence.raw.send("GET", "", query=query).body
            found += body.count(b"<VersionId>")
            if b"<IsTruncated>true" not in body:
                return found
            query |= {
                "key-marker": _between(body, "NextKeyMarker"),
                "version-id-marker": _between(body, "NextVersionIdMarker"),
            }

    def _audit(self, database: Database, count: int) -> None:
        auditor = StoreAuditor(database, self._evidence, self._clock, retain_days=7, workers=WORKERS)
        begun = auditor.begin(at_once=True)
        while auditor.step():
            pass
        if begun is None or begun.versions != count:
            raise RuntimeError("the audit did not look at everything")

    def hashing(self) -> None:
        """Reading versions back and hashing them, beside SHA-256 of the same bytes in memory, both by as many threads."""
        data = os.urandom(HASHED_BYTES)
        digest, until_us = hashlib.sha256(data).hexdigest(), self._clock.utc_us() + US_PER_DAY
        keys = [f"bench/{number}" for number in range(HASHED)]
        named = [(key, self._evidence.put_locked(key, data, digest, until_us)) for key in keys]

        def read(one: tuple[str, str]) -> None:
            found = hashlib.sha256()
            for chunk in self._evidence.chunks(*one):
                found.update(chunk)
            if found.hexdigest() != digest:
                raise RuntimeError("other bytes came back")

        workers = os.cpu_count() or 1
        plain, back = [], []
        for _ in range(REPEATS):
            plain.append(_timed(lambda: [hashlib.sha256(data).hexdigest() for _ in range(HASHED)]))
            back.append(_timed(lambda: _each(read, named, workers)))
        total = HASHED * HASHED_BYTES / 2**20
        self._report.figures[f"{self._name}_plain_sha256_mib_per_s"] = round(total / min(plain))
        self._report.figures[f"{self._name}_rehashed_mib_per_s"] = round(total / min(back))
        self._report.expect(f"{self._name}_rehash_against_sha256", _ratio(plain, back), at_least=HASH_MIN)

    def uploads(self) -> None:
        """The agent's PUT by ticket, locked and with a checksum, beside PUTs of the same files that ask for neither."""
        files = [self._folder / f"{number}.mp4" for number in range(UPLOADS)]
        for file in files:
            file.write_bytes(os.urandom(UPLOAD_BYTES))
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        plain_bucket = replace(self._root, bucket=f"{BUCKET}-plain")
        minio_client(plain_bucket, connection_pool(plain_bucket)).make_bucket(plain_bucket.bucket)
        agent = ObjectStore(UPLOADERS, Throttle(lambda: 0, self._clock))
        office = TicketOffice(self._access, self._clock)
        pool = urllib3.PoolManager(maxsize=UPLOADERS, block=True)

        def by_ticket(number: int) -> None:
            now_us = self._clock.utc_us()
            key = f"bench/{fresh_id()}"
            made = office.mint(key, digests[number], UPLOAD_BYTES, now_us + US_PER_DAY, expires_s=60)
            put(number, key, made.url, made.headers)

        def unchecked(number: int) -> None:
            now_us = self._clock.utc_us()
            key = f"bench/{fresh_id()}"
            made = office.mint(key, digests[number], UPLOAD_BYTES, now_us + US_PER_DAY, expires_s=60)
            headers = {name: value for name, value in made.headers.items() if "checksum" not in name}
            access = self._access
            url = presign(access, "PUT", key, headers, base_url=access.url, expires_s=60, now_us=now_us)
            put(number, key, url, headers)

        def put(number: int, key: str, url: str, headers: dict[str, str]) -> None:
            expires_us = self._clock.utc_us() + 60 * US_PER_S
            ticket = UploadTicket(
                segment_id=fresh_id(), object_key=key, url=url, headers=headers, expires_us=expires_us
            )
            agent.put(ticket, files[number], UPLOAD_BYTES)

        def plainly(number: int) -> None:
            url = presign(
                plain_bucket,
                "PUT",
                fresh_id(),
                {},
                base_url=plain_bucket.url,
                expires_s=60,
                now_us=self._clock.utc_us(),
            )
            with files[number].open("rb") as body:
                if pool.request("PUT", url, body=body, headers={"content-length": str(UPLOAD_BYTES)}).status != 200:
                    raise RuntimeError("a plain PUT was refused")

        plain, locked, trusting = [], [], []
        for _ in range(REPEATS):
            plain.append(_timed(lambda: _each(plainly, range(UPLOADS), UPLOADERS)))
            locked.append(_timed(lambda: _each(by_ticket, range(UPLOADS), UPLOADERS)))
            trusting.append(_timed(lambda: _each(unchecked, range(UPLOADS), UPLOADERS)))
        agent.close()
        total = UPLOADS * UPLOAD_BYTES / 2**20
        self._report.figures[f"{self._name}_plain_puts_mib_per_s"] = round(total / min(plain))
        self._report.figures[f"{self._name}_ticket_puts_mib_per_s"] = round(total / min(locked))
        self._report.figures[f"{self._name}_uploads_against_plain_but_for_the_digest"] = _ratio(plain, trusting)
        self._report.expect(f"{self._name}_uploads_against_plain", _ratio(plain, locked), at_least=UPLOAD_MIN)


def _package(report: Report) -> None:
    """Verification of one camera-day: every minute of it, in small recordings, as the time is in their number."""
    made = Evidence(count=PACKAGE_SEGMENTS, lost=())
    previous = None
    for number, manifest in enumerate(made.manifests):
        data = made.footage[number] = os.urandom(PACKAGE_BYTES)
        changed = msgspec.structs.replace(
            manifest, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), previous=previous
        )
        made.manifests[number], previous = changed, hashlib.sha256(msgspec.json.encode(changed)).hexdigest()
    data = made.build()
    verified_s = min(_timed(lambda: verify(io.BytesIO(data), CENTRE.public_key())) for _ in range(2))
    hashed_s = min(_timed(lambda: hashlib.sha256(data).digest()) for _ in range(REPEATS))
    report.figures |= {
        "package_segments": PACKAGE_SEGMENTS,
        "package_mib": round(len(data) / 2**20),
        "package_verified_s": round(verified_s, 2),
        "package_sha256_s": round(hashed_s, 2),
        "package_ms_a_recording_beside_hashing": round((verified_s - hashed_s) / PACKAGE_SEGMENTS * 1_000, 2),
    }


def _memory(report: Report, size: int) -> None:
    """One process for each kind of store, side by side: each peak is one audit's own."""
    _progress(f"memory of an audit of {size} versions")
    running = {kind: _audit_alone(size, kind) for kind in KINDS}
    for kind, process in running.items():
        said, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"the audit of {size} versions ({kind}) ended with {process.returncode}")
        told = json.loads(said.splitlines()[-1])
        report.figures[f"memory_mib_at_{size}_{kind}"] = round(told["peak_bytes"] / 2**20)
        report.figures[f"audited_s_at_{size}_{kind}_store_stands_in"] = round(told["seconds"], 1)


def _audit_alone(size: int, kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks._audit_memory", str(size), kind],
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def _each(do: Callable[[Item], None], items: Sequence[Item], workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(do, items))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ratio(peer_s: list[float], ours_s: list[float]) -> float:
    """Ours against the peer, both at their best of the run."""
    return round(min(peer_s) / min(ours_s), 2)


def _listed(sdk: Minio, prefix: str) -> int:
    return sum(1 for _ in sdk.list_objects(BUCKET, prefix=prefix, recursive=True, include_version=True))


def _progress(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _between(body: bytes, tag: str) -> str:
    return body.partition(f"<{tag}>".encode())[2].partition(b"</")[0].decode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py bench retention", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--versions", type=int, default=VERSIONS)
    parser.add_argument("--memory", default=",".join(map(str, MEMORY)), help="sizes with commas between; '' for none")
    parser.add_argument("--store", choices=["minio", "seaweedfs"], help="all that are here, where not given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
