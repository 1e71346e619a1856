"""Coverage of one camera over one window: what is covered, what is missing and why.

Invariant I1: time is covered only where a locked object version that the server itself read back exists, the clock it
was timed with is trusted *and* no finding says that the picture was no good. Everything else that was expected is a gap with one cause, or in flight. What is
not known is ``unverified``, never covered.

    covered = ∪ over timelines (secured ∩ trusted ∩ sound)        missing = expected − covered − in flight
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from config.base.timespan import Span, SpanSet
from server.domain.soundness import PRECEDENCE, PictureFinding, spoilable_until_us, spoiled


class Cause(StrEnum):
    """Why a stretch of time is not covered."""

    PICTURE_SIGNAL_LOSS = "picture_signal_loss"
    PICTURE_TOO_DARK = "picture_too_dark"
    PICTURE_TOO_BRIGHT = "picture_too_bright"
    PICTURE_OCCLUDED = "picture_occluded"
    PICTURE_BLURRED = "picture_blurred"
    PICTURE_FROZEN = "picture_frozen"
    PICTURE_SCENE_MOVED = "picture_scene_moved"
    PICTURE_STREAKS = "picture_streaks"
    PICTURE_NOISE = "picture_noise"
    PICTURE_COLOUR_CAST = "picture_colour_cast"
    PICTURE_UNEXAMINED = "picture_unexamined"
    PLANNED_MAINTENANCE = "planned_maintenance"
    CLOCK_ERROR = "clock_error"
    CHALLENGE_OVERDUE = "challenge_overdue"
    OBJECT_MISSING = "object_missing"
    OBJECT_CORRUPT = "object_corrupt"
    LOCK_TOO_SHORT = "lock_too_short"
    UPLOAD_PENDING = "upload_pending"
    UPLOAD_MISSING = "upload_missing"
    MANIFEST_PENDING = "manifest_pending"
    AGENT_OFFLINE = "agent_offline"
    CAMERA_UNREACHABLE = "camera_unreachable"
    CAMERA_UNAUTHORISED = "camera_unauthorised"
    CAMERA_NO_VIDEO = "camera_no_video"
    STREAM_STALLED = "stream_stalled"
    DISK_FULL = "disk_full"
    RECORDING_STOPPED = "recording_stopped"
    UNEXPLAINED = "unexplained"


class Certainty(StrEnum):
    """Whether the absence is known, or nothing is known."""

    MISSING = "missing"
    UNVERIFIED = "unverified"


CAUSE_OF_CONDITION = {
    "starting": Cause.AGENT_OFFLINE,
    "unreachable": Cause.CAMERA_UNREACHABLE,
    "unauthorised": Cause.CAMERA_UNAUTHORISED,
    "no_video": Cause.CAMERA_NO_VIDEO,
    "stalled": Cause.STREAM_STALLED,
    "disk_full": Cause.DISK_FULL,
    "stopped": Cause.RECORDING_STOPPED,
}
"""The cause that a camera's condition explains; ``recording`` explains nothing."""

PUT_DOWN_TO_MAINTENANCE = frozenset(
    {
        *(cause for cause in Cause if cause.startswith("picture_")),
        Cause.AGENT_OFFLINE,
        Cause.CAMERA_UNREACHABLE,
        Cause.CAMERA_UNAUTHORISED,
        Cause.CAMERA_NO_VIDEO,
        Cause.STREAM_STALLED,
        Cause.RECORDING_STOPPED,
        Cause.UNEXPLAINED,
    }
)
"""What maintenance, declared before it began, comes before. It explains why nobody saw or recorded anything; never what was
recorded and lost, a lock, a clock or a proof that is owing."""


class ConditionChange(NamedTuple):
    """From ``at_us`` on, until the next one or the end of its timeline, the agent says this of the camera."""

    at_us: int
    condition: str
    timeline_id: str


