"""Random histories of a camera, and what is to be said of each of their seconds.

The reading knows nothing of spans: it looks at one instant after the other, in the numbers that the history was drawn as,
and asks the rules in words. It shares with the product only the names of causes. A history counts in ticks: a second, or
as many seconds as divide every change of clocks of its time zone, so that days of 23 to 25 hours stay small.
"""

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from server.domain.coverage import CAUSE_OF_CONDITION, Cause, Certainty, ConditionChange, Evidence, Timeline
from server.domain.soundness import PRECEDENCE, Moment, PictureFinding
from server.domain.verdict import DayVerdict, Waits, day_of, day_span, judge_days

Pairs = list[tuple[int, int]]
Said = tuple[Cause, Certainty]
REFUSED = (Cause.OBJECT_MISSING, Cause.OBJECT_CORRUPT, Cause.CHALLENGE_OVERDUE)
CONDITIONS = ("recording", *CAUSE_OF_CONDITION)
PENDING = {Cause.UPLOAD_PENDING, Cause.MANIFEST_PENDING}
CALENDARS = (
    ("Asia/Shanghai", date(2024, 2, 28), 3_600),
    ("Asia/Shanghai", date(1988, 4, 16), 3_600),
    ("Europe/Berlin", date(2026, 3, 28), 3_600),
    ("Europe/Berlin", date(2026, 10, 24), 3_600),
    ("America/New_York", date(2026, 3, 7), 3_600),
    ("America/New_York", date(2024, 2, 28), 3_600),
    ("America/Havana", date(2026, 10, 31), 3_600),
    ("Africa/Cairo", date(2026, 4, 23), 3_600),
    ("America/Sao_Paulo", date(2018, 2, 16), 3_600),
    ("Australia/Lord_Howe", date(2026, 4, 4), 1_800),
    ("Australia/Lord_Howe", date(2026, 10, 3), 1_800),
    ("Pacific/Apia", date(2011, 12, 28), 3_600),
    ("Asia/Pyongyang", date(2015, 8, 13), 1_800),
    ("Asia/Pyongyang", date(2018, 5, 3), 1_800),
    ("Europe/Istanbul", date(2016, 9, 6), 3_600),
    ("Asia/Kathmandu", date(2026, 1, 1), 900),
)
"""Summer time beginning and ending, also at midnight and by half an hour; leap days; a state that changed its zone, one
that skipped a day, one that moved its clocks by half an hour for good, and one that is 45 minutes off."""


class Part(NamedTuple):
    """One timeline as it was drawn; ``running`` and ``trusted`` may overlap themselves."""

    running: Pairs
    trusted: Pairs
    ended: bool
    heard: int
    stored: bool


class Find(NamedTuple):
    """A finding: where it was raised and cleared, in ticks; ``over`` as the product has it."""

    name: str
    since: tuple[int, str, int, bool, int]
    until: tuple[int, str, int, bool, int] | None
    over: int | None


@dataclass
class History:
    """Everything known of one camera, in ticks from ``base_us``."""

    tick_us: int
    base_us: int
    length: int
    days: Pairs
    activated: int
    retired: int | None
    now: int
    waits: tuple[int, int, int]
    claimed: dict[str, Pairs] = field(default_factory=dict)
    secured: dict[str, Pairs] = field(default_factory=dict)
    refused: dict[Cause, Pairs] = field(default_factory=dict)
    evicted: Pairs = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    conditions: list[tuple[int, str, str]] = field(default_factory=list)
    findings: list[Find] = field(default_factory=list)
    settled: int = 0
    alive: bool = False
    current: str = "a"
    spans: list[Span] = field(default_factory=list)
    """The days as the product tells them, beside ``days``, which were read off a calendar instant by instant."""


