"""What somebody typed into a register: each cell a value or a fault that says what was wanted, each row whole or refused."""

import pytest

from server.domain.registers import cells
from server.domain.registers.cells import CellFault
from server.domain.registers.regions import Node, place
from server.domain.registers.sheets import COLUMNS_MAX, Faults, Row, read_rows
from server.domain.registers.tables import TABLES, named, of_sites


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (cells.words(4), "nap", "nap"),
        (cells.slug, "Ｐlay-1", "play-1"),
        (cells.point, "Z-07", "Z-07"),
        (cells.many, "b；a、b a", ("a", "b")),
        (cells.whole(0, 10), "１0", 10),
        (cells.area, "120.06", 120.1),
        (cells.yes_no, "有", True),
        (cells.yes_no, "No", False),
        (cells.day, "2026年1月31日", "2026-01-31"),
        (cells.day, "20260131", "2026-01-31"),
        (cells.gb28181, "51050200001310000001", "51050200001310000001"),
        (cells.mac, "00-1B.44:113ab7", "00:1b:44:11:3a:b7"),
        (cells.hours, "Mon-Fri  19:00-07:00; sat 00:00-24:00", "mon-fri 19:00-07:00; sat 00:00-24:00"),
        (cells.contact, "mum@example.org", "mum@example.org"),
        (cells.contact, "+86 138 0000 0000", "+86 138 0000 0000"),
        (cells.region_code, "cn-51", "CN-51"),
        (cells.region_path, "/CN/sichuan/", "cn/sichuan"),
        (cells.clean, " '=1+1 ", "=1+1"),
    ],
)
def test_what_is_meant_is_read(read, given, value) -> None:
    assert read(given) == value


