"""The docket (问题清单): each stretch of missing time is one case, from its opening to its sign-off. Pure.

Invariants: no missing time is without a case; nothing that people wrote is ever undone by what the system sees: a gap that
late recordings fill is closed with that reason, never erased; nobody signs off what they explained themselves.

A case is one camera's missing time for one cause, wherever its pieces touch: it grows while the gap does, over midnight too,
and two that grow together become one. Cases of one site that began together for one cause are one incident.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from config.base.clock import US_PER_DAY, US_PER_MINUTE
from config.base.errors import Conflict, InvalidInput, PermissionDenied
from config.base.timespan import Span, SpanSet
from server.domain.coverage import Cause, Certainty, Gap

SETTLE_US = 5 * US_PER_MINUTE
"""How long something lasts, or is not known, before it is anybody's work; a gap that has ended is at once."""
TOGETHER_US = 2 * US_PER_MINUTE
"""Cameras that lose time for one cause begin to within this: agents and cameras do not notice at the same second."""
RECOUNT_US = US_PER_MINUTE
PENDING = frozenset({Cause.UPLOAD_PENDING, Cause.MANIFEST_PENDING})
"""May come to nothing by itself: nobody's work before the day is final."""
STORE_LOSSES = frozenset({Cause.OBJECT_MISSING, Cause.OBJECT_CORRUPT, Cause.LOCK_TOO_SHORT, Cause.CHALLENGE_OVERDUE})
TEXT_CHARS_MAX = 1_000


class Status(StrEnum):
    """Where the work on a case stands."""

    UNEXPLAINED = "unexplained"
    EXPLAINED = "explained"
    REPAIRED = "repaired"
    SIGNED_OFF = "signed_off"
    CLOSED = "closed"
    """By the system: there is no such gap any more."""


OPEN = frozenset({Status.UNEXPLAINED, Status.EXPLAINED, Status.REPAIRED})


class Closing(StrEnum):
    """Why the system closed a case."""

    FILLED = "filled"
    """Late recordings came, or nothing is expected any more."""
    MERGED = "merged"
    RECAUSED = "recaused"
    """The time is still missing, and another cause is known: it stands under a case of that."""


@dataclass(frozen=True)
class Case:
    """A case as it stands; ``end_us`` None while it lasts."""

    case_id: int
    cause: str
    start_us: int
    end_us: int | None
    missing_us: int
    status: Status

    def until_us(self, now_us: int) -> int:
        return self.end_us if self.end_us is not None else max(now_us, self.start_us)


class Opened(NamedTuple):
    """A new case; ``follows`` is the one that its time stood under before."""

    cause: str
    start_us: int
    end_us: int | None
    missing_us: int
    follows: int | None


class Moved(NamedTuple):
    """A case has other bounds now. ``told``: that belongs into its history; it is not just some minutes more."""

    case_id: int
    start_us: int
    end_us: int | None
    missing_us: int
    told: bool


class Closed(NamedTuple):
    """A case whose gap is gone; ``into`` is the case that has its time now, where it was merged."""

    case_id: int
    why: Closing
    into: int | None = None


Change = Opened | Moved | Closed


@dataclass(frozen=True)
class Seen:
    """The gaps of one camera as they are now; ``final`` says of which nothing more is waited for."""

    gaps: Sequence[Gap]
    final: Collection[Gap] = field(default_factory=frozenset)


def follow(cases: Sequence[Case], seen: Seen, window: Span, now_us: int) -> list[Change]:
    """What changes on the docket of one camera, whose gaps within ``window`` are all in ``seen``.

    ``cases``: those that touch the window. Asked again with the outcome, it changes nothing.
    """
    touching = [case for case in cases if case.until_us(now_us) >= window.start_us and case.start_us <= window.end_us]
    by_cause: dict[str, SpanSet] = {}
    for gap in seen.gaps:
        by_cause[gap.cause] = by_cause.get(gap.cause, SpanSet()) | SpanSet.of(_span(gap, now_us))
    begun = [case for case in touching if case.status in OPEN]
    changes: list[Change] = []
    fresh: list[Opened] = []
    outgrown: list[Case] = []
    for cause in sorted({*by_cause, *(case.cause for case in begun)}):
        mine = sorted((case for case in begun if case.cause == cause), key=lambda case: (case.start_us, case.case_id))
        signed = [case for case in touching if case.cause == cause and case.status is Status.SIGNED_OFF]
        settled = [case for case in signed if not _has_grown(case, by_cause.get(cause, SpanSet()), now_us)]
        outgrown += [case for case in signed if case not in settled]
        beyond = SpanSet(part for case in mine for part in _outside(case, window, now_us))
        missing = (by_cause.get(cause, SpanSet()) | beyond) - _hulls(settled, now_us)
        lasting = any(gap.end_us is None and gap.cause == cause for gap in seen.gaps)
        ripe = SpanSet(_span(gap, now_us) for gap in seen.gaps if gap.cause == cause and _is_ripe(gap, seen, now_us))
        others = SpanSet(span for name, spans in by_cause.items() if name != cause for span in spans)
        told, left = _followed(mine, missing, others, now_us, lasting=lasting)
        changes += told
        fresh += [_opened(cause, span, settled, now_us, lasting=lasting) for span in left if ripe & SpanSet.of(span)]
    recaused = {change.case_id for change in changes if isinstance(change, Closed) and change.why is Closing.RECAUSED}
    before = [*outgrown, *(case for case in begun if case.case_id in recaused)]
    return [*changes, *(_following(one, before, now_us) for one in fresh)]