def draw(chance: random.Random) -> History:
    """A history: two of three in seconds of made-up days, the others around a day that clocks make strange."""
    history = _in_seconds(chance) if chance.random() < 0.67 else _on_a_calendar(chance)
    length = history.length
    keys = "ab" if chance.random() < 0.8 else "abs"
    for key in keys:
        if chance.random() < 0.9:
            history.parts[key] = Part(
                _pairs(chance, length, 2),
                [(0, length + 20)] if chance.random() < 0.4 else _pairs(chance, length + 20, 3),
                chance.random() < 0.4,
                chance.randrange(4),
                key == "s",
            )
        claimed = _segments(chance, length) if chance.random() < 0.7 else _pairs(chance, length + 10, 4)
        history.claimed[key] = claimed
        kept = [pair for pair in claimed if chance.random() < 0.7]
        history.secured[key] = kept if chance.random() < 0.7 else _pairs(chance, length + 10, 4)
        if kept and chance.random() < 0.3:
            history.secured[key] = [*history.secured[key], chance.choice(kept)]
    if chance.random() < 0.1:
        history.secured["x"] = _pairs(chance, length, 2)
    for cause in REFUSED:
        if chance.random() < 0.2:
            history.refused[cause] = _pairs(chance, length, 2)
    if chance.random() < 0.2:
        history.evicted = _pairs(chance, length, 2)
    moments = sorted(chance.sample(range(length + 1), min(chance.randrange(5), length)))
    history.conditions = [(at, chance.choice(CONDITIONS), chance.choice("ab")) for at in moments]
    if chance.random() < 0.4:
        history.findings = [_find(chance, length) for _ in range(chance.randrange(1, 3))]
    history.settled = chance.randrange(history.now + 5)
    history.alive = chance.random() < 0.6
    history.current = chance.choice("ab")
    return history


def _in_seconds(chance: random.Random) -> History:
    first = chance.randrange(0, 8)
    edges = [first]
    while len(edges) < chance.randrange(2, 5):
        edges.append(edges[-1] + chance.randrange(0, 12))
    days = [(begin, end) for begin, end in itertools.pairwise(edges) if chance.random() < 0.95]
    length = max(edges[-1], 1)
    spans = [Span(begin * US_PER_S, end * US_PER_S) for begin, end in days]
    return _with_service(chance, History(US_PER_S, 0, length, days, 0, None, 0, (0, 0, 0), spans=spans), 12)


def _on_a_calendar(chance: random.Random) -> History:
    name, first, tick_s = chance.choice(CALENDARS)
    zone, count = ZoneInfo(name), chance.randrange(1, 4)
    dates = [first + timedelta(days=number) for number in range(count)]
    base = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) - 16 * 3_600
    # Every clock reads a multiple of the tick, for the offsets from Greenwich of these zones are multiples of it.
    base -= base % tick_s
    length = ((count + 2) * 24 * 3_600) // tick_s
    read = [datetime.fromtimestamp(base + at * tick_s, zone).date() for at in range(length)]
    days: Pairs = []
    for day in dates:
        hits = [at for at, on in enumerate(read) if on == day]
        # A day that was skipped has no instant; it lies where the one after it begins.
        begin = hits[0] if hits else next(at for at, on in enumerate(read) if on > day)
        days.append((begin, begin + len(hits)))
    spans = [day_span(day, name) for day in dates]
    history = History(
        tick_s * US_PER_S, base * US_PER_S, min(length, days[-1][1] + 3), days, 0, None, 0, (0, 0, 0), spans=spans
    )
    at = chance.randrange(length)
    assert day_of((base + at * tick_s) * US_PER_S, name) == read[at]
    return _with_service(chance, history, 30)


def _with_service(chance: random.Random, history: History, backfill_max: int) -> History:
    """A camera that came and perhaps went; an assessment in the middle, at the end or long after."""
    length = history.length
    history.activated = chance.choice([0, 0, chance.randrange(length + 1)])
    history.retired = chance.choice([None, None, chance.randrange(length + 1)])
    history.now = chance.choice([chance.randrange(length + 1), length, length + chance.randrange(40)])
    if chance.random() < 0.2:
        history.now = chance.choice(history.days or [(0, length)])[1]
    history.waits = (chance.randrange(8), chance.randrange(backfill_max), chance.choice([0, chance.randrange(16)]))
    return history


