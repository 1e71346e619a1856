"""The life of an alarm: raised, acknowledged, cleared. Pure: instants are arguments.

Invariant: nothing disappears unseen. An alarm that ended by itself stays open until a person has acknowledged it; one
that a person acknowledged stays open until it ends or a person clears it; what happens again after it was acknowledged
must be acknowledged again.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from config.base.errors import Conflict
from config.wire.alarms import AlarmKind, AlarmState

OPENING: frozenset[AlarmKind] = frozenset(
    (
        "panic", "tamper", "perimeter", "interior", "intrusion", "fire", "gas", "water", "medical", "environment",
        "trouble", "access", "panel_silent", "off_schedule",
    )
)  # fmt: skip
"""Kinds of event that open an alarm when they are raised; the others are kept and shown only."""
URGENT: frozenset[AlarmKind] = frozenset(
    ("panic", "tamper", "perimeter", "interior", "intrusion", "fire", "gas", "water", "medical")
)
"""Somebody has to look now; the others are the installer's business."""


class Status(StrEnum):
    """Where an alarm is in its life."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


@dataclass(frozen=True)
class Alarm:
    """One alarm. ``restored_us``: when the panel last said that it is over, None while it goes on."""

    status: Status
    raised_us: int
    last_us: int
    """The newest word of the panel about it."""
    count: int = 1
    restored_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str = ""
    cleared_us: int | None = None
    cleared_by: str = ""
    """Who cleared it; empty where it ended by itself."""


def opens(kind: AlarmKind, state: AlarmState) -> bool:
    """Whether an event opens an alarm, or goes on with an open one."""
    return state == "raised" and kind in OPENING


def raised(at_us: int) -> Alarm:
    """A new alarm."""
    return Alarm(Status.RAISED, at_us, at_us)


def raised_again(alarm: Alarm, at_us: int) -> Alarm:
    """It happened again. What comes late and is older than what is known only counts."""
    counted = replace(alarm, count=alarm.count + 1)
    if at_us < alarm.last_us:
        return replace(counted, raised_us=min(alarm.raised_us, at_us))
    return replace(
        counted, status=Status.RAISED, last_us=at_us, restored_us=None, acknowledged_us=None, acknowledged_by=""
    )


def restored(alarm: Alarm, at_us: int) -> Alarm:
    """The panel says that it is over; a word that is older than what is known changes nothing."""
    if at_us < alarm.last_us:
        return alarm
    ended = replace(alarm, last_us=at_us, restored_us=at_us)
    if alarm.status is Status.ACKNOWLEDGED:
        return replace(ended, status=Status.CLEARED, cleared_us=at_us)
    return ended


def acknowledged(alarm: Alarm, by: str, at_us: int) -> Alarm:
    """A person has seen it. Raises Conflict where that was so already."""
    if alarm.status is not Status.RAISED:
        raise Conflict(f"the alarm is {alarm.status} already", code="alarm_not_raised")
    seen = replace(alarm, status=Status.ACKNOWLEDGED, acknowledged_us=at_us, acknowledged_by=by)
    return replace(seen, status=Status.CLEARED, cleared_us=at_us) if alarm.restored_us is not None else seen


def cleared(alarm: Alarm, by: str, at_us: int) -> Alarm:
    """A person says that it is over. Raises Conflict where nobody has acknowledged it, or where it is over already."""
    if alarm.status is not Status.ACKNOWLEDGED:
        raise Conflict(f"only an acknowledged alarm can be cleared; this one is {alarm.status}", code="alarm_not_seen")
    return replace(alarm, status=Status.CLEARED, cleared_us=at_us, cleared_by=by)
