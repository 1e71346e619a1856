"""A region tree by its rules, without a database."""

from server.domain.registers.regions import Node, place
from server.domain.registers.sheets import Faults, Row

KNOWN = {"cn": Node("cn", None, "CN", "country"), "cn/zj": Node("cn/zj", "cn", None, None)}


def row(number: int, code: str, **values: str) -> Row:
    return Row(number, (code,), {"code": code, **values})


def test_parents_may_come_after_their_parts():
    rows = [row(2, "330102", parent="330100", level="county"), row(3, "330100", parent="cn/zj", level="city")]
    faults = Faults()
    placed = place(rows, KNOWN, faults)
    assert faults.count == 0
    assert list(placed) == [3, 2]
    assert placed[2].path == "cn/zj/330100/330102"


def test_every_region_of_a_circle_is_named_and_those_outside_stand():
    rows = [
        row(2, "330100", parent="330102", level="city"),
        row(3, "330102", parent="330100", level="county"),
        row(4, "330000", path="cn/zj", parent="CN", level="province"),
    ]
    faults = Faults()
    assert list(place(rows, KNOWN, faults)) == [4]
    assert [(fault.row, fault.code) for fault in faults.kept] == [(3, "circle"), (2, "circle")]
    assert "330100 → 330102 → 330100" in faults.kept[0].wanted


def test_a_region_is_no_part_of_itself_by_a_long_way():
    chain = [row(number, f"A{number}", parent=f"A{number + 1}", level="town") for number in range(2, 50)]
    faults = Faults()
    place([*chain, row(50, "A50", parent="A2", level="town")], {}, faults)
    assert {fault.code for fault in faults.kept} == {"circle"}
    assert faults.count == 49
