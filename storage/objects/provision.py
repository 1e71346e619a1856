"""Makes the evidence bucket, or proves that the one there is fit: locked, versioned, with a second net.

Idempotent. Never repairs a bucket that was made without Object Lock, even on a store that would allow it: what was
put there before has no lock, and nobody could tell it apart.
"""

from dataclasses import dataclass

from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig

from config.base.errors import ConfigurationError
from storage.objects.connection import StoreAccess, connection_pool, minio_client
from storage.objects.translate import store_errors

_DAYS_PER_YEAR_MAX = 366
_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "InvalidBucketState"})
_TAKEN = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


@dataclass(frozen=True)
class Provisioned:
    """What is there now."""

    bucket: str
    created: bool
    default_retain_days: int


def provision(access: StoreAccess, default_retain_days: int) -> Provisioned:
    """Sees to bucket, lock, versioning and default retention; a longer default stays as it is.

    Raises ConfigurationError where the bucket that exists cannot hold evidence; Unavailable, PermissionDenied.
    """
    client = minio_client(access, connection_pool(access))
    bucket = access.bucket
    created = _make(client, bucket)
    config = _lock_config(client, bucket)
    with store_errors(f"versioning of {bucket}"):
        versioning = client.get_bucket_versioning(bucket).status
    if versioning != ENABLED:
        raise ConfigurationError(
            f"'store.bucket': {bucket} has versioning {versioning}: evidence needs it enabled; name a new bucket"
        )
    days = _days(config)
    if config.mode != COMPLIANCE or days < default_retain_days:
        days = max(days, default_retain_days)
        with store_errors(f"default retention of {bucket}"):
            client.set_object_lock_config(bucket, ObjectLockConfig(COMPLIANCE, days, DAYS))
        kept = _lock_config(client, bucket)
        if kept.mode != COMPLIANCE or _days(kept) < days:
            raise ConfigurationError(f"'store.bucket': {bucket} did not keep its default retention of {days} days")
    return Provisioned(bucket, created, days)


def _make(client: Minio, bucket: str) -> bool:
    with store_errors(f"bucket {bucket}"):
        if client.bucket_exists(bucket):
            return False
        try:
            client.make_bucket(bucket, object_lock=True)
        except S3Error as error:
            # Two processes may provision at once: whoever comes second finds it made.
            if error.code not in _TAKEN:
                raise
            return False
    return True


def _lock_config(client: Minio, bucket: str) -> ObjectLockConfig:
    with store_errors(f"lock of {bucket}"):
        try:
            return client.get_object_lock_config(bucket)
        except S3Error as error:
            if error.code not in _NO_LOCK:
                raise
            raise ConfigurationError(
                f"'store.bucket': {bucket} exists without Object Lock, so nothing in it is safe from deletion. "
                f"A lock cannot be vouched for afterwards: name a new bucket, and it is made with one"
            ) from error


def _days(config: ObjectLockConfig) -> int:
    if not config.duration:
        return 0
    return config.duration if config.duration_unit == DAYS else config.duration * (_DAYS_PER_YEAR_MAX - 1)
