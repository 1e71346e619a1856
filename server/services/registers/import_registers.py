"""Imports a file of the registers: first what it would do, then all of it or nothing.

Invariants: one transaction looks and writes; a file with one fault changes nothing; an import that changes anything is on
record with the file's digest; one file is read at a time in a process, for each may take hundreds of megabytes.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, Unavailable
from server.domain.authorisation import Action
from server.domain.registers.sheets import Fault, Faults, Row, read_rows
from server.domain.registers.tables import TABLES, Table, named
from server.services.compliance import choose_pack
from server.services.compliance.rule_books import library
from server.services.people.operators import site_for
from server.services.registers.plan_import import Planner, TablePlan
from server.services.registers.read_sheets import FileFault, Sheet, read_sheets
from storage.database import places, registers
from storage.database.models import Region, RegisterImport, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

CHANGES_MAX = 50
SKIPPED_SHEETS = ("说明", "notes")
_turn = Lock()


class Change(msgspec.Struct, frozen=True):
    """One row that would be added (``columns`` empty), changed or removed."""

    table: str
    key: str
    columns: list[str]
    act: str
    """``added``, ``changed``, ``removed``."""


class TableSummary(msgspec.Struct, frozen=True):
    """How many rows of one table."""

    table: str
    added: int
    changed: int
    unchanged: int
    removed: int


class Report(msgspec.Struct, frozen=True):
    """``fault_count`` counts faults beyond those that are listed; ``done``: it stands in the database now."""

    tables: list[TableSummary]
    changes: list[Change]
    faults: list[Fault]
    fault_count: int
    done: bool
    fingerprint: str
    """Of the file and of what it would change; who confirms hands it back."""


@dataclass(frozen=True)
class RegisterImporter:
    """``scope`` None is the command line, which reaches everything; else the person operates the site, or NotFound."""

    database: Database
    clock: Clock

    def check(self, scope: Scope | None, site_id: str | None, table: str, data: bytes) -> Report:
        """What importing would do; changes nothing. ``table``: of a CSV file, or of a workbook's only sheet.

        Raises Unavailable while another file is read.
        """
        with _mine(), self.database.reading() as session:
            return self._run(session, scope, site_id, table, data)[0]

    def put(self, scope: Scope | None, site_id: str | None, table: str, data: bytes, expected: str = "") -> Report:
        """Does it, if there is no fault. ``expected``: the fingerprint that was confirmed.

        Raises Conflict where it would do something else by now, Unavailable while another file is read.
        """
        with _mine(), self.database.unit_of_work() as session:
            report, plans = self._run(session, scope, site_id, table, data)
            if report.fault_count:
                return report
            if expected and expected != report.fingerprint:
                raise Conflict("something has changed since: look at it again, then confirm", code="import_changed")
            now_us = self.clock.utc_us()
            chosen = _chosen_packs(session, plans)
            for plan in plans:
                _apply(session, plan, now_us)
            by = scope.account_name if scope is not None else choose_pack.COMMAND
            for of_site, change in chosen.items():
                choose_pack.enter(session, of_site, change, by, now_us)
            places.note_places(session, _with_places(plans), now_us)
            self._note(session, scope, site_id, report, data)
            return msgspec.structs.replace(report, done=True)

    def _run(
        self, session: Session, scope: Scope | None, site_id: str | None, table: str, data: bytes
    ) -> tuple[Report, list[TablePlan]]:
        if scope is not None:
            site_id = site_for(session, scope, site_id or "", Action.REGISTERS_WRITE).id
        planner = Planner(session, site_id, pack_names(), self.clock.utc_us())
        rows = _rows(data, table, planner.faults, site_id)
        plans = planner.plan(rows)
        summaries = [
            TableSummary(plan.table.name, len(plan.added), len(plan.changed), plan.unchanged, len(plan.removed))
            for plan in plans
        ]
        changes = [change for plan in plans for change in _changes(plan)][:CHANGES_MAX]
        told = hashlib.sha256(data + msgspec.json.encode(summaries)).hexdigest()
        faults = planner.faults
        kept = sorted(
            faults.kept, key=lambda fault: (list(TABLES).index(fault.table) if fault.table else -1, fault.row)
        )
        return Report(summaries, changes, kept, faults.count, done=False, fingerprint=told), plans

    def _note(self, session: Session, scope: Scope | None, site_id: str | None, report: Report, data: bytes) -> None:
        figures = {
            name: sum(getattr(table, name) for table in report.tables) for name in ("added", "changed", "removed")
        }
        if any(figures.values()):
            session.add(
                RegisterImport(
                    at_us=self.clock.utc_us(),
                    account_name=scope.account_name if scope else "",
                    site_id=site_id if scope else None,
                    sha256=hashlib.sha256(data).hexdigest(),
                    **figures,
                )
            )


@functools.cache
def pack_names() -> tuple[str, ...]:
    """The policy packs that a site may name."""
    return library().names


@contextmanager
def _mine() -> Iterator[None]:
    if not _turn.acquire(timeout=5):
        raise Unavailable("another file is being read: try again in a minute", code="import_busy")
    try:
        yield
    finally:
        _turn.release()


def _rows(data: bytes, table: str, faults: Faults, site_id: str | None) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    try:
        for sheet, of_table in _tables(read_sheets(data), table, faults):
            try:
                rows = read_rows(of_table, sheet.lines, faults, site_id=site_id)
            except FileFault as fault:
                faults.add(Fault(of_table.name, fault.row, fault.column, fault.code, wanted=fault.wanted))
                continue
            found.setdefault(of_table.name, rows)
    except FileFault as fault:
        faults.add(Fault("", fault.row, fault.column, fault.code, wanted=fault.wanted))
    return found


def _tables(sheets: Sequence[Sheet], table: str, faults: Faults) -> Iterator[tuple[Sheet, Table]]:
    meant = [sheet for sheet in sheets if sheet.name.strip().lower() not in SKIPPED_SHEETS]
    seen: set[str] = set()
    for sheet in meant:
        found = named(sheet.name) or (TABLES.get(table) if len(meant) == 1 else None)
        if found is None:
            code = "unknown_sheet" if sheet.name else "which_table"
            faults.add(Fault("", 0, "", code, sheet.name[:60]))
        elif found.name in seen:
            faults.add(Fault(found.name, 0, "", "sheet_twice", sheet.name[:60]))
        else:
            seen.add(found.name)
            yield sheet, found


def _changes(plan: TablePlan) -> Iterator[Change]:
    keys = ("path",) if plan.table.central else plan.table.keys
    for act, rows in (("removed", plan.removed), ("changed", plan.changed), ("added", plan.added)):
        for row in rows[:CHANGES_MAX]:
            columns = [name for name in row if name not in keys] if act == "changed" else []
            yield Change(plan.table.name, " ".join(str(row[key]) for key in keys if row[key] != ""), columns, act)


def _apply(session: Session, plan: TablePlan, now_us: int) -> None:
    name = plan.table.name
    if plan.table.central:
        for values in (*plan.added, *plan.changed):
            session.merge(Region(**values))
            session.flush()
        return
    apart = {"cameras": (*registers.RECORD, "sees"), "guardians": ("children",)}.get(name, ())
    since = {"sites": "created_us", "zones": "registered_us", "cameras": "registered_us"}
    made: dict[str, Any] = {since[name]: now_us} if name in since else {}
    registers.remove(session, name, plan.removed)
    registers.write(
        session,
        name,
        [_without(row, apart) | made for row in plan.added],
        [_without(row, apart) for row in plan.changed],
    )
    if name == "cameras":
        registers.put_devices(session, (*plan.added, *plan.changed))
    elif name == "guardians":
        registers.put_bonds(session, (*plan.added, *plan.changed))
    session.flush()


def _chosen_packs(session: Session, plans: Iterable[TablePlan]) -> dict[str, tuple[str | None, str | None]]:
    """Of sites that are to be judged by another pack than before: both."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for plan in plans:
        if plan.table.name != "sites":
            continue
        for row in plan.added:
            found[row["site"]] = (None, row.get("policy_pack"))
        for row in plan.changed:
            if "policy_pack" in row:
                found[row["site"]] = (session.get_one(Site, row["site"]).policy_pack, row["policy_pack"])
    return {site_id: change for site_id, change in found.items() if change[0] != change[1]}


def _with_places(plans: Iterable[TablePlan]) -> set[str]:
    """The sites of which cameras, places, classes or children were touched."""
    touched = [plan for plan in plans if plan.table.name in ("zones", "cameras", "classes", "children")]
    return {row["site"] for plan in touched for row in (*plan.added, *plan.changed, *plan.removed)}


def _without(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
