"""Writes an evidence package, front to back and in flat memory: what ``verify`` reads.

The digest of every recording is known from its manifest, so the signed index can stand first; a recording whose bytes
are not those is refused while it is written, and the package with it.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from config.base.clock import isoformat
from config.base.errors import IntegrityViolation
from config.evidence import package
from config.evidence.archive import ArchiveWriter
from config.wire.envelope import Signer

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Recording:
    """One segment and what proves it; ``opened`` gives its bytes as a file that can be read twice.

    One with a ``certificate`` was deleted by it: its bytes are not there any more.
    """

    segment_id: str
    start_us: int
    end_us: int
    sha256: str
    manifest: bytes
    entry: bytes
    proof: package.LedgerProof
    opened: Callable[[], AbstractContextManager[BinaryIO]]
    certificate: int | None = None
    """The place in the ledger of the certificate of its deletion."""

    @property
    def name(self) -> str:
        stamp = isoformat(self.start_us)[:19].replace(":", "").replace("-", "").lower()
        return f"segments/{stamp}z-{self.segment_id}.mp4"

    def documents(self) -> list[tuple[str, bytes]]:
        found = [
            (f"entries/{self.segment_id}.json", self.entry),
            (f"proofs/{self.segment_id}.json", msgspec.json.encode(self.proof)),
            (f"manifests/{self.segment_id}.json", self.manifest),
        ]
        if self.certificate is not None:
            deleted = package.Deleted(certificate=self.certificate)
            found.append((f"deleted/{self.segment_id}.json", msgspec.json.encode(deleted)))
        return found


def write_package(
    write: Callable[[bytes], object],
    index: package.Index,
    documents: Mapping[str, bytes],
    recordings: Sequence[Recording],
    signer: Signer,
) -> package.Index:
    """Writes everything to ``write``; the index as it was signed, with the digest of the contents filled in.

    ``documents`` are the files outside the folders, in order. Raises IntegrityViolation where the bytes of a recording
    are not those of its manifest.
    """
    listed = package.write_contents(list(_contents(documents, recordings)))
    signed = msgspec.structs.replace(index, contents_sha256=hashlib.sha256(listed).hexdigest())
    archive = ArchiveWriter(write)
    archive.add(package.INDEX, io.BytesIO(signer.seal_payload(package.INDEX_TYPE, msgspec.json.encode(signed))))
    archive.add(package.CONTENTS, io.BytesIO(listed))
    for name, data in documents.items():
        archive.add(name, io.BytesIO(data))
    for recording in recordings:
        for name, data in recording.documents():
            archive.add(name, io.BytesIO(data))
        if recording.certificate is not None:
            continue
        with recording.opened() as content:
            if _digest(content) != recording.sha256:
                raise IntegrityViolation(f"the bytes of {recording.name} are not those recorded", code="object_corrupt")
            content.seek(0)
            archive.add(recording.name, content)
    archive.close()
    return signed


def _contents(documents: Mapping[str, bytes], recordings: Iterable[Recording]) -> Iterable[package.Content]:
    for name, data in documents.items():
        yield package.Content(hashlib.sha256(data).hexdigest(), name)
    for recording in recordings:
        for name, data in recording.documents():
            yield package.Content(hashlib.sha256(data).hexdigest(), name)
        if recording.certificate is None:
            yield package.Content(recording.sha256, recording.name)


def _digest(content: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := content.read(READ_BYTES):
        digest.update(block)
    return digest.hexdigest()
