"""Evidence packages of a small ledger, whole and forged by people who hold one of the keys."""

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import US_PER_DAY, US_PER_S
from config.evidence import merkle, package
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import (
    CameraDeleted,
    DeepAuditAsked,
    DeepAudited,
    FootageDeleted,
    GapAttested,
    SegmentSecured,
    encode,
)
from config.evidence.leaves import LeafTree
from config.evidence.note import NoteSigner, SignedNote
from config.evidence.write import Recording, write_package
from config.wire.envelope import Signer
from config.wire.segments import SegmentRecorded

CENTRE = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
AGENT = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
DAY_US = 1_790_000_000 * US_PER_S
ORIGIN = "nightlight.example/ledger/rainbow"


def hex_id(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def digest_of(ids: list[str]) -> str:
    """As a certificate of deletion has it."""
    return hashlib.sha256("".join(f"{segment_id}\n" for segment_id in ids).encode()).hexdigest()


def deep_audit(**changes: object) -> list[bytes]:
    """How one was asked for, and its result; ``changes`` are to the result."""
    about = {"site_id": "rainbow", "audit_id": hex_id("audit"), "seed": "lantern"}
    asked = encode(DeepAuditAsked(**about, at_us=DAY_US, samples=3, asked_by="auditor"))
    done = DeepAudited(
        **about,
        at_us=DAY_US + US_PER_S,
        asked_sha256=hashlib.sha256(asked).hexdigest(),
        population=600,
        population_sha256="0" * 64,
        samples=3,
        faults=1,
        unknown=0,
        faulty_at_most=517,
        confidence_permille=950,
    )
    return [asked, encode(msgspec.structs.replace(done, **changes))]


def raw(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


@dataclass
class Evidence:
    """One camera's minutes with everything that proves them; change a part, then ``build``."""

    camera_id: str = "nap-room-1"
    start_us: int = DAY_US
    count: int = 6
    lost: tuple[int, ...] = (3,)
    agent: Ed25519PrivateKey = AGENT
    centre: Ed25519PrivateKey = CENTRE
    manifests: list[SegmentRecorded] = field(default_factory=list)
    footage: list[bytes] = field(default_factory=list)
    coverage: package.CoverageStatement | None = None
    index_changes: dict[str, object] = field(default_factory=dict)
    entry_changes: dict[str, object] = field(default_factory=dict)
    cosigned: bool = True
    cosigned_s: int = 1_800_000_000
    attestations: list[bytes] = field(default_factory=list)
    """Of days, as entries of the ledger after those of the recordings."""
    stamp: Callable[[str], bytes] | None = None
    """Makes a timestamp of the ledger's text; with one, or ``anchored_at``, the package has an anchor."""
    anchored_at: int | None = None
    anchor_changes: dict[str, object] = field(default_factory=dict)
    enrolled: package.Certificates | None = None
    deleted: tuple[int, ...] = ()
    """By place, those that were deleted on their day, all by one certificate."""
    deletion: FootageDeleted | None = None
    """The certificate; made where none is given."""
    audits: list[bytes] = field(default_factory=list)
    """Of deep audits, as entries of the ledger at its end."""
    signed_by: dict[int, Ed25519PrivateKey] = field(default_factory=dict)
    """By place, recordings that another key than the agent's signed."""
    leaf_roots: bool = False
    """Of a site with a store of its own: each manifest names the root over its recording's leaves."""

    def __post_init__(self) -> None:
        previous = None
        for number in range(self.count):
            content = b"footage of %s minute %d " % (self.camera_id.encode(), number) * 20
            start_us = self.start_us + number * 60 * US_PER_S
            manifest = SegmentRecorded(
                message_id=hex_id(f"message {self.camera_id} {start_us}"),
                site_id="rainbow",
                agent_id="edge-rainbow",
                camera_id=self.camera_id,
                segment_id=hex_id(f"{self.camera_id} {start_us}"),
                run_id=hex_id("run"),
                timeline_id=hex_id("timeline"),
                chain_id=hex_id(f"chain {self.camera_id}"),
                sequence=number,
                previous=previous,
                start_us=start_us,
                end_us=start_us + 60 * US_PER_S,
                sha256=hashlib.sha256(content).hexdigest(),
                size_bytes=len(content),
                codec="h264",
                width=1920,
                height=1080,
                frames=1500,
                recovered=False,
                leaf_root=LeafTree.over([content])[0].root().hex() if self.leaf_roots else msgspec.UNSET,
            )
            previous = hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()
            if number not in self.lost:
                self.manifests.append(manifest)
                self.footage.append(content)
        gone = [self._minute(number) for number in self.deleted]
        covered = [span for m in self.manifests if (span := (m.start_us, m.end_us)) not in gone]
        gaps = [GapAttested(*self._minute(number), "disk_full", "missing") for number in self.lost]
        gaps += [GapAttested(*span, package.DELETED_CAUSE, "missing") for span in gone]
        self.coverage = self.coverage or package.CoverageStatement(
            site_id="rainbow",
            camera_id=self.camera_id,
            start_us=self.start_us,
            end_us=self.start_us + self.count * 60 * US_PER_S,
            assessed_us=self.start_us + US_PER_DAY,
            retain_days=90,
            covered=covered,
            backfilled=[],
            gaps=sorted(gaps, key=lambda gap: gap.start_us),
        )

    def _minute(self, number: int) -> tuple[int, int]:
        return self.start_us + number * 60 * US_PER_S, self.start_us + (number + 1) * 60 * US_PER_S

    def certificate(self) -> FootageDeleted:
        """Of the ``deleted``, 92 days later, beside a recording of another camera."""
        ours, ids = self._deleted_ids(), [*self._deleted_ids(), hex_id("of another camera")]
        told = [("hall", ids[-1:]), (self.camera_id, ours)]
        return FootageDeleted(
            site_id="rainbow",
            at_us=self.start_us + 92 * US_PER_DAY,
            day="2026-09-21",
            versions=len(ids),
            size_bytes=1,
            segments_sha256=digest_of(sorted(ids)),
            retained_days=90,
            cameras=[CameraDeleted(camera_id=c, versions=len(i), segments_sha256=digest_of(i)) for c, i in told],
        )

    def _deleted_ids(self) -> list[str]:
        gone = {self._minute(number)[0] for number in self.deleted}
        return sorted(manifest.segment_id for manifest in self.manifests if manifest.start_us in gone)

    def build(self) -> bytes:
        entries = [self._entry(manifest) for manifest in self.manifests]
        deletions = [encode(self.deletion or self.certificate())] if self.deleted else []
        bodies = [*(b"earlier %d" % n for n in range(5)), *entries, *self.attestations, *deletions, *self.audits]
        leaves = [merkle.leaf_hash(body) for body in bodies]
        nodes: dict[tuple[int, int], bytes] = {}

        def node(level: int, number: int) -> bytes:
            return nodes[level, number]

        for size, leaf in enumerate(leaves):
            nodes.update({(n.level, n.number): n.hash for n in merkle.append(size, leaf, node)})
        checkpoint = Checkpoint(ORIGIN, len(leaves), merkle.root(len(leaves), node))
        centre = NoteSigner("nightlight.example", self.centre)
        note = SignedNote(checkpoint.text(), ()).plus(centre.sign(checkpoint.text()))
        if self.cosigned:
            note = note.plus(NoteSigner("edge-rainbow", self.agent).cosign(note.text, self.cosigned_s))
        certified = len(leaves) - len(self.audits) - 1
        recordings = [
            Recording(
                manifest.segment_id,
                manifest.start_us,
                manifest.end_us,
                manifest.sha256,
                Signer(self.signed_by.get(n, self.agent)).seal(manifest),
                entry,
                _proof(5 + n, len(leaves), node),
                _opener(content),
                certified if manifest.segment_id in self._deleted_ids() else None,
            )
            for n, (manifest, entry, content) in enumerate(zip(self.manifests, entries, self.footage, strict=True))
        ]
        documents = {
            package.CHECKPOINT: note.serialise(),
            package.COVERAGE: msgspec.json.encode(self.coverage),
            package.ACCESS: b"[]",
        }
        if self.attestations:
            first = len(leaves) - len(self.audits) - len(deletions) - len(self.attestations)
            told = [
                package.Attestation(entry=body.decode(), proof=_proof(first + n, len(leaves), node))
                for n, body in enumerate(self.attestations)
            ]
            documents[package.ATTESTATIONS] = msgspec.json.encode(told)
        if deletions:
            proof = _proof(certified, len(leaves), node)
            deletion = package.Deletion(entry=deletions[0].decode(), proof=proof, segments=self._deleted_ids())
            documents[package.DELETIONS] = msgspec.json.encode([deletion])
        if self.audits:
            first = len(leaves) - len(self.audits)
            noted = [
                package.Noted(entry=body.decode(), proof=_proof(first + n, len(leaves), node))
                for n, body in enumerate(self.audits)
            ]
            documents[package.AUDITS] = msgspec.json.encode(noted)
        if self.enrolled is not None:
            documents[package.CERTIFICATES] = msgspec.json.encode(self.enrolled)
        if self.stamp is not None or self.anchored_at is not None:
            documents[package.ANCHORS] = msgspec.json.encode([self._anchor(len(leaves), node)])
        out = io.BytesIO()
        write_package(out.write, self._index(centre), documents, recordings, Signer(self.centre))
        return out.getvalue()

    def _anchor(self, size: int, node: merkle.NodeReader) -> package.Anchor:
        older = self.anchored_at if self.anchored_at is not None else size
        text = Checkpoint(ORIGIN, older, merkle.root(older, node)).text()
        note = SignedNote(text, ()).plus(NoteSigner("nightlight.example", self.centre).sign(text))
        note = note.plus(NoteSigner("edge-rainbow", self.agent).cosign(text, 1_700_000_000))
        anchor = package.Anchor(
            note=note.serialise().decode(),
            consistency=[step.hex() for step in merkle.consistency_proof(older, size, node)],
            timestamp=None if self.stamp is None else base64.b64encode(self.stamp(text)).decode(),
        )
        return msgspec.structs.replace(anchor, **self.anchor_changes)

    def _index(self, centre: NoteSigner) -> package.Index:
        index = package.Index(
            package_id=hex_id("package"),
            site_id="rainbow",
            camera_id=self.camera_id,
            start_us=self.start_us,
            end_us=self.start_us + self.count * 60 * US_PER_S,
            timezone="Asia/Shanghai",
            made_us=self.start_us + 2 * US_PER_DAY,
            made_by="auditor",
            reason="inspection 17",
            software="test",
            contents_sha256="0" * 64,
            origin=ORIGIN,
            ledger_key=centre.key.vkey,
            agents=[package.AgentKey(agent_id="edge-rainbow", public_key=raw(self.agent))],
        )
        return msgspec.structs.replace(index, **self.index_changes)

    def _entry(self, manifest: SegmentRecorded) -> bytes:
        entry = SegmentSecured(
            site_id="rainbow",
            at_us=manifest.end_us + US_PER_S,
            camera_id=manifest.camera_id,
            segment_id=manifest.segment_id,
            manifest_sha256=hashlib.sha256(msgspec.json.encode(manifest)).hexdigest(),
            sha256=manifest.sha256,
            size_bytes=manifest.size_bytes,
            object_key=f"rainbow/{manifest.camera_id}/{manifest.segment_id}.mp4",
            version_id="v1",
            retain_until_us=manifest.end_us + 91 * US_PER_DAY,
        )
        return encode(msgspec.structs.replace(entry, **self.entry_changes))


def _proof(number: int, size: int, node: merkle.NodeReader) -> package.LedgerProof:
    return package.LedgerProof(number=number, path=[h.hex() for h in merkle.inclusion_proof(number, size, node)])


def _opener(content: bytes) -> Callable[[], AbstractContextManager[BinaryIO]]:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(content)

    return opened
