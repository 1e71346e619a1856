"""Whether somebody may see a camera live at an instant, and until when (invariant I6). Pure.

A lease is guardian × child × zone × weekly hours × jurisdiction mode × consents × until. It is judged anew at every look,
from facts that were just read; a fact that is not known refuses. The instant comes from a clock that never goes back
(``server/services/people/steady_time.py``), so that nothing that has ended begins again.

Source: 个人信息保护法 articles 14, 15, 28 to 31 (separate consent, withdrawal, children under 14); State Council Order 799,
article 8 (places where no camera may look).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from config.base.roles import Role
from config.base.timespan import Span
from config.policies.book import Applies, Book, applies, in_force
from server.domain.authorisation import Action, may
from server.domain.weekly_hours import Hours, day_of, next_start_us, window_at
from server.domain.zones import FORBIDDEN_KINDS

REASON_CHARS_MIN = 4


class Reason(StrEnum):
    """Why there is no picture. Closed: players, pages and the access record know each of them."""

    SESSION_OVER = "session_over"
    ACCOUNT_LOCKED = "account_locked"
    NOT_FOUND = "not_found"
    FORBIDDEN_ZONE = "forbidden_zone"
    BLANKED = "blanked"
    FORBIDDEN_MODE = "forbidden_mode"
    OFF = "off"
    NOT_APPROVED = "not_approved"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    PICKED_UP = "picked_up"
    CONSENT_MISSING = "consent_missing"
    OUTSIDE_HOURS = "outside_hours"
    REASON_MISSING = "reason_missing"
    UNAVAILABLE = "unavailable"
    """What has to be known could not be found out; the picture stays away (I6)."""


@dataclass(frozen=True)
class Permit:
    """Leave to see a camera until ``until_us``, exclusive, unless a later judgement says otherwise.

    ``mark`` is drawn over the picture: a pseudonym or account name, never an address or a number to call.
    """

    person: str
    role: str
    site_id: str
    camera_id: str
    lease_id: str | None
    until_us: int
    mark: str


@dataclass(frozen=True)
class Refusal:
    """No picture; ``next_us``: when it may be there again, where that is known."""

    reason: Reason
    next_us: int | None = None


@dataclass(frozen=True)
class Holder:
    """Whose session asks, as the database has it now."""

    person: str
    role: str
    locked: bool
    session_until_us: int


@dataclass(frozen=True)
class Lens:
    """A camera in service, with every zone that it sees."""

    site_id: str
    camera_id: str
    zone_ids: frozenset[str]
    zone_kinds: frozenset[str]
    blanked: bool


@dataclass(frozen=True)
class Lease:
    """A guardian's lease as it stands; ``zone_ids`` are the rooms of the class that the child is in now.

    ``pick_up_day``: the last day on which the child was fetched. ``lacking``: how many consents are missing for the mode that
    the site is in; None where that is not known.
    """

    lease_id: str
    child_id: str
    guardian_id: str
    zone_ids: frozenset[str]
    hours: Hours | None
    start_us: int
    until_us: int
    revoked: bool
    approved: bool
    pick_up_day: str | None
    lacking: int | None


def mode_of(book: Book, facts: Mapping[str, str | None], chosen: str | None) -> str:
    """The mode that a site is in: what its rule book demands or forbids, and within that what the facility chose.

    ``chosen`` counts only where the rule allows it. A default of our own (binding ``internal``) that says off may be raised to
    ``consented`` by the facility: no document forbids it. Whatever is not known is off.
    """
    live = "on" if chosen in ("consented", "required") else "off"
    known = [
        found
        for found in book.about("live_view")
        if applies(found.rule, {**facts, "site.live_view": live}) is Applies.YES
    ]
    if not known:
        return "off"
    rule = in_force(known)[0].rule
    mode = str(rule.value)
    if mode in ("forbidden", "required"):
        return mode
    may_consent = mode == "consented" or (mode == "off" and rule.binding == "internal")
    if chosen == "forbidden" or (chosen == "consented" and may_consent):
        return chosen
    return "off"


def judge(
    holder: Holder | None,
    lens: Lens | None,
    relation: str,
    mode: str,
    leases: Iterable[Lease],
    at_us: int,
    zone: ZoneInfo,
) -> Permit | Refusal:
    """May this person see this camera now? ``relation`` is the person's to the camera's site, or CHILD."""
    if holder is None or at_us >= holder.session_until_us:
        return Refusal(Reason.SESSION_OVER)
    if holder.locked:
        return Refusal(Reason.ACCOUNT_LOCKED)
    if lens is None or not may(holder.role, Action.LIVE, relation):
        return Refusal(Reason.NOT_FOUND)
    if holder.role == Role.GUARDIAN:
        # Every zone the camera sees must be one of the child's own rooms, else it shows other children.
        mine = [lease for lease in leases if lens.zone_ids and lens.zone_ids <= lease.zone_ids]
        if not mine:
            return Refusal(Reason.NOT_FOUND)
        return _common(lens) or _best([_guardians(holder, lens, mode, lease, at_us, zone) for lease in mine])
    return _common(lens) or Permit(
        holder.person, holder.role, lens.site_id, lens.camera_id, None, holder.session_until_us, holder.person
    )


def span_allowed(lease: Lease, mode: str, at_us: int, zone: ZoneInfo) -> Span | Refusal:
    """The time around ``at_us`` in which the lease allows looking, or why it does not. The camera is not judged here."""
    refused = _standing(lease, mode, at_us, zone)
    if refused is not None:
        return refused
    window = window_at(lease.hours, at_us, zone) if lease.hours is not None else None
    if window is None:
        begins = next_start_us(lease.hours, at_us, zone) if lease.hours is not None else None
        return Refusal(Reason.OUTSIDE_HOURS, begins if begins is not None and begins < lease.until_us else None)
    return Span(max(window.start_us, lease.start_us), min(window.end_us, lease.until_us))


def _common(lens: Lens) -> Refusal | None:
    """What keeps everybody out, whoever they are."""
    if not lens.zone_kinds or lens.zone_kinds & FORBIDDEN_KINDS:
        return Refusal(Reason.FORBIDDEN_ZONE)
    return Refusal(Reason.BLANKED) if lens.blanked else None


def _guardians(holder: Holder, lens: Lens, mode: str, lease: Lease, at_us: int, zone: ZoneInfo) -> Permit | Refusal:
    span = span_allowed(lease, mode, at_us, zone)
    if isinstance(span, Refusal):
        return span
    until_us = min(span.end_us, holder.session_until_us)
    return Permit(holder.person, holder.role, lens.site_id, lens.camera_id, lease.lease_id, until_us, lease.guardian_id)


def _standing(lease: Lease, mode: str, at_us: int, zone: ZoneInfo) -> Refusal | None:
    # A day in the future was written by a clock that has been set back since: the child stays fetched.
    fetched = lease.pick_up_day is not None and lease.pick_up_day >= day_of(at_us, zone)
    against = (
        (Reason.FORBIDDEN_MODE, mode == "forbidden"),
        (Reason.OFF, mode not in ("consented", "required")),
        (Reason.NOT_APPROVED, not lease.approved),
        (Reason.REVOKED, lease.revoked),
        (Reason.EXPIRED, at_us >= lease.until_us),
        (Reason.NOT_YET, at_us < lease.start_us),
        (Reason.PICKED_UP, fetched),
        (Reason.CONSENT_MISSING, lease.lacking is None or lease.lacking > 0),
    )
    found = next((reason for reason, holds in against if holds), None)
    if found is None:
        return None
    return Refusal(found, lease.start_us if found is Reason.NOT_YET else None)


_NEAREST = (
    Reason.OUTSIDE_HOURS,
    Reason.PICKED_UP,
    Reason.NOT_YET,
    Reason.CONSENT_MISSING,
    Reason.NOT_APPROVED,
    Reason.EXPIRED,
    Reason.REVOKED,
    Reason.OFF,
    Reason.FORBIDDEN_MODE,
)


def _best(found: Sequence[Permit | Refusal]) -> Permit | Refusal:
    """Of several leases (two children in one room) the one that lasts longest, else the refusal nearest to a picture."""
    permits = [one for one in found if isinstance(one, Permit)]
    if permits:
        return max(permits, key=lambda one: one.until_us)
    refusals = [one for one in found if isinstance(one, Refusal)]
    return min(refusals, key=lambda one: (_NEAREST.index(one.reason), one.next_us or 0))
