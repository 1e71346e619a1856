"""Whether the bucket is still as it was provisioned: versions kept, a second net, and no rule that deletes by itself.

Invariant: nothing is changed, and what a store does not let this credential see, or does not know of, is no fault.

None of these settings can take a lock off a version (CONFORMANCE.md); each is what somebody changes who means to be rid of
recordings, or who does not know what they hold.
Source: Amazon S3 API, GetBucketVersioning, GetObjectLockConfiguration, GetBucketLifecycleConfiguration.
"""

import re
from http import HTTPStatus
from typing import Literal

from config.base.errors import Unavailable
from storage.objects.s3 import S3EvidenceStore

Change = Literal["versioning", "default", "lifecycle"]
_DAYS_A_YEAR = 365
_DELETES = re.compile(rb"<(?:NoncurrentVersion)?(?:Expiration|Transition)>")
_RULE = re.compile(rb"<Rule>.*?</Rule>", re.DOTALL)


def bucket_changes(store: S3EvidenceStore, default_retain_days: int) -> list[Change]:
    """What is otherwise than it should be. Raises Unavailable.

    ``versioning``: versions are not kept; ``default``: the default retention is not COMPLIANCE for so many days;
    ``lifecycle``: a rule deletes or moves.
    """
    changes: list[Change] = []
    versioning = _setting(store, "versioning")
    if versioning is not None and _text(versioning, b"Status") != b"Enabled":
        changes.append("versioning")
    lock = _setting(store, "object-lock")
    if lock is not None and not _holds(lock, default_retain_days):
        changes.append("default")
    lifecycle = _setting(store, "lifecycle") or b""
    rules = [rule for rule in _RULE.findall(lifecycle) if _text(rule, b"Status") == b"Enabled"]
    if any(_DELETES.search(rule) for rule in rules):
        changes.append("lifecycle")
    return changes


def _holds(lock: bytes, default_retain_days: int) -> bool:
    days, years = _text(lock, b"Days"), _text(lock, b"Years")
    lasting = int(days) if days.isdigit() else int(years) * _DAYS_A_YEAR if years.isdigit() else 0
    return _text(lock, b"Mode") == b"COMPLIANCE" and lasting >= default_retain_days


def _text(document: bytes, name: bytes) -> bytes:
    found = re.search(rb"<" + name + rb">\s*([^<\s]*)\s*</" + name + rb">", document)
    return found[1] if found else b""


def _setting(store: S3EvidenceStore, name: str) -> bytes | None:
    """The document; empty where there is none, None where it cannot be seen."""
    answer = store.raw.send("GET", "", query={name: ""})
    if answer.agreed:
        return answer.body
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.NOT_IMPLEMENTED:
        raise Unavailable(f"{name} of the bucket: {answer.status} {answer.code}".strip())
    return b"" if answer.status == HTTPStatus.NOT_FOUND else None