@dataclass(frozen=True)
class Timeline:
    """One unbroken stretch of an agent's clock: when the agent is known to have run, and where the clock is trusted."""

    running: SpanSet
    trusted: SpanSet
    ended: bool = False
    """The agent has begun another one since: nothing more will come of this one but what it had kept."""
    heard_us: int = 0
    """When the server first heard of it, by the server's clock."""
    stored: bool = False
    """Not of the agent's clock: footage from a camera's own memory, which was fetched later."""
    claimed_until_us: int = 0
    """Where the last thing ends that was ever claimed on it, also beyond the window that is asked about."""


@dataclass(frozen=True)
class Evidence:
    """Everything known of one camera in a window; span sets are keyed by timeline id."""

    claimed: Mapping[str, SpanSet] = field(default_factory=dict)
    secured: Mapping[str, SpanSet] = field(default_factory=dict)
    refused: Mapping[Cause, SpanSet] = field(default_factory=dict)
    evicted: SpanSet = field(default_factory=SpanSet)
    """Recorded, and given up by the agent because its disk was full."""
    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    conditions: Sequence[ConditionChange] = ()
    """In any order; with those in force at the window's start, of each timeline, and the newest of the current one."""
    findings: Sequence[PictureFinding] = ()
    """Those that spoil a picture by the policy, in any order."""
    settled_until_us: int = 0
    """Everything the agent knows of this camera before this instant has reached the server."""
    agent_alive: bool = False
    current_timeline: str = ""
    """The one that the agent's newest heartbeat was sent on."""
    maintenance: SpanSet = field(default_factory=SpanSet)
    """Planned, and declared before it began (``server.domain.maintenance``)."""


class Gap(NamedTuple):
    """A stretch of expected time that is not covered; ``end_us`` is None while it lasts."""

    start_us: int
    end_us: int | None
    cause: Cause
    certainty: Certainty


class Coverage(NamedTuple):
    """The classification of every expected instant: covered, in a gap, or in flight."""

    covered: SpanSet
    gaps: tuple[Gap, ...]
    in_flight: SpanSet


@dataclass(frozen=True)
class Limits:
    """The moment of the assessment and what may still be under way then."""

    now_us: int
    in_flight_us: int
    """How long a claim or an upload of a live agent may take before its absence is shown."""
    final: bool = False
    """The backfill window has closed: nothing more is waited for."""
    proving_us: int = 0
    """How long an upload of a live agent may take where it counts only after a challenge (on-site cells)."""


Piece = tuple[Span, Cause, Certainty]
_NOTHING = SpanSet()
_Rule = tuple[SpanSet, Cause, Certainty]


def cover(expected: SpanSet, evidence: Evidence, limits: Limits) -> Coverage:
    """Classifies ``expected`` (no instant of it at or after ``limits.now_us``) by the evidence."""
    return cover_days(expected, [Span(0, limits.now_us)], evidence, limits)[0]


def cover_days(expected: SpanSet, days: Sequence[Span], evidence: Evidence, limits: Limits) -> list[Coverage]:
    """Classifies what is expected of each of ``days``, which come in order and do not overlap.

    Exactly what ``cover`` says of each day by itself, for the work of one: all is classified at once and then cut.
    """
    begin_us, end_us = days[0].start_us, days[-1].end_us
    secured = {key: spans.clip(begin_us, end_us) for key, spans in evidence.secured.items()}
    claimed = {key: spans.clip(begin_us, end_us) for key, spans in evidence.claimed.items()}
    sound, unsound = _examined(secured, evidence, days)
    covered = expected & sound
    remaining = expected - covered
    pieces: list[Piece] = []
    for where, cause, certainty in _rules(secured, claimed, evidence, limits, unsound):
        if not remaining:
            break
        taken = remaining & where
        if taken:
            remaining -= taken
            if evidence.maintenance and cause in PUT_DOWN_TO_MAINTENANCE:
                planned = taken & evidence.maintenance
                pieces.extend((span, Cause.PLANNED_MAINTENANCE, certainty) for span in planned)
                taken -= planned
            pieces.extend((span, cause, certainty) for span in taken)
    pieces.sort(key=_start)
    return [
        _coverage(of_day, in_pieces, evidence, limits)
        for of_day, in_pieces in zip(covered.cut(days), _cut(pieces, days), strict=True)
    ]


