"""Assesses every camera's unfinished days, again and again; one transaction a site, so that no site waits for another.

Several may run: a site is locked while it is assessed, and an entry is written only where it says something new.
"""

from threading import Event

from prometheus_client import Counter
from sqlalchemy import select

from config.base.clock import Clock, SystemClock
from config.base.errors import Conflict, Unavailable
from config.base.logs import get_logger
from config.settings.server import ServerSettings
from server.jobs.broker_access import start_broker_access
from server.jobs.notices import notice_tasks
from server.jobs.upkeep import tasks
from server.runtime import open_database, settle_memory
from server.services.coverage.assess_day import Assessor
from server.services.docket.follow_gaps import DocketFollower
from storage.database.models import Camera, Site
from storage.database.unit_of_work import Database

log = get_logger("jobs")
ENTRIES = Counter("nightlight_verdicts", "Verdict entries written, by status", ["status"])


def run(settings: ServerSettings, stop: Event) -> None:
    """Runs until ``stop``."""
    clock = SystemClock()
    database = open_database(settings.database)
    assessor, follower = Assessor(settings.policy), DocketFollower(settings.docket)
    access = start_broker_access(settings, database, clock, stop)
    upkeep = [*tasks(settings, database, clock, stop), *notice_tasks(settings, database, clock, stop)]
    for task in upkeep:
        task.start()
    settle_memory()
    log.info("assessing", every_s=settings.jobs.assess_s)
    while not stop.is_set():
        try:
            assess_all(database, assessor, clock, follower)
        except (Unavailable, Conflict) as error:
            log.warning("assessment_postponed", reason=str(error))
        stop.wait(settings.jobs.assess_s)
    for task in upkeep:
        task.close()
    if access is not None:
        access.close()
    database.close()


def assess_all(database: Database, assessor: Assessor, clock: Clock, follower: DocketFollower | None = None) -> int:
    """One round over all sites; returns how many entries were written."""
    with database.reading() as session:
        site_ids = list(session.scalars(select(Site.id).order_by(Site.id)))
    written = 0
    for site_id in site_ids:
        try:
            written += assess_site(database, assessor, clock, site_id, follower)
        except (Unavailable, Conflict) as error:
            log.warning("assessment_postponed", site=site_id, reason=str(error))
    return written


def assess_site(
    database: Database, assessor: Assessor, clock: Clock, site_id: str, follower: DocketFollower | None = None
) -> int:
    """One round over one site, which no other process assesses at the same time; with its docket."""
    written = 0
    with database.unit_of_work() as session:
        site = session.get_one(Site, site_id, with_for_update=True)
        now_us = clock.utc_us()
        cameras = session.scalars(select(Camera).where(Camera.site_id == site_id).order_by(Camera.id)).all()
        for entry in assessor.assess_due(session, site, cameras, now_us, follower):
            written += 1
            ENTRIES.labels(entry.status).inc()
            log.info("verdict", camera=entry.camera_id, day=entry.day, status=entry.status, final=entry.final)
    return written
