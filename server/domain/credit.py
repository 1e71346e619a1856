"""The credit file of a site: eight scores and the stars that follow, by a published formula, version 1. Pure.

Every entry names one of the eight S (8S: filing, intake, care, safety, health, supervision, service, satisfaction), its points
and the day it happened. The card of a day is worked out from the entries alone, so that anybody who has them has the card:

1. An entry counts from its day for 365 days, unless an objection to it was upheld; then it never counted.
2. A score is 100 plus the points of the entries that count, at least 0 and at most 100.
3. The whole is the mean of the eight, in tenths, rounded down.
4. Stars: 5 from 95.0, 4 from 85.0, 3 from 75.0, 2 from 60.0, else 1. With any score under 60 no more than 3, under 40 no more
   than 1. Where no entry counts there are none, for nothing is known; an inspection that found nothing is an entry of 0 points.

The rules ask that a credit file be kept and tied to the stars; they prescribe no figures. These are ours, and are settled by
nobody but the version of this text. Source: Longmatan district, 2023, part 4 (the eight S).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

FORMULA = "nightlight credit 1"
COUNTS_FOR = timedelta(days=365)
POINTS_MAX = 100
FULL = 100
STARS_FROM = ((950, 5), (850, 4), (750, 3), (600, 2), (0, 1))
LOWEST_ALLOWS = ((40, 1), (60, 3))


class Aspect(StrEnum):
    """The eight S."""

    FILING = "filing"
    INTAKE = "intake"
    CARE = "care"
    SAFETY = "safety"
    HEALTH = "health"
    SUPERVISION = "supervision"
    SERVICE = "service"
    SATISFACTION = "satisfaction"


@dataclass(frozen=True)
class CreditEntry:
    """``points``: from -100 to 100; ``day``: when it happened."""

    id: str
    aspect: Aspect
    points: int
    day: date


@dataclass(frozen=True)
class Card:
    """``tenths``: the whole in tenths of a point; ``stars`` None where nothing is known."""

    scores: dict[Aspect, int]
    tenths: int
    stars: int | None
    counted: tuple[str, ...]


def card(entries: Iterable[CreditEntry], struck: Collection[str], on: date) -> Card:
    """The card of a day; ``struck``: the entries to which an objection was upheld."""
    counting = [entry for entry in entries if entry.id not in struck and entry.day <= on < entry.day + COUNTS_FOR]
    scores = {
        aspect: min(FULL, max(0, FULL + sum(entry.points for entry in counting if entry.aspect is aspect)))
        for aspect in Aspect
    }
    tenths = sum(scores.values()) * 10 // len(scores)
    stars = next(stars for least, stars in STARS_FROM if tenths >= least)
    for under, most in LOWEST_ALLOWS:
        if min(scores.values()) < under:
            stars = min(stars, most)
    return Card(scores, tenths, stars if counting else None, tuple(sorted(entry.id for entry in counting)))