def _pairs(chance: random.Random, limit: int, most: int) -> Pairs:
    found: Pairs = []
    for _ in range(chance.randrange(most + 1)):
        one, other = chance.randrange(limit + 1), chance.randrange(limit + 1)
        found.append((min(one, other), max(one, other)))
    return found


def _segments(chance: random.Random, limit: int) -> Pairs:
    """As a recorder cuts them: one after another, some doubled, some overlapping, with a hole here and there."""
    found: Pairs = []
    at, step = chance.randrange(limit + 1), chance.randrange(2, 9)
    while at < limit and len(found) < 12:
        end = at + step
        found.append((at, end))
        if chance.random() < 0.1:
            found.append((at, end + 1))
        at = end + (chance.randrange(1, 6) if chance.random() < 0.2 else 0) - (chance.random() < 0.1)
    chance.shuffle(found)
    return found


def _find(chance: random.Random, length: int) -> Find:
    def moment() -> tuple[int, str, int, bool, int]:
        at = chance.randrange(length + 1)
        return at, chance.choice("abx"), chance.randrange(4), chance.random() < 0.6, chance.randrange(length + 1)

    until = moment() if chance.random() < 0.7 else None
    over = max(until[0], chance.randrange(length + 1)) if until is not None and chance.random() < 0.7 else None
    return Find(chance.choice(PRECEDENCE), moment(), until, over)


def judged(history: History) -> list[DayVerdict]:
    """What the product says of the days, all at once."""
    return judge_days(history.spans, *service_of(history), evidence_of(history), now_us_of(history), waits_of(history))


def service_of(history: History) -> tuple[int, int | None]:
    at = _instants(history)
    return at(history.activated), None if history.retired is None else at(history.retired)


def now_us_of(history: History) -> int:
    return _instants(history)(history.now)


def waits_of(history: History) -> Waits:
    return Waits(*(ticks * history.tick_us for ticks in history.waits))


def _instants(history: History) -> Callable[[int], int]:
    return lambda tick: history.base_us + tick * history.tick_us


def evidence_of(history: History) -> Evidence:
    """The history as the product is given it."""
    at = _instants(history)

    def spans(pairs: Iterable[tuple[int, int]]) -> SpanSet:
        return SpanSet((at(begin), at(end)) for begin, end in pairs)

    def moment(told: tuple[int, str, int, bool, int]) -> Moment:
        return Moment(at(told[0]), told[1], told[2], told[3], at(told[4]))

    return Evidence(
        claimed={key: spans(pairs) for key, pairs in history.claimed.items()},
        secured={key: spans(pairs) for key, pairs in history.secured.items()},
        refused={cause: spans(pairs) for cause, pairs in history.refused.items()},
        evicted=spans(history.evicted),
        timelines={
            key: Timeline(spans(part.running), spans(part.trusted), part.ended, part.heard, part.stored)
            for key, part in history.parts.items()
        },
        conditions=[ConditionChange(at(tick), condition, key) for tick, condition, key in history.conditions],
        findings=[
            PictureFinding(
                found.name,
                moment(found.since),
                None if found.until is None else moment(found.until),
                None if found.over is None else at(found.over),
            )
            for found in history.findings
        ],
        settled_until_us=at(history.settled),
        agent_alive=history.alive,
        current_timeline=history.current,
    )


def read(history: History) -> list[dict[int, Said | None]]:
    """Day by day: each tick that is expected, with what is said of it; None where it is covered."""
    read_days = []
    for begin, end in history.days:
        final = history.now >= end + history.waits[1]
        gone = history.now if history.retired is None else history.retired
        ticks = [tick for tick in range(begin, min(end, history.now)) if history.activated <= tick < gone]
        read_days.append({tick: _said(tick, history, begin, final=final) for tick in ticks})
    return read_days


