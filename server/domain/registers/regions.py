"""The rules of the region tree: whose part a region is, in which order regions can be made, and no circles.

A region's path is its parent's and one more step, so that whoever reaches a region reaches all below it by its
beginning (storage/database/scope.py), over however many levels there are. A region that is there does not move: the reach
of people would change with it.
Source: GB/T 2260 (codes of province, city and county, two digits each), GB/T 10114 (towns, three more).
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.base.ids import is_slug
from server.domain.registers.sheets import Fault, Faults, Row

LEVELS = ("country", "province", "city", "county", "town")
PATH_CHARS_MAX = 64
_DIGITS = {"province": 2, "city": 4, "county": 6, "town": 9}


class Node(NamedTuple):
    """A region as it is, or is to be."""

    path: str
    parent: str | None
    code: str | None
    level: str | None


class _Refused(Exception):
    """A row that cannot stand; never leaves this module."""

    def __init__(self, column: str, code: str, given: str = "", wanted: str = "") -> None:
        super().__init__(code)
        self.column, self.code, self.given, self.wanted = column, code, given, wanted


def place(rows: list[Row], known: Mapping[str, Node], faults: Faults) -> dict[int, Node]:
    """Where each row's region stands, by row number, parents before their parts; ``known``: by path.

    Rows that cannot stand are missing from the answer and told in ``faults``.
    """
    by_code = {node.code: node for node in known.values() if node.code}
    by_path = dict(known)
    waiting = {str(row.key[0]): row for row in rows}
    found: dict[int, Node] = {}
    for row in rows:
        trail: list[str] = []
        code: str | None = str(row.key[0])
        while code in waiting and code not in trail:
            trail.append(code)
            parent = waiting[code].values.get("parent")
            code = str(parent).strip().upper() if parent else None
        circle = " → ".join([*trail[trail.index(code) :], code]) if code in trail else ""
        for step in reversed(trail):
            part = waiting.pop(step)
            try:
                node = _node(part, by_code, by_path, circle)
            except _Refused as refused:
                given, wanted = refused.given[:60], refused.wanted[:200]
                faults.add(Fault("regions", part.number, refused.column, refused.code, given, wanted))
                continue
            found[part.number] = by_path[node.path] = by_code[str(node.code)] = node
    return found


def _node(row: Row, by_code: Mapping[str, Node], by_path: Mapping[str, Node], circle: str) -> Node:
    if circle:
        raise _Refused("parent", "circle", str(row.values["parent"]), circle)
    code, given = str(row.key[0]), row.values.get("parent")
    path, level = row.values.get("path"), row.values.get("level")
    there = by_code.get(code) or by_path.get(str(path))
    if there is not None and there.code not in (None, code):
        raise _Refused("path", "path_taken", str(path), str(there.code))
    parent = by_code.get(str(given).strip().upper()) or by_path.get(str(given).strip().lower()) if given else None
    if given and parent is None:
        raise _Refused("parent", "unknown_parent", str(given))
    if there is not None:
        if (parent and parent.path != there.parent) or (path and path != there.path):
            raise _Refused("parent" if parent else "path", "region_moves", str(given or path), there.path)
        parent = by_path.get(str(there.parent))
    level = level or (there.level if there else None)
    if level is None:
        raise _Refused("level", "needed")
    if parent and parent.level and LEVELS.index(str(level)) <= LEVELS.index(parent.level):
        raise _Refused("level", "level_order", str(level), parent.level)
    made = str(path) if path else f"{parent.path}/{code.lower()}" if parent else code.lower()
    node = Node(there.path if there else made, parent.path if parent else None, code, str(level))
    return _checked(node, parent)


def _checked(node: Node, parent: Node | None) -> Node:
    above, _, step = node.path.rpartition("/")
    if above != (node.parent or "") or not is_slug(step) or len(node.path) > PATH_CHARS_MAX:
        raise _Refused("path", "path_of_parent", node.path, node.parent or "")
    digits = _DIGITS.get(str(node.level))
    if digits and node.path.partition("/")[0] == "cn":
        code, wanted = str(node.code), 9 if digits == 9 else 6
        if not (code.isdigit() and len(code) == wanted and code[digits:].strip("0") == ""):
            raise _Refused("code", "not_a_level_code", code, str(node.level))
        shared = _DIGITS.get(str(parent.level), 0) if parent and parent.code else 0
        if parent and not code.startswith(str(parent.code)[:shared]):
            raise _Refused("code", "code_of_parent", code, str(parent.code))
    return node
