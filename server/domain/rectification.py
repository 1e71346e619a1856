"""A rectification order (责令整改): from a finding to a repair that somebody has looked at, or to a suspension. Pure.

An order is its acts, in their order; nothing else is known of it, and no act is ever changed::

    ordered → repaired → passed                   closed
                       → failed (a new day)       open again
    ordered or failed, and its day over, or failed at all → proposed → suspended; ends with ``passed`` alone

Invariants: who reported the repair does not pass it; who proposed a suspension does not confirm it. A day that is over is
overdue until somebody reports a repair, and again where the repair failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.base.errors import Conflict, InvalidInput, PermissionDenied


class Kind(StrEnum):
    """What can be done about an order."""

    ORDERED = "ordered"
    REPAIRED = "repaired"
    PASSED = "passed"
    FAILED = "failed"
    PROPOSED = "proposed"
    SUSPENDED = "suspended"
    ESCALATED = "escalated"
    """Somebody above was told that its day is over; by the system, and changes nothing."""


@dataclass(frozen=True)
class Act:
    """``due``: by when, of an order and of a re-check that failed."""

    kind: Kind
    by: str
    due: date | None = None


@dataclass(frozen=True)
class Standing:
    """``status``: ``open``, ``repaired`` or ``closed``; ``suspended``: work is to rest until it is closed."""

    status: str
    due: date
    overdue: bool
    suspended: bool
    proposed_by: str | None
    repaired_by: str | None
    failed: int

    @property
    def allowed(self) -> frozenset[Kind]:
        """What may come next, whoever does it."""
        if self.status == "closed":
            return frozenset()
        if self.status == "repaired":
            return frozenset({Kind.PASSED, Kind.FAILED})
        found = {Kind.REPAIRED}
        if not self.suspended and self.proposed_by is not None:
            found.add(Kind.SUSPENDED)
        elif not self.suspended and (self.overdue or self.failed):
            found.add(Kind.PROPOSED)
        return frozenset(found)


def standing(acts: Sequence[Act], today: date) -> Standing:
    """Where an order stands; its first act is ``ordered``."""
    status, due, suspended, failed = "open", acts[0].due or today, False, 0
    proposed_by: str | None = None
    repaired_by: str | None = None
    for act in acts[1:]:
        if act.kind is Kind.REPAIRED:
            status, repaired_by = "repaired", act.by
        elif act.kind is Kind.PASSED:
            status, suspended, proposed_by = "closed", False, None
        elif act.kind is Kind.FAILED:
            status, due, repaired_by, failed = "open", act.due or due, None, failed + 1
        elif act.kind is Kind.PROPOSED:
            proposed_by = act.by
        elif act.kind is Kind.SUSPENDED:
            suspended = True
    return Standing(status, due, status == "open" and today > due, suspended, proposed_by, repaired_by, failed)


def check(acts: Sequence[Act], act: Act, today: date) -> None:
    """Raises Conflict where an act cannot follow, PermissionDenied where somebody else has to do it, InvalidInput."""
    now = standing(acts, today)
    if act.kind not in now.allowed:
        raise Conflict(f"an order that is {now.status} cannot be {act.kind} now", code="not_now")
    if act.kind is Kind.PASSED and act.by == now.repaired_by:
        raise PermissionDenied("who reported the repair does not pass it", code="second_person_needed")
    if act.kind is Kind.SUSPENDED and act.by == now.proposed_by:
        raise PermissionDenied("who proposed the suspension does not confirm it", code="second_person_needed")
    if act.kind is Kind.FAILED and (act.due is None or act.due < today):
        raise InvalidInput("a repair that failed has a new day that is still to come", code="bad_due")
