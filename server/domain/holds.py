"""What may be deleted, and who may lift a hold. Pure; times and persons are arguments.

Source: Order 799 of the State Council, article 17 (delete once the purpose is met); two persons, so that nobody who has
something to hide can do it alone.
"""

from dataclasses import dataclass

from config.base.errors import Conflict, PermissionDenied

SHARE_MAX = 0.5
SMALL_STORE = 200
"""With so few versions, half of them is nothing that anybody must be asked about."""


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


def needs_person(versions: int, of_versions: int) -> bool:
    """Whether so large a deletion waits for somebody's word."""
    return of_versions > SMALL_STORE and versions > SHARE_MAX * of_versions


def check_lift(requested_by: str | None, person: str) -> None:
    """Raises Conflict where nobody asked for it yet, PermissionDenied where the same person would do both."""
    if requested_by is None:
        raise Conflict("nobody has asked to lift this hold yet: the first person asks, a second one confirms")
    if requested_by == person:
        raise PermissionDenied(
            f"{person} asked to lift this hold: somebody else has to confirm it", code="second_person_needed"
        )
