"""Where support's access stands. Pure; ``now_us`` is an argument.

asked → confirmed by a second platform administrator → approved by the facility, for some hours → over. The facility may refuse or
end it at any moment, whoever asked may withdraw it; what nobody approved within a day lapses.
"""

from enum import StrEnum

from config.base.clock import US_PER_DAY

HOURS_MAX = 8
LAPSES_US = US_PER_DAY


class State(StrEnum):
    """Closed; pages have a word for each."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    REFUSED = "refused"
    """Ended before the facility had approved it, by whomever."""
    ENDED = "ended"
    LAPSED = "lapsed"


OPEN = frozenset({State.ASKED, State.CONFIRMED, State.RUNNING})


def state_of(
    now_us: int, lapses_us: int, confirmed_us: int | None, until_us: int | None, ended_us: int | None
) -> State:
    """``until_us``: None before the facility has approved it."""
    if until_us is not None:
        return State.RUNNING if ended_us is None and now_us < until_us else State.ENDED
    if ended_us is not None:
        return State.REFUSED
    if now_us >= lapses_us:
        return State.LAPSED
    return State.ASKED if confirmed_us is None else State.CONFIRMED
