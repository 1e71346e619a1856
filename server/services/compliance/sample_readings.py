"""Keeps of each heartbeat what no later one tells again: how far clocks are off, and when panels were last heard.

Invariant: a reading is taken once, for the day it was made on; what was not read leaves a gap that is told.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE
from config.wire.health import Heartbeat
from server.domain.verdict import day_of
from server.services.intake.heartbeats import heartbeat_of
from storage.database import compliance
from storage.database.models import Agent, AgentStatus, ClockReadingDay, PanelHeard, Site

US_PER_MS = 1_000
HEARD_GAP_US_MAX = 5 * US_PER_MINUTE
"""Panels report every 90 s or so; heard again within this, one was heard all along."""


@dataclass(frozen=True)
class Reading:
    """A clock was off by ``offset_us`` (either way) within ``bound_us``, at ``at_us``."""

    kind: str
    subject_id: str
    at_us: int
    offset_us: int
    bound_us: int


def sample(session: Session, site: Site) -> None:
    """Takes in what the newest heartbeats of a site's agents tell."""
    rows = session.scalars(
        select(AgentStatus)
        .join(Agent, Agent.id == AgentStatus.agent_id)
        .where(Agent.site_id == site.id, Agent.revoked_us.is_(None), AgentStatus.gone.is_(False))
    ).all()
    for row in rows:
        beat = heartbeat_of(row)
        if beat is None:
            continue
        for reading in readings_in(beat):
            _take(session, site, reading)
        for panel in beat.panels:
            if panel.heard_ms is not None:
                _hear(session, site.id, panel.panel_id, beat.sent_us - panel.heard_ms * US_PER_MS)


def readings_in(beat: Heartbeat) -> list[Reading]:
    """The clock readings of one heartbeat."""
    found = []
    if beat.clock is not None:
        clock = beat.clock
        found.append(Reading("agent", beat.agent_id, clock.observed_us, clock.offset_us, clock.bound_us))
    for camera in beat.cameras:
        if camera.clock_offset_ms is not None:
            bound_us = (camera.clock_bound_ms or 0) * US_PER_MS
            found.append(
                Reading("camera", camera.camera_id, beat.sent_us, camera.clock_offset_ms * US_PER_MS, bound_us)
            )
    return found


def _take(session: Session, site: Site, reading: Reading) -> None:
    day = day_of(reading.at_us, site.timezone).isoformat()
    off_us = abs(reading.offset_us)
    worst_us, least_us = off_us + reading.bound_us, off_us - reading.bound_us
    row = session.get(ClockReadingDay, (site.id, reading.kind, reading.subject_id, day))
    if row is None:
        session.add(
            ClockReadingDay(
                site_id=site.id,
                kind=reading.kind,
                subject_id=reading.subject_id,
                day=day,
                worst_us=worst_us,
                least_us=least_us,
                readings=1,
                first_us=reading.at_us,
                last_us=reading.at_us,
                longest_gap_us=0,
            )
        )
    elif reading.at_us > row.last_us:
        row.worst_us, row.least_us = max(row.worst_us, worst_us), max(row.least_us, least_us)
        row.longest_gap_us = max(row.longest_gap_us, reading.at_us - row.last_us)
        row.readings, row.last_us = row.readings + 1, reading.at_us


def _hear(session: Session, site_id: str, panel_id: str, at_us: int) -> None:
    last = compliance.newest_heard(session, site_id, panel_id)
    if last is not None and at_us <= last.end_us:
        return
    if last is not None and at_us - last.end_us <= HEARD_GAP_US_MAX:
        last.longest_gap_us = max(last.longest_gap_us, at_us - last.end_us)
        last.end_us = at_us
        return
    session.add(PanelHeard(site_id=site_id, panel_id=panel_id, start_us=at_us, end_us=at_us, longest_gap_us=0))
