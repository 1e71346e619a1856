"""Alarms for people: what a site has, and what somebody does about one. Everything goes through the person's scope (I7)."""

from dataclasses import dataclass
from typing import Literal

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from server.domain import alarms as rules
from server.domain.authorisation import Action
from server.services.intake.accept_alarm import alarm_of, put
from server.services.people.operators import check_may
from storage.database import alarms
from storage.database import scope as scoping
from storage.database.models import AlarmAct, AlarmEventRow, AlarmPartition, AlarmRow
from storage.database.unit_of_work import Database

SHOWN_MAX = 100
EVENTS_MAX = 200
CLOSED_SHOWN_US = US_PER_DAY
Act = Literal["acknowledge", "clear"]


class AlarmView(msgspec.Struct, frozen=True):
    """One alarm; ``restored_us`` is null while the panel says that it goes on, or says nothing of it."""

    alarm_id: int
    panel_id: str
    partition: str
    point: str
    kind: str
    status: str
    urgent: bool
    detail: str
    raised_us: int
    last_us: int
    count: int
    restored_us: int | None
    acknowledged_us: int | None
    acknowledged_by: str
    cleared_us: int | None
    cleared_by: str


class AlarmEventView(msgspec.Struct, frozen=True):
    """One thing that was said, as it was read."""

    message_id: str
    source: str
    panel_id: str
    partition: str
    point: str
    code: str
    kind: str
    state: str
    at_us: int
    panel_at_us: int | None
    received_us: int
    encrypted: bool
    detail: str


class PartitionView(msgspec.Struct, frozen=True):
    """A partition by its panel's newest word; an empty name is the whole panel."""

    panel_id: str
    partition: str
    armed: bool
    since_us: int


class SiteAlarms(msgspec.Struct, frozen=True):
    """Open alarms, those cleared within a day, the newest events, and what is armed."""

    site_id: str
    open_count: int
    alarms: list[AlarmView]
    events: list[AlarmEventView]
    partitions: list[PartitionView]


@dataclass(frozen=True)
class AlarmDuty:
    """Reads and acts on behalf of one person at a time."""

    database: Database
    clock: Clock

    def of_site(self, scope: scoping.Scope, site_id: str, *, events: int = EVENTS_MAX) -> SiteAlarms:
        """The alarms of one site. Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            closed_after_us = now_us - CLOSED_SHOWN_US
            return SiteAlarms(
                site_id=site,
                open_count=alarms.count_open(session, site),
                alarms=[
                    _alarm(row)
                    for row in alarms.of_site(session, site, closed_after_us=closed_after_us, limit=SHOWN_MAX)
                ],
                events=[_event(row) for row in alarms.events_of_site(session, site, before_us=2**62, limit=events)],
                partitions=[_partition(row) for row in alarms.partitions_of_site(session, site)],
            )

    def mark(self, scope: scoping.Scope, site_id: str) -> alarms.Mark:
        """Changes whenever ``of_site`` would. Raises NotFound."""
        with self.database.reading() as session:
            return alarms.mark_of_site(session, _site(session, scope, site_id))

    def act(self, scope: scoping.Scope, site_id: str, alarm_id: int, act: Act) -> AlarmView:
        """Acknowledges or clears an alarm, and records who did.

        Raises NotFound, PermissionDenied for who may only look, Conflict where it is too late or too early for that.
        """
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, scope, site_id)
            check_may(scope, Action.ALARM_HANDLE)
            row = session.get(AlarmRow, alarm_id, with_for_update=True)
            if row is None or row.site_id != site:
                raise NotFound("no such alarm")
            change = rules.acknowledged if act == "acknowledge" else rules.cleared
            put(row, change(alarm_of(row), scope.account_name, now_us))
            done = "acknowledged" if act == "acknowledge" else "cleared"
            session.add(
                AlarmAct(alarm_id=alarm_id, site_id=site, act=done, account_name=scope.account_name, at_us=now_us)
            )
            return _alarm(row)


def _site(session: Session, scope: scoping.Scope, site_id: str) -> str:
    # PostgreSQL takes no NUL in a text, not even to compare with; what is no id cannot be one of ours.
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id).id


def _alarm(row: AlarmRow) -> AlarmView:
    names = [name for name in AlarmView.__struct_fields__ if name not in ("alarm_id", "urgent")]
    return AlarmView(
        alarm_id=row.id, urgent=row.kind in rules.URGENT, **{name: getattr(row, name) for name in names}
    )  # fmt: skip


def _event(row: AlarmEventRow) -> AlarmEventView:
    return AlarmEventView(**{name: getattr(row, name) for name in AlarmEventView.__struct_fields__})


def _partition(row: AlarmPartition) -> PartitionView:
    return PartitionView(**{name: getattr(row, name) for name in PartitionView.__struct_fields__})
