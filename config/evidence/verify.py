"""Checks an evidence package from the first byte to the last, without a network and without the centre.

    >>> with open("package.zip", "rb") as file:
    ...     print(verify(file, centre_key, witnesses=[agent_key]))

Invariant: whoever trusts nothing but the keys that they hand in learns whether *every* statement in the package follows
from them: the index and coverage from the centre's signature, each recording from the agent's signature and from an
entry in the ledger, and no minute is said to be covered that no recording in the package covers (I1). The first thing
that does not hold ends the check, by name. Keys that come with the package are believed only as far as those handed in
vouch for them.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, BinaryIO

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import US_PER_DAY
from config.base.errors import IntegrityViolation, InvalidInput
from config.base.timespan import Span, SpanSet
from config.evidence import archive, merkle, package
from config.evidence.afterwards import Certified, check_audits, check_deleted, check_deletions
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import DayAttested, SegmentSecured, decode
from config.evidence.leaves import LeafTree
from config.evidence.note import ED25519_COSIGNATURE, NoteKey, SignedNote
from config.evidence.refusal import NotGenuine
from config.evidence.statements import (
    Keys,
    Vouched,
    authority_fingerprint,
    check_against,
    check_anchors,
    check_attestations,
    check_certificates,
    decoded,
    vouched,
)
from config.evidence.verified import Verified
from config.wire.catalogue import PAYLOAD_TYPE
from config.wire.envelope import OpenedEnvelope, key_id, open_envelope
from config.wire.segments import SegmentRecorded
from config.wire.suites import ED25519_SHA256, SUITES

_KEPT = ("entries", "proofs", "manifests")


def verify(
    file: BinaryIO,
    centre: Ed25519PublicKey,
    witnesses: Sequence[NoteKey] = (),
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    roots: Sequence[x509.Certificate] = (),
) -> Verified:
    """What the package proves. ``progress`` hears of files done and files in all.

    ``witnesses`` must each have cosigned a ledger that holds every recording here; by ``roots`` timestamps are believed.

    Raises NotGenuine naming the first item that does not hold.
    """
    try:
        return _Check(file, centre, witnesses, progress, roots).run()
    except InvalidInput as error:
        raise NotGenuine(archive.PACKAGE, "a part of it cannot be read", str(error)) from error


@dataclass
class _Recording:
    """The parts of one recording that came so far."""

    parts: dict[str, bytes] = field(default_factory=dict)


class _Check:
    def __init__(
        self,
        file: BinaryIO,
        centre: Ed25519PublicKey,
        witnesses: Sequence[NoteKey],
        progress: Callable[[int, int], None],
        roots: Sequence[x509.Certificate],
    ) -> None:
        self._members = archive.read(file)
        self._centre = centre
        self._witnesses = witnesses
        self._progress = progress
        self._roots = roots
        self._holds_all = 0
        self._documents: dict[str, bytes] = {}
        self._recording = ("", _Recording())
        self._chains: dict[str, tuple[int, str]] = {}
        self._seen: set[str] = set()
        self._spans: list[Span] = []
        self._deleted: list[Span] = []
        self._size_bytes = 0

    def run(self) -> Verified:
        self._index = self._read_index()
        contents = self._read_contents()
        for done, content in enumerate(contents):
            self._progress(done, len(contents))
            self._take(content)
        for extra in self._members:
            raise NotGenuine(extra.name, "it is not in the list of contents")
        self._progress(len(contents), len(contents))
        if self._recording[0]:
            raise NotGenuine(self._recording[0], "its recording is missing")
        standing = self._vouched()
        attested = self._attested()
        data = self._documents.get(package.AUDITS)
        audits = {} if data is None else check_audits(data, self._index, self._checkpoint)
        self._judge(self._coverage, attested)
        certificates = self._documents.get(package.CERTIFICATES)
        return Verified(
            self._index,
            self._coverage,
            len(self._spans),
            self._size_bytes,
            self._checkpoint.size,
            self._holds_all,
            standing,
            attested,
            len(self._deleted),
            list(self._certified.values()),
            audits,
            {} if certificates is None else check_certificates(certificates, self._index),
            "" if certificates is None else authority_fingerprint(certificates),
        )

    def _read_index(self) -> package.Index:
        data = self._next(package.INDEX, package.DOCUMENT_BYTES_MAX)
        opened = open_envelope(data)
        # No digest covers this one file, so its bytes must be those that follow from what is signed in it.
        if opened.payload_type == package.INDEX_TYPE:
            _check_suite(opened.payload)  # before the signature: what no key of ours can check is told for what it is
        canonical = opened.canonical == data and opened.key_id == key_id(self._centre)
        if opened.payload_type != package.INDEX_TYPE or not canonical:
            raise NotGenuine(package.INDEX, "it is no index of a package by the key you trust")
        try:
            opened.verify(self._centre)
        except IntegrityViolation as error:
            raise NotGenuine(package.INDEX, "it is not signed by the key you trust") from error
        index = decoded(package.INDEX, opened.payload, package.Index)
        raw = self._centre.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        if NoteKey.parse(index.ledger_key).public != raw or index.start_us >= index.end_us:
            raise NotGenuine(package.INDEX, "it names another ledger key or an empty period")
        return index

    def _read_contents(self) -> list[package.Content]:
        data = self._next(package.CONTENTS, package.CONTENTS_BYTES_MAX)
        if hashlib.sha256(data).hexdigest() != self._index.contents_sha256:
            raise NotGenuine(package.CONTENTS, "it is not the list that the index was signed for")
        return package.read_contents(data)

    def _next(self, name: str, bytes_max: int) -> bytes:
        member = next(self._members, None)
        if member is None or member.name != name:
            raise NotGenuine(name, "it is missing, or not in its place")
        return _whole(member, bytes_max)

    def _take(self, content: package.Content) -> None:
        member = next(self._members, None)
        if member is None or member.name != content.name:
            raise NotGenuine(content.name, "it is missing, or not in its place")
        folder, segment_id = package.segment_id_of(content.name)
        if folder == "segments":
            sha256, root = self._digests(member)
        else:
            data = _whole(member, package.DOCUMENT_BYTES_MAX)
            sha256 = hashlib.sha256(data).hexdigest()
            if folder != "deleted":
                self._keep(content.name, folder, segment_id, data)
        if sha256 != content.sha256:
            raise NotGenuine(content.name, "its bytes are not those that were listed")
        if folder == "segments":
            self._secure(content.name, segment_id, (sha256, member.size_bytes), root)
        elif folder == "deleted":
            self._delete(content.name, segment_id, data)

    def _keep(self, name: str, folder: str, segment_id: str, data: bytes) -> None:
        if not folder:
            self._documents[name] = data
            return
        current, recording = self._recording
        if folder not in _KEPT or (current and current != segment_id):
            raise NotGenuine(name, "it does not belong to the recording beside it")
        recording.parts[folder] = data
        self._recording = (segment_id, recording)

    def _digests(self, member: archive.Member) -> tuple[str, str | None]:
        """Of a recording: its SHA-256, and in the same pass the root over its leaves, where its manifest names one."""
        if _names_root(self._recording[1].parts.get("manifests", b"")):
            tree, _ = LeafTree.over(member.blocks)
            return tree.sha256, tree.root().hex()
        found = hashlib.sha256()
        for block in member.blocks:
            found.update(block)
        return found.hexdigest(), None

    def _secure(self, name: str, segment_id: str, found: tuple[str, int], root: str | None) -> None:
        """A recording, of which digest and size were found: whether it all belongs together."""
        manifest, _ = self._proved(name, segment_id, found)
        if manifest.leaf_root is not msgspec.UNSET and manifest.leaf_root != root:
            raise NotGenuine(name, "it does not lead to the leaf root in its manifest")
        self._size_bytes += found[1]
        self._spans.append(Span(manifest.start_us, manifest.end_us))

    def _delete(self, name: str, segment_id: str, data: bytes) -> None:
        """A recording that is not there any more: whether it was, and went after its last day."""
        manifest, until_us = self._proved(name, segment_id, None)
        check_deleted(name, data, self._certified, manifest, until_us)
        self._deleted.append(Span(manifest.start_us, manifest.end_us))

    def _proved(self, name: str, segment_id: str, found: tuple[str, int] | None) -> tuple[SegmentRecorded, int]:
        """Everything about one recording has been read: its manifest, and until when it was secured."""
        current, recording = self._recording
        if current != segment_id or set(recording.parts) != set(_KEPT) or segment_id in self._seen:
            raise NotGenuine(name, "it comes twice, or without its manifest, entry or proof")
        self._recording = ("", _Recording())
        manifest, payload_sha256 = self._manifest(f"manifests/{segment_id}.json", recording.parts["manifests"])
        told = (manifest.sha256, manifest.size_bytes)
        if (manifest.segment_id, told) != (segment_id, told if found is None else found):
            raise NotGenuine(name, "it is not the recording that its manifest is about")
        until_us = self._entry(segment_id, recording, manifest, payload_sha256)
        if found is not None and until_us < manifest.end_us + self._coverage.retain_days * US_PER_DAY:
            raise NotGenuine(f"entries/{segment_id}.json", "its lock ends before its day")
        self._chain(manifest, payload_sha256)
        self._seen.add(segment_id)
        return manifest, until_us

    def _manifest(self, name: str, data: bytes) -> tuple[SegmentRecorded, str]:
        opened = open_envelope(data)
        if opened.payload_type != PAYLOAD_TYPE[SegmentRecorded]:
            raise NotGenuine(name, "it is no manifest")
        manifest = decoded(name, opened.payload, SegmentRecorded)
        keys = [agent.public_key for agent in self._index.agents if agent.agent_id == manifest.agent_id]
        if not keys:
            raise NotGenuine(name, "it is by an agent that the index does not name")
        if not any(_signed_by(opened, bytes.fromhex(key)) for key in keys):
            raise NotGenuine(name, "it is not signed by its agent")
        if (manifest.site_id, manifest.camera_id) != (self._index.site_id, self._index.camera_id):
            raise NotGenuine(name, "it is about another camera")
        within = self._index.start_us < manifest.end_us and manifest.start_us < self._index.end_us
        if not within or manifest.start_us >= manifest.end_us:
            raise NotGenuine(name, "it is of another time")
        return manifest, opened.payload_sha256

    def _entry(self, segment_id: str, recording: _Recording, manifest: SegmentRecorded, payload_sha256: str) -> int:
        name = f"entries/{segment_id}.json"
        data = recording.parts["entries"]
        entry = decode(data)
        if not isinstance(entry, SegmentSecured):
            raise NotGenuine(name, "it secures nothing")
        said = (entry.site_id, entry.camera_id, entry.segment_id, entry.sha256, entry.size_bytes, entry.manifest_sha256)
        found = (manifest.site_id, manifest.camera_id, segment_id, manifest.sha256, manifest.size_bytes, payload_sha256)
        if said != found:
            raise NotGenuine(name, "it secures another recording")
        proof = decoded(f"proofs/{segment_id}.json", recording.parts["proofs"], package.LedgerProof)
        checkpoint = self._checkpoint
        path = [bytes.fromhex(step) for step in proof.path]
        if not merkle.includes(checkpoint.root, checkpoint.size, proof.number, merkle.leaf_hash(data), path):
            raise NotGenuine(f"proofs/{segment_id}.json", "it does not show that the entry stands in the ledger")
        self._holds_all = max(self._holds_all, proof.number + 1)
        return entry.retain_until_us

    def _chain(self, manifest: SegmentRecorded, payload_sha256: str) -> None:
        last = self._chains.get(manifest.chain_id)
        if last is not None:
            number, digest = last
            if manifest.sequence <= number or (manifest.sequence == number + 1 and manifest.previous != digest):
                raise NotGenuine(f"manifests/{manifest.segment_id}.json", "it does not continue the one before it")
        self._chains[manifest.chain_id] = (manifest.sequence, payload_sha256)

    def _document(self, name: str) -> bytes:
        if name not in self._documents:
            raise NotGenuine(name, "it is missing, or comes too late")
        return self._documents[name]

    @cached_property
    def _coverage(self) -> package.CoverageStatement:
        return decoded(package.COVERAGE, self._document(package.COVERAGE), package.CoverageStatement)

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return Checkpoint.parse(SignedNote.parse(self._document(package.CHECKPOINT)).text)

    @cached_property
    def _certified(self) -> dict[int, Certified]:
        """By their places in the ledger."""
        data = self._documents.get(package.DELETIONS)
        return {} if data is None else check_deletions(data, self._index, self._checkpoint)

    def _vouched(self) -> list[Vouched]:
        """Who stands by the ledger: by the checkpoint itself, and by older ones that it continues."""
        agents = [
            NoteKey(agent.agent_id, ED25519_COSIGNATURE, bytes.fromhex(agent.public_key))
            for agent in self._index.agents
        ]
        ledger_key = NoteKey.parse(self._index.ledger_key)
        keys = Keys(self._index.origin, ledger_key, [*agents, *self._witnesses], self._roots)
        newest, by = vouched(package.CHECKPOINT, self._document(package.CHECKPOINT), keys)
        anchors = self._documents.get(package.ANCHORS)
        found = [by] if anchors is None else [*check_anchors(anchors, newest, keys), by]
        for witness in self._witnesses:
            if not any(witness in each.signed for each in found if each.size >= self._holds_all):
                raise NotGenuine(package.CHECKPOINT, "a witness you name has not cosigned it", witness.name)
        return found

    def _attested(self) -> list[DayAttested]:
        data = self._documents.get(package.ATTESTATIONS)
        return [] if data is None else check_attestations(data, self._index, self._checkpoint)

    def _judge(self, coverage: package.CoverageStatement, attested: Sequence[DayAttested]) -> None:
        index = self._index
        about = (coverage.site_id, coverage.camera_id, coverage.start_us, coverage.end_us)
        if about != (index.site_id, index.camera_id, index.start_us, index.end_us):
            raise NotGenuine(package.COVERAGE, "it is about something else")
        covered = _ordered(coverage.covered, index)
        gaps = _ordered([(gap.start_us, gap.end_us) for gap in coverage.gaps], index)
        if covered & gaps:
            raise NotGenuine(package.COVERAGE, "it calls the same time covered and missing")
        if covered - SpanSet(self._spans):
            raise NotGenuine(package.COVERAGE, "it calls time covered of which there is no recording here")
        gone = SpanSet((gap.start_us, gap.end_us) for gap in coverage.gaps if gap.cause == package.DELETED_CAUSE)
        if package.DELETIONS in self._documents and gone - SpanSet(self._deleted):
            raise NotGenuine(package.COVERAGE, "it calls time deleted of which there is no certificate here")
        check_against(attested, covered, index.camera_id)


def _check_suite(payload: bytes) -> None:
    named = decoded(package.INDEX, payload, _Suited).suite
    if named not in SUITES:
        raise NotGenuine(
            package.INDEX, "it is signed in a way that this version does not know: take a newer one", named
        )


class _Suited(msgspec.Struct):
    suite: Annotated[str, msgspec.Meta(max_length=64)] = ED25519_SHA256.name


def _names_root(manifest: bytes) -> bool:
    """Whether a manifest that nobody has checked yet names one; what is wrong with it is said when it is checked."""
    try:
        told = decoded("", open_envelope(manifest).payload, SegmentRecorded)
    except (InvalidInput, NotGenuine):
        return False
    return told.leaf_root is not msgspec.UNSET


def _signed_by(opened: OpenedEnvelope, public: bytes) -> bool:
    try:
        opened.verify(Ed25519PublicKey.from_public_bytes(public))
    except IntegrityViolation:
        return False
    return True


def _ordered(spans: Sequence[tuple[int, int]], index: package.Index) -> SpanSet:
    """Spans that stand in order, apart from each other and within the period."""
    at_us = index.start_us
    for start_us, end_us in spans:
        if not at_us <= start_us < end_us <= index.end_us:
            raise NotGenuine(package.COVERAGE, "its spans overlap, run backwards or leave the period")
        at_us = end_us
    return SpanSet(Span(*span) for span in spans)


def _whole(member: archive.Member, bytes_max: int) -> bytes:
    if member.size_bytes > bytes_max:
        raise NotGenuine(member.name, "it is too large")
    return b"".join(member.blocks)
