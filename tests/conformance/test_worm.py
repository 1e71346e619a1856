"""What a store must refuse, to the administrator too, and what it must still allow. Runs on every store to be had."""

import io
import time
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import md5, sha256

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE, CopySource
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import SUSPENDED, VersioningConfig

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock, to_datetime
from config.base.errors import ConfigurationError, IntegrityViolation, NotFound, PermissionDenied
from config.base.ids import fresh_id
from storage.objects.canary import attack_version, prove_worm, sweep
from storage.objects.keys import CANARY_PREFIX
from storage.objects.retention import to_header
from storage.objects.s3 import S3EvidenceStore
from tests.conformance.conftest import DAY, Put
from tests.support.stores import DEFAULT_RETAIN_DAYS, ObjectStore

BYPASS = {"x-amz-bypass-governance-retention": "true"}


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def retention_body(mode: str, until_us: int) -> tuple[bytes, dict[str, str]]:
    body = (
        f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{to_header(until_us)}</RetainUntilDate></Retention>".encode()
    )
    return body, {"content-md5": b64encode(md5(body).digest()).decode()}


def assert_untouched(store: ObjectStore, put: Put) -> None:
    assert store.evidence.stat_version(put.key, put.stored.version_id) == put.stored
    assert store.evidence.read(put.key, put.stored.version_id, 0, 4096) == put.data


def test_every_attack_of_an_administrator_is_refused(object_store: ObjectStore, locked: Put) -> None:
    refusals = attack_version(object_store.admin, locked.stored)
    assert [refusal.attack for refusal in refusals] == [
        "shortening",
        "shortening with bypass",
        "mode change to GOVERNANCE",
        "removal of retention",
        "version delete",
        "version delete with bypass",
        "multi-delete with bypass",
    ]
    assert all(refusal.code for refusal in refusals)
    assert_untouched(object_store, locked)


def test_the_same_attacks_succeed_where_they_may(
    object_store: ObjectStore, root_client: Minio, bare_bucket: str
) -> None:
    """Else a refusal could mean no more than that the request was badly made."""
    admin = object_store.admin_of(bare_bucket)
    until = now() + DAY
    written = root_client.put_object(
        bare_bucket, "weak", io.BytesIO(b"weak"), 4, retention=Retention(GOVERNANCE, until)
    )
    weak = admin.stat_version("weak", written.version_id or "")
    with pytest.raises(IntegrityViolation, match=r"shortening with bypass.*version delete") as caught:
        attack_version(admin, weak)
    assert caught.value.code == "store_gave_in"
    with pytest.raises(NotFound):
        admin.stat_version("weak", weak.version_id)


@pytest.mark.parametrize("headers", [{}, BYPASS], ids=["plain", "bypass"])
def test_version_delete_is_refused(object_store: ObjectStore, locked: Put, headers: dict[str, str]) -> None:
    answer = object_store.admin.raw.send("DELETE", locked.key, query=locked.version, headers=headers)
    assert not answer.agreed
    assert_untouched(object_store, locked)


def test_the_server_is_told_that_it_is_denied(object_store: ObjectStore, locked: Put) -> None:
    with pytest.raises(PermissionDenied):
        object_store.evidence.delete_version(locked.key, locked.stored.version_id)


def test_multi_delete_says_so_for_each_version(object_store: ObjectStore, put, root_client: Minio) -> None:
    from minio.deleteobjects import DeleteObject

    puts = [put(), put()]
    errors = list(
        root_client.remove_objects(
            object_store.root.bucket,
            [DeleteObject(each.key, each.stored.version_id) for each in puts],
            bypass_governance_mode=True,
        )
    )
    assert {error.name for error in errors} == {each.key for each in puts}
    for each in puts:
        assert_untouched(object_store, each)


