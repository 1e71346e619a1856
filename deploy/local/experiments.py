"""Benchmarks measure, drills break things on purpose; both end with one JSON object on their last line.

Standard library only. A benchmark is ``benchmarks/NAME.py``, a drill ``benchmarks/drills/NAME.py`` or
``tests/drills/NAME.py``; each is a module with a ``__main__`` part and uses ``benchmarks.report``.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from deploy.local import checks, environment, packages
from deploy.local.commands import REPOSITORY
from deploy.local.say import Told, line, text

Sort = Literal["bench", "drill"]
FOLDERS: dict[Sort, tuple[str, ...]] = {"bench": ("benchmarks",), "drill": ("benchmarks/drills", "tests/drills")}
NOT_EXPERIMENTS = ("__init__", "report")


def discover(sort: Sort, root: Path = REPOSITORY) -> dict[str, str]:
    """The module of each experiment by its name."""
    return {
        file.stem.replace("_", "-"): f"{folder.replace('/', '.')}.{file.stem}"
        for folder in FOLDERS[sort]
        for file in sorted((root / folder).glob("*.py"))
        if file.stem not in NOT_EXPERIMENTS and not file.stem.startswith("_")
    }


def run(sort: Sort, name: str, *, as_json: bool) -> int:
    """Becomes the experiment. Raises Told, which lists what there is, for a name that is none of it."""
    known = discover(sort)
    module = known.get(name.replace("_", "-"))
    if module is None:
        there = ", ".join(sorted(known)) or text("none yet", "暂无")
        asked = text(f"There is no {sort} '{name}'. ", f"没有名为“{name}”的 {sort}。") if name else ""
        raise Told(asked + text(f"There are: {there}", f"现有：{there}"))
    line(f"Running {sort} {name}", f"正在运行 {sort} {name}")
    environment.ensure("dev")
    packages.ensure_mosquitto()
    return become(["-m", module, *(["--json"] if as_json else [])])


def become(arguments: Sequence[str], extra_env: Mapping[str, str] | None = None) -> int:
    """Goes on as a program of the environment, so that signals reach it without a process between."""
    sys.stdout.flush()
    python = str(environment.python())
    os.execve(python, [python, *arguments], checks.child_environment() | dict(extra_env or {}))  # noqa: S606
