"""Nothing goes round the one place that scopes a person's queries (I7): read off the sources, so that a new module is covered.

Rows that belong to a site are selected by queries in ``storage/database`` and by services, never in a route; what asks for a
person does so through a ``Scope`` that the gate made.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKES_SCOPES = {"server/services/people/sign_in.py", "server/services/notices/plan_messages.py"}
"""Signing in, and notices, which ask what their reader may see. The command line reaches everything on its machine."""


SCOPED = {
    "site_for", "operated_site", "site_in_reach", "visible_sites", "cameras_in_reach", "check_region", "reaches", "of_account",
}  # fmt: skip
"""What asks the one place, or whether a region lies within the person's own."""
OWN = {
    "server/services/custody/explain_minute.py": {"of"},  # asks three others, each with the person
    "server/services/notices/subscribe.py": {"end", "seen"},
    "server/services/people/access_record.py": {"looks_at_children"},
    "server/services/people/ask_footage.py": {"askable", "one", "look", "part"},
    "server/services/people/give_support.py": {"ask", "confirm", "withdraw", "note"},
    "server/services/people/keep_consents.py": {"own", "say"},
    "server/services/people/my_children.py": {"of"},
    "server/services/people/sign_in.py": {"stands", "open_screen"},
    "server/services/supervision/draw_inspections.py": {"within_reach"},
}
"""Use cases that ask by the person's own account or region alone; each was read by somebody before it came to stand here."""
KEPT = {
    "ViewRow",
    "AccessRecord",
    "AccountEvent",
    "LedgerEntry",
    "LeaseRow",
    "ConsentRow",
    "PickUp",
    "Blanking",
    "ChildRoom",
}
"""What stays on record for at least half a year: nothing of the application deletes it at all."""


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


def test_a_use_case_that_asks_the_database_for_a_person_goes_through_the_scope():
    around, used = [], []
    for path in sorted((ROOT / "server/services").rglob("*.py")):
        functions: dict[str, list[ast.AST]] = {}
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        for node in nodes:
            functions.setdefault(node.name, []).append(node)
        for node in nodes:
            asks = asked_by(node, functions)
            name = str(path.relative_to(ROOT))
            if node.name.startswith("_") or not for_a_person(node) or not asks & {"reading", "unit_of_work"}:
                continue
            if not asks & SCOPED:
                (used if node.name in OWN.get(name, ()) else around).append((name, node.name))
    assert around == [], "ask through storage/database/scope.py"
    assert {(name, one) for name, some in OWN.items() for one in some} == set(used), (
        "names in OWN that are none any more"
    )


def for_a_person(function: ast.FunctionDef) -> bool:
    given = [*function.args.args, *function.args.kwonlyargs]
    return any(one.annotation is not None and "Scope" in ast.unparse(one.annotation) for one in given)


def asked_by(function: ast.AST, of_module: dict[str, list[ast.AST]]) -> set[str]:
    """What it calls, and what the functions of its module that it calls do."""
    found: set[str] = set()
    waiting = [function]
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name not in found:
                    found.add(name)
                    waiting += of_module.get(name, [])
    return found


def test_nothing_deletes_what_is_kept_on_record():
    deleted = set()
    for folder in ("server", "storage"):
        for source in (path.read_text() for path in sorted((ROOT / folder).rglob("*.py"))):
            for node in ast.walk(ast.parse(source if "import delete" in source or " delete," in source else "")):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "delete":
                    deleted |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    assert "LoginSession" in deleted
    assert deleted & KEPT == set()
