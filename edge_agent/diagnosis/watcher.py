"""One camera's diagnosis: pictures in, changes out; pure, time is an argument.

Invariant: references learn from pictures that are good by every finding, and never while one is open or about to be. A
new reference beside the others (lamps instead of the sun) is made only of a picture that shows the known structure; the
first one of a kind of light (colour, infrared) is taken on trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from config.wire.findings import FINDING_NAMES, FindingName
from edge_agent.diagnosis.findings import score_all
from edge_agent.diagnosis.hysteresis import Change, Rule, Watch, on_new_clock, step
from edge_agent.diagnosis.measuring import Measures, noise_between
from edge_agent.diagnosis.reference import Match, Reference, first, learn, match
from edge_agent.diagnosis.sight import look

REFERENCES_MAX = 4
KNOWN_KEPT_MIN = 0.35
"""So much of a reference must be seen for a picture to be of the same place; pictures of cameras that were turned by 15 %
kept at most 0.22."""
SAME_KEPT_MIN = 0.7
"""So much of it for the picture to be counted towards it."""
LEARN_BELOW = 0.8
"""Of the threshold: pictures that are nearly bad teach nothing."""
FIRST_AFTER = 5
"""Good pictures in a row before the first reference of a kind of light is made."""
GAP_US_MAX = 60_000_000
"""Two pictures further apart are not compared with each other."""


@dataclass(frozen=True)
class Noticed:
    """A finding that was raised or cleared, with the score that did it."""

    finding: FindingName
    change: Change
    score: float
    threshold: float


@dataclass
class Watcher:
    """The state of one camera; small enough to be written down (``memory``)."""

    rules: Mapping[FindingName, Rule]
    references: list[Reference] = field(default_factory=list)
    watches: dict[FindingName, Watch] = field(default_factory=dict)
    scores: dict[FindingName, float | None] = field(default_factory=dict)
    """Of the newest picture."""
    _before: Measures | None = None
    _before_us: int = 0
    _good: int = 0

    def see(self, measures: Measures, at_us: int) -> list[Noticed]:
        """Takes the next picture in; ``at_us`` when it was taken."""
        before = self._before if 0 < at_us - self._before_us <= GAP_US_MAX else None
        noise = noise_between(measures, before) if before is not None else None
        place, found = self._recognise(measures, noise or 0.0)
        reference = self.references[place] if place is not None else None
        sight = look(measures, before, noise, reference, found)
        self.scores = score_all(sight, {name: rule.threshold for name, rule in self.rules.items()})
        noticed = self._step(at_us)
        if self._may_learn():
            self._learn(measures, place, found, at_us)
        self._before, self._before_us = measures, at_us
        return noticed

    def cannot_decode(self, at_us: int) -> list[Noticed]:
        """A keyframe came that holds no picture: the signal is lost, and nothing else can be told."""
        self.scores = dict.fromkeys(self.rules)
        self.scores["signal_loss"] = 1.0
        self._before = None
        self._good = 0
        return self._step(at_us)

    def copy(self) -> "Watcher":
        """An independent one with the same past; what it holds is never changed in place."""
        return replace(self, references=list(self.references), watches=dict(self.watches), scores=dict(self.scores))

    def open_findings(self) -> list[FindingName]:
        return [name for name in FINDING_NAMES if self.watches.get(name, Watch()).state == "open"]

    def clock_began(self, started_us: int) -> None:
        """The agent began a new timeline: no picture before it is compared with one after it."""
        self.watches = {name: on_new_clock(watch, started_us) for name, watch in self.watches.items()}
        self._before = None

    def change_view(self, references: list[Reference]) -> list[Reference]:
        """Another stream of the camera is looked at, of which so much is known; what was known of the one before."""
        before, self.references = self.references, references
        self._before, self._good = None, 0
        return before

    def _recognise(self, measures: Measures, noise: float) -> tuple[int | None, Match | None]:
        """The reference of this kind of light of which most is seen."""
        best: tuple[int | None, Match | None] = (None, None)
        for place, reference in enumerate(self.references):
            if reference.monochrome == measures.monochrome:
                found = match(reference, measures, noise)
                if best[1] is None or found.kept > best[1].kept:
                    best = (place, found)
        return best

    def _step(self, at_us: int) -> list[Noticed]:
        noticed: list[Noticed] = []
        for name, rule in self.rules.items():
            score = self.scores[name]
            self.watches[name], change = step(self.watches.get(name, Watch()), score, at_us, rule)
            if change is not None and score is not None:
                noticed.append(Noticed(name, change, score, rule.threshold))
        return noticed

    def _may_learn(self) -> bool:
        told = {name: score for name, score in self.scores.items() if score is not None}
        good = "blurred" in told and all(
            score < LEARN_BELOW * self.rules[name].threshold or name == "too_dark" for name, score in told.items()
        )
        quiet = all(watch.state != "open" for watch in self.watches.values())
        self._good = self._good + 1 if good and quiet else 0
        return self._good > 0

    def _learn(self, measures: Measures, place: int | None, found: Match | None, at_us: int) -> None:
        if place is None or found is None:
            if self._good >= FIRST_AFTER and len(self.references) < REFERENCES_MAX:
                self.references.append(first(measures, at_us))
        elif found.kept >= SAME_KEPT_MIN or len(self.references) >= REFERENCES_MAX:
            self.references[place] = learn(self.references[place], measures, at_us)
        elif found.kept >= KNOWN_KEPT_MIN and self._good >= FIRST_AFTER:
            self.references.append(first(measures, at_us))