def disagreement(history: History) -> str:
    """Where the product and the reading differ; empty where they agree in everything."""
    at = _instants(history)
    for number, (verdict, instants) in enumerate(zip(judged(history), read(history), strict=True)):
        begin, end = history.days[number]
        if (at(begin), at(end)) != tuple(history.spans[number]):
            return f"day {number} is [{begin}, {end}), the product has {history.spans[number]}"
        final = history.now >= end + history.waits[1]
        said = _told(verdict, history)
        waiting = {tick for tick, (state, _) in said.items() if state == "in flight"}
        wrong = _flight(instants, history, final=final) ^ waiting
        if wrong:
            return f"day {number}: in flight or not: {sorted(wrong)}"
        expected: dict[int, tuple[str, Said | None]] = {
            tick: ("in flight", None) if tick in waiting else ("covered", None) if what is None else ("gap", what)
            for tick, what in instants.items()
        }
        if said != expected:
            return f"day {number}: {[(t, said.get(t), expected.get(t)) for t in sorted({*said, *expected}) if said.get(t) != expected.get(t)]}"
        if (verdict.status, verdict.final) != (_status(expected), final):
            return f"day {number}: {verdict.status} and final={verdict.final}"
        ticks = [sum(state == "covered" for state, _ in said.values()), len(expected) - len(waiting)]
        if [verdict.covered_us, verdict.expected_us] != [count * history.tick_us for count in ticks]:
            return f"day {number}: sums {verdict.covered_us} of {verdict.expected_us}"
        problem = _ends(verdict, history)
        if problem:
            return f"day {number}: {problem}"
    return ""


def _told(verdict: DayVerdict, history: History) -> dict[int, tuple[str, Said | None]]:
    """The product's words, tick by tick; a tick that is spoken of twice is a tick too many."""
    found: dict[int, tuple[str, Said | None]] = {}
    parts: list[tuple[int, int, tuple[str, Said | None]]] = [
        *((span.start_us, span.end_us, ("covered", None)) for span in verdict.coverage.covered),
        *((span.start_us, span.end_us, ("in flight", None)) for span in verdict.coverage.in_flight),
        *(
            (
                gap.start_us,
                now_us_of(history) if gap.end_us is None else gap.end_us,
                ("gap", (gap.cause, gap.certainty)),
            )
            for gap in verdict.gaps
        ),
    ]
    for start_us, end_us, what in parts:
        for tick in range(
            (start_us - history.base_us) // history.tick_us, (end_us - history.base_us) // history.tick_us
        ):
            found[tick] = ("twice", None) if tick in found else what
    return found


def _ends(verdict: DayVerdict, history: History) -> str:
    """Gaps are in order; two that touch differ; one is open exactly where it lasts until now."""
    now_us = now_us_of(history)
    for before, after in itertools.pairwise(verdict.gaps):
        if before.end_us is None or before.end_us > after.start_us:
            return "gaps out of order"
        if before.end_us == after.start_us and before[2:] == after[2:]:
            return "one gap told as two"
    if any(gap.end_us == now_us for gap in verdict.gaps):
        return "a gap that lasts was closed"
    return ""


def _flight(instants: dict[int, Said | None], history: History, *, final: bool) -> set[int]:
    """What a live agent may still prove: the runs of one pending cause that began recently enough."""
    if final or not history.alive:
        return set()
    found: set[int] = set()
    for tick, what in instants.items():
        if what is None or what[0] not in PENDING:
            continue
        begin = tick
        while instants.get(begin - 1) == what:
            begin -= 1
        wait = history.waits[0] if what[0] is Cause.MANIFEST_PENDING else max(history.waits[0], history.waits[2])
        if begin >= history.now - wait:
            found.add(tick)
    return found


def _status(expected: dict[int, tuple[str, Said | None]]) -> str:
    due = [what for what in expected.values() if what[0] != "in flight"]
    if any(said is not None and said[1] is Certainty.MISSING for _, said in due):
        return "NON_COMPLIANT"
    if not due or any(said is not None for _, said in due):
        return "UNVERIFIED"
    return "COMPLIANT"


