"""The still cases: every photograph twice, by each light, with each fault at three strengths, and without any.

A case is a camera that learns from good pictures and then shows a fault (or goes on being good). It counts as found
where the watcher, hysteresis and all, raises the finding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.diagnosis_set.camera import LIGHTS, Aim, Camera, Light, Passage
from benchmarks.diagnosis_set.faults import FAULTS, STRENGTHS, Strength
from benchmarks.diagnosis_set.photographs import PHOTOGRAPHS, Half, Photograph
from config.wire.findings import FINDING_NAMES, FindingName
from edge_agent.diagnosis.hysteresis import Rule
from edge_agent.diagnosis.measuring import measure
from edge_agent.diagnosis.watcher import Watcher

AIMS = (Aim(0.2, 0.4), Aim(0.8, 0.6))
LEARNING = 12
EVERY_US = 2_000_000
MORE = 3
"""Pictures beyond those that a finding needs."""


@dataclass(frozen=True)
class Case:
    photograph: Photograph
    aim: int
    light: str
    fault: FindingName | None
    strength: Strength
    variant: int


@dataclass(frozen=True)
class Outcome:
    case: Case
    raised: frozenset[FindingName]
    worst: dict[FindingName, float]
    """The median score of each finding over the fault's pictures."""


def cases(half: Half, strengths: tuple[Strength, ...] = STRENGTHS) -> Iterator[Case]:
    """In an order that lets one camera serve all its faults."""
    for photograph in PHOTOGRAPHS:
        if photograph.half != half:
            continue
        for aim in range(len(AIMS)):
            for light, how in LIGHTS.items():
                if not photograph.colour and not how.infrared:
                    continue
                variant = sum(map(ord, photograph.name)) + 2 * aim + len(light)
                yield Case(photograph, aim, light, None, "middle", variant)
                for fault in FINDING_NAMES:
                    if fault == "colour_cast" and how.infrared:
                        continue  # infrared has no colour
                    # Weak and strong faults are told beside the goal: one aim shows them.
                    some = strengths if aim == 0 else ("middle",)
                    yield from (Case(photograph, aim, light, fault, strength, variant) for strength in some)


def play(todo: Iterator[Case], rules: dict[FindingName, Rule]) -> Iterator[Outcome]:
    """Runs the cases; a camera's good pictures are taken once."""
    passage = Passage()
    seat: tuple[Photograph, int, str] | None = None
    for case in todo:
        if (case.photograph, case.aim, case.light) != seat:
            seat = (case.photograph, case.aim, case.light)
            camera, light = Camera(case.photograph, AIMS[case.aim], seed=case.variant), LIGHTS[case.light]
            good = [measure(passage.through(camera.expose(camera.base(), light), light.crf)) for _ in range(LEARNING)]
            taught, at_us = Watcher(rules), 0
            for measures in good:
                at_us += EVERY_US
                taught.see(measures, at_us)
        yield _outcome(case, camera, light, passage, taught.copy(), at_us)


def _outcome(case: Case, camera: Camera, light: Light, passage: Passage, watcher: Watcher, at_us: int) -> Outcome:
    raised: set[FindingName] = set(watcher.open_findings())
    scores: dict[FindingName, list[float]] = {}
    show = FAULTS[case.fault](camera, light, case.strength, case.variant) if case.fault else None
    pictures = MORE + (
        watcher.rules[case.fault].raise_after if case.fault else max(r.raise_after for r in watcher.rules.values())
    )
    for n in range(pictures):
        at_us += EVERY_US
        crf = light.crf + (n % 2 * 2 if case.fault == "frozen" and case.strength == "weak" else 0)
        picture = show(n) if show else camera.expose(camera.base(), light)
        watcher.see(measure(passage.through(picture, crf)), at_us)
        raised.update(watcher.open_findings())
        for name, score in watcher.scores.items():
            if score is not None and n:
                scores.setdefault(name, []).append(score)
    return Outcome(case, frozenset(raised), {name: sorted(found)[len(found) // 2] for name, found in scores.items()})