def _coverage(covered: SpanSet, pieces: list[Piece], evidence: Evidence, limits: Limits) -> Coverage:
    if not pieces:
        return Coverage(covered, (), _NOTHING)
    in_flight = _in_flight(pieces, evidence, limits)
    return Coverage(covered, _gaps(pieces, in_flight, limits), in_flight)


def _start(piece: Piece) -> int:
    return piece[0][0]


def _cut(pieces: list[Piece], days: Sequence[Span]) -> list[list[Piece]]:
    """The pieces of each day, cut where one day ends and the next begins."""
    parts: list[list[Piece]] = []
    at, count = 0, len(pieces)
    for day in days:
        part: list[Piece] = []
        while at < count and pieces[at][0].start_us < day.end_us and day.start_us < day.end_us:
            span, cause, certainty = pieces[at]
            if day.start_us <= span.start_us and span.end_us <= day.end_us:
                part.append(pieces[at])
            else:
                part.append((Span(max(span.start_us, day.start_us), min(span.end_us, day.end_us)), cause, certainty))
                if span.end_us > day.end_us:
                    break
            at += 1
        parts.append(part)
    return parts


def _rules(
    secured: Mapping[str, SpanSet],
    claimed: Mapping[str, SpanSet],
    evidence: Evidence,
    limits: Limits,
    unsound: list[tuple[Cause, SpanSet]],
) -> Iterator[_Rule]:
    """What explains time that is not covered, in order of precedence."""
    for cause, where in unsound:
        yield where, cause, Certainty.UNVERIFIED if cause is Cause.PICTURE_UNEXAMINED else Certainty.MISSING
    yield _union(secured), Cause.CLOCK_ERROR, Certainty.MISSING if limits.final else Certainty.UNVERIFIED
    for cause, where in evidence.refused.items():
        # What nobody answered for may be there all the same.
        yield where, cause, Certainty.UNVERIFIED if cause is Cause.CHALLENGE_OVERDUE else Certainty.MISSING
    # After what was read back: where the segment had reached the store all the same, that counts.
    yield evidence.evicted, Cause.DISK_FULL, Certainty.MISSING
    if limits.final:
        yield _union(claimed), Cause.UPLOAD_MISSING, Certainty.MISSING
    else:
        yield _union(claimed), Cause.UPLOAD_PENDING, Certainty.UNVERIFIED
    yield from _unclaimed(evidence, limits)


def _examined(
    secured: Mapping[str, SpanSet], evidence: Evidence, days: Sequence[Span]
) -> tuple[SpanSet, list[tuple[Cause, SpanSet]]]:
    """What is secured and rightly timed: the sound part, and by cause what shows nothing of use, first things first."""
    sound, found = dict[str, SpanSet](), dict[str, SpanSet]()
    until_us = [spoilable_until_us(finding, days) for finding in evidence.findings]
    for timeline_id, spans in secured.items():
        timeline = evidence.timelines.get(timeline_id)
        if timeline is None:
            continue
        timed = spans & timeline.trusted
        part = timed
        for finding, end_us in zip(evidence.findings, until_us, strict=True):
            where = spoiled(finding, timeline_id, timeline.heard_us, stored=timeline.stored).clip(0, end_us)
            found[finding.name] = found.get(finding.name, SpanSet()) | (timed & where)
            part -= where
        sound[timeline_id] = part
    return _union(sound), [(Cause(f"picture_{name}"), found[name]) for name in PRECEDENCE if name in found]


def _unclaimed(evidence: Evidence, limits: Limits) -> list[_Rule]:
    """Rules for time that no manifest claims, in order of precedence."""
    far = limits.now_us + 1
    settled = SpanSet.of((0, min(evidence.settled_until_us, far)))
    unsettled = SpanSet.of((0, far)) - settled
    running = _union({key: timeline.running for key, timeline in evidence.timelines.items()})
    said = _in_order(evidence.conditions)
    explained = _explained(evidence, said, far)
    rules = [(settled - running, Cause.AGENT_OFFLINE, Certainty.MISSING)]
    rules += [(settled & spans, cause, Certainty.MISSING) for cause, spans in explained]
    rules.append((settled, Cause.UNEXPLAINED, Certainty.MISSING))
    if not evidence.agent_alive:
        rules.append((unsettled, Cause.AGENT_OFFLINE, Certainty.UNVERIFIED))
        return rules
    # A live agent says at once when a condition changes, so the last one it reported holds to this moment.
    latest = next((c for c in reversed(said) if c.timeline_id == evidence.current_timeline), None)
    cause = CAUSE_OF_CONDITION.get(latest.condition) if latest else None
    if latest is not None and cause is not None:
        rules.append((unsettled & SpanSet.of((min(latest.at_us, far), far)), cause, Certainty.MISSING))
    rules.append((unsettled, Cause.MANIFEST_PENDING, Certainty.UNVERIFIED))
    return rules


