"""Real object stores for tests: every one that can be had here, noted in ``matrix``.

SeaweedFS always; MinIO from MINIO_TEST_URL (with MINIO_TEST_ACCESS_KEY and MINIO_TEST_SECRET_KEY), the PATH or the
project's cache.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.base.clock import SystemClock
from deploy.local.store import LocalStore, find
from storage.objects.connection import StoreAccess
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore
from tests.support.matrix import ran_on

CACHE_DIR = Path(__file__).resolve().parents[2] / ".cache"
DEFAULT_RETAIN_DAYS = 2
EXTERNAL = "minio-at-url"


@dataclass(frozen=True)
class ObjectStore:
    """A running store with a provisioned bucket. ``server`` is what Nightlight may do, ``root`` what an administrator."""

    kind: str
    version: str
    server: StoreAccess
    root: StoreAccess

    @property
    def evidence(self) -> S3EvidenceStore:
        return S3EvidenceStore(self.server, SystemClock())

    @property
    def admin(self) -> S3EvidenceStore:
        return S3EvidenceStore(self.root, SystemClock())

    def admin_of(self, bucket: str) -> S3EvidenceStore:
        """An administrator's view of another bucket of this store."""
        return S3EvidenceStore(replace(self.root, bucket=bucket), SystemClock())


def stores_available() -> list[str]:
    """Which stores the tests run on here; SeaweedFS is among them even where its wheel is missing, and then fails."""
    found = ["seaweedfs"]
    if os.environ.get("MINIO_TEST_URL"):
        found.append(EXTERNAL)
    elif "minio" in find(CACHE_DIR):
        found.append("minio")
    return found


@contextmanager
def running_store(kind: str, data_dir: Path) -> Iterator[ObjectStore]:
    """A store with a fresh bucket; a local one ends with the block."""
    bucket = f"nightlight-test-{secrets.token_hex(4)}"
    if kind == EXTERNAL:
        store = _external(bucket)
        provision(store.server, DEFAULT_RETAIN_DAYS)
        ran_on("store", f"{store.kind} {store.version}")
        yield store
        return
    local = LocalStore.start("minio" if kind == "minio" else "seaweedfs", data_dir, bucket=bucket, cache_dir=CACHE_DIR)
    try:
        store = as_object_store(local, bucket)
        provision(store.server, DEFAULT_RETAIN_DAYS)
        ran_on("store", f"{store.kind} {store.version}")
        yield store
    finally:
        if local.process is not None:
            local.process.kill()  # what it holds is thrown away: an orderly end takes SeaweedFS seconds
        local.stop()


def as_object_store(local: LocalStore, bucket: str) -> ObjectStore:
    """The accesses to a store that is running."""

    def access(key_file: Path, secret_file: Path) -> StoreAccess:
        return StoreAccess(local.endpoint, bucket, key_file.read_text(), secret_file.read_text())

    return ObjectStore(
        local.kind,
        local.version,
        server=access(local.server_access_key_file, local.server_secret_key_file),
        root=access(local.root_access_key_file, local.root_secret_key_file),
    )


def _external(bucket: str) -> ObjectStore:
    url = urlsplit(os.environ["MINIO_TEST_URL"])
    access = StoreAccess(
        url.netloc,
        bucket,
        os.environ["MINIO_TEST_ACCESS_KEY"],
        os.environ["MINIO_TEST_SECRET_KEY"],
        tls=url.scheme == "https",
    )
    return ObjectStore("minio", f"at {url.netloc}", server=access, root=access)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ObjectStore]]:
    """A store by its kind, started when the first test asks for it and kept until the last has run."""
    running: dict[str, ObjectStore] = {}
    with ExitStack() as stack:

        def store(kind: str) -> ObjectStore:
            if kind not in running:
                running[kind] = stack.enter_context(running_store(kind, tmp_path_factory.mktemp("store") / kind))
            return running[kind]

        yield store


@pytest.fixture(scope="session", params=stores_available())
def object_store(request: pytest.FixtureRequest, stores: Callable[[str], ObjectStore]) -> ObjectStore:
    """Each store in turn: a test that takes this runs on all of them."""
    return stores(request.param)


@pytest.fixture(scope="session")
def any_object_store(stores: Callable[[str], ObjectStore]) -> ObjectStore:
    """One store, the best to be had, for tests that are about something else."""
    return stores(stores_available()[-1])
