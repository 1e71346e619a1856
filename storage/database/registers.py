"""The rows of the registers as plain dictionaries, read and written many at a time; and what a camera sees (I9)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Executable, Select, bindparam, delete, insert, inspect, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.database.models import (
    AlarmArea,
    AlarmPoint,
    Base,
    Camera,
    CameraRecord,
    CameraZone,
    Child,
    ClassGroup,
    DatedRecord,
    Guardian,
    GuardianChild,
    Site,
    Staff,
    Zone,
)

Item = TypeVar("Item")
AT_ONCE = 500
"""SQLite takes 32,766 parameters in a statement."""


class Stored(NamedTuple):
    """``attributes``: column of the register → attribute of the model."""

    model: type[Base]
    attributes: Mapping[str, str]


def _same(model: type[Base], *names: str, **renamed: str) -> Stored:
    return Stored(model, {"site": "site_id", **renamed, **{name: name for name in names}})


RECORD = ("gb28181_id", "maker", "model", "firmware", "mac", "place", "installed_on", "maintainer")
STORED: dict[str, Stored] = {
    "sites": _same(
        Site, "name", "region", "timezone", "type", "ownership", "inclusive", "reg799_class", "policy_pack", "places",
        "indoor_m2", "outdoor_m2", "star_rating", "filing_status", "filing_number", "published",
        site="id",
    ),
    "zones": _same(Zone, "name", "kind", "required", zone="id"),
    "cameras": _same(Camera, "name", camera="id", zone="zone_id", agent="agent_id"),
    "alarm_areas": _same(AlarmArea, "panel", "partition", "name", "arming", "hours"),
    "alarm_points": _same(AlarmPoint, "panel", "partition", "point", "name", "kind", zone="zone_id"),
    "staff": _same(Staff, "name", "role", "hired_on", "left_on", "banned", staff="id"),
    "records": _same(DatedRecord, "done_on", "valid_until", "reference", staff="staff_id", record="kind"),
    "classes": _same(ClassGroup, "name", "kind", "size", "carers", zone="zone_id", **{"class": "id"}),
    "children": _same(Child, child="id", **{"class": "class_id"}),
    "guardians": _same(Guardian, "contact", guardian="id"),
}  # fmt: skip


def load(session: Session, table: str, site_ids: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The rows of some sites, by site and key, as columns of the register."""
    model, attributes = STORED[table]
    site = _attribute(model, attributes["site"])
    chosen = [_attribute(model, attribute).label(f"{name}_") for name, attribute in attributes.items()]
    for some in _chunks(sorted(site_ids)):
        query: Select[Any] = select(*chosen).where(site.in_(some)).order_by(*inspect(model).primary_key)
        more = _more(session, table, some)
        for found in session.execute(query):
            row = dict(zip(attributes, found, strict=True))
            yield row | more(row)


def write(session: Session, table: str, added: Sequence[dict[str, Any]], changed: Sequence[dict[str, Any]]) -> None:
    """``changed``: keys and what is to be changed, as columns of the register."""
    model, attributes = STORED[table]
    for rows, statement in ((added, insert(model)), (changed, update(model))):
        wanted = [{attributes.get(name, name): value for name, value in row.items()} for row in rows]
        keys = {column.key for column in inspect(model).primary_key}
        if rows is changed:
            wanted = [row for row in wanted if set(row) - keys]
        _put(session, statement, wanted)
    session.flush()


def _put(session: Session, statement: Executable, rows: Iterable[dict[str, Any]]) -> None:
    """Rows that name the same columns go together."""
    by_shape: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in rows:
        by_shape.setdefault(frozenset(row), []).append(row)
    for same in by_shape.values():
        for some in _chunks(same):
            session.execute(statement, some)


def remove(session: Session, table: str, keys: Sequence[dict[str, Any]]) -> None:
    """Removes rows for good; ``keys``: as columns of the register."""
    if not keys:
        return
    model, attributes = STORED[table]
    matches = [_attribute(model, attributes[name]) == bindparam(f"{name}_") for name in keys[0]]
    statement = delete(model.__table__).where(*matches)  # type: ignore[arg-type]
    session.connection().execute(statement, [{f"{name}_": value for name, value in key.items()} for key in keys])


