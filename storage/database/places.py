"""The history of what cameras see, what is said of places, and where children are: rows that are closed, never changed otherwise (I4)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from storage.database import leases
from storage.database.models import Camera, CameraSight, CameraZone, Child, ChildRoom, Zone, ZoneWord

Row = TypeVar("Row", CameraSight, ZoneWord)
AT_ONCE = 500
"""SQLite takes 32,766 parameters in a statement."""


def note_places(session: Session, site_ids: Iterable[str], now_us: int) -> None:
    """Closes what no longer holds, and begins what does; where nothing changed it writes nothing.

    Call it in the transaction of every change. What nobody noted when it was changed is known from the next call on.
    """
    session.flush()
    for some in _chunks(sorted(set(site_ids))):
        _note_sights(session, some, now_us)
        _note_words(session, some, now_us)
        _note_rooms(session, some, now_us)
    session.flush()


def _note_sights(session: Session, site_ids: list[str], now_us: int) -> None:
    own = session.execute(select(Camera.site_id, Camera.id, Camera.zone_id).where(Camera.site_id.in_(site_ids)))
    besides = select(CameraZone.site_id, CameraZone.camera_id, CameraZone.zone_id)
    holds = {tuple(row) for row in own} | {
        tuple(row) for row in session.execute(besides.where(CameraZone.site_id.in_(site_ids)))
    }
    for row in _open(session, CameraSight, site_ids):
        if (key := (row.site_id, row.camera_id, row.zone_id)) in holds:
            holds.remove(key)
        else:
            row.until_us = max(now_us, row.from_us)
    session.add_all(
        CameraSight(site_id=site_id, camera_id=camera_id, zone_id=zone_id, from_us=now_us)
        for site_id, camera_id, zone_id in sorted(holds)
    )


def _note_words(session: Session, site_ids: list[str], now_us: int) -> None:
    holds = {(zone.site_id, zone.id): zone for zone in session.scalars(select(Zone).where(Zone.site_id.in_(site_ids)))}
    for row in _open(session, ZoneWord, site_ids):
        zone = holds.get((row.site_id, row.zone_id))
        if zone is not None and (zone.kind, zone.required) == (row.kind, row.required):
            del holds[row.site_id, row.zone_id]
        else:
            row.until_us = max(now_us, row.from_us)
    session.add_all(
        ZoneWord(site_id=site_id, zone_id=zone_id, kind=zone.kind, required=zone.required, from_us=now_us)
        for (site_id, zone_id), zone in sorted(holds.items())
    )


def _note_rooms(session: Session, site_ids: list[str], now_us: int) -> None:
    rooms = leases.rooms(session, site_ids)
    children = session.execute(select(Child.site_id, Child.id, Child.class_id).where(Child.site_id.in_(site_ids)))
    holds = {
        (site_id, child_id, class_id, zone_id)
        for site_id, child_id, class_id in children
        for zone_id in rooms.get((site_id, class_id)) or ("",)
    }
    columns = (ChildRoom.site_id, ChildRoom.child_id, ChildRoom.class_id, ChildRoom.zone_id)
    still = select(ChildRoom.id, ChildRoom.from_us, *columns)
    over = []
    for row_id, from_us, *key in session.execute(
        still.where(ChildRoom.site_id.in_(site_ids), ChildRoom.until_us.is_(None))
    ):
        site_id, child_id, class_id, zone_id = key
        if (site_id, child_id, class_id, zone_id) in holds:
            holds.remove((site_id, child_id, class_id, zone_id))
        else:
            over.append({"id": row_id, "until_us": max(now_us, from_us)})
    names = ("site_id", "child_id", "class_id", "zone_id")
    begun = [dict(zip(names, key, strict=True), from_us=now_us) for key in sorted(holds)]
    if over:
        session.execute(update(ChildRoom), over)
    if begun:
        session.execute(insert(ChildRoom), begun)


def sights_of(session: Session, site_id: str) -> Mapping[str, list[CameraSight]]:
    """Camera → everything that it was ever said to see, the oldest first."""
    found: dict[str, list[CameraSight]] = defaultdict(list)
    query = select(CameraSight).where(CameraSight.site_id == site_id)
    for row in session.scalars(query.order_by(CameraSight.from_us, CameraSight.id)):
        found[row.camera_id].append(row)
    return found


def words_of(session: Session, site_id: str) -> Mapping[str, list[ZoneWord]]:
    """Place → everything that was ever said of it, the oldest first."""
    found: dict[str, list[ZoneWord]] = defaultdict(list)
    query = select(ZoneWord).where(ZoneWord.site_id == site_id)
    for row in session.scalars(query.order_by(ZoneWord.from_us, ZoneWord.id)):
        found[row.zone_id].append(row)
    return found


def _open(session: Session, model: type[Row], site_ids: list[str]) -> list[Row]:
    return list(session.scalars(select(model).where(model.site_id.in_(site_ids), model.until_us.is_(None))))


def _chunks(items: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while some := list(islice(iterator, AT_ONCE)):
        yield some
