"""What Nightlight asks of an object store, and nothing more (invariants I3, I4).

An object *version* is the unit of evidence: a key alone names nothing, because anyone who may write can put a new
version or a delete marker on top. Every call therefore carries a version id, and no call can shorten a lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

READ_BYTES_MAX = 64 * 2**20
PUT_BYTES_MAX = 64 * 2**20
ETAG_CHARS_MAX = 128

LockMode = Literal["COMPLIANCE", "GOVERNANCE"]


@dataclass(frozen=True)
class StoredVersion:
    """What the store said when the server read one version back."""

    key: str
    version_id: str
    size_bytes: int
    sha256: str | None
    """Hexadecimal; None only for a delete marker, which has no bytes."""
    sha256_source: Literal["store", "bytes", "none"]
    """``store``: the digest that the store checked at upload and kept. ``bytes``: hashed by us while reading back."""
    retention_mode: LockMode | None
    retain_until_us: int | None
    legal_hold: bool
    is_delete_marker: bool
    etag: str = ""
    """The store's name for these bytes: who has seen it beside their digest knows them by it in a listing. "" for none."""

    def locked_until(self, until_us: int) -> bool:
        """Whether COMPLIANCE, which nobody can lift, lasts at least to ``until_us``."""
        return (
            not self.is_delete_marker
            and self.retention_mode == "COMPLIANCE"
            and self.retain_until_us is not None
            and self.retain_until_us >= until_us
        )


@dataclass(frozen=True)
class ListedVersion:
    """One entry of a listing; of its lock it says something only where the store does."""

    key: str
    version_id: str
    size_bytes: int
    is_latest: bool
    is_delete_marker: bool
    last_modified_us: int
    etag: str = ""
    retention_mode: LockMode | None = None
    retain_until_us: int | None = None


@dataclass(frozen=True)
class ClockOffset:
    """The store's clock against ours: the true offset (store minus us) lies within ``offset_us ± bound_us``.

    It matters because a store judges locks by its own clock: one that runs a year ahead has unlocked everything.
    """

    offset_us: int
    bound_us: int


class EvidenceStore(Protocol):
    """One bucket of locked evidence.

    Every method raises Unavailable where the store does not answer in time, PermissionDenied where it refuses,
    InvalidInput where it can never accept what was asked.
    """

    @property
    def states_locks(self) -> bool:
        """Whether listings that were asked for locks have stated them."""
        ...

    def stat_version(self, key: str, version_id: str) -> StoredVersion:
        """Reads one version back; where the store kept no digest its bytes are hashed. Raises NotFound."""
        ...

    def extend_retention(self, key: str, version_id: str, until_us: int) -> StoredVersion:
        """Sees to it that COMPLIANCE lasts at least to ``until_us``, and reads the outcome back.

        A longer lock stays as it is. Raises NotFound; IntegrityViolation (``lock_not_kept``) where the store
        agreed and the lock is not there.
        """
        ...

    def put_locked(self, key: str, data: bytes, sha256: str, until_us: int) -> str:
        """Stores at most PUT_BYTES_MAX under COMPLIANCE to ``until_us``; returns the version id."""
        ...

    def read(self, key: str, version_id: str, offset: int, length: int) -> bytes:
        """At most READ_BYTES_MAX bytes from ``offset``; fewer where the object ends. Raises NotFound."""
        ...

    def chunks(self, key: str, version_id: str) -> Iterator[bytes]:
        """All bytes of a version, in pieces. Raises NotFound."""
        ...

    def delete_version(self, key: str, version_id: str) -> None:
        """Deletes one version for good. Raises PermissionDenied while it is locked."""
        ...

    def set_legal_hold(self, key: str, version_id: str, *, on: bool) -> None:
        """Puts the store's own hold on one version, or takes it off; the retention stays as it is. Raises NotFound."""
        ...

    def list_versions(self, prefix: str, *, stating: bool = False) -> Iterator[ListedVersion]:
        """Every version and delete marker below ``prefix``, page by page; ``stating``: with locks, where that can be."""
        ...

    def clock_offset(self) -> ClockOffset:
        """The store's clock against ours, from the Date of one answer."""
        ...
