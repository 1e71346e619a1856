"""What decoded footage is found to be."""

import pytest

from server.domain.audit import Drift
from server.domain.deep_audit import Claim, Footage, Rules, fault_of

RULES = Rules(0.42, 0.90, 5_000_000, frozenset({"frozen", "too_dark"}))
CLAIM = Claim(60_000_000, 1_060_000_000, 1_061_000_000)


def footage(duration_s=60.0, dark=(0.3,) * 30, unchanged=(0.05,) * 29):
    return Footage(int(duration_s * 1_000_000), 1_500, len(dark), dark, unchanged)


@pytest.mark.parametrize(
    ("seen", "claim", "expected"),
    [
        (footage(), CLAIM, None),
        (footage(64.9), CLAIM, None),
        (footage(65.1), CLAIM, Drift.CLOCK_OFF),
        (footage(50), CLAIM, Drift.CLOCK_OFF),
        (footage(), Claim(60_000_000, 1_060_000_000, 1_050_000_000), Drift.CLOCK_OFF),
        (footage(dark=(0.95,) * 30), CLAIM, Drift.PICTURE_TOO_DARK),
        (footage(dark=(0.95,) * 23 + (0.3,) * 7), CLAIM, None),
        (footage(dark=(0.95,) * 4), CLAIM, None),
        (footage(unchanged=(0.97,) * 29), CLAIM, Drift.PICTURE_FROZEN),
        (footage(unchanged=(0.97,) * 25 + (0.1,) * 4), CLAIM, None),
        (footage(unchanged=(1.0,) * 8), CLAIM, None),
        (footage(dark=(), unchanged=()), CLAIM, None),
        # A nap room by infrared light: dim and still, and neither black nor frozen.
        (footage(dark=(0.83,) * 30, unchanged=(0.31,) * 29), CLAIM, None),
    ],
)
def test_what_is_wrong_with_footage(seen, claim, expected):
    found = fault_of(seen, claim, RULES)
    assert (found[0] if found else None) is expected


def test_the_policy_says_which_pictures_do_not_count():
    lenient = Rules(0.42, 0.9, 1, frozenset())
    assert not lenient.spoils(Drift.PICTURE_FROZEN)
    assert not lenient.spoils(Drift.PICTURE_TOO_DARK)
    assert lenient.spoils(Drift.CLOCK_OFF)
    assert lenient.spoils(Drift.UNDECODABLE)
    assert RULES.spoils(Drift.PICTURE_FROZEN)
