"""Runs other programs for set-up: output to a log, the end of that log in the error, nothing left hanging.

Standard library only.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.local.say import Told, text

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache"
TAIL_LINES = 15
LINE_CHARACTERS_MAX = 240
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would turn a child to another Python's packages.

    Compiled modules go into the cache: a process that must compile all that it imports takes seconds to start.
    """
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    return kept | {"PYTHONPYCACHEPREFIX": str(CACHE / "pycache")} | (dict(extra) if extra else {})


def run_logged(
    command: Sequence[str | Path],
    log: str,
    *,
    extra_env: Mapping[str, str] | None = None,
    note: Callable[[str], None] | None = None,
    cwd: Path = REPOSITORY,
) -> None:
    """Runs a command with its output in ``.cache/logs/<log>.log``. Raises Told with that log's end when it fails."""
    file = CACHE / "logs" / f"{log}.log"
    with _opened(file) as out:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=environment(extra_env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise Told(text(f"{command[0]}: {error.strerror}", f"{command[0]} 无法运行：{error.strerror}")) from error
        try:
            for said in process.stdout or ():
                out.write(said)
                if note:
                    note(said)
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    if status != 0:
        raise Told(f"{_name(command)}: {text('exit status', '退出码')} {status}\n{tail(file)}")


def _opened(file: Path) -> IO[str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("w", encoding="utf-8")
    except OSError as error:
        raise cannot_write(file, error) from error


def cannot_write(file: Path, error: OSError) -> Told:
    """What to say where the checkout, its disk or its rights allow no writing."""
    return Told(
        text(
            f"cannot write to {file}: {error.strerror}. Clone Nightlight where you may write and there is room",
            f"无法写入 {file}：{error.strerror}。请把小夜灯克隆到有写权限且空间充足的目录",
        )
    )


def tail(file: Path, lines: int = TAIL_LINES) -> str:
    """The end of a log, indented; empty where there is none."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - 64_000))
            last = opened.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "\n".join([f"  {file}:", *(f"    {one[:LINE_CHARACTERS_MAX]}" for one in last)])


def _name(command: Sequence[str | Path]) -> str:
    return " ".join([Path(command[0]).name, *map(str, command[1:3])])
