"""After the last day in sites' own stores: what may go is ordered away by version, and certified as the agents reported it.

Invariants: as for the centre's own store (``custody.expire_footage``): past its lock and the policy's floor, of a day that is over,
under no hold, decided under the site's row; never more than half of a cell within a day without a person's word on the very
figures; nothing by a clock that is ahead of every agent's. What no agent has read back as gone is not deleted, and stands on no certificate.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.errors import Conflict, NotFound
from config.base.logs import get_logger
from config.evidence.entries import FootageDeleted, encode
from server.domain import cell_orders as rules
from server.domain.holds import AHEAD_US_MAX, HoldSpan, Recording, days_over_before_us, may_go, without_person
from server.domain.retention import retain_until_us
from server.domain.verdict import day_of, day_span
from server.services.cells.order_cells import BATCH, OPEN_MAX, give
from server.services.compliance.rule_books import retain_days_of
from server.services.custody.expire_footage import FOOTAGE_DELETED, by_camera, digest_of
from storage.database import cell_orders, ledger, lifetimes
from storage.database.lifetimes import Due
from storage.database.models import CellCopy, DeletionRun, Segment, Site
from storage.database.unit_of_work import Database

DAYS_AT_ONCE_MAX = 400

log = get_logger("retention")


@dataclass(frozen=True)
class CellExpirer:
    """Call ``run`` now and then. ``retain_days``: where a site's rules ask for no more."""

    database: Database
    clock: Clock
    retain_days: int

    def run(self) -> int:
        """Orders away what is due, and certifies what agents reported gone; how many recordings were ordered away."""
        with self.database.reading() as session:
            sites = cell_orders.sites_with_cells(session)
            ahead_us = lifetimes.ahead_of_agents_us(session, self.clock.utc_us())
        if ahead_us > AHEAD_US_MAX:
            advice = "nothing goes until this machine's clock is right: set it by NTP"
            log.error("clock_ahead_of_agents", ahead_s=ahead_us // US_PER_S, advice=advice)
            return 0
        ordered = sum(self._site(site_id) for site_id in sites)
        for site_id in sites:
            self._certify_site(site_id)
        return ordered

    def confirm(self, site_id: str, person: str, versions: int, of_versions: int) -> None:
        """A person allows the large deletion that waits in a cell, naming its figures. Raises NotFound, Conflict."""
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session, site_id)
            if asked is None:
                raise NotFound(f"no deletion in the own store of {site_id} waits for a confirmation")
            if asked.confirmed_by is not None:
                raise Conflict(f"{asked.confirmed_by} has confirmed it already", code="confirmed_already")
            if (versions, of_versions) != (asked.versions, asked.of_versions):
                raise Conflict(
                    f"it is {asked.versions} of {asked.of_versions} versions: look again, and confirm those figures",
                    code="figures_changed",
                )
            asked.confirmed_by, asked.confirmed_us, asked.done = person, self.clock.utc_us(), 0
        log.warning("large_deletion_confirmed", site=site_id, by=person, versions=versions, of=of_versions)

    def _site(self, site_id: str) -> int:
        ordered = 0
        while (gone := self._claim(site_id)) > 0:
            ordered += gone
        return ordered

    def _claim(self, site_id: str) -> int:
        """The next few that may go: a hold comes before this, or the order is sent no more."""
        with self.database.unit_of_work() as session:
            site = session.get_one(Site, site_id, with_for_update=True)
            due = self._due(session, site)
            since_us = due.now_us - rules.PAUSE_US
            if not cell_orders.to_delete(session, due, since_us, 1):
                self._over(session, site_id)
                return 0
            leave, run = self._leave(session, due)
            room = min(BATCH, leave, OPEN_MAX - cell_orders.open_count(session, site_id, "delete"))
            found = cell_orders.to_delete(session, due, since_us, room) if room > 0 else []
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, site_id)]
            free = [copy for copy in found if self._may_go(session, copy, holds, due)]
            for copy in free:
                give(session, copy, "delete", due.now_us)
            if run is not None:
                run.done = (run.done or 0) + len(free)
        if free:
            log.info("cell_orders_given", site=site_id, action="delete", count=len(free))
        return len(free)

    def _may_go(self, session: Session, copy: CellCopy, holds: list[HoldSpan], due: Due) -> bool:
        segment = session.get_one(Segment, copy.segment_id)
        recording = Recording(segment.camera_id, segment.start_us, segment.end_us, copy.retain_until_us)
        floor_us = retain_until_us(segment.end_us, segment.received_us, due.retain_days)
        return may_go(recording, holds, floor_us, due.now_us)

    def _leave(self, session: Session, due: Due) -> tuple[int, DeletionRun | None]:
        """How many more may be ordered away, and by whose word; none where a person has to be asked first."""
        of_versions, versions = cell_orders.kept(session, due.site_id), cell_orders.deletable(session, due)
        asked = lifetimes.open_deletion(session, due.site_id)
        if asked is not None and asked.confirmed_by is not None:
            return asked.versions - (asked.done or 0), asked
        gone = cell_orders.gone_unconfirmed(session, due.site_id, due.now_us - US_PER_DAY)
        if versions <= without_person(of_versions + gone) - gone:
            if asked is not None:
                asked.finished_us = due.now_us
            return versions, None
        if asked is not None:
            asked.versions, asked.of_versions = versions, of_versions
            return 0, None
        session.add(DeletionRun(site_id=due.site_id, asked_us=due.now_us, versions=versions, of_versions=of_versions))
        advice = f"nothing goes until a person has looked why: server.admin cell confirm-deletion {due.site_id}"
        log.error("large_deletion_waits", site=due.site_id, versions=versions, of=of_versions, advice=advice)
        return 0, None

    def _over(self, session: Session, site_id: str) -> None:
        asked = lifetimes.open_deletion(session, site_id)
        if asked is not None:
            asked.finished_us = self.clock.utc_us()

    def _due(self, session: Session, site: Site) -> Due:
        now_us, days = self.clock.utc_us(), retain_days_of(session, site.id, self.retain_days)
        return Due(site.id, days_over_before_us(now_us, site.timezone, days), now_us, days)

    def _certify_site(self, site_id: str) -> None:
        """Each day of which nothing is under way any more."""
        from_us = 0
        for _ in range(DAYS_AT_ONCE_MAX):
            with self.database.unit_of_work() as session:
                site = session.get_one(Site, site_id, with_for_update=True)
                oldest = cell_orders.oldest_uncertified(session, site_id, from_us)
                if oldest is None:
                    return
                day = day_of(oldest.start_us, site.timezone)
                window = day_span(day, site.timezone)
                if not cell_orders.going(session, site_id, window):
                    self._write(session, site, day, cell_orders.uncertified(session, site_id, window))
            from_us = day_span(day + timedelta(days=1), site.timezone).start_us

    def _write(self, session: Session, site: Site, day: date, went: list[Segment]) -> None:
        now_us = self.clock.utc_us()
        asked = lifetimes.open_deletion(session, site.id)
        entry = FootageDeleted(
            site_id=site.id,
            at_us=now_us,
            day=day.isoformat(),
            versions=len(went),
            size_bytes=sum(segment.size_bytes for segment in went),
            segments_sha256=digest_of(went),
            retained_days=retain_days_of(session, site.id, self.retain_days),
            confirmed_by=asked.confirmed_by if asked is not None else None,
            cameras=by_camera(went),
            in_cell=True,
        )
        for segment in went:
            segment.certified_us = now_us
        ledger.add(session, site.id, FOOTAGE_DELETED, day.isoformat(), encode(entry))
        log.info("footage_deleted", site=site.id, day=day.isoformat(), versions=len(went), in_cell=True)