@pytest.mark.parametrize("headers", [{}, BYPASS], ids=["plain", "bypass"])
@pytest.mark.parametrize(
    ("mode", "less_us"), [("COMPLIANCE", 1_000_000), ("GOVERNANCE", 0), ("GOVERNANCE", -US_PER_DAY)]
)
def test_retention_never_gets_weaker(
    object_store: ObjectStore, locked: Put, mode: str, less_us: int, headers: dict[str, str]
) -> None:
    body, digest = retention_body(mode, (locked.stored.retain_until_us or 0) - less_us)
    query = locked.version | {"retention": ""}
    answer = object_store.admin.raw.send("PUT", locked.key, query=query, headers=headers | digest, body=body)
    assert not answer.agreed
    assert_untouched(object_store, locked)


def test_extension_is_allowed_and_read_back(object_store: ObjectStore, locked: Put) -> None:
    longer_us = (locked.stored.retain_until_us or 0) + 3600 * US_PER_S
    after = object_store.evidence.extend_retention(locked.key, locked.stored.version_id, longer_us)
    assert (after.retention_mode, after.retain_until_us) == ("COMPLIANCE", longer_us)


def test_extension_to_an_earlier_day_changes_nothing(object_store: ObjectStore, locked: Put) -> None:
    earlier_us = (locked.stored.retain_until_us or 0) - 3600 * US_PER_S
    assert object_store.evidence.extend_retention(locked.key, locked.stored.version_id, earlier_us) == locked.stored


def test_an_overwrite_makes_a_version_and_the_old_stays(object_store: ObjectStore, locked: Put) -> None:
    until_us = SystemClock().utc_us() + US_PER_DAY
    newer = object_store.admin.put_locked(locked.key, b"forged", sha256(b"forged").hexdigest(), until_us)
    assert newer != locked.stored.version_id
    assert_untouched(object_store, locked)


def test_a_delete_marker_on_top_hides_and_destroys_nothing(object_store: ObjectStore, locked: Put) -> None:
    assert object_store.admin.raw.send("DELETE", locked.key).agreed
    assert object_store.admin.raw.send("GET", locked.key).status == 404
    assert_untouched(object_store, locked)
    versions = list(object_store.evidence.list_versions(locked.key))
    assert [each.is_delete_marker for each in versions if each.is_latest] == [True]
    assert locked.stored.version_id in {each.version_id for each in versions}


def test_a_copy_over_itself_leaves_the_version_and_its_lock(
    object_store: ObjectStore, locked: Put, root_client: Minio
) -> None:
    bucket = object_store.root.bucket
    source = CopySource(bucket, locked.key, version_id=locked.stored.version_id)
    copied = root_client.copy_object(bucket, locked.key, source, metadata={"x": "y"}, metadata_directive="REPLACE")
    assert copied.version_id != locked.stored.version_id
    assert_untouched(object_store, locked)


def test_versioning_cannot_be_suspended(object_store: ObjectStore, root_client: Minio) -> None:
    with pytest.raises(S3Error):
        root_client.set_bucket_versioning(object_store.root.bucket, VersioningConfig(SUSPENDED))
    assert root_client.get_bucket_versioning(object_store.root.bucket).status == "Enabled"


def test_the_bucket_cannot_be_deleted(object_store: ObjectStore, locked: Put) -> None:
    assert not object_store.admin.raw.send("DELETE", "").agreed
    assert not object_store.admin.raw.send("DELETE", "", headers={"x-minio-force-delete": "true"}).agreed
    assert_untouched(object_store, locked)


def test_losing_the_default_retention_unlocks_nothing(
    object_store: ObjectStore, root_client: Minio, bare_bucket: str
) -> None:
    admin = object_store.admin_of(bare_bucket)
    until_us = SystemClock().utc_us() + US_PER_DAY
    version_id = admin.put_locked("kept", b"kept", sha256(b"kept").hexdigest(), until_us)
    root_client.delete_object_lock_config(bare_bucket)
    with pytest.raises(PermissionDenied):
        admin.delete_version("kept", version_id)


def test_default_retention_is_the_second_net(object_store: ObjectStore) -> None:
    key = f"conformance/{fresh_id()}"
    answer = object_store.evidence.raw.send("PUT", key, body=b"no lock asked for")
    stored = object_store.evidence.stat_version(key, answer.headers["x-amz-version-id"])
    almost_us = SystemClock().utc_us() + DEFAULT_RETAIN_DAYS * US_PER_DAY - 60 * US_PER_S
    assert stored.locked_until(almost_us)


