"""Hands the registers out as CSV or XLSX, in either language, as an import takes them.

Invariants: no cell is a formula to the program that opens it; what is about children goes to operators of the site alone,
and who took it is on the access record.
Source: OWASP, CSV Injection.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import xlsxwriter
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from server.domain.authorisation import Action
from server.domain.registers.tables import TABLES, Column, Table, of_sites
from server.domain.registers.words import ANSWERS
from server.services.people.operators import may_at_site, operated_site
from storage.database import regions, registers
from storage.database.models import AccessRecord, Site
from storage.database.scope import Scope, site_in_reach
from storage.database.unit_of_work import Database

Language = Literal["zh-CN", "en"]
BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take UTF-8 for the machine's own encoding."""
COLUMN_CHARS = 18
SUBJECT = "register_export"


@dataclass(frozen=True)
class RegisterExporter:
    """``scope`` None is the command line. Raises NotFound out of reach, or for a table that there is not."""

    database: Database
    clock: Clock

    def csv_file(
        self, scope: Scope | None, site_id: str | None, table: str, language: Language, source: str = ""
    ) -> str:
        """One table; the text begins with a byte order mark."""
        with self.database.unit_of_work() as session:
            (wanted,) = self._tables(session, scope, site_id, table, source)
            written = io.StringIO()
            writer = csv.writer(written)
            writer.writerow(_headings(wanted, language))
            for row in _rows(session, wanted, site_id):
                writer.writerow([_harmless(text) for text in _texts(wanted, row, language)])
        return BYTE_ORDER_MARK + written.getvalue()

    def workbook(
        self, scope: Scope | None, site_id: str | None, table: str, language: Language, source: str = ""
    ) -> bytes:
        """One table, or with ``table`` empty all of them, a sheet each."""
        with self.database.unit_of_work() as session:
            tables = self._tables(session, scope, site_id, table, source)
            return _workbook([(each, _rows(session, each, site_id)) for each in tables], language)

    def _tables(
        self, session: Session, scope: Scope | None, site_id: str | None, table: str, source: str
    ) -> Sequence[Table]:
        if scope is None:
            found: Sequence[Table] = list(TABLES.values()) if site_id is None else of_sites(private=True)
        else:
            site_id = site_in_reach(session, scope, site_id or "").id
            found = of_sites(private=may_at_site(scope, Action.PEOPLE_READ))
        chosen = [each for each in found if table in ("", each.name)]
        if not chosen:
            raise NotFound(f"no table {table}: {', '.join(each.name for each in found)}", code="no_table")
        if scope is not None and site_id is not None and any(each.private or each.name == "staff" for each in chosen):
            now_us = self.clock.utc_us()
            session.add(
                AccessRecord(
                    at_us=now_us, account_name=scope.account_name, site_id=site_id, subject=SUBJECT,
                    subject_id=table or "all", source=source[:200] or None,
                )
            )  # fmt: skip
        return chosen

    def counts(self, scope: Scope, site_id: str) -> dict[str, int]:
        """How many rows each table of a site has. For its operators."""
        with self.database.reading() as session:
            site = operated_site(session, scope, site_id)
            tables = of_sites(private=True)
            return {table.name: sum(1 for _ in _rows(session, table, site.id)) for table in tables}


def template(table: str, language: Language) -> bytes:
    """A workbook with nothing but headings, of one table or of all tables of a site. Raises InvalidInput."""
    tables = [each for each in of_sites(private=True) if table in ("", each.name)]
    if not tables:
        raise InvalidInput(f"no table {table}", code="no_table")
    return _workbook([(each, ()) for each in tables], language)


def _rows(session: Session, table: Table, site_id: str | None) -> Iterable[dict[str, Any]]:
    if table.central:
        return (
            {"code": one.code or "", "path": one.path, "parent": one.parent, "level": one.level, "name": one.name,
             "name_en": one.name_en}
            for one in regions.everything(session)
        )  # fmt: skip
    sites = [site_id] if site_id is not None else list(session.scalars(select(Site.id)))
    return registers.load(session, table.name, sites)


def _headings(table: Table, language: Language) -> list[str]:
    return [column.zh if language == "zh-CN" else column.name for column in table.columns if column.name != "remove"]


def _texts(table: Table, row: dict[str, Any], language: Language) -> Iterator[str]:
    for column in table.columns:
        if column.name != "remove":
            yield _text(column, row.get(column.name), language)


def _text(column: Column, value: Any, language: Language) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("是" if value else "否") if language == "zh-CN" else ("yes" if value else "no")
    if isinstance(value, tuple):
        return "; ".join(value)
    if column.answers and language == "zh-CN":
        return ANSWERS[column.answers].get(str(value), str(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _harmless(text: str) -> str:
    """Programs take a cell that begins so for a formula; an import takes the apostrophe off again."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _workbook(sheets: Iterable[tuple[Table, Iterable[dict[str, Any]]]], language: Language) -> bytes:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"constant_memory": True, "in_memory": False})
    heading, plain = book.add_format({"bold": True, "num_format": "@"}), book.add_format({"num_format": "@"})
    for table, rows in sheets:
        sheet = book.add_worksheet(table.zh if language == "zh-CN" else table.name)
        sheet.freeze_panes(1, 0)
        # Every column is text, so that an id of 20 digits that is typed into it stays what it is.
        sheet.set_column(0, len(table.columns) - 1, COLUMN_CHARS, plain)
        for at, word in enumerate(_headings(table, language)):
            sheet.write_string(0, at, word, heading)
        for number, row in enumerate(rows, 1):
            for at, text in enumerate(_texts(table, row, language)):
                if text:
                    sheet.write_string(number, at, text, plain)
    book.close()
    return written.getvalue()
