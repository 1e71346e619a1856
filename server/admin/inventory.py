"""The commands ``inventory import``, ``inventory export`` and ``inventory template``: the registers as files.

An import says first what it would do; ``--yes`` does it, all of it or nothing. In Chinese or English, as ``--language`` says.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from config.base.clock import SystemClock
from config.base.errors import ConfigurationError, InvalidInput
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.domain.registers.tables import TABLES
from server.runtime import open_database
from server.services.registers.export_registers import RegisterExporter, template
from server.services.registers.import_registers import RegisterImporter, Report
from server.services.registers.read_sheets import FILE_BYTES_MAX
from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES, Language, load_languages
from server.web.register_wording import NOT_YET, NOTHING_CHANGED, TABLE, fault_text, more_text, place_text, summary_text


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts the commands among those of ``server.admin``."""
    group = verbs(
        "inventory", "导入导出台账 · import and export the registers: regions, sites, cameras, staff, classes, …"
    )
    reading = group.add_parser(
        "import",
        help="说明文件会改动什么，加 --yes 则执行 · say what a CSV or XLSX file would change; with --yes, do it",
    )
    reading.set_defaults(run=_import)
    reading.add_argument("file", type=Path)
    reading.add_argument(
        "--yes",
        action="store_true",
        help="执行：全部成功或全不改动 · do it: all of it, or nothing where anything is wrong",
    )
    writing = group.add_parser("export", help="导出台账 · write the registers to a file")
    writing.set_defaults(run=_export)
    writing.add_argument("file", type=Path, help="文件名 · .csv (one table) or .xlsx")
    blank = group.add_parser("template", help="生成空白模板 · write a workbook with nothing but headings")
    blank.set_defaults(run=_template)
    blank.add_argument("file", type=Path, help=".xlsx")
    for parser in (reading, writing, blank):
        parser.add_argument("--table", default="", choices=["", *TABLES], help="CSV 须指定 · needed for CSV")
        parser.add_argument("--language", default=DEFAULT_LANGUAGE, choices=LANGUAGES)
    for parser in (reading, writing):
        parser.add_argument("--site", help="只限这一家园所 · of this site alone")


def _import(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    language = load_languages()[arguments.language]
    try:
        with arguments.file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {arguments.file}: {error}") from error
    database = open_database(settings.database)
    try:
        importer = RegisterImporter(database, SystemClock())
        run = importer.put if arguments.yes else importer.check
        report = run(None, arguments.site, arguments.table, data)
    finally:
        database.close()
    _tell(report, language)
    if report.fault_count:
        raise InvalidInput(language.text(NOTHING_CHANGED))
    if not report.done:
        print(language.text(NOT_YET))


def _tell(report: Report, language: Language) -> None:
    for fault in report.faults:
        print(f"✕ {place_text(fault, language)}: {fault_text(fault, language)}", file=sys.stderr)
    unlisted = report.fault_count - len(report.faults)
    if unlisted:
        print(more_text(unlisted, language), file=sys.stderr)
    for table in report.tables if not report.fault_count else ():
        counts = {name: getattr(table, name) for name in ("added", "changed", "removed", "unchanged")}
        print(f"{language.text(TABLE[table.table])}: {summary_text(counts, language)}")


def _export(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    is_csv = _is_csv(arguments)
    database = open_database(settings.database)
    try:
        exporter = RegisterExporter(database, SystemClock())
        if is_csv:
            text = exporter.csv_file(None, arguments.site, arguments.table, arguments.language)
            data = text.encode()
        else:
            data = exporter.workbook(None, arguments.site, arguments.table, arguments.language)
    finally:
        database.close()
    _write(arguments.file, data)


def _template(arguments: argparse.Namespace, _settings: ServerSettings) -> None:
    if arguments.file.suffix.lower() != ".xlsx":
        raise InvalidInput(f"{arguments.file}: a template is a workbook: give it the ending .xlsx")
    _write(arguments.file, template(arguments.table, arguments.language))


def _is_csv(arguments: argparse.Namespace) -> bool:
    ending = arguments.file.suffix.lower()
    if ending not in (".csv", ".xlsx") or (ending == ".csv" and not arguments.table):
        raise InvalidInput(f"{arguments.file}: give a name that ends in .xlsx, or in .csv and one --table")
    return bool(ending == ".csv")


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error}") from error
    print(file)
