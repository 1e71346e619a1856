"""What a rule book says of a site: each rule's outcome, traced to its clause and to what was measured.

Three-valued, like everything here: a rule is ``COMPLIANT`` only where what it asks for was measured and is enough. What was
not measured, and what depends on a fact that nobody has entered, is ``UNVERIFIED`` (invariant I1). Only rules that bind
decide the whole; a recommendation that is not followed is said and counts for nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from config.base.clock import US_PER_MINUTE
from config.policies.book import Applies, Book, BookRule, applies, in_force
from config.policies.metrics import METRICS, Subject
from config.policies.pack import Rule
from server.domain.verdict import Status

Value = float | bool | str
LATE_US = 15 * US_PER_MINUTE
"""Jobs look at every site every five minutes. What is not final stands only while they do."""
MODES_WITHIN = {
    "forbidden": ("forbidden", "off"),
    "off": ("forbidden", "off"),
    "consented": ("forbidden", "off", "consented"),
    "required": ("required",),
}
"""The modes of live viewing that each rule allows a site to be in."""


@dataclass(frozen=True)
class Measured:
    """A figure in its metric's unit. ``value``: what is certain, the worst that it can be; None where nothing is.

    ``could_be``: the best that it can still turn out to be; None where it is certain, or nothing is known.
    """

    value: Value | None
    evidence: tuple[str, ...] = ()
    """What it rests on, by reference."""
    could_be: Value | None = None
    why: str = ""
    """In a word, why it is not known, or not certain."""


NOT_MEASURED = Measured(None, why="not_measured")


@dataclass(frozen=True)
class Examined:
    """One thing that rules speak of: the site itself, a zone, a class, a person.

    ``measured``: by metric and window, and by hours where a rule names some (``key_of``). ``facts``: as in the packs' ``applies_if``; what is missing is unknown.
    """

    kind: Subject
    id: str
    facts: Mapping[str, str | None] = field(default_factory=dict)
    measured: Mapping[tuple[str, ...], Measured] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How one rule came out for one subject."""

    found: BookRule
    subject: Examined
    status: Status
    measured: Measured

    @property
    def binds(self) -> bool:
        return self.found.rule.binding == "mandatory"


def examine(book: Book, subjects: Iterable[Examined]) -> tuple[Outcome, ...]:
    """The outcome of every rule in force, in the book's order, for each of ``subjects``."""
    return tuple(outcome for subject in subjects for outcome in _of_one(book, subject))


def overall(outcomes: Sequence[Outcome]) -> Status:
    """NON_COMPLIANT where a binding rule is broken, UNVERIFIED where one is not known to hold or none was examined."""
    binding = [outcome.status for outcome in outcomes if outcome.binds]
    if Status.NON_COMPLIANT in binding:
        return Status.NON_COMPLIANT
    return Status.COMPLIANT if binding and Status.UNVERIFIED not in binding else Status.UNVERIFIED


def worst(statuses: Iterable[Status]) -> Status:
    """Of several verdicts the one that decides the whole; UNVERIFIED of none."""
    found = set(statuses)
    if Status.NON_COMPLIANT in found:
        return Status.NON_COMPLIANT
    return Status.UNVERIFIED if Status.UNVERIFIED in found or not found else Status.COMPLIANT


def key_of(rule: Rule) -> tuple[str, ...]:
    """Under which key of ``Examined.measured`` a rule finds what it asks about."""
    return (rule.metric, rule.window, rule.hours) if rule.hours else (rule.metric, rule.window)


def is_late(looked_us: int | None, now_us: int) -> bool:
    """Whether nobody has judged a site lately: what its entries say of days that are not final is of then, not of now."""
    return looked_us is None or now_us - looked_us > LATE_US


def retention_floor_days(book: Book) -> int:
    """The longest retention that any rule of the book asks for, whether it binds or recommends.

    A recording that was kept too long can still be deleted. One that was deleted too early is gone.
    """
    floors = [found.rule.value for found in book.about("recording_retention") if found.rule.operator == ">="]
    return max((int(-(-float(floor) // 1)) for floor in floors), default=0)


def _of_one(book: Book, subject: Examined) -> Iterator[Outcome]:
    concerned = [found for found in book.rules if METRICS[found.rule.metric].subject == subject.kind]
    certain = [found for found in concerned if applies(found.rule, subject.facts) is Applies.YES]
    held = in_force(certain)
    for found in concerned:
        measured = subject.measured.get(key_of(found.rule), NOT_MEASURED)
        if found in held:
            yield Outcome(found, subject, _status(found, measured), measured)
        elif applies(found.rule, subject.facts) is Applies.UNKNOWN and found in in_force([*certain, found]):
            # Whether it applies is not known: kept, it harms nobody; broken, it may be a breach or nothing.
            kept = _status(found, measured) is Status.COMPLIANT
            yield Outcome(found, subject, Status.COMPLIANT if kept else Status.UNVERIFIED, measured)


def _status(found: BookRule, measured: Measured) -> Status:
    if measured.value is not None and _holds(found, measured.value):
        return Status.COMPLIANT
    best = measured.could_be if measured.could_be is not None else measured.value
    return Status.UNVERIFIED if best is None or _holds(found, best) else Status.NON_COMPLIANT


def _holds(found: BookRule, value: Value) -> bool:
    wanted, operator = found.rule.value, found.rule.operator
    if METRICS[found.rule.metric].unit == "mode":
        return value in MODES_WITHIN[str(wanted)]
    if operator == "==":
        return value == wanted
    return float(value) >= float(wanted) if operator == ">=" else float(value) <= float(wanted)
