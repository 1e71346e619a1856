"""What became of recordings later: certificates of their deletion, and deep audits that looked for faults in them.

Invariants: a recording that is said to be deleted was secured once and went after its last day, by a certificate in the
ledger that names it; a deep audit's seed stood in the ledger before its result, so that nobody chose it afterwards.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from config.base.clock import US_PER_DAY
from config.evidence import merkle, package
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import DeepAuditAsked, DeepAudited, FootageDeleted, decode
from config.evidence.refusal import NotGenuine
from config.evidence.statements import decoded
from config.wire.segments import SegmentRecorded


class Certified(NamedTuple):
    """A certificate of deletion, and the recordings that it names."""

    entry: FootageDeleted
    segments: frozenset[str]


def check_deletions(data: bytes, index: package.Index, checkpoint: Checkpoint) -> dict[int, Certified]:
    """The certificates by their places in the ledger. Raises NotGenuine."""
    name = package.DELETIONS
    told = decoded(name, data, list[package.Deletion])
    if len(told) > package.DELETIONS_MAX:
        raise NotGenuine(name, "it is too large")
    found: dict[int, Certified] = {}
    for each in told:
        body = each.entry.encode()
        entry, number = decode(body), each.proof.number
        if not isinstance(entry, FootageDeleted) or entry.site_id != index.site_id:
            raise NotGenuine(name, "it certifies no deletion of this site")
        _check_place(name, body, each.proof, max(found, default=-1), checkpoint)
        listed = "".join(f"{segment_id}\n" for segment_id in each.segments).encode()
        if (len(each.segments), hashlib.sha256(listed).hexdigest()) not in _certified(entry, index.camera_id):
            raise NotGenuine(name, "it certifies the deletion of other recordings", entry.day)
        found[number] = Certified(entry, frozenset(each.segments))
    return found


def _certified(entry: FootageDeleted, camera_id: str) -> list[tuple[int, str]]:
    """How many recordings it certifies, and the digest of their ids: of this camera where it tells them apart."""
    if isinstance(entry.cameras, msgspec.UnsetType):
        return [(entry.versions, entry.segments_sha256)]
    return [(each.versions, each.segments_sha256) for each in entry.cameras if each.camera_id == camera_id]


def check_deleted(
    name: str, data: bytes, certificates: Mapping[int, Certified], manifest: SegmentRecorded, until_us: int
) -> None:
    """Raises NotGenuine where no certificate is about a recording, or one from before its last day.

    ``until_us``: to which its version was locked when it was secured.
    """
    certificate = certificates.get(decoded(name, data, package.Deleted).certificate)
    if certificate is None or manifest.segment_id not in certificate.segments:
        raise NotGenuine(name, "no certificate here is about it")
    if not is_past_its_day(certificate.entry, manifest.end_us, until_us):
        raise NotGenuine(name, "it was deleted before its last day", certificate.entry.day)


def is_past_its_day(certificate: FootageDeleted, end_us: int, until_us: int) -> bool:
    """Whether a recording that ended at ``end_us`` and was locked until ``until_us`` might be gone by then."""
    return certificate.at_us > until_us and certificate.at_us >= end_us + certificate.retained_days * US_PER_DAY


def check_audits(data: bytes, index: package.Index, checkpoint: Checkpoint) -> dict[str, DeepAudited | None]:
    """The results by the audits' ids, in the ledger's order; None where one has no result as yet. Raises NotGenuine."""
    name = package.AUDITS
    told = decoded(name, data, list[package.Noted])
    if len(told) > package.AUDITS_MAX:
        raise NotGenuine(name, "it is too large")
    asked: dict[str, tuple[str, DeepAuditAsked]] = {}
    found: dict[str, DeepAudited | None] = {}
    last = -1
    for each in told:
        body = each.entry.encode()
        entry = decode(body)
        if not isinstance(entry, DeepAuditAsked | DeepAudited) or entry.site_id != index.site_id:
            raise NotGenuine(name, "it is no deep audit of this site")
        _check_place(name, body, each.proof, last, checkpoint)
        last = each.proof.number
        if isinstance(entry, DeepAuditAsked):
            asked.setdefault(entry.audit_id, (hashlib.sha256(body).hexdigest(), entry))
            found.setdefault(entry.audit_id, None)
            continue
        _check_asked(name, entry, asked)
        if found.get(entry.audit_id) is not None:
            raise NotGenuine(name, "it tells two results of one audit", entry.audit_id)
        found[entry.audit_id] = entry
    return found


def _check_asked(name: str, entry: DeepAudited, asked: Mapping[str, tuple[str, DeepAuditAsked]]) -> None:
    """Raises NotGenuine where a result names another request than the one that stands before it, or none."""
    if isinstance(entry.asked_sha256, msgspec.UnsetType):
        if entry.audit_id in asked:
            raise NotGenuine(name, "it does not name the entry by which it was asked for", entry.audit_id)
        return
    digest, request = asked.get(entry.audit_id, ("", None))
    if request is None or (digest, request.seed) != (entry.asked_sha256, entry.seed):
        raise NotGenuine(name, "it does not name the entry by which it was asked for", entry.audit_id)


def _check_place(name: str, body: bytes, proof: package.LedgerProof, after: int, checkpoint: Checkpoint) -> None:
    """Raises NotGenuine where an entry does not stand in the ledger after the one before it."""
    path = [bytes.fromhex(step) for step in proof.path]
    stands = merkle.includes(checkpoint.root, checkpoint.size, proof.number, merkle.leaf_hash(body), path)
    if proof.number <= after or not stands:
        raise NotGenuine(name, "it does not show that the entry stands in the ledger")
