"""Files as strangers send them: encodings mixed, workbooks that unfold without end, cells far out."""

import io
import struct
import zipfile

import pytest
import xlsxwriter

from server.domain.registers.cells import area, clean, day, gb28181, mac, yes_no
from server.services.registers.read_sheets import FileFault, read_sheets
from server.web.register_wording import FAULT


def book(*cells: tuple[str, object]) -> bytes:
    written = io.BytesIO()
    made = xlsxwriter.Workbook(written)
    sheet = made.add_worksheet("zones")
    for place, value in cells:
        sheet.write(place, value)
    made.close()
    return written.getvalue()


def repacked(data: bytes, **changes: bytes) -> bytes:
    """The workbook with members of other content; names with their dots as underscores, without folders."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            name = member.filename.rpartition("/")[2].replace(".", "_")
            new.writestr(member.filename, changes.get(name, old.read(member)))
    return written.getvalue()


def refused(data: bytes) -> tuple[str, int, str]:
    fault = fault_of(data)
    return fault.code, fault.row, fault.wanted


def fault_of(data: bytes) -> FileFault:
    with pytest.raises(FileFault) as caught:
        [list(sheet.lines) for sheet in read_sheets(data)]
    assert caught.value.code in FAULT
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_in_either_encoding(encoding, delimiter):
    text = delimiter.join(["编号", "名称"]) + "\r\n" + delimiter.join(["a", "联通"]) + "\r\n"
    (sheet,) = read_sheets(text.encode(encoding))
    assert list(sheet.lines) == [["编号", "名称"], ["a", "联通"]]


def test_mixed_encodings_are_told_with_their_lines():
    lines = [
        "编号,名称".encode(),
        "a,活动室".encode(),
        "b,午睡室".encode("gbk"),
        "c,厨房".encode(),
        "d,大门".encode("gbk"),
    ]
    assert refused(b"\n".join(lines)) == ("mixed_encodings", 3, "GBK: 3, 5")
    gbk = ["编号,名称".encode("gbk")] * 9 + ["a,活动室".encode()]
    assert refused(b"\n".join(gbk)) == ("mixed_encodings", 10, "UTF-8: 10")
    assert refused(b"a,b\n1,\xff\xff\n") == ("no_encoding", 2, "")
    # A cell of two lines is one row; within a row the first cell of the rarer encoding is named by its heading.
    parts = ('编号,名称\n"a\nb",活动室\nc,'.encode(), "午睡室".encode("gbk"), ",厨房\n".encode())
    for data, row, column in ((b"".join(parts), 3, "名称"), (b"a,b\n1,\xff\xff\n", 2, "b"), (b"\xff", 1, "")):
        assert (fault_of(data).row, fault_of(data).column) == (row, column)


def test_a_word_in_gbk_that_reads_as_another_in_utf8_mixes_nothing():
    both = "涓颁赴"
    assert both.encode("gbk").decode("utf-8") == "丰丰"
    (sheet,) = read_sheets(f"编号,名称,场所类型\na,{both},厨房\n".encode("gbk"))
    assert list(sheet.lines)[1] == ["a", both, "厨房"]
    assert refused("编号,名称\nb,午睡室\n".encode("gbk") + "a,丰丰\n".encode()) == ("mixed_encodings", 3, "UTF-8: 3")


def test_cells_of_a_workbook_become_text():
    (sheet,) = read_sheets(
        book(("B2", "x"), ("C2", 3), ("D2", 2.5), ("E2", True), ("F2", 51050400001320000001), ("B4", "y"))
    )
    lines = [list(line) for line in sheet.lines]
    assert sheet.name == "zones"
    assert lines[1][:6] == ["", "x", "3", "2.5", "yes", "5.10504E+19"]
    assert lines[3][1] == "y"
    assert len(lines) == 4


def test_what_is_no_workbook_of_ours_is_refused():
    good = book(("A1", "x"))
    assert refused(b"\xd0\xcf\x11\xe0....")[0] == "old_excel"
    assert refused(good[: len(good) // 2])[0] == "broken_workbook"
    assert refused(b"PK\x03\x04 not at all")[0] == "broken_workbook"
    assert refused(b"")[0] == "empty_file"
    assert refused(b"x" * (16 * 1024 * 1024 + 1))[0] == "file_too_large"
    doctype = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    assert refused(repacked(good, sharedStrings_xml=doctype))[0] == "broken_workbook"
    assert refused(repacked(good, sheet1_xml=b"<worksheet>"))[0] == "broken_workbook"
    assert refused(repacked(good, workbook_xml=b"<workbook/>"))[0] == "empty_file"


def test_a_workbook_that_unfolds_without_end_is_refused_before_it_does(monkeypatch):
    monkeypatch.setattr("server.services.registers.read_sheets.INFLATED_BYTES_MAX", 1_000_000)
    bomb = repacked(book(("A1", "x")), sharedStrings_xml=b" " * 5_000_000)
    assert len(bomb) < 20_000
    assert refused(bomb)[0] == "workbook_too_large"
    # One that lies about its sizes: the library would inflate all of it, our count reads what is declared.
    lying = bomb.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10))
    assert refused(lying)[0] == "broken_workbook"


def test_a_cell_far_out_makes_no_room_for_all_between():
    assert refused(book(("A1", "x"), ("XFD1", "y"))) == ("cell_far_out", 1, "XFD1")
    assert refused(book(("A1", "x"), ("A1048576", "y"))) == ("too_many_rows", 1048576, "100000")
    odd = b'<worksheet><sheetData><row><c r="A-1"><v>1</v></c></row></sheetData></worksheet>'
    assert refused(repacked(book(("A1", "x")), sheet1_xml=odd))[0] == "broken_workbook"


def test_cells_are_read_as_people_write_them():
    assert [day(text) for text in ("2026-1-31", "2026/01/31", "２０２６年1月31日", "20260131")] == ["2026-01-31"] * 4
    assert (yes_no("是"), yes_no("N"), area("１２.34")) == (True, False, 12.3)
    assert mac("001A-2b3c-4D5E") == "00:1a:2b:3c:4d:5e"
    assert gb28181("５1050400001320000001") == "51050400001320000001"
    assert clean(" '=x ") == "=x"
