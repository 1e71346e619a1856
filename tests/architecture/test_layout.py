"""The rules of the layout that import contracts cannot say."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("config", "storage", "edge_agent", "server")
FILES = [file for folder in PRODUCT for file in sorted((ROOT / folder).rglob("*.py"))]
SERVER_LIBRARIES = ("sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "minio", "botocore", "jinja2", "argon2")
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"refused: {{name}}", name=name)
sys.meta_path.insert(0, Refuse())
import edge_agent
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import edge_agent.__main__
"""


def test_the_edge_agent_imports_without_the_servers_libraries() -> None:
    code = IMPORT_EVERYTHING.format(refused=set(SERVER_LIBRARIES))
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_agents_requirements_hold_none_of_them() -> None:
    text = (ROOT / "deploy/requirements/agent.txt").read_text()
    names = set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))
    assert names
    assert not names & {*SERVER_LIBRARIES, "argon2-cffi", "psycopg"}


@pytest.mark.parametrize("file", sorted((ROOT / "deploy/requirements").glob("*.txt")), ids=lambda file: file.name)
def test_requirements_are_hash_locked_and_name_no_host(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(r"^[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==\S+", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


def test_only_the_clock_module_asks_the_machine_for_the_time() -> None:
    asking = re.compile(r"\btime\.time(_ns)?\(|\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(")
    found = [str(file.relative_to(ROOT)) for file in FILES if asking.search(file.read_text())]
    assert found == ["config/base/clock.py"]


def test_only_one_module_has_msgspec_decode_into_a_type() -> None:
    """Two threads that do so for the first time at once end the process: see there."""
    typed = re.compile(r"\bmsgspec\.convert\(|\bmsgspec\.\w+\.decode\([^\n]*\n?[^\n]*\btype=")
    found = [str(file.relative_to(ROOT)) for file in FILES if typed.search(file.read_text())]
    assert found == ["config/base/decoding.py"]


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(file.relative_to(ROOT)) for file in FILES if ast.get_docstring(ast.parse(file.read_text())) is None]
    assert silent == []


def test_no_module_is_two_modules() -> None:
    long = [str(file) for file in FILES if len(file.read_text().splitlines()) > 400 and "migrations" not in str(file)]
    assert long == []


def test_queries_for_people_stand_in_the_one_scoping_place() -> None:
    """A route or page never builds a query: it asks a service, which asks ``storage.database.scope`` (I7)."""
    asking = re.compile(r"^\s*(from sqlalchemy|import sqlalchemy)|unit_of_work\(\)|\.reading\(\)", re.MULTILINE)
    faces = [file for folder in ("api", "web") for file in sorted((ROOT / "server" / folder).rglob("*.py"))]
    assert [str(file.relative_to(ROOT)) for file in faces if asking.search(file.read_text())] == []


def test_the_schema_is_what_the_migrations_make(database) -> None:
    from alembic import command

    from storage.database.migrate import alembic_config

    command.check(alembic_config(database))
