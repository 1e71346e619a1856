"""The proof that a store refuses: a canary version is put under lock and attacked in every way that S3 knows.

Ingest must not start on a store that gives in. What counts is the state afterwards, read back, and never the status
alone: a store that says no and does it, or yes and does not, is judged by what is there. A refusal that would come
anyway, because the credential may do nothing at all, proves nothing; so the same credential must be able to extend
the lock and to delete an unlocked version.

A canary is locked for one day; each proof clears away those whose day is over, so that nothing piles up.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from xml.sax.saxutils import escape

from config.base.clock import US_PER_DAY, US_PER_S, isoformat
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput, NotFound, PermissionDenied
from config.base.ids import fresh_id
from config.base.logs import get_logger
from storage.objects.keys import CANARY_PREFIX
from storage.objects.port import StoredVersion
from storage.objects.retention import to_header
from storage.objects.s3 import S3EvidenceStore
from storage.objects.signing import Answer

CANARY_LOCK_US = US_PER_DAY
SWEEP_MAX = 200
_SHORTENED_US = 3_600 * US_PER_S
_BYPASS = {"x-amz-bypass-governance-retention": "true"}
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

log = get_logger("objects")


@dataclass(frozen=True)
class Refusal:
    """One attack that left the version as it was, and how the store answered."""

    attack: str
    status: int
    code: str


def prove_worm(store: S3EvidenceStore) -> list[Refusal]:
    """The refusals, one an attack. Raises IntegrityViolation (``store_gave_in``) naming what was not refused.

    Raises ConfigurationError where the bucket takes no locks (``no_object_lock``), or where the credential may not
    do what a proof needs (``proof_inconclusive``).
    """
    sweep(store)
    now_us = store.clock.utc_us()
    key = f"{CANARY_PREFIX}{isoformat(now_us)[:10]}/{fresh_id()}"
    data = f"Nightlight canary of {isoformat(now_us)}: this must not go before its day.\n".encode()
    sha256, until_us = hashlib.sha256(data).hexdigest(), now_us + CANARY_LOCK_US
    try:
        version_id = store.put_locked(key, data, sha256, until_us)
    except InvalidInput as error:
        raise ConfigurationError(
            f"'store.bucket': {store.access.bucket} takes no locked objects ({error}): make it with server.admin init",
            code="no_object_lock",
        ) from error
    canary = store.stat_version(key, version_id)
    if not canary.locked_until(until_us) or canary.sha256 != sha256:
        raise IntegrityViolation("the store did not keep the lock or the bytes of a canary", code="store_gave_in")
    refusals = attack_version(store, canary)
    _prove_able(store, canary)
    log.info("worm_proven", attacks=len(refusals), key=key)
    return refusals


def attack_version(store: S3EvidenceStore, target: StoredVersion) -> list[Refusal]:
    """Tries everything on a locked version. Raises IntegrityViolation naming each attack that changed it."""
    refusals: list[Refusal] = []
    gave_in: list[str] = []
    for name, attempt in _attacks(store, target).items():
        answer = attempt()
        after = _state(store, target)
        if after == target:
            refusals.append(Refusal(name, answer.status, answer.code))
            continue
        gave_in.append(name)
        if after is None:
            break
        target = after
    if gave_in:
        raise IntegrityViolation(
            f"the store gave in to: {', '.join(gave_in)}. Evidence would not be safe here", code="store_gave_in"
        )
    return refusals


def sweep(store: S3EvidenceStore) -> int:
    """Deletes canaries whose lock is over, at most SWEEP_MAX of them; returns how many went."""
    gone = 0
    for listed in islice(store.list_versions(CANARY_PREFIX), SWEEP_MAX):
        if not listed.is_delete_marker and store.clock.utc_us() < listed.last_modified_us + CANARY_LOCK_US:
            continue
        try:
            store.delete_version(listed.key, listed.version_id)
        except (PermissionDenied, NotFound):
            # Still locked by a second, or cleared away by another process: the next proof comes by here again.
            continue
        gone += 1
    return gone


def _attacks(store: S3EvidenceStore, target: StoredVersion) -> dict[str, Callable[[], Answer]]:
    """Those that destroy come last, so that one who gives in everywhere is told of everything."""
    until_us = target.retain_until_us or store.clock.utc_us() + CANARY_LOCK_US
    shorter = _retention(target.retention_mode, until_us - _SHORTENED_US)
    governance = _retention("GOVERNANCE", until_us)
    version = {"versionId": target.version_id}

    def retain(body: bytes, *, bypass: bool) -> Callable[[], Answer]:
        headers = {"content-md5": _md5(body)} | (_BYPASS if bypass else {})
        query = version | {"retention": ""}
        return lambda: store.raw.send("PUT", target.key, query=query, headers=headers, body=body)

    def multi_delete() -> Answer:
        body = _multi_delete(target)
        headers = {"content-md5": _md5(body)} | _BYPASS
        return store.raw.send("POST", "", query={"delete": ""}, headers=headers, body=body)

    return {
        "shortening": retain(shorter, bypass=False),
        "shortening with bypass": retain(shorter, bypass=True),
        "mode change to GOVERNANCE": retain(governance, bypass=True),
        "removal of retention": retain(_retention(None, 0), bypass=True),
        "version delete": lambda: store.raw.send("DELETE", target.key, query=version),
        "version delete with bypass": lambda: store.raw.send("DELETE", target.key, query=version, headers=_BYPASS),
        "multi-delete with bypass": multi_delete,
    }


def _prove_able(store: S3EvidenceStore, canary: StoredVersion) -> None:
    """The controls. Raises ConfigurationError: what the credential may never do says nothing of the lock."""
    try:
        store.extend_retention(canary.key, canary.version_id, (canary.retain_until_us or 0) + US_PER_S)
    except PermissionDenied as error:
        raise ConfigurationError(
            "the store's credential may not set retention, so its refusals prove nothing: grant s3:PutObjectRetention",
            code="proof_inconclusive",
        ) from error
    marked = store.raw.send("DELETE", canary.key)
    marker_id = marked.headers.get("x-amz-version-id", "")
    removed = marked.agreed and marker_id and store.raw.send("DELETE", canary.key, query={"versionId": marker_id})
    if not removed or not removed.agreed:
        raise ConfigurationError(
            "the store's credential may not delete even an unlocked version, so its refusals prove nothing: "
            "grant s3:DeleteObject and s3:DeleteObjectVersion",
            code="proof_inconclusive",
        )


def _state(store: S3EvidenceStore, target: StoredVersion) -> StoredVersion | None:
    try:
        return store.stat_version(target.key, target.version_id)
    except NotFound:
        return None


def _retention(mode: str | None, until_us: int) -> bytes:
    inner = f"<Mode>{mode}</Mode><RetainUntilDate>{to_header(until_us)}</RetainUntilDate>" if mode else ""
    return f'<Retention xmlns="{_NAMESPACE}">{inner}</Retention>'.encode()


def _multi_delete(target: StoredVersion) -> bytes:
    named = f"<Key>{escape(target.key)}</Key><VersionId>{escape(target.version_id)}</VersionId>"
    return f'<Delete xmlns="{_NAMESPACE}"><Object>{named}</Object></Delete>'.encode()


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
