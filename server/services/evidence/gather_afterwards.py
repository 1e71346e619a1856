"""What a package says of later: by which certificates recordings were deleted on their day, and what deep audits found.

Invariant I1: a recording is said to have gone on its day only where a certificate in the ledger names it, one of after the
day until which it was secured; whoever has the package finds the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec
from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.evidence import merkle, package
from config.evidence.afterwards import is_past_its_day
from config.evidence.entries import FootageDeleted, SegmentSecured, decode
from server.domain.verdict import day_of, day_span
from server.services.audit.audit_deep import DEEP_AUDIT_ASKED, DEEP_AUDITED
from server.services.custody.expire_footage import FOOTAGE_DELETED
from storage.database import ledger, lifetimes
from storage.database.models import LedgerEntry, Segment, Site

RESULTS_MAX, WAITING_MAX = 90, 20
"""Of the newest deep audits, with a request each, so that they stay below ``package.AUDITS_MAX``."""


@dataclass(frozen=True)
class Gone:
    """A recording that was deleted, and the entry that secured it once."""

    segment: Segment
    entry: bytes
    proof: package.LedgerProof


@dataclass(frozen=True)
class Past:
    """The certificates of some recordings."""

    deletions: list[package.Deletion] = field(default_factory=list)
    certificate_of: dict[str, int] = field(default_factory=dict)
    """By segment, the place of its certificate in the ledger."""

    def documents(self) -> dict[str, bytes]:
        """The file of a package; none where there is nothing to tell. Raises InvalidInput (``oversized``)."""
        if not self.deletions:
            return {}
        data = msgspec.json.encode(self.deletions)
        if len(self.deletions) > package.DELETIONS_MAX or len(data) > package.DOCUMENT_BYTES_MAX:
            raise InvalidInput("too many certificates of deletion: export a shorter period", code="oversized")
        return {package.DELETIONS: data}


def certificates_of(session: Session, site: Site, camera_id: str, gone: Sequence[Gone], size: int) -> Past:
    """As of the checkpoint of ``size``; recordings of which no certificate tells are left out."""
    of_day: dict[tuple[str, int | None], list[Gone]] = {}
    for one in gone:
        day = day_of(one.segment.start_us, site.timezone).isoformat()
        of_day.setdefault((day, one.segment.certified_us), []).append(one)
    tiles, past = ledger.Tiles(session, site.id), Past()
    found: list[package.Deletion] = []
    for row in ledger.entries_about(session, site.id, FOOTAGE_DELETED, sorted({day for day, _ in of_day})):
        entry = decode(row.body)
        if row.number is None or row.number >= size or not isinstance(entry, FootageDeleted):
            continue
        went = of_day.get((entry.day, entry.at_us), [])
        named = _named_by(session, site, camera_id, entry) if went else []
        told = {one.segment.id: row.number for one in went if one.segment.id in named and _is_past(entry, one)}
        if told:
            past.certificate_of.update(told)
            proof = _proof(tiles, row.number, size)
            found.append(package.Deletion(entry=row.body.decode(), proof=proof, segments=named))
    past.deletions.extend(sorted(found, key=lambda deletion: deletion.proof.number))
    return past


def _named_by(session: Session, site: Site, camera_id: str, entry: FootageDeleted) -> list[str]:
    """The ids that a certificate is about, of this camera or of the site; none where they are not those it was made of."""
    window = day_span(date.fromisoformat(entry.day), site.timezone)
    parts: list[tuple[str | None, str]] = [(None, entry.segments_sha256)]
    if not isinstance(entry.cameras, msgspec.UnsetType):
        parts = [(one.camera_id, one.segments_sha256) for one in entry.cameras if one.camera_id == camera_id]
    for of_camera, digest in parts:
        ids = lifetimes.certified_at(session, site.id, window, entry.at_us, of_camera)
        if hashlib.sha256("".join(f"{each}\n" for each in ids).encode()).hexdigest() == digest:
            return ids
    return []


def _is_past(certificate: FootageDeleted, gone: Gone) -> bool:
    secured = decode(gone.entry)
    until_us = secured.retain_until_us if isinstance(secured, SegmentSecured) else 2**53
    return is_past_its_day(certificate, gone.segment.end_us, until_us)


def audits_since(session: Session, site_id: str, since_us: int, size: int) -> dict[str, bytes]:
    """The file that tells of a site's deep audits since an instant; none where there are none."""

    def numbered(kind: str, limit: int) -> list[LedgerEntry]:
        rows = ledger.newest_about(session, site_id, kind, limit)
        return [row for row in rows if row.number is not None and row.number < size]

    done = [row for row in numbered(DEEP_AUDITED, RESULTS_MAX) if decode(row.body).at_us >= since_us]
    ids = {row.subject for row in done}
    asked = [row for row in numbered(DEEP_AUDIT_ASKED, WAITING_MAX) if decode(row.body).at_us >= since_us]
    asked = [row for row in asked if row.subject not in ids]
    asked += ledger.entries_about(session, site_id, DEEP_AUDIT_ASKED, sorted(ids))
    tiles = ledger.Tiles(session, site_id)
    told = [
        package.Noted(entry=row.body.decode(), proof=_proof(tiles, row.number, size))
        for row in sorted([*asked, *done], key=lambda row: row.number or 0)
        if row.number is not None and row.number < size
    ]
    return {package.AUDITS: msgspec.json.encode(told)} if told else {}


def _proof(tiles: ledger.Tiles, number: int, size: int) -> package.LedgerProof:
    path = merkle.inclusion_proof(number, size, tiles.node)
    return package.LedgerProof(number=number, path=[step.hex() for step in path])
