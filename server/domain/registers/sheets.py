"""From a sheet's cells to rows of a table: headings in either language, every fault with its row and column.

Rows are counted as a spreadsheet shows them: the headings are row 1. At most ``FAULTS_MAX`` faults are kept, all are
counted.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from server.domain.registers.cells import CellFault, Value, clean
from server.domain.registers.tables import Column, Table

FAULTS_MAX = 200
ROWS_MAX = 100_000
COLUMNS_MAX = 32
GIVEN_CHARS_MAX = 60
Key = tuple[Value, ...]


class Fault(msgspec.Struct, frozen=True):
    """``column`` empty: the whole row; ``row`` 0: the whole file. ``wanted`` fills in the words of ``code``."""

    table: str
    row: int
    column: str
    code: str
    given: str = ""
    wanted: str = ""


@dataclass
class Faults:
    """What is wrong so far."""

    kept: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.kept) < FAULTS_MAX:
            self.kept.append(fault)


class Row(msgspec.Struct, frozen=True):
    """``values``: of the columns that the file has; keys always."""

    number: int
    key: Key
    values: dict[str, Value]
    remove: bool = False


def read_rows(table: Table, lines: Iterable[Sequence[str]], faults: Faults, *, site_id: str | None) -> list[Row]:
    """The rows of one sheet; ``site_id``: every row is of this site, and the column may be left out."""
    found: list[Row] = []
    seen: dict[Key, int] = {}
    columns: list[Column | None] | None = None
    for number, line in enumerate(lines, 1):
        if columns is None:
            columns = _headings(table, line, faults, site_id=site_id)
            if columns is None:
                return []
            continue
        if number > ROWS_MAX + 1:
            faults.add(Fault(table.name, number, "", "too_many_rows", wanted=str(ROWS_MAX)))
            return found
        if not any(cell.strip() for cell in line):
            continue
        row = _row(table, columns, line, number, faults, site_id)
        if row is None:
            continue
        if row.key in seen:
            faults.add(Fault(table.name, number, table.keys[-1], "twice", _shown(row.key), str(seen[row.key])))
            continue
        seen[row.key] = number
        found.append(row)
    if columns is None:
        faults.add(Fault(table.name, 1, "", "empty_file"))
    return found


def _headings(table: Table, line: Sequence[str], faults: Faults, *, site_id: str | None) -> list[Column | None] | None:
    """None where no row could be read with them."""
    known = {name: column for column in table.columns for name in (column.name, column.zh)}
    before = faults.count
    columns: list[Column | None] = []
    for given in line:
        word = given.strip().strip("*").strip()
        column = known.get(word) or known.get(word.lower().replace(" ", "_"))
        if word and column is None:
            near = difflib.get_close_matches(word.lower(), list(known), n=1)
            faults.add(
                Fault(
                    table.name,
                    1,
                    word[:GIVEN_CHARS_MAX],
                    "unknown_column",
                    word[:GIVEN_CHARS_MAX],
                    near[0] if near else "",
                )
            )
        elif column is not None and column in columns:
            faults.add(Fault(table.name, 1, column.name, "column_twice"))
        columns.append(column)
    for column in table.columns:
        given_elsewhere = column.name == "site" and site_id is not None
        if column.key and column.unless is None and column not in columns and not given_elsewhere:
            faults.add(Fault(table.name, 1, column.name, "no_column"))
    if len(columns) > COLUMNS_MAX:
        faults.add(Fault(table.name, 1, "", "too_many_columns", wanted=str(COLUMNS_MAX)))
    return columns if faults.count == before else None


def _row(
    table: Table,
    columns: list[Column | None],
    line: Sequence[str],
    number: int,
    faults: Faults,
    site_id: str | None,
) -> Row | None:
    values: dict[str, Value] = {}
    before = faults.count
    if any(cell.strip() for cell in line[len(columns) :]):
        faults.add(Fault(table.name, number, "", "too_many_cells"))
    for column, given in zip(columns, line, strict=False):
        if column is None:
            if given.strip():
                faults.add(Fault(table.name, number, "", "cell_without_heading", given[:GIVEN_CHARS_MAX]))
            continue
        try:
            text = clean(given)
            values[column.name] = column.read(text) if text else column.unless
        except CellFault as fault:
            faults.add(
                Fault(table.name, number, column.name, fault.code, given.strip()[:GIVEN_CHARS_MAX], fault.wanted)
            )
    for column in columns[len(line) :]:
        if column is not None:
            values[column.name] = column.unless
    if faults.count > before:
        return None
    return _keyed(table, values, number, faults, site_id)


def _keyed(table: Table, values: dict[str, Value], number: int, faults: Faults, site_id: str | None) -> Row | None:
    before = faults.count
    if site_id is not None and not table.central:
        if values.get("site") is None:
            values["site"] = site_id
        elif values["site"] != site_id:
            faults.add(Fault(table.name, number, "site", "other_site", str(values["site"]), site_id))
    remove = bool(values.pop("remove", None))
    for column in table.columns:
        empty = values.get(column.name, column.unless) in (None, ())
        if column.key:
            values.setdefault(column.name, column.unless)
        if empty and (column.key or (column.needed and column.name in values and not remove)):
            faults.add(Fault(table.name, number, column.name, "needed"))
    if faults.count > before:
        return None
    return Row(number, tuple(values[name] for name in table.keys), values, remove)


def _shown(key: Key) -> str:
    return " ".join(str(part) for part in key)[:GIVEN_CHARS_MAX]
