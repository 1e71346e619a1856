"""Where support's access stands, at every instant from its asking to its end."""

import pytest

from server.domain.support import State, state_of

LAPSES, UNTIL, NEVER = 100, 300, None


@pytest.mark.parametrize(
    ("now_us", "confirmed_us", "until_us", "ended_us", "stands"),
    [
        (LAPSES - 1, None, None, NEVER, State.ASKED),
        (LAPSES - 1, 10, None, NEVER, State.CONFIRMED),
        (LAPSES, None, None, NEVER, State.LAPSED),
        (LAPSES, 10, None, NEVER, State.LAPSED),
        (LAPSES, 10, None, 20, State.REFUSED),
        (LAPSES - 1, None, None, 20, State.REFUSED),
        (UNTIL - 1, 10, UNTIL, NEVER, State.RUNNING),
        (UNTIL, 10, UNTIL, NEVER, State.ENDED),
        (LAPSES - 1, 10, UNTIL, 50, State.ENDED),
    ],
)
def test_it_runs_only_between_the_facilitys_leave_and_its_end(now_us, confirmed_us, until_us, ended_us, stands):
    assert state_of(now_us, LAPSES, confirmed_us, until_us, ended_us) is stands
