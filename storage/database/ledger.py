"""The ledger's rows: entries are added with what they tell, numbered in batches, and hashed into tiles.

Invariants: numbers of a site run without a hole in the order of writing; a number, an entry and a full tile never
change. Adding takes no lock, so that no camera waits for another; numbering holds the site's head row.

Source: the tile layout of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from config.evidence import merkle
from config.evidence.entries import AccessRecorded, decode
from storage.database.models import Ledger, LedgerCheckpoint, LedgerEntry, LedgerTile

TILE_HEIGHT = 8
SUBJECTS_A_QUERY = 500
TILE_HASHES = 1 << TILE_HEIGHT


def add(session: Session, site_id: str, kind: str, subject: str, body: bytes) -> None:
    """Writes an entry in the caller's transaction; it gets its number later."""
    session.add(LedgerEntry(site_id=site_id, kind=kind, subject=subject, body=body))


def waiting_sites(session: Session) -> list[str]:
    """Sites with entries that have no number yet."""
    return list(session.scalars(select(LedgerEntry.site_id).where(LedgerEntry.number.is_(None)).distinct()))


def number_waiting(session: Session, site_id: str, limit: int) -> int:
    """Numbers up to ``limit`` entries of a site and hashes them into its tree; how many there were."""
    head = _head(session, site_id)
    waiting = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.site_id == site_id, LedgerEntry.number.is_(None))
        .order_by(LedgerEntry.id)
        .limit(limit)
    ).all()
    tiles = Tiles(session, site_id)
    for entry in waiting:
        entry.number = head.size
        tiles.append(head.size, merkle.leaf_hash(entry.body))
        head.size += 1
    tiles.store()
    return len(waiting)


def size(session: Session, site_id: str) -> int:
    """How many entries have a number."""
    head = session.get(Ledger, site_id)
    return head.size if head is not None else 0


def entries_about(session: Session, site_id: str, kind: str, subjects: Sequence[str]) -> Iterator[LedgerEntry]:
    """The entries of a kind about some subjects, oldest first."""
    for at in range(0, len(subjects), SUBJECTS_A_QUERY):
        yield from session.scalars(
            select(LedgerEntry)
            .where(
                LedgerEntry.subject.in_(subjects[at : at + SUBJECTS_A_QUERY]),
                LedgerEntry.kind == kind,
                LedgerEntry.site_id == site_id,
            )
            .order_by(LedgerEntry.id)
        )


def newest_about(session: Session, site_id: str, kind: str, limit: int) -> list[LedgerEntry]:
    """The entries of a kind, the newest first."""
    query = select(LedgerEntry).where(LedgerEntry.site_id == site_id, LedgerEntry.kind == kind)
    return list(session.scalars(query.order_by(LedgerEntry.id.desc()).limit(limit)))


def accesses(session: Session, site_id: str, camera_id: str) -> list[AccessRecorded]:
    """Who looked at a camera's footage, oldest first."""
    decoded = (decode(entry.body) for entry in entries_about(session, site_id, "access", [camera_id]))
    return [entry for entry in decoded if isinstance(entry, AccessRecorded)]


def latest_checkpoint(session: Session, site_id: str) -> LedgerCheckpoint | None:
    return session.scalars(
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.site_id == site_id)
        .order_by(LedgerCheckpoint.size.desc())
        .limit(1)
    ).first()


def grown_since(session: Session, before_us: int, now_us: int) -> list[str]:
    """Sites with more entries than their newest checkpoint, where that was made before ``before_us``.

    One that is dated after ``now_us`` was made by a clock that has been set back since: when it was made is not known.
    """
    newest = (
        select(
            LedgerCheckpoint.site_id,
            func.max(LedgerCheckpoint.size).label("size"),
            func.max(case((LedgerCheckpoint.made_us <= now_us, LedgerCheckpoint.made_us), else_=0)).label("made_us"),
        )
        .group_by(LedgerCheckpoint.site_id)
        .subquery()
    )
    behind = or_(newest.c.size.is_(None), and_(newest.c.size < Ledger.size, newest.c.made_us < before_us))
    query = select(Ledger.site_id).outerjoin(newest, newest.c.site_id == Ledger.site_id)
    return list(session.scalars(query.where(Ledger.size > 0, behind).order_by(Ledger.site_id)))


