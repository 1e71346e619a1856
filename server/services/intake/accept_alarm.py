"""What an alarm event does to the database: it is kept as it was signed, and moves the alarm it belongs to."""

from sqlalchemy.orm import Session

from config.wire.alarms import AlarmEvent
from server.domain import alarms as rules
from server.domain.alarms import Alarm, Status
from server.domain.clock_trust import ClockRule
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from server.services.notices.tell import ALARM, News, tell
from storage.database import alarms
from storage.database.models import AlarmEventRow, AlarmPartition, AlarmRow


def event(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps the event once, however often it comes."""
    said: AlarmEvent = incoming.message
    if session.get(AlarmEventRow, said.message_id) is not None:
        return "duplicate", []
    note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    session.add(
        AlarmEventRow(
            message_id=said.message_id,
            site_id=said.site_id,
            agent_id=said.agent_id,
            timeline_id=said.timeline_id,
            panel_id=said.panel_id,
            source=said.source,
            partition=said.partition,
            point=said.point,
            code=said.code,
            kind=said.kind,
            state=said.state,
            at_us=said.at_us,
            panel_at_us=said.panel_at_us,
            encrypted=said.encrypted,
            detail=said.detail,
            received_us=incoming.received_us,
            envelope=incoming.envelope,
        )
    )
    session.flush()  # the alarm refers to it
    if rules.opens(said.kind, said.state):
        _raise(session, said, incoming.received_us)
    elif said.state == "restored":
        _restore(session, said)
    elif said.kind == "arming" and said.state in ("armed", "disarmed"):
        _arm(session, said)
    return "committed", []


def alarm_of(row: AlarmRow) -> Alarm:
    """A row as the rules see it."""
    return Alarm(
        status=Status(row.status),
        raised_us=row.raised_us,
        last_us=row.last_us,
        count=row.count,
        restored_us=row.restored_us,
        acknowledged_us=row.acknowledged_us,
        acknowledged_by=row.acknowledged_by,
        cleared_us=row.cleared_us,
        cleared_by=row.cleared_by,
    )


def put(row: AlarmRow, alarm: Alarm) -> None:
    """What the rules made of it, back into its row."""
    for name, value in vars(alarm).items():
        setattr(row, name, str(value) if name == "status" else value)


def _raise(session: Session, said: AlarmEvent, received_us: int) -> None:
    about = said.about or said.code or said.kind
    for row in alarms.open_at_point(session, said.agent_id, said.panel_id, said.partition, said.point):
        if (row.kind, row.about) == (said.kind, about):
            put(row, rules.raised_again(alarm_of(row), said.at_us))
            return
    row = AlarmRow(
        site_id=said.site_id,
        agent_id=said.agent_id,
        panel_id=said.panel_id,
        partition=said.partition,
        point=said.point,
        kind=said.kind,
        about=about,
        first_event=said.message_id,
        detail=said.detail,
    )
    put(row, rules.raised(said.at_us))
    session.add(row)
    session.flush()
    link, urgent = f"/sites/{said.site_id}#alarms", said.kind in rules.URGENT
    tell(session, News(f"alarm:{row.id}", said.site_id, ALARM, said.kind, link, received_us, urgent))


def _restore(session: Session, said: AlarmEvent) -> None:
    about = said.about or said.code or said.kind
    for row in alarms.open_at_point(session, said.agent_id, said.panel_id, said.partition, said.point):
        if row.about.startswith(about):
            put(row, rules.restored(alarm_of(row), said.at_us))


def _arm(session: Session, said: AlarmEvent) -> None:
    known = session.get(AlarmPartition, (said.agent_id, said.panel_id, said.partition), with_for_update=True)
    if known is None:
        known = AlarmPartition(
            agent_id=said.agent_id, panel_id=said.panel_id, partition=said.partition, site_id=said.site_id, since_us=-1
        )
        session.add(known)
    if said.at_us > known.since_us:
        known.armed, known.since_us = said.state == "armed", said.at_us
