"""What somebody with the store's own credentials tries against a bucket, and how a process is given another clock."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from importlib.util import find_spec
from pathlib import Path

from benchmarks.drills._keeping import SITE, Said
from config.base.clock import to_datetime
from storage.objects.keys import day_prefix
from storage.objects.s3 import S3EvidenceStore


def bucket_attacks(store: S3EvidenceStore, said: Said) -> dict[str, Callable[[], bool]]:
    """By name, what an administrator may try beside the versions themselves; each says whether the store agreed."""
    send = store.raw.send
    folder = day_prefix(SITE, said.manifest.camera_id, to_datetime(said.manifest.start_us))
    suspended = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    unlocked = b"<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>"
    rule = f"<ID>x</ID><Filter><Prefix>{folder}</Prefix></Filter><Status>Enabled</Status>"
    past = "<Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration>"
    old = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>"
    lifecycle = f"<LifecycleConfiguration><Rule>{rule}{past}{old}</Rule></LifecycleConfiguration>".encode()
    copy = {"x-amz-copy-source": f"/{store.access.bucket}/{said.key}", "x-amz-metadata-directive": "REPLACE"}
    hold_off = b"<LegalHold><Status>OFF</Status></LegalHold>"

    def put(query: str, body: bytes) -> Callable[[], bool]:
        headers = {"content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode()}
        return lambda: send("PUT", "", query={query: ""}, headers=headers, body=body).agreed

    return {
        "suspend versioning": put("versioning", suspended),
        "disable the lock": put("object-lock", unlocked),
        "drop the default retention": put(
            "object-lock",
            b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
        ),
        "lifecycle that expires at once": put("lifecycle", lifecycle),
        "legal hold off": lambda: (
            send("PUT", said.key, query={"legal-hold": "", "versionId": said.version_id}, body=hold_off).agreed
        ),
        "copy over itself without a lock": lambda: send("PUT", said.key, headers=copy).agreed,
        "overwrite": lambda: send("PUT", said.key, body=b"nothing to see").agreed,
        "delete by key": lambda: send("DELETE", said.key).agreed,
        "delete the bucket": lambda: send("DELETE", "").agreed,
    }


def faketime_library() -> str | None:
    """What a process can be given another clock with; None where it is not installed."""
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        return None
    return next((str(file) for file in sorted(Path(spec.origin).parent.rglob("libfaketime.so.1"))), None)
