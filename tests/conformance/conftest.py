from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import pytest
from minio import Minio

from config.base.clock import US_PER_DAY, SystemClock
from config.base.ids import fresh_id
from storage.objects.connection import connection_pool, minio_client
from storage.objects.port import StoredVersion
from tests.support.stores import ObjectStore

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Put:
    """Evidence as the server put it."""

    data: bytes
    stored: StoredVersion

    @property
    def key(self) -> str:
        return self.stored.key

    @property
    def version(self) -> dict[str, str]:
        return {"versionId": self.stored.version_id}


@pytest.fixture
def put(object_store: ObjectStore) -> Callable[[], Put]:
    def make() -> Put:
        data = f"evidence {fresh_id()}".encode()
        key = f"conformance/{fresh_id()}"
        until_us = SystemClock().utc_us() + US_PER_DAY
        version_id = object_store.evidence.put_locked(key, data, sha256(data).hexdigest(), until_us)
        return Put(data, object_store.evidence.stat_version(key, version_id))

    return make


@pytest.fixture
def locked(put: Callable[[], Put]) -> Put:
    return put()


@pytest.fixture
def root_client(object_store: ObjectStore) -> Minio:
    return minio_client(object_store.root, connection_pool(object_store.root))


@pytest.fixture
def bare_bucket(root_client: Minio) -> str:
    """A bucket with Object Lock and no default retention, where versions can be unlocked."""
    bucket = f"nightlight-bare-{fresh_id()[:12]}"
    root_client.make_bucket(bucket, object_lock=True)
    return bucket
