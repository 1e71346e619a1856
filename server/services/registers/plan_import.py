"""What importing some sheets would change, and everything that stands against it. Reads only.

Invariants: no camera comes to see a forbidden place, not among several either (I9); what an operator's own site is
judged by changes from the command line alone; what says something of the past does not change.
"""

import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import cached_property, partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import to_datetime
from server.domain.registers.regions import Node, place
from server.domain.registers.sheets import Fault, Faults, Key, Row
from server.domain.registers.tables import TABLES, Table
from server.domain.registers.words import SITE_RECORDS
from server.domain.zones import FORBIDDEN_KINDS
from server.services.compliance.rule_books import usual_pack
from storage.database import regions, registers
from storage.database.models import Agent, Camera, CameraRecord

NEEDS: dict[str, tuple[str, ...]] = {
    "zones": ("sites",),
    "cameras": ("sites", "zones"),
    "alarm_areas": ("sites",),
    "alarm_points": ("sites", "alarm_areas", "zones"),
    "staff": ("sites",),
    "records": ("sites", "staff"),
    "classes": ("sites", "zones"),
    "children": ("sites", "classes"),
    "guardians": ("sites", "children"),
}
"""The tables whose rows a table's rows name."""
UNLESS: dict[str, dict[str, Any]] = {
    "staff": {"banned": False},
    "sites": {"timezone": "Asia/Shanghai", "published": False},
}
"""What a new row says where it leaves these empty."""
Values = dict[str, Any]
Refuse = Callable[..., None]


@dataclass
class TablePlan:
    """``changed``: keys and the columns that change; ``nodes``: of regions, by place in ``added`` and ``changed``."""

    table: Table
    added: list[Values] = field(default_factory=list)
    changed: list[Values] = field(default_factory=list)
    removed: list[Values] = field(default_factory=list)
    unchanged: int = 0