def _in(tick: int, pairs: Pairs) -> bool:
    return any(begin <= tick < end for begin, end in pairs)


def _said(tick: int, history: History, day: int, *, final: bool) -> Said | None:
    timed = [(key, part) for key, part in history.parts.items() if _in(tick, history.secured.get(key, []))]
    timed = [(key, part) for key, part in timed if _in(tick, part.trusted)]
    bad = [{found.name for found in history.findings if _holds(found, tick, key, part, day)} for key, part in timed]
    if any(not names for names in bad):
        return None
    if bad:
        name = min(set().union(*bad), key=PRECEDENCE.index)
        # Nobody found anything wrong with what nobody looked at.
        return Cause(f"picture_{name}"), Certainty.UNVERIFIED if name == "unexamined" else Certainty.MISSING
    if any(_in(tick, pairs) for pairs in history.secured.values()):
        return Cause.CLOCK_ERROR, Certainty.MISSING if final else Certainty.UNVERIFIED
    return _unsecured(tick, history, final=final)


def _unsecured(tick: int, history: History, *, final: bool) -> Said:
    for cause, pairs in history.refused.items():
        if _in(tick, pairs):
            return cause, Certainty.UNVERIFIED if cause is Cause.CHALLENGE_OVERDUE else Certainty.MISSING
    if _in(tick, history.evicted):
        return Cause.DISK_FULL, Certainty.MISSING
    if any(_in(tick, pairs) for pairs in history.claimed.values()):
        return (Cause.UPLOAD_MISSING, Certainty.MISSING) if final else (Cause.UPLOAD_PENDING, Certainty.UNVERIFIED)
    if tick < history.settled:
        return _settled(tick, history), Certainty.MISSING
    if not history.alive:
        return Cause.AGENT_OFFLINE, Certainty.UNVERIFIED
    latest = [(at, condition) for at, condition, key in history.conditions if key == history.current][-1:]
    if latest and latest[0][0] <= tick and latest[0][1] in CAUSE_OF_CONDITION:
        return CAUSE_OF_CONDITION[latest[0][1]], Certainty.MISSING
    return Cause.MANIFEST_PENDING, Certainty.UNVERIFIED


def _settled(tick: int, history: History) -> Cause:
    """Why nobody claims an instant of which all is known that ever will be."""
    causes: list[Cause] = []
    ran = False
    for key, part in history.parts.items():
        if not _in(tick, part.running):
            continue
        ran = True
        so_far = [condition for at, condition, on in history.conditions if on == key and at <= tick]
        if not so_far:
            causes.append(Cause.AGENT_OFFLINE)
        elif so_far[-1] in CAUSE_OF_CONDITION:
            causes.append(CAUSE_OF_CONDITION[so_far[-1]])
        elif part.ended and all(tick >= end for begin, end in history.claimed.get(key, []) if begin < end):
            causes.append(Cause.AGENT_OFFLINE)
    if not ran:
        return Cause.AGENT_OFFLINE
    return causes[0] if causes else Cause.UNEXPLAINED


def _holds(found: Find, tick: int, key: str, part: Part, day: int) -> bool:
    """Whether a finding had begun and not yet ended, at an instant as one timeline's clock tells it."""
    if found.over is not None and day >= found.over:
        return False
    since, since_key, since_heard, since_trusted, since_started = found.since
    if part.stored:
        begun = tick >= since or not since_trusted
        return begun and not (found.until is not None and found.until[3] and tick >= found.until[0])
    if since_trusted or since_key == key:
        if tick < since:
            return False
    elif part.heard < since_heard and (since >= since_started or tick < since):
        return False
    if found.until is None:
        return True
    until, until_key, until_heard, until_trusted, _ = found.until
    if until_trusted or until_key == key:
        return tick < until
    return part.heard <= until_heard
