"""What may be deleted, and who may lift a hold. Pure; times and persons are arguments.

Source: Order 799 of the State Council, article 17 (delete once the purpose is met); two persons, so that nobody who has
something to hide can do it alone.
"""

from dataclasses import dataclass
from datetime import timedelta

from config.base.clock import US_PER_S
from config.base.errors import Conflict, PermissionDenied
from server.domain.verdict import day_of, day_span

SETTLE_US = 3_600 * US_PER_S
"""A day's last recording ends a little after midnight: what is deleted in one go waits for it."""
AHEAD_US_MAX = 86_400 * US_PER_S
"""Nothing is deleted by a clock that is further ahead of every agent's: a store on the same machine believes it as well."""


@dataclass(frozen=True)
class HoldSpan:
    """Where a hold lies; ``camera_id`` None is every camera of the site."""

    camera_id: str | None
    start_us: int
    end_us: int

    def covers(self, camera_id: str, start_us: int, end_us: int) -> bool:
        """Whether any part of a recording lies under it."""
        return self.camera_id in (None, camera_id) and start_us < self.end_us and end_us > self.start_us


@dataclass(frozen=True)
class Recording:
    """A recording as far as its end of life goes."""

    camera_id: str
    start_us: int
    end_us: int
    retain_until_us: int


def may_go(recording: Recording, holds: list[HoldSpan], floor_us: int, now_us: int) -> bool:
    """Whether a recording is past its lock and past the policy's floor of today, and no hold lies on it."""
    past = recording.retain_until_us < now_us and floor_us < now_us
    return past and not any(hold.covers(recording.camera_id, recording.start_us, recording.end_us) for hold in holds)


def days_over_before_us(now_us: int, timezone: str, retain_days: int) -> int:
    """Recordings that began before this are of days of which every lock has ended, so that a day goes as one."""
    first = day_of(now_us - SETTLE_US, timezone) - timedelta(days=retain_days + 1)
    return day_span(first, timezone).start_us


def without_person(of_versions: int) -> int:
    """How many versions one run may delete without anybody's word: never more than half."""
    return of_versions // 2


def check_lift(requested_by: str | None, person: str) -> None:
    """Raises Conflict where nobody asked for it yet, PermissionDenied where the same person would do both."""
    if requested_by is None:
        raise Conflict("nobody has asked to lift this hold yet: the first person asks, a second one confirms")
    if requested_by == person:
        raise PermissionDenied(
            f"{person} asked to lift this hold: somebody else has to confirm it", code="second_person_needed"
        )
