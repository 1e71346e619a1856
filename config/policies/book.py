"""A jurisdiction's rule book: its pack and all that it extends, and which rule holds where several do.

For a limit the strictest holds, whichever pack it comes from. A rule that only recommends never weakens one that binds:
it stands beside it, and only where it asks for more. Of two modes the source of higher rank decides, and a prohibition
outranks everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from config.policies.metrics import METRICS
from config.policies.pack import RANKS, Escalation, Pack, Rule, Source

BINDINGS = ("mandatory", "recommended", "internal")


class Applies(Enum):
    """Whether a rule applies to a subject, as far as the subject's facts are known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BookRule:
    """A rule with the pack and the document it comes from."""

    rule: Rule
    pack: Pack

    @property
    def source(self) -> Source:
        return self.pack.sources[self.rule.source]

    @property
    def rank(self) -> int:
        """0 is the highest: what the law forbids."""
        return 0 if self.prohibits else 1 + RANKS.index(self.source.rank)

    @property
    def prohibits(self) -> bool:
        return METRICS[self.rule.metric].prohibits or self.rule.value == "forbidden"


@dataclass(frozen=True)
class BookEscalation:
    """A step of escalation with the pack and the document it comes from."""

    step: Escalation
    pack: Pack

    @property
    def source(self) -> Source:
        return self.pack.sources[self.step.source]


@dataclass(frozen=True)
class Book:
    """``packs``: the named pack last, after all that it extends."""

    packs: tuple[Pack, ...]

    @property
    def name(self) -> str:
        return self.packs[-1].pack

    @property
    def version(self) -> str:
        """Names every pack and its version; a verdict carries it."""
        return " ".join(f"{pack.pack}@{pack.version}" for pack in reversed(self.packs))

    @property
    def rules(self) -> tuple[BookRule, ...]:
        return tuple(BookRule(rule, pack) for pack in self.packs for rule in pack.rules)

    @property
    def escalation(self) -> tuple[BookEscalation, ...]:
        """The soonest first; where several packs tell the same people of the same, the soonest holds."""
        every = [BookEscalation(step, pack) for pack in self.packs for step in pack.escalation]
        found: dict[tuple[str, str, str], BookEscalation] = {}
        for each in sorted(every, key=lambda one: (one.step.after_hours, BINDINGS.index(one.step.binding))):
            found.setdefault((each.step.of, each.step.to, each.step.level), each)
        return tuple(found.values())

    def about(self, metric: str) -> tuple[BookRule, ...]:
        """The rules on one metric, in the order of their packs."""
        return tuple(found for found in self.rules if found.rule.metric == metric)


def applies(rule: Rule, facts: Mapping[str, str | None]) -> Applies:
    """Whether ``rule`` applies; a fact that is missing or None is unknown."""
    answers = {fact: facts.get(fact) for fact in rule.applies_if}
    if any(answer is not None and answer not in rule.applies_if[fact] for fact, answer in answers.items()):
        return Applies.NO
    return Applies.UNKNOWN if None in answers.values() else Applies.YES


def in_force(rules: Iterable[BookRule]) -> tuple[BookRule, ...]:
    """Of rules that apply to one subject, those that say something: the strictest by binding, no weaker one beside it."""
    groups: dict[tuple[str, str, str, str], list[BookRule]] = {}
    for found in rules:
        rule = found.rule
        groups.setdefault((rule.metric, rule.operator, rule.window, rule.hours), []).append(found)
    held: list[BookRule] = []
    for (metric, *_), group in groups.items():
        held += _highest_mode(group) if METRICS[metric].unit == "mode" else _strictest(group)
    return tuple(held)


def _highest_mode(group: Sequence[BookRule]) -> list[BookRule]:
    forbidding = [found for found in group if found.prohibits]
    return [min(forbidding or group, key=lambda found: (BINDINGS.index(found.rule.binding), found.rank))]


def _strictest(group: Sequence[BookRule]) -> list[BookRule]:
    held: list[BookRule] = []
    for binding in BINDINGS:
        best: BookRule | None = None
        for found in group:
            if found.rule.binding == binding and (best is None or stricter(found.rule, best.rule)):
                best = found
        if best is not None and all(stricter(best.rule, other.rule) for other in held):
            held.append(best)
    return held


def stricter(one: Rule, other: Rule) -> bool:
    """Whether ``one`` asks for more than ``other``; both on the same metric with the same operator."""
    if one.operator == "==":
        return False
    mine, theirs = float(one.value), float(other.value)
    return mine > theirs if one.operator == ">=" else mine < theirs
