r"""Which camera-minutes a deep audit looks at: drawn from a seed and a population, so that anybody can draw them again. Pure.

The draw, version 1. It can be repeated with nothing but SHA-256:

1. The population is every UTC minute (microseconds since 1970 divided by 60,000,000, rounded down) in which a camera has
   footage under retention. It is written as one line for each unbroken stretch of a camera, ``CAMERA FIRST COUNT`` and a
   line feed: cameras in order of their ids, stretches in order of time, none touching the next. ``N`` is the sum of the
   counts, and the minutes are numbered from 0 in that order.
2. ``P`` is the SHA-256 of those lines, in lower-case hexadecimal.
3. For ``i`` = 0, 1, 2, … let ``x`` be the SHA-256 of ``nightlight deep audit 1\nP\nSEED\ni`` (UTF-8, decimal ``i``) as a
   big-endian number. Where ``x`` is not below the largest multiple of ``N`` up to 2**256 it is passed over; otherwise
   minute ``x mod N`` is drawn, unless it was drawn before. It ends with as many minutes as were asked for, or all.

Invariant: the same seed and the same population give the same samples in the same order; every sample is equally likely.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from config.base.clock import US_PER_MINUTE
from config.base.errors import InvalidInput
from config.base.timespan import Span

ALGORITHM = "nightlight deep audit 1"
SAMPLES_MAX = 2_000
SEED_CHARS_MAX = 128


class Run(NamedTuple):
    """An unbroken stretch of minutes of one camera."""

    camera_id: str
    first_minute: int
    minutes: int


class CameraMinute(NamedTuple):
    """One minute of one camera."""

    camera_id: str
    minute: int

    @property
    def span(self) -> Span:
        return Span(self.minute * US_PER_MINUTE, (self.minute + 1) * US_PER_MINUTE)


@dataclass(frozen=True)
class Population:
    """What can be drawn: ``runs`` as step 1 orders them."""

    runs: tuple[Run, ...]

    @cached_property
    def size(self) -> int:
        return sum(run.minutes for run in self.runs)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """The lines of step 1."""
        return "".join(f"{run.camera_id} {run.first_minute} {run.minutes}\n" for run in self.runs)

    @classmethod
    def parse(cls, text: str) -> "Population":
        """Raises InvalidInput where the text is no population as ``text`` writes it."""
        try:
            parts = [line.split(" ") for line in text.splitlines()]
            runs = tuple(Run(camera_id, int(first), int(minutes)) for camera_id, first, minutes in parts)
        except ValueError as error:
            raise InvalidInput("not a population: each line is CAMERA FIRST COUNT", code="bad_population") from error
        if population_of(spans_of(runs)).text() != text:
            raise InvalidInput("not a population: its stretches are out of order or touch", code="bad_population")
        return cls(runs)

    def at(self, number: int) -> CameraMinute:
        """The minute of a number. Raises IndexError out of range."""
        if not 0 <= number < self.size:
            raise IndexError(number)
        place = bisect_right(self._starts, number) - 1
        run = self.runs[place]
        return CameraMinute(run.camera_id, run.first_minute + number - self._starts[place])

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(run.minutes for run in self.runs)][:-1]


def population_of(spans: Iterable[tuple[str, int, int]]) -> Population:
    """From footage as (camera, start, end) in microseconds, best in order of camera and time; memory is one entry a gap."""
    cameras: dict[str, list[list[int]]] = {}
    for camera_id, start_us, end_us in spans:
        first, beyond = start_us // US_PER_MINUTE, -(-end_us // US_PER_MINUTE)
        runs = cameras.setdefault(camera_id, [])
        if runs and runs[-1][0] <= first <= runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], beyond)
        elif first < beyond:
            runs.append([first, beyond])
    return Population(
        tuple(
            Run(camera_id, first, beyond - first)
            for camera_id in sorted(cameras)
            for first, beyond in _joined(sorted(cameras[camera_id]))
        )
    )


def spans_of(runs: Iterable[Run]) -> Iterable[tuple[str, int, int]]:
    """The footage that a population stands for."""
    return (
        (run.camera_id, run.first_minute * US_PER_MINUTE, (run.first_minute + run.minutes) * US_PER_MINUTE)
        for run in runs
    )


def draw(population: Population, seed: str, samples: int) -> list[CameraMinute]:
    """Steps 2 and 3. Raises InvalidInput for a seed or a number that cannot be."""
    check_request(seed, samples)
    size = population.size
    wanted = min(samples, size)
    below = 2**256 // size * size if size else 0
    prefix = f"{ALGORITHM}\n{population.sha256}\n{seed}\n"
    drawn: dict[int, None] = {}
    turn = 0
    while len(drawn) < wanted:
        number = int.from_bytes(hashlib.sha256(f"{prefix}{turn}".encode()).digest(), "big")
        if number < below:
            drawn.setdefault(number % size)
        turn += 1
    return [population.at(number) for number in drawn]


def check_request(seed: str, samples: int) -> None:
    """Raises InvalidInput."""
    if not 1 <= len(seed) <= SEED_CHARS_MAX or not seed.isprintable():
        raise InvalidInput(f"a seed has 1 to {SEED_CHARS_MAX} printable characters", code="bad_seed")
    if not 1 <= samples <= SAMPLES_MAX:
        raise InvalidInput(f"between 1 and {SAMPLES_MAX} samples can be drawn", code="bad_samples")


def _joined(ordered: list[list[int]]) -> list[list[int]]:
    joined: list[list[int]] = []
    for first, beyond in ordered:
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], beyond)
        else:
            joined.append([first, beyond])
    return joined
