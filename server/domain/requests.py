"""A guardian's request to see a past incident: what may be asked, how it may be answered, and what is shown. Pure.

Invariants: a request is bounded in length, age and number; it is answered by the facility and by nobody else; what is shown is
masked but for the fields that the facility has chosen, and only after somebody of the facility has looked the masked pictures
through; every picture has its last day.

Source: 个人信息保护法 article 45 (a person's own data are shown on request) and articles 28 to 31: others' children in the same
picture are not.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from config.base.clock import US_PER_DAY, US_PER_MINUTE
from config.base.errors import Conflict, InvalidInput, ResourceExhausted
from config.base.timespan import Span, SpanSet

LENGTH_US_MAX = 15 * US_PER_MINUTE
OPEN_MAX = 3
IN_A_MONTH_MAX = 10
MONTH_US = 30 * US_PER_DAY
WHY_CHARS_MIN, WORDS_CHARS_MAX = 4, 300
SHOWN_US = 7 * US_PER_DAY
COLUMNS, LINES = 8, 6
"""The fields that the facility chooses from, as the masking process has them too."""


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    DECLINED = "declined"
    IN_PERSON = "in_person"
    """Held, and to be looked at with the facility, on its premises."""
    MASKING = "masking"
    READY = "ready"
    """Masked; the facility has not yet looked it through."""
    FAILED = "failed"
    """It could not be masked: it is answered another way, and never shown unmasked."""
    SHOWN = "shown"
    OVER = "over"


WAITING = frozenset({State.OPEN, State.MASKING, State.READY, State.FAILED})
"""The facility has still to do something."""
ANSWERABLE = frozenset({State.OPEN, State.READY, State.FAILED})


def check_asked(span: Span, why: str, now_us: int, retain_days: int) -> None:
    """Raises InvalidInput for a span that is empty, too long, still to come or past keeping, and for no reason."""
    if not WHY_CHARS_MIN <= len(why.strip()) <= WORDS_CHARS_MAX:
        raise InvalidInput("say what happened, in a few words", code="no_reason")
    if not 0 < span.duration_us <= LENGTH_US_MAX:
        raise InvalidInput(f"a span of at most {LENGTH_US_MAX // US_PER_MINUTE} minutes", code="bad_span")
    if span.end_us > now_us:
        raise InvalidInput("that time has not come yet", code="still_to_come")
    if span.start_us < now_us - retain_days * US_PER_DAY:
        raise InvalidInput(f"recordings are kept for {retain_days} days", code="too_old")


def child_seen(sights: Mapping[str, SpanSet], rooms: Mapping[str, SpanSet]) -> SpanSet:
    """When a camera saw a room that the child's class was in. Both: place → when; what nobody wrote down was not."""
    return SpanSet(span for zone, seen in sights.items() for span in seen & rooms.get(zone, SpanSet()))


def child_alone_seen(sights: Mapping[str, SpanSet], rooms: Mapping[str, SpanSet]) -> SpanSet:
    """When it saw such a room and nothing besides: another class's room shows other children."""
    others = SpanSet(span for zone, seen in sights.items() for span in seen - rooms.get(zone, SpanSet()))
    return child_seen(sights, rooms) - others


def check_number(asked_us: Sequence[int], waiting: int, now_us: int) -> None:
    """``asked_us``: of a guardian's earlier requests. Raises ResourceExhausted where one more is one too many."""
    recent = sum(at_us > now_us - MONTH_US for at_us in asked_us)
    if waiting >= OPEN_MAX or recent >= IN_A_MONTH_MAX:
        raise ResourceExhausted("wait for the answers to what you have asked", code="too_many_requests")


def check_answer(state: str, answer: str, reason: str) -> None:
    """Raises Conflict where it is answered already, InvalidInput for no known answer and for none in words."""
    if answer not in (State.DECLINED, State.IN_PERSON, State.MASKING):
        raise InvalidInput("choose one of the answers", code="bad_answer")
    if not WHY_CHARS_MIN <= len(reason.strip()) <= WORDS_CHARS_MAX:
        raise InvalidInput("answer in a few words", code="no_reason")
    if state not in ANSWERABLE:
        raise Conflict("this request is answered, or is being masked", code="answered")


def cells_of(chosen: Sequence[int]) -> str:
    """The fields as they are kept: a 1 for each that stays clear. Raises InvalidInput where none or all would, or none is there."""
    fields = set(chosen)
    if not fields <= set(range(COLUMNS * LINES)):
        raise InvalidInput("there is no such field", code="bad_fields")
    if len(fields) > COLUMNS * LINES // 2:
        raise InvalidInput("at most half of the picture may stay clear", code="too_clear")
    return "".join("1" if number in fields else "0" for number in range(COLUMNS * LINES))


def state_at(state: str, until_us: int | None, now_us: int) -> State:
    """What is shown is over on its last day, whether or not anybody has tidied up."""
    if state == State.SHOWN and until_us is not None and now_us >= until_us:
        return State.OVER
    return State(state)
