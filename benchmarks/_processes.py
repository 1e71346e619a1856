"""What processes use, read from /proc: processor time and memory of one and all its descendants."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Use:
    """Sums over processes."""

    cpu_s: float
    pss_bytes: int
    """Proportional: a page that three share counts a third for each."""
    rss_bytes: int


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def use_of(pids: Iterable[int]) -> Use:
    """What they use now; one that is gone counts nothing."""
    cpu_s, pss, rss = 0.0, 0, 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu_s += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name == "Pss":
                    pss += int(rest.split()[0]) * 1_024
                elif name == "Rss":
                    rss += int(rest.split()[0]) * 1_024
    return Use(cpu_s, pss, rss)
