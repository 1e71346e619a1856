"""What the server says of its footage against what the store really holds, version by version.

The store is asked by its administrator, past whatever stands between it and the server.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from benchmarks.drills._keeping import CAMERA, RETAIN_DAYS, SITE, Keeping
from config.base.errors import NightlightError
from config.base.timespan import Span, SpanSet
from config.evidence.entries import FootageDeleted, decode
from server.domain.retention import retain_until_us
from storage.database import spans
from storage.database.models import LedgerEntry, LegalHold, PendingVerification, Segment


@dataclass
class Found:
    """What one look found; an invariant that broke is a line of ``broken``."""

    broken: list[str] = field(default_factory=list)
    versions: int = 0
    kept: int = 0
    deleted: int = 0
    covered_s: float = 0.0
    lost: int = 0
    """Versions gone before their day, or under a hold."""
    uncovered_s: float = 0.0
    """Said to be covered without an intact locked version."""

    def must(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not holds:
            self.broken.append(what)


@dataclass
class Outcome:
    """What one fault did."""

    found: Found
    figures: dict[str, int | float | str] = field(default_factory=dict)


def look(world: Keeping, *, settled: bool = True) -> Found:
    """Everything that was ever secured; ``settled``: and nothing is left to do."""
    found = Found()
    now_us = world.clock.utc_us()
    with world.database.reading() as session:
        segments = session.scalars(select(Segment)).all()
        holds = session.scalars(select(LegalHold)).all()
        series = spans.coverage_of(session, CAMERA, Span(0, 2**53)).get(spans.SECURED, {})
        entries = session.scalars(select(LedgerEntry).where(LedgerEntry.site_id == SITE)).all()
        pending = len(session.scalars(select(PendingVerification)).all())
    intact: list[tuple[int, int]] = []
    for segment in segments:
        if segment.retain_until_us is None:
            continue
        found.versions += 1
        if segment.deleted_us is not None:
            found.deleted += 1
            _was_due(found, segment, holds)
            intact.append((segment.start_us, segment.end_us))  # it was whole as long as it had to be
        elif _is_whole(world, found, segment, now_us):
            found.kept += 1
            intact.append((segment.start_us, segment.end_us))
    covered = SpanSet(span for part in series.values() for span in part)
    found.covered_s = covered.total_us / 1e6
    found.uncovered_s = (covered - SpanSet(intact)).total_us / 1e6
    found.must(found.uncovered_s == 0, f"{found.uncovered_s} s are said to be covered without an intact version")
    _read_ledger(found, segments, entries, settled=settled)
    if settled:
        found.must(pending == 0, f"{pending} uploads are still not read back")
    return found


def _was_due(found: Found, segment: Segment, holds: Sequence[LegalHold]) -> None:
    deleted_us, until_us = segment.deleted_us or 0, segment.retain_until_us or 0
    floor_us = retain_until_us(segment.end_us, segment.received_us, RETAIN_DAYS)
    if deleted_us < max(until_us, floor_us):
        found.lost += 1
        found.must(holds=False, what=f"{segment.object_key} was deleted before its day")
    for hold in holds:
        standing = hold.placed_us < deleted_us and (hold.lifted_us is None or deleted_us < hold.lifted_us)
        inside = hold.camera_id in (None, segment.camera_id) and segment.start_us < hold.end_us
        if standing and inside and segment.end_us > hold.start_us:
            found.lost += 1
            found.must(holds=False, what=f"{segment.object_key} was deleted under hold {hold.id}")


def _is_whole(world: Keeping, found: Found, segment: Segment, now_us: int) -> bool:
    key, version_id = segment.object_key or "", segment.version_id or ""
    try:
        stored = world.admin.stat_version(key, version_id)
        digest = hashlib.sha256(b"".join(world.admin.chunks(key, version_id))).hexdigest()
    except NightlightError as error:
        found.lost += 1
        found.must(holds=False, what=f"{key} is lost: {error}")
        return False
    whole = digest == segment.sha256 and stored.size_bytes == segment.size_bytes
    found.must(whole, f"{key} has other bytes")
    locked = stored.locked_until(segment.retain_until_us or 0)
    due_us = retain_until_us(segment.end_us, segment.received_us, RETAIN_DAYS)
    found.must(locked, f"{key} is locked for less than the database says")
    found.must(due_us < now_us or stored.locked_until(due_us), f"{key} is locked for less than the policy says")
    return whole and locked


def _read_ledger(found: Found, segments: Sequence[Segment], entries: Sequence[LedgerEntry], *, settled: bool) -> None:
    secured = [entry.subject for entry in entries if entry.kind == "segment-secured"]
    found.must(len(secured) == len(set(secured)), "a recording was written into the ledger twice")
    missing = {s.id for s in segments if s.retain_until_us is not None} - set(secured)
    found.must(not missing, f"{len(missing)} recordings are secured and not in the ledger")
    told = 0
    for entry in entries:
        if entry.kind == "footage-deleted":
            body = decode(entry.body)
            told += body.versions if isinstance(body, FootageDeleted) else 0
    certified = sum(segment.certified_us is not None for segment in segments)
    found.must(told == certified, f"certificates speak of {told} deletions, {certified} were certified")
    if settled:
        found.must(certified == found.deleted, f"{found.deleted - certified} deletions stand on no certificate")
