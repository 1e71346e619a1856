"""The docket as a file, CSV or XLSX, in either language: a line a case.

Invariant: no cell is a formula to the program that opens it. Source: OWASP, CSV Injection.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Literal
from zoneinfo import ZoneInfo

import xlsxwriter

from config.base.clock import to_datetime
from server.services.docket.desk import CaseView

Language = Literal["zh-CN", "en"]
BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take UTF-8 for the machine's own encoding."""
COLUMN_CHARS = 18
HEADINGS = {
    "en": (
        "case", "incident", "site", "camera", "camera name", "cause", "status", "start", "end", "missing, s", "opened",
        "due", "overdue", "owner", "explained by", "closed", "closed because", "follows case",
    ),
    "zh-CN": (
        "编号", "事项", "园所", "摄像头", "摄像头名称", "原因", "状态", "开始", "结束", "缺失秒数", "立案时间", "整改期限",
        "是否超期", "责任人", "说明人", "结案时间", "结案原因", "接续编号",
    ),
}  # fmt: skip
Say = Callable[[str], str]


def lines(cases: Sequence[CaseView], language: Language, zones: dict[str, str], say: Say) -> list[list[str]]:
    """Headings and rows; ``zones``: site → its time zone; ``say``: a cause or status in the reader's words."""
    found = [list(HEADINGS[language])]
    for case in cases:
        zone = ZoneInfo(zones[case.site_id])
        found.append(
            [
                str(case.case_id), case.incident_id, case.site_id, case.camera_id, case.camera_name, say(case.cause),
                say(case.status), _at(case.start_us, zone), _at(case.end_us, zone), str(case.missing_us // 1_000_000),
                _at(case.opened_us, zone), _at(case.due_us, zone),
                ("是" if language == "zh-CN" else "yes") if case.overdue else "", case.owner, case.explained_by,
                _at(case.closed_us, zone), say(case.closed_why) if case.closed_why else "",
                str(case.follows_id) if case.follows_id is not None else "",
            ]
        )  # fmt: skip
    return harmless_rows(found)


def csv_file(rows: Sequence[Sequence[str]]) -> bytes:
    """The text begins with a byte order mark."""
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return (BYTE_ORDER_MARK + written.getvalue()).encode()


def workbook(rows: Sequence[Sequence[str]], name: str) -> bytes:
    """One sheet; every cell is text."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"constant_memory": True, "in_memory": False})
    heading, plain = book.add_format({"bold": True, "num_format": "@"}), book.add_format({"num_format": "@"})
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(rows[0]) - 1, COLUMN_CHARS, plain)
    for number, row in enumerate(rows):
        for at, text in enumerate(row):
            sheet.write_string(number, at, text, plain if number else heading)
    book.close()
    return written.getvalue()


def _at(instant_us: int | None, zone: ZoneInfo) -> str:
    return to_datetime(instant_us).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if instant_us is not None else ""


def harmless_rows(rows: Iterable[Iterable[str]]) -> list[list[str]]:
    """Every cell ``harmless``."""
    return [[harmless(text) for text in row] for row in rows]


def harmless(text: str) -> str:
    """Programs take a cell that begins so for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
