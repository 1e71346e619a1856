"""How likely a site is to be drawn for an inspection: a published formula, version 1. Pure.

A site's weight is the sum of these parts, rounded down, at least 1 and at most 100:

| part | points |
|---|---|
| every site | 10 |
| of the days judged in the last 30, the share in which a camera was non-compliant | 40 x that share |
| the share in which none was, and one was unverified; 1 where no day was judged | 20 x that share |
| never inspected, or not for 365 days; less in proportion to the days since | up to 20 |
| stars: five give none, one gives all, none known gives half | up to 10 |

The factors are ours: no rule that we know of prescribes any. What is not known weighs, because not knowing is a risk.
"""

from dataclasses import dataclass

FORMULA = "nightlight inspection risk 1"
DAYS_JUDGED = 30
LONG_AGO_DAYS = 365
STARS_MAX = 5


@dataclass(frozen=True)
class Risk:
    """What is known of a site. ``judged`` days hold the ``non_compliant`` and the ``unverified`` ones, which do not overlap.

    ``inspected_days``: since the last inspection, None where there was none; ``stars``: 1 to 5 or None.
    """

    judged: int
    non_compliant: int
    unverified: int
    inspected_days: int | None
    stars: int | None


def weight(risk: Risk) -> int:
    """From 1 to 100, as the table says."""
    broken = 40 * risk.non_compliant / risk.judged if risk.judged else 0.0
    unknown = 20 * risk.unverified / risk.judged if risk.judged else 20.0
    since = LONG_AGO_DAYS if risk.inspected_days is None else min(risk.inspected_days, LONG_AGO_DAYS)
    stars = (STARS_MAX + 1) / 2 if risk.stars is None else risk.stars
    return int(10 + broken + unknown + 20 * since / LONG_AGO_DAYS + 10 * (STARS_MAX - stars) / (STARS_MAX - 1))
