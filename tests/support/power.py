"""Power cuts, without pulling a plug: a process is traced, and what its disk would hold after a cut is built from that.

What the model gives back: the bytes of a file as of its last ``fsync``; names as of the last ``fsync`` of their folder.
Of what was not synced, names survive as a prefix (journals keep the order of names); the bytes of appended files as a
prefix, torn anywhere (a file never grows over data that was not written); those of SQLite's files in any subset.

Not in the model: disks that lie about what they synced, and sectors that go bad.

    trace = traced([sys.executable, "-m", "tests.support.power_child", str(folder)], folder, out)
    for cut in range(len(trace.steps)):
        trace.disk_after(cut, random.Random(seed), into)
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "openat,open,write,pwrite64,ftruncate,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync,close,mkdir"
WITHIN_S = 120
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<.*>)?(?: .*)?$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def can_trace() -> bool:
    """Whether there is an strace here that may trace a child."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Step:
    """One system call that matters: ``what`` and what it was done to."""

    what: str
    path: str = ""
    to: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass
class _File:
    durable: bytes = b""
    pending: list[tuple[int, bytes]] = field(default_factory=list)
    """Writes since the last sync; offset −1 − n cuts the file to n bytes."""

    def content(self, writes: Sequence[tuple[int, bytes]] | None = None) -> bytes:
        data = bytearray(self.durable)
        for offset, written in self.pending if writes is None else writes:
            if offset < 0:
                length = -1 - offset
                data = data[:length] + bytes(max(0, length - len(data)))
                continue
            data += bytes(max(0, offset - len(data)))
            data[offset : offset + len(written)] = written
        return bytes(data)


@dataclass
class Trace:
    """The steps of one process within ``folder``; ``mark`` steps are what it said on its standard output."""

    folder: Path
    steps: list[Step]
    before: dict[str, bytes] = field(default_factory=dict)
    """What lay there, safely, when the process began."""

    def said_before(self, cut: int) -> list[str]:
        """The lines that the process had said when ``cut`` steps were done."""
        return [step.data.decode() for step in self.steps[:cut] if step.what == "mark"]

    def disk_after(self, cut: int, chance: random.Random, into: Path) -> None:
        """Writes what the disk holds if the power goes after ``cut`` steps."""
        names = {path: _File(durable=data) for path, data in self.before.items()}
        kept_names = dict(names)
        moves: list[tuple[str, _File | None]] = []
        for step in self.steps[:cut]:
            _apply(step, names, kept_names, moves)
        for path, file in moves[: chance.randint(0, len(moves))]:
            _move(kept_names, path, file)
        for path, file in kept_names.items():
            target = into / Path(path).relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_survivor(path, file, chance))


def _apply(
    step: Step, names: dict[str, _File], kept: dict[str, _File], moves: list[tuple[str, _File | None]]
) -> None:  # fmt: skip
    if step.what == "create" and step.path not in names:
        names[step.path] = _File()
        moves.append((step.path, names[step.path]))
    elif step.what == "write":
        names[step.path].pending.append((step.offset, step.data))
    elif step.what == "sync":
        file = names[step.path]
        file.durable, file.pending = file.content(), []
    elif step.what == "sync_folder":
        inside = [move for move in moves if os.path.dirname(move[0]) == step.path]
        for path, moved in inside:
            _move(kept, path, moved)
        moves[:] = [move for move in moves if move not in inside]
    elif step.what == "rename":
        names[step.to] = names.pop(step.path)
        moves += [(step.to, names[step.to]), (step.path, None)]
    elif step.what == "unlink" and step.path in names:
        del names[step.path]
        moves.append((step.path, None))


def _move(names: dict[str, _File], path: str, file: _File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def _survivor(path: str, file: _File, chance: random.Random) -> bytes:
    pending = file.pending
    if "sqlite" in path:
        return file.content([write for write in pending if chance.random() < 0.5])
    whole = pending[: chance.randint(0, len(pending))]
    if len(whole) < len(pending):
        offset, data = pending[len(whole)]
        whole = [*whole, (offset, data[: chance.randint(0, len(data))])] if offset >= 0 else whole
    return file.content(whole)


def traced(command: Sequence[str], folder: Path, output: Path) -> Trace:
    """Runs a single-threaded process and reads what it did below ``folder``. Raises CalledProcessError."""
    before = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", str(1 << 24), "-e", f"trace={CALLS}", "-o", str(output), *command],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=WITHIN_S,
    )
    reader = _Reader(str(folder))
    for line in output.read_text(encoding="ascii", errors="replace").splitlines():
        reader.read(line)
    return Trace(folder, reader.steps, before)


class _Reader:
    """Turns strace's lines into steps."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._open: dict[int, str] = {}
        self._at: dict[int, int] = {}
        self.steps: list[Step] = []

    def read(self, line: str) -> None:
        matched = _LINE.match(line)
        if matched is None or int(matched[3]) < 0:
            return
        name, arguments, result = matched[1], matched[2], int(matched[3])
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        first = re.match(r"\d+", arguments)
        descriptor = int(first[0]) if first else -1
        if name in ("open", "openat"):
            self._opened(result, texts[0].decode(), arguments)
        elif name == "close":
            self._open.pop(descriptor, None)
        elif name == "write" and descriptor == 1:
            self.steps += [Step("mark", data=said) for said in texts[0].splitlines() if said.strip()]
        elif name in ("rename", "renameat", "renameat2"):
            before, after = (text.decode() for text in texts[-2:])
            self._add(Step("rename", before, after))
            self._open = {key: after if path == before else path for key, path in self._open.items()}
        elif name in ("unlink", "unlinkat"):
            self._add(Step("unlink", texts[-1].decode()))
        elif descriptor in self._open:
            self._on_file(name, descriptor, arguments, texts, result)

    def _opened(self, descriptor: int, path: str, arguments: str) -> None:
        if not path.startswith(self._folder):
            return
        self._open[descriptor], self._at[descriptor] = path, 0
        if "O_CREAT" in arguments:
            self._add(Step("create", path))

    def _on_file(self, name: str, descriptor: int, arguments: str, texts: list[bytes], result: int) -> None:
        path = self._open[descriptor]
        if name == "write":
            self._add(Step("write", path, offset=self._at[descriptor], data=texts[0][:result]))
            self._at[descriptor] += result
        elif name == "pwrite64":
            offset = int(arguments.rpartition(", ")[2])
            self._add(Step("write", path, offset=offset, data=texts[0][:result]))
        elif name == "ftruncate":
            self._add(Step("write", path, offset=-1 - int(arguments.rpartition(", ")[2])))
        elif name in ("fsync", "fdatasync"):
            self._add(Step("sync_folder" if Path(path).is_dir() else "sync", path))

    def _add(self, step: Step) -> None:
        if step.path.startswith(self._folder):
            self.steps.append(step)
