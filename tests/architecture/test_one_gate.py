"""Nothing goes round the one place that scopes a person's queries (I7): read off the sources, so that a new module is covered.

Rows that belong to a site are selected by queries in ``storage/database`` and by services, never in a route; what asks for a
person does so through a ``Scope`` that the gate made.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKES_SCOPES = {"server/services/people/sign_in.py", "server/services/notices/plan_messages.py"}
"""Signing in, and notices, which ask what their reader may see. The command line reaches everything on its machine."""


def calls(folder: str) -> list[tuple[str, str]]:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found.append((str(path.relative_to(ROOT)), name))
    return found


def test_a_route_asks_no_database():
    asked = {path for path, name in calls("server/api") if name in {"select", "scalars", "execute", "unit_of_work"}}
    assert asked == set()


def test_a_persons_reach_is_made_by_the_gate_and_by_nobody_else():
    made = {path for path, name in calls("server") if name == "Scope" and "/admin/" not in path}
    assert made == MAKES_SCOPES