def put_devices(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Fills in the files of cameras, and what they see besides their own places, as far as ``rows`` say."""
    there: set[str] = set()
    for some in _chunks(rows):
        named = [row["camera"] for row in some]
        there.update(session.scalars(select(CameraRecord.camera_id).where(CameraRecord.camera_id.in_(named))))
        # Two cameras may exchange their numbers, and at no moment may both have one.
        renumbered = [row["camera"] for row in some if "gb28181_id" in row]
        session.execute(update(CameraRecord).where(CameraRecord.camera_id.in_(renumbered)).values(gb28181_id=None))
    wanted = [{"camera_id": row["camera"], **{name: row[name] for name in RECORD if name in row}} for row in rows]
    _put(session, insert(CameraRecord), [row for row in wanted if row["camera_id"] not in there and len(row) > 1])
    _put(session, update(CameraRecord), [row for row in wanted if row["camera_id"] in there and len(row) > 1])
    linked = [row for row in rows if "sees" in row]
    for some in _chunks(row["camera"] for row in linked):
        session.execute(delete(CameraZone).where(CameraZone.camera_id.in_(some)))
    links = [
        {"camera_id": row["camera"], "zone_id": zone_id, "site_id": row["site"]}
        for row in linked
        for zone_id in row["sees"] or ()
    ]
    _put(session, insert(CameraZone), links)


def put_bonds(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Whose guardians people are, as far as ``rows`` say."""
    said = [row for row in rows if "children" in row]
    mine = (GuardianChild.site_id == bindparam("site"), GuardianChild.guardian_id == bindparam("guardian"))
    if said:  # one statement for all: a hundred thousand by themselves take half a minute
        whose = [{"site": row["site"], "guardian": row["guardian"]} for row in said]
        statement = delete(GuardianChild.__table__).where(*mine)  # type: ignore[arg-type]
        session.connection().execute(statement, whose)
    bonds = [
        {"site_id": row["site"], "guardian_id": row["guardian"], "child_id": child_id}
        for row in said
        for child_id in row["children"]
    ]
    _put(session, insert(GuardianChild), bonds)


def kinds_seen(session: Session, camera: Camera) -> set[str]:
    """The kinds of every place that a camera sees, its own first."""
    own = select(Zone.kind).where(Zone.site_id == camera.site_id, Zone.id == camera.zone_id)
    besides = (
        select(Zone.kind)
        .join(CameraZone, (CameraZone.site_id == Zone.site_id) & (CameraZone.zone_id == Zone.id))
        .where(CameraZone.camera_id == camera.id)
    )
    return {*session.scalars(own), *session.scalars(besides)}


def _more(session: Session, table: str, site_ids: Sequence[str]) -> Any:
    """What a row has that is not in its own table."""
    if table == "cameras":
        query = (
            select(CameraRecord).join(Camera, Camera.id == CameraRecord.camera_id).where(Camera.site_id.in_(site_ids))
        )
        records = {record.camera_id: record for record in session.scalars(query)}
        seen: dict[str, list[str]] = {}
        for link in session.scalars(select(CameraZone).where(CameraZone.site_id.in_(site_ids))):
            seen.setdefault(link.camera_id, []).append(link.zone_id)
        return lambda row: {
            "sees": tuple(sorted(seen.get(row["camera"], ()))),
            **{name: getattr(records.get(row["camera"]), name, None) for name in RECORD},
        }
    if table == "guardians":
        children: dict[tuple[str, str], list[str]] = {}
        for bond in session.scalars(select(GuardianChild).where(GuardianChild.site_id.in_(site_ids))):
            children.setdefault((bond.site_id, bond.guardian_id), []).append(bond.child_id)
        return lambda row: {"children": tuple(sorted(children.get((row["site"], row["guardian"]), ())))}
    return lambda _: {}


def _attribute(model: type[Base], name: str) -> InstrumentedAttribute[Any]:
    found: InstrumentedAttribute[Any] = getattr(model, name)
    return found


def _chunks(items: Iterable[Item]) -> Iterable[list[Item]]:
    iterator = iter(items)
    while some := list(islice(iterator, AT_ONCE)):
        yield some
