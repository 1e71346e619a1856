"""Benchmarks measure, drills break things on purpose; both end with one JSON object on their last line.

Standard library only. A benchmark is ``benchmarks/NAME.py``, a drill ``benchmarks/drills/NAME.py`` or
``tests/drills/NAME.py``; each is a module with a ``__main__`` part and uses ``benchmarks.report``.
"""

import json
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


def run(sort: Sort, name: str, *, as_json: bool, rest: Sequence[str] = ()) -> int:
    """Becomes the experiment. Raises Told, which lists what there is, for a name that is none of it.

    ``rest``: arguments of its own. Where JSON is wanted, whatever stops it before it starts is an object on the last
    line as well.
    """
    try:
        module = _module(sort, name)
        line(f"Running {sort} {name}", f"正在运行 {sort} {name}")
        environment.ensure("dev")
        packages.ensure_mosquitto()
    except Told as told:
        if not as_json:
            raise
        print(f"\n{told}", file=sys.stderr, flush=True)
        print(json.dumps({"error": str(told)}, ensure_ascii=False), flush=True)
        return 1
    return become(["-m", module, *(["--json"] if as_json else []), *rest])


def _module(sort: Sort, name: str) -> str:
    known = discover(sort)
    module = known.get(name.replace("_", "-"))
    if module is not None:
        return module
    names = ", ".join(sorted(known)) or text("none yet", "暂无")
    asked = text(f"There is no {sort} '{name}'. ", f"没有名为“{name}”的 {sort}。") if name else ""
    raise Told(
        asked
        + text("Usage: ", "用法：")
        + f"python3 dev.py {sort} NAME [--json]\n"
        + text(f"NAME is one of: {names}", f"NAME 可以是：{names}")
    )


def become(arguments: Sequence[str], extra_env: Mapping[str, str] | None = None) -> int:
    """Goes on as a program of the environment, so that signals reach it without a process between."""
    sys.stdout.flush()
    python = str(environment.python())
    os.execve(python, [python, *arguments], checks.child_environment() | dict(extra_env or {}))  # noqa: S606
