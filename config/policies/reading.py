"""Reads policy packs; one that is wrong in any way is refused with its file, the line and the reason.

A rule that binds must have been read in its document (confidence V): a rule known by hearsay may be recommended, and an
operator who wants it to bind says so in a pack of their own.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from config.base.decoding import convert
from config.base.errors import ConfigurationError, InvalidInput
from config.policies.book import Book, BookRule
from config.policies.metrics import EVIDENCE, FACTS, FORBIDDEN_ZONE_KINDS, LIVE_VIEW_MODES, METRICS, Metric
from config.policies.pack import Escalation, Pack, Rule, Source
from config.policies.strict_yaml import Document
from config.policies.strict_yaml import Path as Place

PACKS = Path(__file__).with_name("packs")
_STEP = re.compile(r"\.([^.\[\]`]+)")
_UNKNOWN = re.compile("unknown field `([^`]+)`")


@dataclass(frozen=True)
class _File:
    path: Path
    document: Document
    pack: Pack

    def error(self, place: Place, reason: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path.name}:{self.document.line(place)}: {reason}")


class Library:
    """All packs of some folders by name; checked one by one and together."""

    def __init__(self, folders: Sequence[Path] = (PACKS,)) -> None:
        """Raises ConfigurationError for the first pack that is wrong."""
        self._files: dict[str, _File] = {}
        for path in sorted(file for folder in folders for file in folder.glob("*.yaml")):
            file = _read(path)
            if file.pack.pack in self._files:
                raise file.error(("pack",), f"there is a second pack '{file.pack.pack}'")
            self._files[file.pack.pack] = file
        for name in self._files:
            self._check_together(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def book(self, name: str) -> Book:
        """The pack ``name`` with all that it extends. Raises ConfigurationError where there is none."""
        if name not in self._files:
            raise ConfigurationError(f"there is no policy pack '{name}'{_meant(name, self._files)}")
        return Book(tuple(file.pack for file in self._chain(name, ())))

    def _chain(self, name: str, above: tuple[str, ...]) -> list[_File]:
        file = self._files[name]
        found: list[_File] = []
        for index, base in enumerate(file.pack.extends):
            if base in (*above, name):
                raise file.error(
                    ("extends", index), f"packs extend each other in a circle: {' → '.join((*above, name, base))}"
                )
            if base not in self._files:
                raise file.error(("extends", index), f"there is no pack '{base}'{_meant(base, self._files)}")
            found += [each for each in self._chain(base, (*above, name)) if each not in found]
        return [*found, file]

    def _check_together(self, name: str) -> None:
        files = self._chain(name, ())
        seen: dict[str, str] = {}
        for file in files:
            named: dict[str, Sequence[Rule | Escalation]] = {
                "rules": file.pack.rules, "escalation": file.pack.escalation,
            }  # fmt: skip
            for part, some in named.items():
                for index, rule in enumerate(some):
                    if rule.id in seen:
                        reason = f"the rule '{rule.id}' is already in pack '{seen[rule.id]}'"
                        raise file.error((part, index, "id"), reason)
                    seen[rule.id] = file.pack.pack
        own, book = self._files[name], Book(tuple(file.pack for file in files))
        # Its own first: of two packs that it extends neither is wrong by itself.
        for found in sorted(book.rules, key=lambda each: each.pack is not own.pack):
            for other in book.about(found.rule.metric):
                if _contradict(found, other):
                    rule, there = found.rule, found.pack is own.pack
                    place: Place = ("rules", own.pack.rules.index(rule), "value") if there else ("extends",)
                    reason = f"contradicts the rule '{other.rule.id}' ({other.rule.operator} {_shown(other.rule)})"
                    raise own.error(place, f"{rule.id}: {rule.operator} {_shown(rule)} {reason}")


def _read(path: Path) -> _File:
    try:
        document = Document(path.read_text("utf-8"))
    except InvalidInput as error:
        line, _, reason = str(error).removeprefix("line ").partition(": ")
        raise ConfigurationError(f"{path.name}:{line}: {reason}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}:1: cannot be read as UTF-8 text: {error}") from error
    pack = _shaped(path, document)
    file = _File(path, document, pack)
    if pack.pack != path.stem:
        raise file.error(("pack",), f"the pack is named '{pack.pack}' and its file '{path.name}'")
    for index, rule in enumerate(pack.rules):
        for key, reason in _faults(rule, pack):
            raise file.error(("rules", index, key), f"{rule.id}: {reason}")
    for index, step in enumerate(pack.escalation):
        for key, reason in _step_faults(step, pack):
            raise file.error(("escalation", index, key), f"{step.id}: {reason}")
    return file


def _shaped(path: Path, document: Document) -> Pack:
    """The parts first, each by itself: msgspec does not say which member of a list is wrong."""
    data = document.data if isinstance(document.data, dict) else {}
    rules, sources, escalation = data.get("rules"), data.get("sources"), data.get("escalation")
    parts: list[tuple[Place, object, type]] = []
    if isinstance(sources, dict):
        parts += [(("sources", name), source, Source) for name, source in sources.items()]
    if isinstance(rules, list):
        parts += [(("rules", index), rule, Rule) for index, rule in enumerate(rules)]
    if isinstance(escalation, list):
        parts += [(("escalation", index), step, Escalation) for index, step in enumerate(escalation)]
    place: Place = ()
    try:
        for where_it_is, part, kind in parts:
            place = where_it_is
            convert(part, kind)
        place = ()
        return convert(document.data, Pack)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        named = _UNKNOWN.search(reason)
        line = document.line((*place, *_STEP.findall(where), *([named[1]] if named else [])))
        raise ConfigurationError(f"{path.name}:{line}: {reason}") from error


def _step_faults(step: Escalation, pack: Pack) -> Iterable[tuple[str, str]]:
    yield from _origin_faults(step, pack)
    if (step.level == "") != (step.to == "facility_manager"):
        yield "level" if step.level else "to", "an authority has a level, a facility's manager has none"


def _origin_faults(rule: Rule | Escalation, pack: Pack) -> Iterable[tuple[str, str]]:
    if rule.source not in pack.sources:
        yield "source", f"the pack has no source '{rule.source}'{_meant(rule.source, pack.sources)}"
    if rule.binding == "mandatory" and rule.confidence != "V":
        yield "binding", f"confidence {rule.confidence} cannot be mandatory: read the document first, or recommend"


def _faults(rule: Rule, pack: Pack) -> Iterable[tuple[str, str]]:
    """(key, reason) of everything in one rule that its shape alone does not show."""
    yield from _origin_faults(rule, pack)
    metric = METRICS.get(rule.metric)
    if metric is None:
        yield "metric", f"there is no metric '{rule.metric}'{_meant(rule.metric, METRICS)}"
        return
    if rule.hours and rule.metric != "zone_coverage":
        yield "hours", f"only 'zone_coverage' can be asked for by hours, not '{rule.metric}'"
    yield from _limit_faults(rule, metric)
    for kind in rule.evidence:
        if kind not in EVIDENCE:
            yield "evidence", f"there is no evidence '{kind}'{_meant(kind, EVIDENCE)}"
    for fact, answers in rule.applies_if.items():
        if fact not in FACTS:
            yield "applies_if", f"there is no fact '{fact}'{_meant(fact, FACTS)}"
        elif fact.partition(".")[0] not in ("site", metric.subject):
            yield "applies_if", f"'{rule.metric}' is measured of a {metric.subject}, which has no '{fact}'"
        elif unknown := sorted(set(answers) - set(FACTS[fact])):
            yield "applies_if", f"'{fact}' is never '{unknown[0]}'{_meant(unknown[0], FACTS[fact])}"
    forbidden = FORBIDDEN_ZONE_KINDS & set(rule.applies_if.get("zone.kind", FORBIDDEN_ZONE_KINDS))
    if rule.metric == "zone_coverage" and forbidden:
        yield "applies_if", f"no rule may ask for a camera in a {min(forbidden)} zone: name the kinds of zone it means"


def _limit_faults(rule: Rule, metric: Metric) -> Iterable[tuple[str, str]]:
    if rule.operator not in metric.operators:
        yield "operator", f"'{rule.metric}' takes {' or '.join(metric.operators)}, not {rule.operator}"
    if rule.unit != metric.unit:
        yield "unit", f"'{rule.metric}' is in {metric.unit}, not {rule.unit}"
    if rule.window not in metric.windows:
        yield "window", f"'{rule.metric}' is judged by {' or '.join(metric.windows)}, not by {rule.window}"
    if metric.unit == "flag":
        if rule.value is not True:
            yield "value", f"'{rule.metric}' is there or not: the value must be true"
    elif metric.unit == "mode":
        if rule.value not in LIVE_VIEW_MODES:
            yield "value", f"the value must be one of {', '.join(LIVE_VIEW_MODES)}"
    elif isinstance(rule.value, bool | str):
        yield "value", f"'{rule.metric}' is a number of {metric.unit}"
    elif metric.unit == "percent" and rule.value > 100:
        yield "value", "more than 100 percent"
    elif metric.prohibits and rule.value != 0:
        yield "value", f"'{rule.metric}' counts what may not exist: the value must be 0"


def _contradict(one: BookRule, other: BookRule) -> bool:
    """Whether no subject can satisfy both: a floor above a ceiling, or two modes of the same standing."""
    if not _overlap(one.rule, other.rule) or one.rule.window != other.rule.window:
        return False
    if METRICS[one.rule.metric].unit == "mode":
        standing = (one.rule.binding, one.rank) == (other.rule.binding, other.rank)
        return standing and one.rule.value != other.rule.value
    if {one.rule.operator, other.rule.operator} != {">=", "<="}:
        return False
    floor, ceiling = (one, other) if one.rule.operator == ">=" else (other, one)
    return float(floor.rule.value) > float(ceiling.rule.value)


def _overlap(one: Rule, other: Rule) -> bool:
    shared = set(one.applies_if) & set(other.applies_if)
    return all(set(one.applies_if[fact]) & set(other.applies_if[fact]) for fact in shared)


def _shown(rule: Rule) -> str:
    return f"{rule.value:g}" if isinstance(rule.value, float) else str(rule.value)


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
