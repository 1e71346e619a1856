"""Database against store against ledger: what each of them says of the others, read and never changed.

Invariants: nothing is written, because neither the connections to the database nor those to the store can; memory is that
of one camera-day and one batch of ledger entries, however much there is; what could not be read is not called good.

Every recording is looked for in the store's listing, in the ledger and in the manifest that its agent signed; every ledger
is hashed anew from its entries and compared with its checkpoints. With ``locks`` each version is asked for its checksum
and lock as well, which is what the daily audit does.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from config.base.clock import US_PER_DAY, US_PER_S, Clock, isoformat, to_datetime
from config.base.errors import IntegrityViolation, InvalidInput, NotFound
from config.base.timespan import Span
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import SegmentSecured, decode
from config.evidence.note import NoteKey, SignedNote
from config.wire.envelope import decode_payload, open_envelope
from config.wire.segments import SegmentRecorded
from server.services.intake.verify_upload import SEGMENT_SECURED
from storage.database import inspection, ledger
from storage.database.inspection import Kept
from storage.database.unit_of_work import Database
from storage.objects.keys import CANARY_PREFIX, day_prefix
from storage.objects.port import EvidenceStore, ListedVersion, StoredVersion

SETTLING_US = 3_600 * US_PER_S
"""What is younger may belong to an upload whose message is still on its way."""
WORKERS = 8
TILE = 256


@dataclass(frozen=True)
class Problem:
    """Something that does not agree; ``kind`` is one of ``server.web.audit_words.FINDING``."""

    kind: str
    subject: str
    detail: str = ""


@dataclass
class Progress:
    """How much has been looked at, of how much."""

    recordings: int = 0
    entries: int = 0
    files: int = 0
    recordings_in_all: int = 0
    entries_in_all: int = 0


@dataclass
class Checker:
    """``run`` once; ``told`` is called now and then with how far it is."""

    database: Database
    store: EvidenceStore
    clock: Clock
    key: NoteKey
    locks: bool = False
    told: Callable[[Progress], None] = lambda _progress: None
    progress: Progress = field(default_factory=Progress)
    _seen: set[str] = field(default_factory=set)
    """Folders of camera-days that were compared: one a camera and day."""

    def run(self) -> Iterator[Problem]:
        """Every problem as it is found. Raises Unavailable where database or store do not answer."""
        with self.database.reading() as session:
            sites = inspection.sites(session)
            self.progress.recordings_in_all, self.progress.entries_in_all = inspection.totals(session)
        for site_id in sites:
            with self.database.reading() as session:
                cameras = inspection.cameras(session, site_id)
            for camera_id in cameras:
                yield from self._camera(site_id, camera_id)
            yield from self._ledger(site_id)
        yield from self._strangers()

    def _camera(self, site_id: str, camera_id: str) -> Iterator[Problem]:
        day_us: int | None = 0
        while day_us is not None:
            with self.database.reading() as session:
                day_us = inspection.next_day(session, camera_id, day_us)
                rows = inspection.kept_on(session, camera_id, day_us) if day_us is not None else []
            if day_us is not None:
                yield from self._day(site_id, camera_id, day_us, rows)
                day_us += US_PER_DAY
        yield from self._coverage(camera_id)

    def _coverage(self, camera_id: str) -> Iterator[Problem]:
        day_us: int | None = 0
        while day_us is not None:
            with self.database.reading() as session:
                day_us = inspection.next_covered_day(session, camera_id, day_us)
                day = Span(day_us, day_us + US_PER_DAY) if day_us is not None else None
                bare = inspection.covered_without_recording(session, camera_id, day) if day is not None else ()
            for span in bare:
                words = f"{isoformat(span.start_us)} – {isoformat(span.end_us)}"
                yield Problem("covered_without_recording", camera_id, words)
            day_us = day.end_us if day is not None else None

    def _day(self, site_id: str, camera_id: str, day_us: int, rows: list[Kept]) -> Iterator[Problem]:
        prefix = day_prefix(site_id, camera_id, to_datetime(day_us))
        self._seen.add(prefix)
        versions = [row for row in rows if row.retain_until_us is not None]
        ours = {(row.object_key or "", row.version_id or "") for row in versions}
        keys, listed = {row.object_key for row in rows}, dict[tuple[str, str], ListedVersion]()
        for one in self._list(prefix):  # what is not ours may be any number, and is told as it is read
            if (one.key, one.version_id) in ours:
                listed[one.key, one.version_id] = one
            else:
                yield from self._leftover(one, keys)
        for row in versions:
            yield from self._against_listing(row, listed.get((row.object_key or "", row.version_id or "")))
        if self.locks:
            yield from self._locks([row for row in versions if row.secured_us is not None and row.deleted_us is None])
        yield from self._against_manifests(rows)
        yield from self._against_ledger(site_id, [row for row in versions if row.secured_us is not None])
        self.progress.recordings += len(versions)
        self.told(self.progress)

    def _against_listing(self, row: Kept, found: ListedVersion | None) -> Iterator[Problem]:
        if row.deleted_us is not None:
            if found is not None and self.clock.utc_us() - row.deleted_us > US_PER_DAY:
                yield Problem("deleted_and_there", row.object_key or "", row.version_id or "")
        elif row.secured_us is None:
            return  # taken out of what is covered: everybody knows
        elif found is None or found.is_delete_marker:
            # It may have gone on its day, or been found missing, since its row was read.
            with self.database.reading() as session:
                now = inspection.kept(session, row.segment_id)
            if now is not None and now.deleted_us is None and now.secured_us is not None:
                yield Problem("object_missing", row.object_key or "", row.version_id or "")
        elif found.size_bytes != row.size_bytes:
            yield Problem("size_differs", row.object_key or "", f"{found.size_bytes} ≠ {row.size_bytes}")

    def _leftover(self, one: ListedVersion, keys: set[str | None]) -> Iterator[Problem]:
        if one.last_modified_us > self.clock.utc_us() - SETTLING_US:
            return
        if one.is_delete_marker and one.key in keys:
            yield Problem("delete_marker", one.key, one.version_id)
        elif one.key not in keys:
            yield Problem("foreign", one.key, one.version_id)

    def _locks(self, rows: list[Kept]) -> Iterator[Problem]:
        with ThreadPoolExecutor(WORKERS, "fsck") as pool:
            for row, seen in zip(rows, pool.map(self._stat, rows), strict=True):
                if seen is None:
                    continue  # the listing has told
                if seen.sha256 != row.sha256:
                    yield Problem("bytes_differ", row.object_key or "", f"{seen.sha256} ≠ {row.sha256}")
                if not seen.locked_until(row.retain_until_us or 0):
                    until = isoformat(seen.retain_until_us) if seen.retain_until_us is not None else "–"
                    yield Problem("lock_short", row.object_key or "", f"{seen.retention_mode} {until}")

    def _stat(self, row: Kept) -> StoredVersion | None:
        try:
            return self.store.stat_version(row.object_key or "", row.version_id or "")
        except (NotFound, IntegrityViolation):
            return None

    @staticmethod
    def _against_manifests(rows: list[Kept]) -> Iterator[Problem]:
        for row in rows:
            try:
                envelope = open_envelope(row.envelope)
                manifest = decode_payload(envelope)
            except InvalidInput as error:
                yield Problem("manifest_differs", row.segment_id, str(error))
                continue
            ours = (row.segment_id, row.camera_id, row.start_us, row.end_us, row.sha256, row.size_bytes)
            said: tuple[object, ...] = ()
            if isinstance(manifest, SegmentRecorded):
                said = (
                    manifest.segment_id,
                    manifest.camera_id,
                    manifest.start_us,
                    manifest.end_us,
                    manifest.sha256,
                    manifest.size_bytes,
                )
            if said != ours or envelope.payload_sha256 != row.payload_sha256:
                yield Problem("manifest_differs", row.segment_id, f"{row.camera_id} {isoformat(row.start_us)}")

    def _against_ledger(self, site_id: str, rows: list[Kept]) -> Iterator[Problem]:
        told: dict[str, SegmentSecured] = {}
        with self.database.reading() as session:
            for entry in ledger.entries_about(session, site_id, SEGMENT_SECURED, [row.segment_id for row in rows]):
                try:
                    found = decode(entry.body)
                except InvalidInput:
                    continue  # the ledger's own check tells
                if isinstance(found, SegmentSecured):
                    told[entry.subject] = found
        for row in rows:
            entry_of = told.get(row.segment_id)
            if entry_of is None:
                yield Problem("not_in_ledger", row.segment_id, f"{row.camera_id} {isoformat(row.start_us)}")
                continue
            ours = (row.sha256, row.size_bytes, row.payload_sha256, row.object_key, row.version_id)
            said = (
                entry_of.sha256,
                entry_of.size_bytes,
                entry_of.manifest_sha256,
                entry_of.object_key,
                entry_of.version_id,
            )
            if ours != said or (row.retain_until_us or 0) < entry_of.retain_until_us:
                yield Problem("ledger_says_otherwise", row.segment_id, f"{row.camera_id} {isoformat(row.start_us)}")

    def _ledger(self, site_id: str) -> Iterator[Problem]:
        with self.database.reading() as session:
            size = ledger.size(session, site_id)
            wanted = dict(inspection.checkpoints(session, site_id))
        tree, number = _Frontier(), 0
        yield from self._checkpoint(site_id, 0, wanted.pop(0, None), tree)
        while number < size:
            with self.database.reading() as session:
                batch = [one for one in inspection.entries_from(session, site_id, number) if one[0] < size]
                last = number + inspection.ENTRIES_AT_ONCE
                tiles = inspection.leaf_tiles(session, site_id, number // TILE, last // TILE)
                orphans = inspection.entries_without_recording(session, site_id, SEGMENT_SECURED, number)
            for subject in orphans:
                yield Problem("recording_forgotten", subject, site_id)
            if not batch:
                break
            for found, body in batch:
                if found != number:
                    break
                leaf = merkle.leaf_hash(body)
                at = number % TILE * merkle.HASH_BYTES
                if tiles.get(number // TILE, b"")[at : at + merkle.HASH_BYTES] != leaf:
                    yield Problem("ledger_entry_changed", site_id, str(number))
                tree.append(leaf)
                number += 1
                yield from self._checkpoint(site_id, number, wanted.pop(number, None), tree)
            self.progress.entries += len(batch)
            self.told(self.progress)
            if batch[-1][0] >= number:
                break
        if number < size:
            yield Problem("ledger_hole", site_id, str(number))
        for left in wanted:
            yield Problem("checkpoint_differs", site_id, f"{left} > {number}")

    def _checkpoint(self, site_id: str, size: int, note: bytes | None, tree: "_Frontier") -> Iterator[Problem]:
        if note is None:
            return
        try:
            signed = SignedNote.parse(note)
            told = Checkpoint.parse(signed.text)
            if self.key not in signed.verified([self.key]):
                yield Problem("checkpoint_unsigned", site_id, str(size))
        except (InvalidInput, IntegrityViolation) as error:
            yield Problem("checkpoint_differs", site_id, f"{size}: {error}")
            return
        if (told.size, told.root) != (size, tree.root()):
            yield Problem("checkpoint_differs", site_id, str(size))

    def _strangers(self) -> Iterator[Problem]:
        """What lies where no recording of ours ever was."""
        young_us = self.clock.utc_us() - SETTLING_US
        for one in self._list(""):
            folder = one.key.rpartition("/")[0] + "/"
            known = folder in self._seen or one.key.startswith(CANARY_PREFIX)
            if not known and not one.is_delete_marker and one.last_modified_us <= young_us:
                yield Problem("foreign", one.key, one.version_id)

    def _list(self, prefix: str) -> Iterator[ListedVersion]:
        for one in self.store.list_versions(prefix):
            self.progress.files += 1
            if self.progress.files % 1_000 == 0:
                self.told(self.progress)
            yield one


class _Frontier:
    """A Merkle tree that only grows: the complete subtrees at its right edge, largest first (RFC 6962, 2.1)."""

    def __init__(self) -> None:
        self._edge: list[tuple[int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        level, node = 0, leaf
        while self._edge and self._edge[-1][0] == level:
            node = merkle.node_hash(self._edge.pop()[1], node)
            level += 1
        self._edge.append((level, node))

    def root(self) -> bytes:
        if not self._edge:
            return merkle.EMPTY_ROOT
        _, node = self._edge[-1]
        for _, left in reversed(self._edge[:-1]):
            node = merkle.node_hash(left, node)
        return node
