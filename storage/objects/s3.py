"""The evidence store on any S3 server with Object Lock.

Whatever the server's word is worth, this adapter reads outcomes back: a lock counts once it was seen on the version
(I3). Default retention of the bucket is a second net and never relied upon.

Source: Amazon S3 API reference; traps of the backends in CONFORMANCE.md.
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.retention import Retention

from config.base.clock import US_PER_S, Clock, from_datetime
from config.base.errors import Conflict, IntegrityViolation, InvalidInput, NotFound, PermissionDenied, Unavailable
from storage.objects.connection import StoreAccess, connection_pool, minio_client
from storage.objects.heads import HeadReader
from storage.objects.listing import VersionLister
from storage.objects.port import (
    ETAG_CHARS_MAX,
    PUT_BYTES_MAX,
    READ_BYTES_MAX,
    ClockOffset,
    ListedVersion,
    LockMode,
    StoredVersion,
)
from storage.objects.retention import from_header, to_date
from storage.objects.signing import RawStore
from storage.objects.tickets import checksum_of
from storage.objects.translate import CLOCKS_APART, store_errors

CHUNK_BYTES = 2**20
SIGNATURE_US_MAX = 15 * 60 * US_PER_S
"""A signature whose time is further off is refused (AWS Signature Version 4)."""
_SINGLE_PART_MIN = 5 * 2**20
_ASK_FOR_CHECKSUM: dict[str, str | list[str] | tuple[str]] = {"x-amz-checksum-mode": "ENABLED"}
_MODES: dict[str, LockMode] = {"COMPLIANCE": "COMPLIANCE", "GOVERNANCE": "GOVERNANCE"}


class S3EvidenceStore:
    """An ``EvidenceStore``; safe to share between threads."""

    def __init__(self, access: StoreAccess, clock: Clock, *, read_only: bool = False) -> None:
        """``read_only``: what would change anything is refused here, before it is sent."""
        self._bucket = access.bucket
        self._clock = clock
        self._pool = connection_pool(access, read_only=read_only)
        self._client = minio_client(access, self._pool)
        self.access = access
        self.clock = clock
        self.raw = RawStore(access, self._pool)
        self._heads = HeadReader(access, clock)
        self._lister = VersionLister(self.raw)

    def stat_version(self, key: str, version_id: str) -> StoredVersion:
        _named(key, version_id)
        try:
            headers: Mapping[str, str] | None = self._heads.read(key, version_id)
        except TimeoutError as error:
            raise Unavailable(f"stat {key}: no answer in time", code="store_unreachable") from error
        if headers is None:
            try:
                headers = self._ask_sdk(key, version_id)
            except (NotFound, InvalidInput) as error:
                if _is_delete_marker(error.__cause__):
                    return _delete_marker(key, version_id)
                # MinIO answers 400 to a version id that it could not have made: there is no such version either way.
                raise NotFound(f"stat {key}: no version {version_id[:64]}") from error
            except PermissionDenied as error:
                # An answer to HEAD has no words, so this looks the same as a clock that is wrong here or there.
                offset = self.clock_offset()
                if abs(offset.offset_us) - offset.bound_us > SIGNATURE_US_MAX:
                    raise Unavailable(f"stat {key}: {CLOCKS_APART}", code="clocks_apart") from error
                raise
        return self._stored(key, version_id, headers)

    def _ask_sdk(self, key: str, version_id: str) -> Mapping[str, str]:
        with store_errors(f"stat {key}"):
            found = self._client.stat_object(
                self._bucket, key, version_id=version_id, extra_headers=dict(_ASK_FOR_CHECKSUM)
            )
        return found.metadata or {}

    def _stored(self, key: str, version_id: str, headers: Mapping[str, str]) -> StoredVersion:
        _same_version(key, version_id, headers.get("x-amz-version-id"))
        length = headers.get("content-length", "")
        size_bytes = int(length) if length.isdigit() else -1
        sha256 = _stored_sha256(headers)
        source = sha256
        if sha256 is None:
            sha256, counted = self._hash_bytes(key, version_id)
            if counted != size_bytes:
                raise Unavailable(f"stat {key}: {counted} of {size_bytes} bytes came back", code="store_short_read")
        etag = headers.get("etag", "").strip('"')
        mode, until = headers.get("x-amz-object-lock-mode"), headers.get("x-amz-object-lock-retain-until-date")
        return StoredVersion(
            key=key,
            version_id=version_id,
            size_bytes=size_bytes,
            sha256=sha256,
            sha256_source="store" if source is not None else "bytes",
            retention_mode=_MODES.get(mode.upper()) if mode else None,
            retain_until_us=from_header(until) if until else None,
            legal_hold=headers.get("x-amz-object-lock-legal-hold", "OFF").upper() == "ON",
            is_delete_marker=False,
            etag=etag if len(etag) <= ETAG_CHARS_MAX else "",
        )

    def extend_retention(self, key: str, version_id: str, until_us: int) -> StoredVersion:
        before = self.stat_version(key, version_id)
        if before.is_delete_marker:
            raise Conflict(f"{key}: a delete marker cannot be locked", code="delete_marker")
        if before.locked_until(until_us):
            return before
        # A longer governance lock is kept as long as it was: what is evidence is never unlocked sooner.
        target_us = max(until_us, before.retain_until_us or 0)
        with store_errors(f"lock {key}"):
            self._client.set_object_retention(
                self._bucket, key, Retention(COMPLIANCE, to_date(target_us)), version_id=version_id
            )
        after = self.stat_version(key, version_id)
        if not after.locked_until(target_us):
            raise IntegrityViolation(f"lock {key}: agreed to, and not there when read back", code="lock_not_kept")
        return after

    def put_locked(self, key: str, data: bytes, sha256: str, until_us: int) -> str:
        if len(data) > PUT_BYTES_MAX:
            raise InvalidInput(f"put {key}: {len(data)} bytes, {PUT_BYTES_MAX} are allowed", code="oversized")
        with store_errors(f"put {key}"):
            written = self._client.put_object(
                self._bucket,
                key,
                io.BytesIO(data),
                len(data),
                metadata={"x-amz-checksum-sha256": checksum_of(sha256)},
                # One part whatever its size: a digest over parts is not the digest of the bytes.
                part_size=max(len(data), _SINGLE_PART_MIN),
                retention=Retention(COMPLIANCE, to_date(until_us)),
            )
        if not written.version_id:
            raise IntegrityViolation(f"put {key}: the bucket keeps no versions", code="not_versioned")
        return written.version_id

    def read(self, key: str, version_id: str, offset: int, length: int) -> bytes:
        if offset < 0 or not 1 <= length <= READ_BYTES_MAX:
            raise InvalidInput(f"read {key}: 1 to {READ_BYTES_MAX} bytes from an offset of 0 or more")
        return b"".join(self._get(key, version_id, offset, length))

    def chunks(self, key: str, version_id: str) -> Iterator[bytes]:
        return self._get(key, version_id, 0, 0)

    def delete_version(self, key: str, version_id: str) -> None:
        _named(key, version_id)
        with store_errors(f"delete {key}"):
            self._client.remove_object(self._bucket, key, version_id=version_id)

    def set_legal_hold(self, key: str, version_id: str, *, on: bool) -> None:
        _named(key, version_id)
        change = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
        with store_errors(f"hold {key}"):
            change(self._bucket, key, version_id=version_id)

    @property
    def states_locks(self) -> bool:
        return self._lister.states_locks

    def list_versions(self, prefix: str, *, stating: bool = False) -> Iterator[ListedVersion]:
        return self._lister.versions(prefix, stating=stating)

    def clock_offset(self) -> ClockOffset:
        wall_us, begun_us = self._clock.utc_us(), self._clock.monotonic_us()
        answer = self.raw.send("HEAD", "")
        trip_us = self._clock.monotonic_us() - begun_us
        try:
            store_us = from_datetime(parsedate_to_datetime(answer.headers.get("date", "")))
        except ValueError as error:
            raise Unavailable("the store's answer carries no Date", code="store_not_s3") from error
        # The header is cut to the second, so the instant lies half a second later, give or take another half.
        return ClockOffset(
            offset_us=store_us + US_PER_S // 2 - (wall_us + trip_us // 2), bound_us=trip_us // 2 + US_PER_S // 2
        )

    def _get(self, key: str, version_id: str, offset: int, length: int) -> Iterator[bytes]:
        _named(key, version_id)
        with store_errors(f"read {key}"):
            try:
                answer = self._client.get_object(self._bucket, key, offset=offset, length=length, version_id=version_id)
            except S3Error as error:
                if error.response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return
                raise
            try:
                _same_version(key, version_id, answer.headers.get("x-amz-version-id"))
                yield from answer.stream(CHUNK_BYTES)
            finally:
                answer.close()
                answer.release_conn()

    def _hash_bytes(self, key: str, version_id: str) -> tuple[str, int]:
        digest, counted = hashlib.sha256(), 0
        for chunk in self.chunks(key, version_id):
            digest.update(chunk)
            counted += len(chunk)
        return digest.hexdigest(), counted


def _named(key: str, version_id: str) -> None:
    # Without a version id S3 would silently speak of the newest version, whatever that is by now.
    if not key or not version_id or version_id == "null":
        raise InvalidInput("a call needs a key and the id of one version", code="no_version")


def _same_version(key: str, asked: str, answered: str | None) -> None:
    if answered != asked:
        raise IntegrityViolation(f"{key}: asked for version {asked}, got {answered}", code="other_version")


def _stored_sha256(headers: Mapping[str, str]) -> str | None:
    text = headers.get("x-amz-checksum-sha256", "")
    if not text or headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == 32 else None


def _is_delete_marker(cause: BaseException | None) -> bool:
    return isinstance(cause, S3Error) and cause.response.headers.get("x-amz-delete-marker", "").lower() == "true"


def _delete_marker(key: str, version_id: str) -> StoredVersion:
    return StoredVersion(key, version_id, 0, None, "none", None, None, legal_hold=False, is_delete_marker=True)