def unstamped_since(session: Session, since_us: int) -> list[str]:
    """Sites of which no checkpoint was stamped since, and whose newest one bears no timestamp."""
    newest = (
        select(LedgerCheckpoint.site_id, func.max(LedgerCheckpoint.size).label("size"))
        .group_by(LedgerCheckpoint.site_id)
        .subquery()
    )
    stamped = select(LedgerCheckpoint.site_id).where(LedgerCheckpoint.stamped_us >= since_us)
    query = (
        select(LedgerCheckpoint.site_id)
        .join(newest, and_(newest.c.site_id == LedgerCheckpoint.site_id, newest.c.size == LedgerCheckpoint.size))
        .where(LedgerCheckpoint.timestamp.is_(None), LedgerCheckpoint.site_id.not_in(stamped))
    )
    return list(session.scalars(query.order_by(LedgerCheckpoint.site_id)))


def checkpoint_at(session: Session, site_id: str, at_size: int) -> LedgerCheckpoint | None:
    return session.scalars(
        select(LedgerCheckpoint).where(LedgerCheckpoint.site_id == site_id, LedgerCheckpoint.size == at_size)
    ).first()


class Tiles:
    """A site's tree within one transaction; ``node`` is a reader for ``config.evidence.merkle``."""

    def __init__(self, session: Session, site_id: str) -> None:
        self._session = session
        self._site_id = site_id
        self._loaded: dict[tuple[int, int], bytearray] = {}
        self._changed: set[tuple[int, int]] = set()

    def node(self, level: int, number: int) -> bytes:
        """The hash of a complete subtree. Raises KeyError where its leaves are not all there."""
        tile_level, below = divmod(level, TILE_HEIGHT)
        first = number << below
        tile = self._tile(tile_level, first >> TILE_HEIGHT)
        start = (first % TILE_HASHES) * merkle.HASH_BYTES
        hashes = tile[start : start + (merkle.HASH_BYTES << below)]
        if len(hashes) != merkle.HASH_BYTES << below:
            raise KeyError((level, number))
        return merkle.root_of(_split(hashes))

    def append(self, number: int, found: bytes, level: int = 0) -> None:
        """Puts hash ``number`` of tile level ``level`` in its place; a tile that is full goes up as one hash."""
        place, offset = divmod(number, TILE_HASHES)
        tile = self._tile(level, place)
        if len(tile) != offset * merkle.HASH_BYTES:
            raise ValueError(f"hash {number} of level {level} is not the next one")
        tile += found
        self._changed.add((level, place))
        if offset == TILE_HASHES - 1:
            self.append(place, merkle.root_of(_split(tile)), level + 1)

    def store(self) -> None:
        """Writes what was appended."""
        for level, place in sorted(self._changed):
            row = self._session.get(LedgerTile, (self._site_id, level, place))
            hashes = bytes(self._loaded[level, place])
            if row is None:
                self._session.add(LedgerTile(site_id=self._site_id, level=level, number=place, hashes=hashes))
            else:
                row.hashes = hashes
        self._changed.clear()

    def _tile(self, level: int, place: int) -> bytearray:
        if (level, place) not in self._loaded:
            row = self._session.get(LedgerTile, (self._site_id, level, place))
            self._loaded[level, place] = bytearray(row.hashes if row is not None else b"")
        return self._loaded[level, place]


def _split(hashes: bytes | bytearray) -> list[bytes]:
    return [bytes(hashes[at : at + merkle.HASH_BYTES]) for at in range(0, len(hashes), merkle.HASH_BYTES)]


def _head(session: Session, site_id: str) -> Ledger:
    head = session.get(Ledger, site_id, with_for_update=True)
    if head is None:
        head = Ledger(site_id=site_id, size=0)
        session.add(head)
        session.flush()
    return head