def test_a_lock_shorter_than_the_default_is_taken_and_we_extend_it(object_store: ObjectStore) -> None:
    """Known of every store, S3 itself included: so the server reads back and extends."""
    key, data = f"conformance/{fresh_id()}", b"short"
    short_us = SystemClock().utc_us() + 3600 * US_PER_S
    enough_us = short_us + US_PER_DAY
    version_id = object_store.evidence.put_locked(key, data, sha256(data).hexdigest(), short_us)
    assert not object_store.evidence.stat_version(key, version_id).locked_until(enough_us)
    assert object_store.evidence.extend_retention(key, version_id, enough_us).locked_until(enough_us)


def test_an_absent_lock_is_set(object_store: ObjectStore, bare_bucket: str) -> None:
    admin = object_store.admin_of(bare_bucket)
    version_id = admin.raw.send("PUT", "unlocked", body=b"x").headers["x-amz-version-id"]
    assert admin.stat_version("unlocked", version_id).retention_mode is None
    until_us = SystemClock().utc_us() + US_PER_DAY
    assert admin.extend_retention("unlocked", version_id, until_us).locked_until(until_us)


def test_a_governance_lock_cannot_be_hardened_so_it_never_counts(
    object_store: ObjectStore, root_client: Minio, bare_bucket: str
) -> None:
    """It takes a bypass that the server does not have. No ticket makes such a lock; a version with one is refused."""
    admin = object_store.admin_of(bare_bucket)
    weak = Retention(GOVERNANCE, now() + DAY)
    written = root_client.put_object(bare_bucket, "weak", io.BytesIO(b"w"), 1, retention=weak)
    assert not admin.stat_version("weak", written.version_id or "").locked_until(0)
    for until_us in (SystemClock().utc_us() + 3600 * US_PER_S, SystemClock().utc_us() + 2 * US_PER_DAY):
        with pytest.raises(PermissionDenied):
            admin.extend_retention("weak", written.version_id or "", until_us)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2020-01-01T00:00:00Z"},
        {"x-amz-object-lock-mode": "COMPLIANCE"},
        {"x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"},
        {"x-amz-object-lock-mode": "FOREVER", "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"},
        {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "tomorrow"},
    ],
    ids=["in the past", "no date", "no mode", "unknown mode", "no real date"],
)
def test_half_a_lock_is_refused(object_store: ObjectStore, headers: dict[str, str]) -> None:
    key = f"conformance/{fresh_id()}"
    assert object_store.admin.raw.send("PUT", key, headers=headers, body=b"x").status == 400
    assert list(object_store.evidence.list_versions(key)) == []


def test_a_wrong_checksum_is_refused(object_store: ObjectStore) -> None:
    key = f"conformance/{fresh_id()}"
    wrong = b64encode(sha256(b"other").digest()).decode()
    answer = object_store.evidence.raw.send("PUT", key, headers={"x-amz-checksum-sha256": wrong}, body=b"these")
    assert answer.status == 400
    assert list(object_store.evidence.list_versions(key)) == []


def test_a_legal_hold_keeps_an_unlocked_version_until_it_is_lifted(
    object_store: ObjectStore, root_client: Minio, bare_bucket: str
) -> None:
    admin = object_store.admin_of(bare_bucket)
    version_id = admin.raw.send("PUT", "held", body=b"x").headers["x-amz-version-id"]
    root_client.enable_object_legal_hold(bare_bucket, "held", version_id=version_id)
    assert admin.stat_version("held", version_id).legal_hold
    assert not admin.raw.send("DELETE", "held", query={"versionId": version_id}, headers=BYPASS).agreed
    root_client.disable_object_legal_hold(bare_bucket, "held", version_id=version_id)
    admin.delete_version("held", version_id)
    with pytest.raises(NotFound):
        admin.stat_version("held", version_id)


def test_a_legal_hold_lifted_leaves_the_lock(object_store: ObjectStore, locked: Put, root_client: Minio) -> None:
    bucket = object_store.root.bucket
    root_client.enable_object_legal_hold(bucket, locked.key, version_id=locked.stored.version_id)
    root_client.disable_object_legal_hold(bucket, locked.key, version_id=locked.stored.version_id)
    with pytest.raises(PermissionDenied):
        object_store.admin.delete_version(locked.key, locked.stored.version_id)