@pytest.mark.parametrize(
    ("read", "given", "code"),
    [
        (cells.clean, "x" * 401, "too_long"),
        (cells.clean, "#REF!", "formula_error"),
        (cells.clean, "a\x07b", "unprintable"),
        (cells.plain, "5.1E+19", "rounded_number"),
        (cells.words(4), "12345", "too_long"),
        (cells.slug, "no spaces", "not_an_id"),
        (cells.point, "a_b", "not_a_point"),
        (cells.many, " ".join(f"a{n}" for n in range(65)), "too_many"),
        (cells.whole(1, 5), "6", "not_in_range"),
        (cells.whole(1, 5), "-1", "not_in_range"),
        (cells.area, "1000001", "not_in_range"),
        (cells.yes_no, "maybe", "not_yes_no"),
        (cells.day, "31.1.2026", "not_a_day"),
        (cells.day, "2026-02-30", "not_a_day"),
        (cells.day, "1026-01-01", "not_a_day"),
        (cells.gb28181, "5105020000131000001", "not_gb28181"),
        (cells.gb28181, "51050200002000000001", "not_a_camera_type"),
        (cells.mac, "00:1b", "not_a_mac"),
        (cells.hours, "always", "not_hours"),
        (cells.hours, " ; ", "not_hours"),
        (cells.contact, "call me", "not_a_contact"),
        (cells.region_code, "51 05", "not_a_code"),
        (cells.region_path, "cn//luzhou", "not_a_path"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_never_repaired(read, given, code) -> None:
    with pytest.raises(CellFault) as refused:
        read(given)
    assert refused.value.code == code


def rows(table: str, *lines: list[str], site_id: str | None = None) -> tuple[list[Row], list[tuple[int, str, str]]]:
    faults = Faults()
    found = read_rows(TABLES[table], lines, faults, site_id=site_id)
    return found, [(fault.row, fault.column, fault.code) for fault in faults.kept]


ZONES = ["site", "zone", "Name *", "场所类型"]


def test_headings_in_either_language_and_rows_as_a_spreadsheet_counts_them() -> None:
    found, faults = rows(
        "zones", ZONES, ["s1", "nap", "Nap room", "睡眠室"], ["", " "], ["s1", "gate", "Gate", "Entrance"]
    )
    assert not faults
    assert [(row.number, row.key) for row in found] == [(2, ("s1", "nap")), (4, ("s1", "gate"))]
    assert found[0].values["kind"] == TABLES["zones"].column("kind").read("睡眠室")


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        ([], [(1, "", "empty_file")]),
        ([["site", "zone", "nmae"]], [(1, "nmae", "unknown_column")]),
        ([["site", "zone", "qqqqqqqq"]], [(1, "qqqqqqqq", "unknown_column")]),
        ([["site", "zone", "zone"]], [(1, "zone", "column_twice")]),
        ([["zone", "name"]], [(1, "site", "no_column")]),
        ([["site", "zone", *[""] * COLUMNS_MAX]], [(1, "", "too_many_columns")]),
        ([[*ZONES, ""], ["s1", "a", "A", "entrance", "stray"]], [(2, "", "cell_without_heading")]),
        ([ZONES, ["s1", "a", "A", "entrance", "more"]], [(2, "", "too_many_cells")]),
        ([ZONES, ["s1", "a", "A", "nowhere"]], [(2, "kind", "not_an_answer")]),
        ([ZONES, ["s1", "a", "", "entrance"]], [(2, "name", "needed")]),
        ([ZONES, ["s1"]], [(2, "zone", "needed"), (2, "name", "needed"), (2, "kind", "needed")]),
        ([ZONES, *[["s1", "a", "A", "entrance"]] * 2], [(3, "zone", "twice")]),
    ],
)
def test_every_fault_names_its_row_and_its_column(lines, faults) -> None:
    assert rows("zones", *lines)[1] == faults


def test_a_sites_own_file_is_of_that_site() -> None:
    found, faults = rows("zones", ["zone", "name", "kind"], ["a", "A", "entrance", ""], site_id="s1")
    assert (found[0].key, faults) == (("s1", "a"), [])
    again, faults = rows(
        "zones", [*ZONES, ""], ["s1", "a", "A", "entrance", ""], ["s1", "b", "B", "entrance"], site_id="s1"
    )
    assert ([row.key for row in again], faults) == ([("s1", "a"), ("s1", "b")], [])
    assert rows("zones", ZONES, ["s2", "a", "A", "entrance"], site_id="s1") == ([], [(2, "site", "other_site")])


def test_what_is_too_much_is_said_once_and_counted() -> None:
    faults = Faults()
    lines = [["site", "zone"], *(["s1", f"z{n}"] for n in range(100_001))]
    assert len(read_rows(TABLES["zones"], lines, faults, site_id=None)) == 100_000
    assert [(fault.row, fault.code) for fault in faults.kept] == [(100_002, "too_many_rows")]
    many = Faults()
    read_rows(TABLES["zones"], [["site", "zone"], *([["", ""], ["s1", ""]] * 300)], many, site_id=None)
    assert (len(many.kept), many.count) == (200, 300)


def test_tables_are_found_by_either_name_and_children_are_for_the_site_alone() -> None:
    assert named(" Alarm areas ") is named("报警分区") is TABLES["alarm_areas"]
    assert named("no such table") is None
    hidden = {table.name for table in of_sites(private=True)} - {table.name for table in of_sites(private=False)}
    assert {"children", "guardians"} <= hidden
    assert "regions" not in {table.name for table in of_sites(private=True)}


KNOWN = {
    "cn": Node("cn", None, "CN", "country"),
    "cn/sc": Node("cn/sc", "cn", "510000", "province"),
    "cn/sc/lz": Node("cn/sc/lz", "cn/sc", None, "city"),
    "kr": Node("kr", None, "KR", "country"),
}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"code": "510500", "path": "cn/sc", "level": "city"}, "path_taken"),
        ({"code": "510500", "parent": "nowhere", "level": "city"}, "unknown_parent"),
        ({"code": "510000", "parent": "kr", "level": "province"}, "region_moves"),
        ({"code": "510000", "path": "cn/other", "level": "province"}, "region_moves"),
        ({"code": "510500", "parent": "510000"}, "needed"),
        ({"code": "510500", "parent": "510000", "level": "country"}, "level_order"),
        ({"code": "510500", "parent": "510000", "path": "cn/luzhou", "level": "city"}, "path_of_parent"),
        ({"code": "5105", "parent": "510000", "path": "cn/sc/x", "level": "city"}, "not_a_level_code"),
        ({"code": "520500", "parent": "510000", "path": "cn/sc/x", "level": "city"}, "code_of_parent"),
    ],
)
def test_a_region_that_cannot_stand_says_why(values, code) -> None:
    faults = Faults()
    assert place([Row(2, (values["code"],), values)], KNOWN, faults) == {}
    assert [fault.code for fault in faults.kept] == [code]


def test_regions_that_stand() -> None:
    lines = [
        {"code": "510500", "path": "cn/sc/lz", "level": "city"},  # that was there without a code
        {"code": "510504123", "parent": "cn/sc/lz", "path": "cn/sc/lz/town", "level": "town"},
        {"code": "KR-11", "parent": "kr", "level": "city"},
        {"code": "JP", "level": "country"},
        {"code": "KR"},
    ]
    faults = Faults()
    found = place([Row(number, (line["code"],), line) for number, line in enumerate(lines, 2)], KNOWN, faults)
    assert not faults.count
    assert [node.path for node in found.values()] == ["cn/sc/lz", "cn/sc/lz/town", "kr", "kr/kr-11", "jp"], (
        "parents first"
    )