class Planner:
    """``site_id``: an operator's site, None for the command line; ``packs``: the policy packs that there are."""

    def __init__(self, session: Session, site_id: str | None, packs: Iterable[str], now_us: int) -> None:
        self.faults = Faults()
        self._session = session
        self._site_id = site_id
        self._packs = frozenset(packs)
        # A day that has begun anywhere has begun: sites have their own days.
        self._last_day = (to_datetime(now_us).astimezone(UTC) + timedelta(hours=14)).date().isoformat()
        self._there: dict[str, dict[Key, Values]] = {}
        self._regions = {
            one.path: Node(one.path, one.parent, one.code, one.level) for one in regions.everything(session)
        }

    def plan(self, rows: Mapping[str, Sequence[Row]]) -> list[TablePlan]:
        """``rows``: by the name of the table. What stands against it is in ``faults``."""
        site_ids = {str(row.values["site"]) for name, some in rows.items() if not TABLES[name].central for row in some}
        for name in {*rows, *(need for named in rows for need in NEEDS.get(named, ()))} - {"regions"}:
            keys = TABLES[name].keys
            found = registers.load(self._session, name, site_ids)
            self._there[name] = {tuple(row[key] for key in keys): row for row in found}
        if "cameras" in rows:
            self._know_devices(rows["cameras"])
        return [self._table(TABLES[name], rows[name]) for name in TABLES if name in rows]

    def _table(self, table: Table, rows: Sequence[Row]) -> TablePlan:
        made = TablePlan(table)
        if table.central:
            self._plan_regions(made, rows)
            return made
        for row in rows:
            before = self.faults.count
            refuse = partial(self._refuse, table.name, row)
            if row.remove:
                self._plan_removal(made, row, refuse)
                continue
            there = self._there[table.name].get(row.key)
            values = self._new(table, row, refuse) if there is None else self._changes(table, row, there, refuse)
            if self.faults.count == before and (there is None or values):
                self._check(table.name, (there or {}) | row.values | values, values, refuse)
            if self.faults.count > before:
                continue
            keys = dict(zip(table.keys, row.key, strict=True))
            if there is None:
                made.added.append(keys | values)
            elif values:
                made.changed.append(keys | values)
            else:
                made.unchanged += 1
            self._there[table.name][row.key] = (there or keys) | values
        return made

    def _new(self, table: Table, row: Row, refuse: Refuse) -> Values:
        if table.name == "sites" and self._site_id is not None:
            refuse("site", "no_new_site")
        values = {name: value for name, value in row.values.items() if name not in table.keys}
        for name, otherwise in UNLESS.get(table.name, {}).items():
            values[name] = otherwise if values.get(name) is None else values[name]
        for column in table.columns:
            if column.needed and values.get(column.name) in (None, ()):
                refuse(column.name, "needed")
            given = row.values.get(column.name)
            if column.authority and self._site_id is not None and given not in (None, False):
                refuse(column.name, "authority", given)
        return values

    def _changes(self, table: Table, row: Row, there: Values, refuse: Refuse) -> Values:
        given = dict(row.values)
        if table.name == "sites" and given.get("region") is not None:
            given["region"] = self._region_path(str(given["region"]))
        found: Values = {}
        for column in table.columns:
            if column.key or column.name not in given or column.name == "remove":
                continue
            value = given[column.name]
            if column.name in UNLESS.get(table.name, {}) and value is None:
                continue
            value = () if value is None and isinstance(there[column.name], tuple) else value
            if value == there[column.name] or (column.fixed and value is None):
                continue
            if column.fixed:
                refuse(column.name, "fixed", value, there[column.name])
            elif column.authority and self._site_id is not None:
                refuse(column.name, "authority", value)
            found[column.name] = value
        return found

    def _plan_removal(self, made: TablePlan, row: Row, refuse: Refuse) -> None:
        if self._there[made.table.name].pop(row.key, None) is None:
            refuse(made.table.keys[-1], "nothing_to_remove", row.key[-1])
        else:
            made.removed.append(dict(zip(made.table.keys, row.key, strict=True)))

    def _check(self, table: str, row: Values, values: Values, refuse: Refuse) -> None:
        """Whether a row fits the rest; ``values``: what is new of it, and may be completed here."""
        site = row["site"]
        if table != "sites" and (site,) not in self._there["sites"]:
            refuse("site", "unknown", site, "sites")
            return
        check: Callable[[Values, Values, Refuse], None] | None = getattr(self, f"_check_{table}", None)
        if check is not None:
            check(row, values, refuse)
        if "zone" in row and table in ("alarm_points", "classes") and row["zone"] is not None:
            self._need("zones", (site, row["zone"]), "zone", refuse)
        first, last = ("hired_on", "left_on") if table == "staff" else ("done_on", "valid_until")
        if row.get(first) and row.get(last) and row[last] < row[first]:
            refuse(last, "day_order", row[last], row[first])

    def _check_sites(self, row: Values, values: Values, refuse: Refuse) -> None:
        if "region" in values:
            path = self._region_path(str(row["region"]))
            if path is None:
                refuse("region", "unknown", row["region"], "regions")
            values["region"] = path
        if row.get("timezone") not in zoneinfo.available_timezones():
            refuse("timezone", "unknown_timezone", row.get("timezone"))
        if row.get("policy_pack") is None and (row["site"],) not in self._there["sites"]:
            values["policy_pack"] = usual_pack(str(values["region"]), self._codes)
        elif row.get("policy_pack") is not None and row["policy_pack"] not in self._packs:
            refuse("policy_pack", "unknown_pack", row["policy_pack"], ", ".join(sorted(self._packs)))

    def _check_zones(self, row: Values, _values: Values, refuse: Refuse) -> None:
        if row.get("required") and row["kind"] in FORBIDDEN_KINDS:
            refuse("required", "forbidden_required", row["kind"])

    def _check_cameras(self, row: Values, values: Values, refuse: Refuse) -> None:
        site, camera = row["site"], row["camera"]
        is_new = (site, camera) not in self._there["cameras"]
        sees = [row["zone"], *(row.get("sees") or ())]
        for column, zone in zip(["zone", *["sees"] * (len(sees) - 1)], sees, strict=True):
            kind = (self._there["zones"].get((site, zone)) or {}).get("kind")
            if kind is None:
                refuse(column, "unknown", zone, "zones")
            elif kind in FORBIDDEN_KINDS and camera not in self._retired:
                refuse(column, "forbidden_zone", zone, kind)
        if is_new:
            mine = [agent for agent, at in self._agents.items() if at == site]
            values["agent"] = agent = row.get("agent") or (mine[0] if len(mine) == 1 else None)
            if agent is None:
                refuse("agent", "needed")
            elif self._agents.get(agent) != site:
                refuse("agent", "unknown_agent", agent)
            if camera in self._cameras:
                refuse("camera", "taken", camera)
            self._cameras.add(camera)
        if values.get("gb28181_id"):
            owner = self._devices.setdefault(values["gb28181_id"], camera)
            if owner != camera:
                refuse("gb28181_id", "taken", values["gb28181_id"])

    def _check_alarm_points(self, row: Values, _values: Values, refuse: Refuse) -> None:
        self._need("alarm_areas", (row["site"], row["panel"], row["partition"]), "partition", refuse)

    def _check_records(self, row: Values, _values: Values, refuse: Refuse) -> None:
        if (row["record"] in SITE_RECORDS) != (row["staff"] == ""):
            refuse("staff", "no_staff_here" if row["staff"] else "needed", row["staff"])
        elif row["staff"]:
            self._need("staff", (row["site"], row["staff"]), "staff", refuse)
        if row["done_on"] > self._last_day:
            refuse("done_on", "future_day", row["done_on"])

    def _check_children(self, row: Values, _values: Values, refuse: Refuse) -> None:
        self._need("classes", (row["site"], row["class"]), "class", refuse)

    def _check_guardians(self, row: Values, _values: Values, refuse: Refuse) -> None:
        for child in row["children"]:
            self._need("children", (row["site"], child), "children", refuse)

    def _need(self, table: str, key: Key, column: str, refuse: Refuse) -> None:
        if key not in self._there[table]:
            refuse(column, "unknown", key[-1], table)

    def _know_devices(self, rows: Sequence[Row]) -> None:
        """Ids are nobody else's, at no other site either."""
        trusted = self._session.execute(select(Agent.id, Agent.site_id).where(Agent.revoked_us.is_(None)))
        self._agents = {agent_id: site_id for agent_id, site_id in trusted}  # noqa: C416 - rows are no pairs to mypy
        self._cameras = set(self._session.scalars(select(Camera.id)))
        self._retired = set(self._session.scalars(select(Camera.id).where(Camera.retired_us.is_not(None))))
        held = select(CameraRecord.camera_id, CameraRecord.gb28181_id).where(CameraRecord.gb28181_id.is_not(None))
        devices = {camera_id: number for camera_id, number in self._session.execute(held)}  # noqa: C416
        for row in rows:
            if "gb28181_id" in row.values and row.values["gb28181_id"] != devices.get(str(row.values["camera"])):
                devices.pop(str(row.values["camera"]), None)
        self._devices = {number: camera for camera, number in devices.items()}

    @cached_property
    def _codes(self) -> dict[str, str | None]:
        """Of the regions as they are to be: sites are looked at after them."""
        return {node.path: node.code for node in self._regions.values()}

    def _region_path(self, given: str) -> str | None:
        path = given.strip("/").lower()
        if path in self._regions:
            return path
        return next((node.path for node in self._regions.values() if node.code == given.upper()), None)

    def _plan_regions(self, made: TablePlan, rows: Sequence[Row]) -> None:
        if self._site_id is not None:
            self.faults.add(Fault("regions", 0, "", "central_table"))
            return
        names = {one.path: (one.name, one.name_en) for one in regions.everything(self._session)}
        placed = place(list(rows), self._regions, self.faults)
        by_number = {row.number: row for row in rows}
        for number, node in placed.items():
            row, there = by_number[number], self._regions.get(node.path)
            old_name, old_english = names.get(node.path, (None, ""))
            name, english = row.values.get("name") or old_name, row.values.get("name_en", old_english) or ""
            if name is None:
                self._refuse("regions", row, "name", "needed")
                continue
            values = {**node._asdict(), "name": name, "name_en": english}
            if there is None:
                made.added.append(values)
            elif node != there or (name, english) != (old_name, old_english):
                made.changed.append(values)
            else:
                made.unchanged += 1
            self._regions[node.path] = node

    def _refuse(self, table: str, row: Row, column: str, code: str, given: object = "", wanted: object = "") -> None:
        shown = "" if given is None else str(given)[:60]
        self.faults.add(Fault(table, row.number, column, code, shown, str(wanted)[:200]))
