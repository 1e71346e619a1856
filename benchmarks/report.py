"""The one shape in which benchmarks and drills answer.

    report = Report("simulator", figures={"cpu_percent": 17.0})
    report.expect("cpu_percent", 17.0, at_most=25)
    sys.exit(report.finish_bench(as_json=True))

The last line of output is one JSON object: name, machine, date, figures, goals. A benchmark exits 0 when it ran; a
drill exits non-zero when one of its goals, which are invariants, was not met.
"""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import msgspec

Figure = int | float | str | bool | None


class Goal(msgspec.Struct, frozen=True):
    """One figure with what it should be."""

    name: str
    value: Figure
    goal: str
    met: bool


class Machine(msgspec.Struct, frozen=True):
    """What the figures were read off."""

    cores: int
    memory_mib: int
    processor: str
    system: str
    python: str


def this_machine() -> Machine:
    """Cores, memory, processor and versions; no name and no address."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return Machine(os.cpu_count() or 0, memory, _processor(), platform.system(), platform.python_version())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((text.partition(":")[2].strip() for text in lines if text.startswith("model name")), platform.machine())


class Report(msgspec.Struct):
    """Figures and goals of one run."""

    name: str
    figures: dict[str, Figure]
    goals: list[Goal] = []
    machine: Machine = msgspec.field(default_factory=this_machine)
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def expect(
        self, name: str, value: float, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:  # fmt: skip
        """Adds a goal: a bound on one side or on both."""
        bounds = [f"<= {at_most}" for _ in [0] if at_most is not None]
        bounds += [f">= {at_least}" for _ in [0] if at_least is not None]
        met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        self.goals.append(Goal(name, value, " and ".join(bounds), met))

    def expect_true(self, name: str, value: bool) -> None:  # noqa: FBT001 (the value is what is reported)
        """Adds a goal that is a plain yes."""
        self.goals.append(Goal(name, value, "true", value))

    def finish_bench(self, *, as_json: bool) -> int:
        """Prints; the exit status of a benchmark that ran."""
        self._print(as_json=as_json)
        return 0

    def finish_drill(self, *, as_json: bool) -> int:
        """Prints; the exit status of a drill: non-zero where an invariant broke."""
        self._print(as_json=as_json)
        return 0 if all(goal.met for goal in self.goals) else 1

    def _print(self, *, as_json: bool) -> None:
        if not as_json:
            for name, value in self.figures.items():
                print(f"  {name:<32} {value}")
            for goal in self.goals:
                print(f"{'✓' if goal.met else '✗'} {goal.name:<32} {goal.value}  ({goal.goal})")
        print(msgspec.json.encode(self).decode(), flush=True)