def test_after_its_time_a_version_can_go(object_store: ObjectStore) -> None:
    key, data = f"conformance/{fresh_id()}", b"brief"
    until_us = SystemClock().utc_us() + 2 * US_PER_S
    version_id = object_store.evidence.put_locked(key, data, sha256(data).hexdigest(), until_us)
    with pytest.raises(PermissionDenied):
        object_store.evidence.delete_version(key, version_id)
    deadline = time.monotonic() + 20
    while True:
        try:
            object_store.evidence.delete_version(key, version_id)
            break
        except PermissionDenied:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    with pytest.raises(NotFound):
        object_store.evidence.stat_version(key, version_id)


def test_a_stranger_gets_nothing(object_store: ObjectStore, locked: Put) -> None:
    import urllib3

    url = f"{object_store.root.url}/{object_store.root.bucket}/{locked.key}?versionId={locked.stored.version_id}"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert urllib3.request(method, url, retries=False).status == 403
    assert_untouched(object_store, locked)


def test_the_lesser_credential_is_lesser(object_store: ObjectStore, locked: Put) -> None:
    """Where the store knows one without an admin API: see deploy.local.store_servers."""
    if object_store.server == object_store.root:
        assert object_store.kind == "minio"
        return
    other = f"nightlight-other-{fresh_id()[:8]}"
    elsewhere = S3EvidenceStore(
        type(object_store.server)(
            object_store.server.endpoint, other, object_store.server.access_key, object_store.server.secret_key
        ),
        SystemClock(),
    )
    assert elsewhere.raw.send("PUT", "").status == 403
    assert object_store.evidence.raw.send("DELETE", "").status == 403
    policy = b'{"Version":"2012-10-17","Statement":[]}'
    assert object_store.evidence.raw.send("PUT", "", query={"policy": ""}, body=policy).status == 403


def test_the_proof_passes_and_leaves_one_locked_canary(object_store: ObjectStore) -> None:
    before = {each.version_id for each in object_store.evidence.list_versions(CANARY_PREFIX)}
    refusals = prove_worm(object_store.evidence)
    after = [each for each in object_store.evidence.list_versions(CANARY_PREFIX) if each.version_id not in before]
    assert len(refusals) == 7
    assert [each.is_delete_marker for each in after] == [False]
    stored = object_store.evidence.stat_version(after[0].key, after[0].version_id)
    assert stored.retention_mode == "COMPLIANCE"


def test_canaries_whose_day_is_over_are_cleared_away(
    object_store: ObjectStore, root_client: Minio, bare_bucket: str
) -> None:
    admin = object_store.admin_of(bare_bucket)
    prove_worm(admin)
    admin.raw.send("PUT", f"{CANARY_PREFIX}old", body=b"an unlocked one")

    class InThreeDays(SystemClock):
        def utc_us(self) -> int:
            return super().utc_us() + 3 * US_PER_DAY

    later = S3EvidenceStore(admin.access, InThreeDays())
    assert sweep(later) == 1
    assert len(list(admin.list_versions(CANARY_PREFIX))) == 1


def test_the_proof_fails_on_a_store_without_locks(object_store: ObjectStore, root_client: Minio) -> None:
    bucket = f"nightlight-plain-{fresh_id()[:12]}"
    root_client.make_bucket(bucket)
    with pytest.raises(ConfigurationError, match=r"takes no locked objects") as caught:
        prove_worm(object_store.admin_of(bucket))
    assert caught.value.code == "no_object_lock"


def test_retention_set_by_the_sdk_reads_back_to_the_second(object_store: ObjectStore, root_client: Minio) -> None:
    key, until = f"conformance/{fresh_id()}", now() + DAY
    written = root_client.put_object(
        object_store.root.bucket, key, io.BytesIO(b"x"), 1, retention=Retention(COMPLIANCE, until)
    )
    stored = object_store.evidence.stat_version(key, written.version_id or "")
    assert to_datetime(stored.retain_until_us or 0) == until
