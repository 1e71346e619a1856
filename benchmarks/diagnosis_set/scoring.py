"""Cases and days to figures: recall of each finding at each strength, false findings of good pictures, and a table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context

import cv2
import msgspec

from benchmarks.diagnosis_set.camera import Camera, Passage
from benchmarks.diagnosis_set.cases import AIMS, Outcome, cases, play
from benchmarks.diagnosis_set.day import moments
from benchmarks.diagnosis_set.faults import STRENGTHS, Strength
from benchmarks.diagnosis_set.photographs import PHOTOGRAPHS, Half
from config.settings.edge import EdgeSettings
from config.settings.edge import __file__ as edge_module
from config.settings.loader import load
from config.wire.findings import FINDING_NAMES, FindingName
from edge_agent.diagnosis.hysteresis import Rule
from edge_agent.diagnosis.measuring import measure
from edge_agent.diagnosis.shard import rules_of
from edge_agent.diagnosis.watcher import Watcher

WEEK = (
    ("china", 0),
    ("astronaut", 0),
    ("chelsea", 0),
    ("china", 1),
    ("astronaut", 1),
    ("chelsea", 1),
    ("camera", 0),
)
"""The days of the camera-week: photograph and aim, all of the half that is scored; the last is a room without colour."""
DENOISED_DAYS = (2, 5)
"""On these the camera's own noise reduction leaves a third of the noise, and the encoder is coarser."""


def default_rules() -> dict[FindingName, Rule]:
    """The thresholds and hysteresis of the annotated default settings."""
    from pathlib import Path

    settings = load(EdgeSettings, Path(edge_module).with_name("edge.toml"), "NIGHTLIGHT_EDGE", None, {})
    return rules_of(settings.diagnosis.findings)


class FalseFinding(msgspec.Struct, frozen=True):
    """A finding in a day in which nothing was wrong."""

    day: int
    hour: float
    finding: str
    score: float


@dataclass
class Tally:
    """What the still cases came to."""

    found: dict[tuple[FindingName, Strength], list[bool]] = field(default_factory=dict)
    false_on_clean: int = 0
    clean: int = 0
    worst_good: dict[FindingName, float] = field(default_factory=dict)
    best_bad: dict[FindingName, float] = field(default_factory=dict)
    """At the middle strength."""

    def add(self, outcome: Outcome) -> None:
        fault, strength = outcome.case.fault, outcome.case.strength
        if fault is None:
            self.clean += 1
            self.false_on_clean += bool(outcome.raised)
            for name, score in outcome.worst.items():
                self.worst_good[name] = max(score, self.worst_good.get(name, 0.0))
            return
        self.found.setdefault((fault, strength), []).append(fault in outcome.raised)
        if strength == "middle":
            score = outcome.worst.get(fault, 0.0)
            self.best_bad[fault] = min(score, self.best_bad.get(fault, score))

    def recall(self, finding: FindingName, strength: Strength) -> float:
        found = self.found.get((finding, strength), [])
        return sum(found) / len(found) if found else 0.0


def score_cases(half: Half, strengths: tuple[Strength, ...] = STRENGTHS) -> Tally:
    """Plays every case of one half."""
    cv2.setNumThreads(1)
    tally = Tally()
    for outcome in play(cases(half, strengths), default_rules()):
        tally.add(outcome)
    return tally


def play_day(number: int, hours: tuple[float, float] = (0.0, 24.0)) -> tuple[int, list[FalseFinding]]:
    """One day of the camera-week: pictures looked at, and what was found in them, all of it falsely."""
    cv2.setNumThreads(1)
    name, aim = WEEK[number]
    photograph = next(photo for photo in PHOTOGRAPHS if photo.name == name)
    camera, passage, watcher = Camera(photograph, AIMS[aim], seed=number), Passage(), Watcher(default_rules())
    false: list[FalseFinding] = []
    pictures = 0
    for moment in moments(camera, number * 86_400_000_000, hours, denoised=number in DENOISED_DAYS):
        pictures += 1
        measures = measure(passage.through(moment.picture, moment.crf))
        for noticed in watcher.see(measures, moment.at_us):
            if noticed.change.raised:
                hour = round((moment.at_us / 3.6e9) % 24, 3)
                false.append(FalseFinding(number, hour, noticed.finding, round(noticed.score, 3)))
    return pictures, false


def play_week(processes: int) -> Iterator[tuple[int, list[FalseFinding]]]:
    """Every day of it."""
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(play_day, range(len(WEEK)))


def table(tally: Tally, week: Iterable[FalseFinding], rules: dict[FindingName, Rule]) -> str:
    """The scores as Markdown."""
    false = list(week)
    lines = [
        "| finding | recall, weak | recall, middle | recall, strong | cases | worst good | threshold | best bad | false in the week |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in FINDING_NAMES:
        recalls = " | ".join(f"{tally.recall(name, strength):.3f}" for strength in STRENGTHS)
        cases_each = len(tally.found.get((name, "middle"), []))
        raised = sum(one.finding == name for one in false)
        lines.append(
            f"| `{name}` | {recalls} | {cases_each} | {tally.worst_good.get(name, 0.0):.3f} |"
            f" {rules[name].threshold:g} | {tally.best_bad.get(name, 0.0):.3f} | {raised} |"
        )
    return "\n".join(lines)
