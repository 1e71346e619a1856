"""From the bytes of a CSV or XLSX file to sheets of text cells.

Invariants: what is read is bounded before it is read: a workbook is inflated under a count, and only what was counted
is handed to the library; cells that lie far out are refused, for the library makes room for all between. A CSV is in one
encoding, UTF-8 or GBK; a file that mixes them is refused with its rows and the column.
Source: ECMA-376 (workbooks), RFC 4180 (CSV), GB 18030.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from config.base.errors import InvalidInput
from server.domain.registers.sheets import COLUMNS_MAX, ROWS_MAX

FILE_BYTES_MAX = 16 * 1024 * 1024
INFLATED_BYTES_MAX = 128 * 1024 * 1024
MEMBERS_MAX = 200
SHEETS_MAX = 20
ROWS_NAMED_MAX = 5
FAR_ROW = ROWS_MAX + 2
EITHER, NEITHER = "either", "neither"
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_OLE = b"\xd0\xcf\x11\xe0"
_PARTS = ("xl/", "_rels/", "docprops/", "[content_types].xml")
"""What of a workbook is handed on; formats of other programs have none of it."""


class FileFault(InvalidInput):
    """A file of which nothing can be read; ``row``, ``column`` as its heading stands, and ``wanted`` fill in the words of ``code``."""

    def __init__(self, code: str, row: int = 0, wanted: str = "", column: str = "") -> None:
        super().__init__(f"{code} (row {row}) {wanted}".rstrip(), code=code)
        self.row = row
        self.wanted = wanted
        self.column = column


@dataclass(frozen=True)
class Sheet:
    """``name`` is empty for a CSV file. ``lines`` can be read once; reading may raise FileFault."""

    name: str
    lines: Iterator[Sequence[str]]


def read_sheets(data: bytes) -> list[Sheet]:
    """The sheets that are not hidden. Raises FileFault."""
    if len(data) > FILE_BYTES_MAX:
        raise FileFault("file_too_large", wanted=str(FILE_BYTES_MAX // 1024 // 1024))
    if not data.strip():
        raise FileFault("empty_file")
    if data.startswith(_OLE):
        raise FileFault("old_excel")
    if data.startswith(b"PK"):
        return _workbook(data)
    return [Sheet("", _records(_text(data)))]


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise FileFault("not_text")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _reads(data, "utf-8"):
        return data.decode("utf-8")
    found: dict[str, list[tuple[int, int]]] = {"GBK": [], "UTF-8": []}
    headings: list[bytes] = []
    # Each byte a letter: none of a Chinese character's is a comma, a quotation mark or a line's end, in either encoding.
    for number, record in enumerate(_records(data.decode("latin-1")), 1):
        cells = [cell.encode("latin-1") for cell in record]
        headings = headings or cells
        encodings = [_encoding(cell) for cell in cells]
        for place, encoding in enumerate(encodings):
            if encoding == NEITHER:
                raise FileFault("no_encoding", number, column=_heading(headings, place))
            if encoding in found or (encoding == EITHER and "GBK" not in encodings):
                found["UTF-8" if encoding == EITHER else encoding].append((number, place))
    if found["UTF-8"]:
        which = min(found, key=lambda encoding: len(found[encoding]))
        rows = list(dict.fromkeys(number for number, _ in found[which]))
        named = ", ".join(str(number) for number in rows[:ROWS_NAMED_MAX])
        more = " …" if len(rows) > ROWS_NAMED_MAX else ""
        raise FileFault("mixed_encodings", rows[0], f"{which}: {named}{more}", _heading(headings, found[which][0][1]))
    return data.decode("gb18030")


def _encoding(cell: bytes) -> str:
    """The only one that it can be in; empty where it says nothing of that: two-byte letters of UTF-8 are most likely GBK."""
    if cell.isascii():
        return ""
    if not _reads(cell, "utf-8"):
        return "GBK" if _reads(cell, "gb18030") else NEITHER
    if max(cell.decode("utf-8")) < "\u0800":
        return ""
    # A word in UTF-8 is hardly ever made of characters of GB 2312 alone; beside a cell in GBK such a one is GBK too.
    return EITHER if _reads(cell, "gb2312") else "UTF-8"


def _heading(headings: list[bytes], place: int) -> str:
    heading = headings[place] if place < len(headings) else b""
    return heading.decode("utf-8" if _reads(heading, "utf-8") else "gb18030", "ignore").strip()


def _reads(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _records(text: str) -> Iterator[Sequence[str]]:
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, record in enumerate(reader, 1):  # noqa: B007 - the fault names it
            yield record
    except csv.Error as error:
        raise FileFault("bad_csv", number + 1) from error


def _workbook(data: bytes) -> list[Sheet]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(_counted(data)))
        visible = [meta.name for meta in book.sheets_metadata if meta.visible is SheetVisibleEnum.Visible]
        found = [Sheet(name, _lines(book.get_sheet_by_name(name))) for name in visible[:SHEETS_MAX]]
    except (CalamineError, OSError, ValueError) as error:
        raise FileFault("broken_workbook") from error
    if not found:
        raise FileFault("empty_file")
    return found


def _counted(data: bytes) -> bytes:
    """The same workbook, its members inflated and stored as they are: what the library opens is what was counted."""
    stored, total = io.BytesIO(), 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as copy:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX:
                raise FileFault("broken_workbook")
            for member in members:
                with archive.open(member) as opened:
                    content = opened.read(INFLATED_BYTES_MAX - total + 1)
                total += len(content)
                if total > INFLATED_BYTES_MAX:
                    raise FileFault("workbook_too_large", wanted=str(INFLATED_BYTES_MAX // 1024 // 1024))
                name = member.filename.lower()
                if name.startswith(_PARTS) and name.endswith((".xml", ".rels")):
                    _check_xml(content)
                    copy.writestr(member.filename, content)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, FileFault):
            raise
        raise FileFault("broken_workbook") from error
    except expat.ExpatError as error:
        raise FileFault("broken_workbook") from error
    return stored.getvalue()


def _check_xml(content: bytes) -> None:
    """No document type, and no cell with a value beyond what a table may have."""
    parser = expat.ParserCreate()
    place = ""

    def refuse(*_: object) -> None:
        raise FileFault("broken_workbook")

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal place
        local = name.rpartition(":")[2]
        if local == "c":
            place = attributes.get("r", "")
        elif local in ("v", "is") and place:
            _check_place(place)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.Parse(content, True)


def _check_place(place: str) -> None:
    found = _REFERENCE.fullmatch(place.upper())
    if found is None:
        raise FileFault("broken_workbook")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    if column > COLUMNS_MAX:
        raise FileFault("cell_far_out", int(found[2]), place)
    if int(found[2]) > FAR_ROW:
        raise FileFault("too_many_rows", int(found[2]), str(ROWS_MAX))


def _lines(sheet: CalamineSheet) -> Iterator[Sequence[str]]:
    # Its rows are counted from the sheet's first, its columns from the first that holds anything.
    blanks = [""] * (sheet.start or (0, 0))[1]
    for line in sheet.iter_rows():
        yield blanks + [_cell(value) for value in line]


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, float | int):
        # A spreadsheet keeps 15 digits of a number: of an id of 20 the rest is lost, and must not be believed.
        return f"{value:.5E}" if abs(value) >= 1e15 else f"{value:.10g}" if value % 1 else f"{value:.0f}"
    return str(value)
