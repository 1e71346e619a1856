"""What the server learns when it reads a version back (I3); on every store to be had."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from minio import Minio

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import ConfigurationError, Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.ids import fresh_id
from deploy.local.store import LocalStore, StoreKind
from storage.objects.port import EvidenceStore, StoredVersion
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore
from tests.conformance.conftest import Put
from tests.support.stores import (
    CACHE_DIR,
    DEFAULT_RETAIN_DAYS,
    EXTERNAL,
    ObjectStore,
    as_object_store,
    stores_available,
)


def test_the_adapter_is_an_evidence_store(object_store: ObjectStore) -> None:
    port: EvidenceStore = object_store.evidence
    assert port.clock_offset().bound_us > 0


def test_size_digest_and_lock_come_back(locked: Put) -> None:
    assert locked.stored.size_bytes == len(locked.data)
    assert (locked.stored.sha256, locked.stored.sha256_source) == (sha256(locked.data).hexdigest(), "store")
    assert locked.stored.locked_until(SystemClock().utc_us() + US_PER_DAY - 60_000_000)
    assert not locked.stored.legal_hold


def test_without_a_kept_digest_the_bytes_are_hashed(object_store: ObjectStore) -> None:
    key, data = f"conformance/{fresh_id()}", Random(1).randbytes(3_000_000)
    version_id = object_store.admin.raw.send("PUT", key, body=data).headers["x-amz-version-id"]
    stored = object_store.evidence.stat_version(key, version_id)
    assert (stored.sha256, stored.sha256_source) == (sha256(data).hexdigest(), "bytes")


def test_a_digest_over_parts_is_not_taken_for_one_of_the_bytes(object_store: ObjectStore, root_client: Minio) -> None:
    key, data = f"conformance/{fresh_id()}", Random(2).randbytes(6 * 2**20)
    written = root_client.put_object(object_store.root.bucket, key, io.BytesIO(data), len(data), part_size=5 * 2**20)
    stored = object_store.evidence.stat_version(key, written.version_id or "")
    assert (stored.size_bytes, stored.sha256) == (len(data), sha256(data).hexdigest())


@pytest.mark.parametrize("version_id", ["5f1b2a3e-0000-4000-8000-000000000000", "garbage", "../x", "a b&c=d"])
def test_a_version_that_never_was_is_not_found(object_store: ObjectStore, locked: Put, version_id: str) -> None:
    with pytest.raises(NotFound):
        object_store.evidence.stat_version(locked.key, version_id)
    with pytest.raises((NotFound, InvalidInput)):
        object_store.evidence.read(locked.key, version_id, 0, 10)


def test_a_version_of_another_key_is_not_found(object_store: ObjectStore, put: Callable[[], Put]) -> None:
    one, other = put(), put()
    with pytest.raises(NotFound):
        object_store.evidence.stat_version(one.key, other.stored.version_id)


@pytest.mark.parametrize("version_id", ["", "null"])
def test_no_call_speaks_of_whatever_is_newest(object_store: ObjectStore, locked: Put, version_id: str) -> None:
    for call in (object_store.evidence.stat_version, object_store.evidence.delete_version):
        with pytest.raises(InvalidInput):
            call(locked.key, version_id)


def test_a_delete_marker_is_no_evidence(object_store: ObjectStore, locked: Put) -> None:
    marker_id = object_store.admin.raw.send("DELETE", locked.key).headers["x-amz-version-id"]
    with pytest.raises((NotFound, Conflict)):
        object_store.evidence.extend_retention(locked.key, marker_id, SystemClock().utc_us() + US_PER_DAY)
    try:
        stored = object_store.evidence.stat_version(locked.key, marker_id)
    except NotFound:
        return
    assert stored.is_delete_marker
    assert not stored.locked_until(0)


def test_ranges_are_read_and_nothing_lies_past_the_end(object_store: ObjectStore, locked: Put) -> None:
    read, version_id, size = object_store.evidence.read, locked.stored.version_id, len(locked.data)
    assert read(locked.key, version_id, 3, 7) == locked.data[3:10]
    assert read(locked.key, version_id, size - 4, 100) == locked.data[-4:]
    assert read(locked.key, version_id, size, 100) == b""
    assert b"".join(object_store.evidence.chunks(locked.key, version_id)) == locked.data
    for offset, length in ((-1, 1), (0, 0), (0, 2**40)):
        with pytest.raises(InvalidInput):
            read(locked.key, version_id, offset, length)


def test_an_empty_object_reads_back(object_store: ObjectStore) -> None:
    key, until_us = f"conformance/{fresh_id()}", SystemClock().utc_us() + US_PER_DAY
    version_id = object_store.evidence.put_locked(key, b"", sha256(b"").hexdigest(), until_us)
    stored = object_store.evidence.stat_version(key, version_id)
    assert (stored.size_bytes, stored.sha256) == (0, sha256(b"").hexdigest())


def test_keys_with_unusual_letters_keep_their_names(object_store: ObjectStore) -> None:
    key, until_us = f"conformance/小 夜+灯 {fresh_id()}~(1).mp4", SystemClock().utc_us() + US_PER_DAY
    version_id = object_store.evidence.put_locked(key, b"x", sha256(b"x").hexdigest(), until_us)
    assert object_store.evidence.stat_version(key, version_id).size_bytes == 1
    assert [each.key for each in object_store.evidence.list_versions(key)] == [key]
    assert object_store.evidence.raw.send("HEAD", key, query={"versionId": version_id}).status == 200


def test_the_listing_goes_on_past_a_page(object_store: ObjectStore) -> None:
    prefix, until_us = f"many/{fresh_id()}/", SystemClock().utc_us() + US_PER_DAY
    wanted = {f"{prefix}{number:04}" for number in range(1_005)}
    store, nothing = object_store.evidence, sha256(b"").hexdigest()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put_locked(key, b"", nothing, until_us), sorted(wanted)))
    assert {each.key for each in object_store.evidence.list_versions(prefix)} == wanted


def test_what_a_listing_states_is_what_the_version_says_of_itself(object_store: ObjectStore) -> None:
    store, prefix = object_store.evidence, f"stated/{fresh_id()}/"
    now_us = SystemClock().utc_us()
    for number in range(3):
        data = b"%d" % number
        store.put_locked(f"{prefix}{number}", data, sha256(data).hexdigest(), now_us + (number + 1) * US_PER_DAY)
    first = next(iter(store.list_versions(prefix)))
    store.extend_retention(first.key, first.version_id, now_us + 9 * US_PER_DAY)
    for listed in store.list_versions(prefix, stating=True):
        seen = store.stat_version(listed.key, listed.version_id)
        assert (listed.size_bytes, listed.etag) == (seen.size_bytes, seen.etag)
        if listed.retention_mode is not None:
            assert (listed.retention_mode, listed.retain_until_us) == ("COMPLIANCE", seen.retain_until_us)
        assert store.states_locks is (listed.retention_mode is not None)
    known = {"minio": True, "seaweedfs": False}
    assert store.states_locks is known.get(object_store.kind, store.states_locks)


def test_a_digest_that_does_not_match_stores_nothing(object_store: ObjectStore) -> None:
    key, until_us = f"conformance/{fresh_id()}", SystemClock().utc_us() + US_PER_DAY
    with pytest.raises(InvalidInput):
        object_store.evidence.put_locked(key, b"these", sha256(b"those").hexdigest(), until_us)
    assert list(object_store.evidence.list_versions(key)) == []


def test_a_lock_in_the_past_stores_nothing(object_store: ObjectStore) -> None:
    key = f"conformance/{fresh_id()}"
    with pytest.raises(InvalidInput):
        object_store.evidence.put_locked(key, b"x", sha256(b"x").hexdigest(), SystemClock().utc_us() - US_PER_DAY)
    assert list(object_store.evidence.list_versions(key)) == []


def test_the_stores_clock_is_read(object_store: ObjectStore) -> None:
    offset = object_store.evidence.clock_offset()
    assert abs(offset.offset_us) <= offset.bound_us
    assert 500_000 <= offset.bound_us < 5_000_000

    class AnHourBehind(SystemClock):
        def utc_us(self) -> int:
            return super().utc_us() - 3_600_000_000

    seen = S3EvidenceStore(object_store.server, AnHourBehind()).clock_offset()
    assert abs(seen.offset_us - 3_600_000_000) <= seen.bound_us


@pytest.mark.parametrize("change", [{"secret_key": "wrong-wrong-wrong"}, {"access_key": "nobody-at-all"}])
def test_a_wrong_credential_is_denied(object_store: ObjectStore, locked: Put, change: dict[str, str]) -> None:
    stranger = S3EvidenceStore(replace(object_store.server, **change), SystemClock())
    with pytest.raises(PermissionDenied):
        stranger.read(locked.key, locked.stored.version_id, 0, 1)
    with pytest.raises(PermissionDenied):
        stranger.stat_version(locked.key, locked.stored.version_id)


def test_provisioning_twice_changes_nothing(object_store: ObjectStore) -> None:
    before, after = (provision(object_store.server, DEFAULT_RETAIN_DAYS) for _ in range(2))
    assert (after.created, after.default_retain_days) == (False, before.default_retain_days)
    assert after.default_retain_days >= DEFAULT_RETAIN_DAYS  # other tests of the same store may have raised it


def test_provisioning_makes_raises_and_never_lowers(object_store: ObjectStore) -> None:
    access = replace(object_store.root, bucket=f"nightlight-made-{fresh_id()[:12]}")
    steps = [provision(access, days) for days in (1, 3, 2)]
    assert [(step.created, step.default_retain_days) for step in steps] == [(True, 1), (False, 3), (False, 3)]


def test_provisioning_hardens_a_governance_default(object_store: ObjectStore, root_client: Minio) -> None:
    from minio.commonconfig import GOVERNANCE
    from minio.objectlockconfig import DAYS, ObjectLockConfig

    bucket = f"nightlight-weak-{fresh_id()[:12]}"
    root_client.make_bucket(bucket, object_lock=True)
    root_client.set_object_lock_config(bucket, ObjectLockConfig(GOVERNANCE, 5, DAYS))
    assert provision(replace(object_store.root, bucket=bucket), 1).default_retain_days == 5
    assert root_client.get_object_lock_config(bucket).mode == "COMPLIANCE"


def test_provisioning_refuses_a_bucket_without_lock(object_store: ObjectStore, root_client: Minio) -> None:
    bucket = f"nightlight-plain-{fresh_id()[:12]}"
    root_client.make_bucket(bucket)
    with pytest.raises(ConfigurationError, match="without Object Lock"):
        provision(replace(object_store.root, bucket=bucket), 1)


@pytest.mark.parametrize("kind", [kind for kind in stores_available() if kind != EXTERNAL])
def test_locks_outlive_a_kill_a_restart_and_a_move_to_other_ports(kind: StoreKind, tmp_path: Path) -> None:
    kept: dict[str, StoredVersion] = {}
    addresses: set[str] = set()
    for round_number in range(3):
        if round_number == 2:
            (tmp_path / "ports.json").unlink()
        local = LocalStore.start(kind, tmp_path, bucket="nightlight-restart", cache_dir=CACHE_DIR)
        try:
            addresses.add(local.endpoint)
            store = as_object_store(local, "nightlight-restart")
            assert provision(store.server, 1).created == (round_number == 0)
            for key, stored in kept.items():
                assert store.evidence.stat_version(key, stored.version_id) == stored
                assert store.evidence.read(key, stored.version_id, 0, 4096) == key.encode()
                with pytest.raises(PermissionDenied):
                    store.admin.delete_version(key, stored.version_id)
            for _ in range(10):
                key, until_us = f"kept/{fresh_id()}", SystemClock().utc_us() + US_PER_DAY
                version_id = store.evidence.put_locked(key, key.encode(), sha256(key.encode()).hexdigest(), until_us)
                kept[key] = store.evidence.stat_version(key, version_id)
            if round_number == 0 and local.process is not None:
                local.process.kill()
        finally:
            local.stop()
    assert len(addresses) > 1