def due_us(cause: str, opened_us: int, days: float, store_days: float) -> int:
    """When a case is to be explained and repaired: what the store lost is more urgent than what was not recorded."""
    return opened_us + round((store_days if cause in STORE_LOSSES else days) * US_PER_DAY)


def incident_of(cause: str, start_us: int, incidents: Iterable[tuple[str, str, int]]) -> str | None:
    """Of (incident, cause, start) of the site's open cases: the one that a new case belongs to; None: one of its own."""
    near = [(abs(began - start_us), name) for name, of_cause, began in incidents if of_cause == cause]
    return min((one for one in near if one[0] <= TOGETHER_US), default=(0, None))[1]


class Act(StrEnum):
    """What a person may do about a case."""

    EXPLAIN = "explain"
    REPAIR = "repair"
    SEND_BACK = "send_back"
    """The explanation is not good enough."""
    SIGN_OFF = "sign_off"
    ASSIGN = "assign"


class Standing(NamedTuple):
    """What an act needs to know of a case, and what it changes."""

    status: Status
    explained_by: str
    lasting: bool = False


def acted(standing: Standing, act: Act, person: str, text: str) -> Standing:
    """The standing after an act. Raises Conflict, PermissionDenied or InvalidInput where it cannot be."""
    status = standing.status
    if status not in OPEN:
        raise Conflict("this case is closed: nothing is added to it any more", code="case_closed")
    if act is not Act.SIGN_OFF and not text.strip():
        raise InvalidInput("say it in words", code="case_no_text")
    if act is Act.EXPLAIN:
        return standing._replace(status=Status.EXPLAINED, explained_by=person)
    if act is Act.ASSIGN:
        return standing
    if status is Status.UNEXPLAINED:
        raise Conflict("nobody has explained this case yet: do that first", code="case_unexplained")
    if act is Act.REPAIR:
        return standing._replace(status=Status.REPAIRED)
    if person == standing.explained_by:
        raise PermissionDenied(
            "somebody other than who explained it has to judge the explanation", code="second_person_needed"
        )
    if act is Act.SEND_BACK:
        return standing._replace(status=Status.UNEXPLAINED, explained_by="")
    if standing.lasting:
        raise Conflict("the gap still lasts: it is signed off when it has ended", code="case_lasting")
    return standing._replace(status=Status.SIGNED_OFF)


def _followed(
    mine: list[Case], missing: SpanSet, others: SpanSet, now_us: int, *, lasting: bool
) -> tuple[list[Change], list[Span]]:
    """What becomes of the open cases of one cause, and the missing spans that are none of theirs."""
    changes: list[Change] = []
    left, taken_by = list(missing), dict[Span, int]()
    for case in mine:
        hull = Span(case.start_us, case.until_us(now_us))
        found = [span for span in left if span.start_us <= hull.end_us and span.end_us >= hull.start_us]
        left = [span for span in left if span not in found]
        if found:
            taken_by |= dict.fromkeys(found, case.case_id)
            moved = _moved(case, found, now_us, lasting=lasting)
            changes += [moved] if moved is not None else []
            continue
        into = next((of for span, of in taken_by.items() if SpanSet.of(span) & SpanSet.of(hull)), None)
        if into is not None:
            changes.append(Closed(case.case_id, Closing.MERGED, into))
        else:
            changes.append(Closed(case.case_id, Closing.RECAUSED if others & SpanSet.of(hull) else Closing.FILLED))
    return changes, left


def _has_grown(signed: Case, missing: SpanSet, now_us: int) -> bool:
    """Whether more is missing within what was signed off than was then: recordings that had come are gone again."""
    return (missing & _hulls([signed], now_us)).total_us > signed.missing_us


def _moved(case: Case, found: list[Span], now_us: int, *, lasting: bool) -> Moved | None:
    end_us = None if lasting and found[-1].end_us == now_us else found[-1].end_us
    missing_us = SpanSet(found).total_us
    if (found[0].start_us, end_us) != (case.start_us, case.end_us):
        return Moved(case.case_id, found[0].start_us, end_us, missing_us, told=True)
    if end_us is not None and missing_us != case.missing_us:
        return Moved(case.case_id, case.start_us, end_us, missing_us, told=True)
    if abs(missing_us - case.missing_us) >= RECOUNT_US:
        return Moved(case.case_id, case.start_us, end_us, missing_us, told=False)
    return None


def _opened(cause: str, span: Span, settled: list[Case], now_us: int, *, lasting: bool) -> Opened:
    end_us = None if lasting and span.end_us == now_us else span.end_us
    beside = next((case for case in settled if case.end_us == span.start_us or case.start_us == span.end_us), None)
    return Opened(cause, span.start_us, end_us, span.duration_us, beside.case_id if beside is not None else None)


def _following(one: Opened, before: list[Case], now_us: int) -> Opened:
    span = SpanSet.of((one.start_us, one.end_us if one.end_us is not None else now_us))
    over = next((case for case in before if span & _hulls([case], now_us)), None)
    return one._replace(follows=over.case_id) if over is not None else one


def _is_ripe(gap: Gap, seen: Seen, now_us: int) -> bool:
    if gap in seen.final:
        return True
    if gap.cause in PENDING:
        return False
    over = gap.certainty is Certainty.MISSING and gap.end_us is not None
    return over or _span(gap, now_us).duration_us >= SETTLE_US


def _span(gap: Gap, now_us: int) -> Span:
    return Span(gap.start_us, gap.end_us if gap.end_us is not None else now_us)


def _hulls(cases: Iterable[Case], now_us: int) -> SpanSet:
    return SpanSet((case.start_us, case.until_us(now_us)) for case in cases)


def _outside(case: Case, window: Span, now_us: int) -> SpanSet:
    return _hulls([case], now_us) - SpanSet.of(window)