def _in_order(conditions: Sequence[ConditionChange]) -> list[ConditionChange]:
    """Of two words of one instant the one that explains something comes last: it holds.

    A recording that kept nothing ends at the instant at which it began; none begins at that of the word before.
    """
    return sorted(conditions, key=lambda change: (change.at_us, change.condition in CAUSE_OF_CONDITION))


def _explained(evidence: Evidence, conditions: Sequence[ConditionChange], far_us: int) -> list[tuple[Cause, SpanSet]]:
    """What the agent's own words explain while it ran, timeline by timeline.

    Before its first word of the camera an agent was starting. What it said it recorded last and never claimed, it lost
    when it ended.
    """
    found: list[tuple[Cause, SpanSet]] = []
    said_on: dict[str, list[ConditionChange]] = {}
    for change in conditions:
        said_on.setdefault(change.timeline_id, []).append(change)
    for timeline_id, timeline in evidence.timelines.items():
        said = said_on.get(timeline_id, [])
        # One word holds until the next: of one timeline no two explain the same instant, so they go by cause.
        words: dict[Cause, list[tuple[int, int]]] = {}
        for position, change in enumerate(said):
            end_us = said[position + 1].at_us if position + 1 < len(said) else far_us
            cause = CAUSE_OF_CONDITION.get(change.condition)
            if cause is not None and change.at_us < end_us:
                words.setdefault(cause, []).append((change.at_us, end_us))
        found += [(cause, timeline.running & SpanSet(parts)) for cause, parts in words.items()]
        first_us = said[0].at_us if said else far_us
        found.append((Cause.AGENT_OFFLINE, timeline.running.clip(0, first_us)))
        if timeline.ended:
            claimed_us = evidence.claimed.get(timeline_id, SpanSet()).until_us or 0
            last_us = max(first_us, timeline.claimed_until_us, claimed_us)
            found.append((Cause.AGENT_OFFLINE, timeline.running.clip(last_us, far_us)))
    return found


def _in_flight(pieces: list[Piece], evidence: Evidence, limits: Limits) -> SpanSet:
    """What a live agent has simply not had the time to prove yet: neither covered nor a gap."""
    if not evidence.agent_alive or limits.final:
        return _NOTHING
    since_us = {
        Cause.MANIFEST_PENDING: limits.now_us - limits.in_flight_us,
        Cause.UPLOAD_PENDING: limits.now_us - max(limits.in_flight_us, limits.proving_us),
    }
    return SpanSet(span for span, cause, _ in pieces if cause in since_us and span.start_us >= since_us[cause])


def _gaps(pieces: list[Piece], in_flight: SpanSet, limits: Limits) -> tuple[Gap, ...]:
    gaps: list[Gap] = []
    for span, cause, certainty in pieces:
        for start_us, end_us in SpanSet.of(span) - in_flight if in_flight else (span,):
            last = gaps[-1] if gaps else None
            if last and last.end_us == start_us and (last.cause, last.certainty) == (cause, certainty):
                gaps[-1] = last._replace(end_us=end_us)
            else:
                gaps.append(Gap(start_us, end_us, cause, certainty))
    if gaps and gaps[-1].end_us == limits.now_us:
        gaps[-1] = gaps[-1]._replace(end_us=None)
    return tuple(gaps)


def _union(sets: Mapping[str, SpanSet]) -> SpanSet:
    some = [spans for spans in sets.values() if spans]
    return some[0] if len(some) == 1 else SpanSet(chain.from_iterable(some))
