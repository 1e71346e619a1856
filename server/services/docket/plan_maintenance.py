"""Planned maintenance: declared by an operator before it begins, within the policy, and at most cut short afterwards.

Invariants: nobody declares what has begun; no row is changed but that its end comes earlier, once; what was not recorded
meanwhile stays missing (``server.domain.maintenance``).
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from config.base.timespan import Span
from config.policies.book import BookRule
from config.policies.pack import in_both
from config.settings.server import MaintenanceSettings
from server.domain.maintenance import MaintenanceLimits, Window, check_declared, cut_at
from server.domain.verdict import day_of
from server.services.compliance.rule_books import maintenance_rules
from server.services.docket.desk import check_works, works_at_site
from server.services.docket.follow_gaps import window_of
from storage.database import docket, evidence
from storage.database import scope as scoping
from storage.database.models import MaintenanceWindow, Site
from storage.database.unit_of_work import Database

REASON_CHARS_MAX = 200
ROW_ID_MAX = 2**63 - 1
MONTH_US = 32 * US_PER_DAY


class MaintenanceView(msgspec.Struct, frozen=True):
    """One window; ``status``: planned, running, over or called_off. ``camera_id`` null is every camera."""

    maintenance_id: int
    camera_id: str | None
    camera_name: str
    start_us: int
    end_us: int
    status: str
    reason: str
    declared_by: str
    declared_us: int
    cut_by: str | None


class LimitView(msgspec.Struct, frozen=True):
    """A rule of the site's pack that limits maintenance; texts by language."""

    pack: str
    title: dict[str, str]
    source: dict[str, str]
    article: str
    binding: str
    note: dict[str, str]


class SiteMaintenance(msgspec.Struct, frozen=True):
    """What a site has declared, the latest first, and what the policy allows; without ``limits`` by the server's setting."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    notice_hours: float
    hours_a_month: float
    cameras: list[tuple[str, str]]
    windows: list[MaintenanceView]
    may_declare: bool
    limits: list[LimitView]


@dataclass(frozen=True)
class MaintenancePlanner:
    """Reads and acts on behalf of one person at a time."""

    database: Database
    clock: Clock
    settings: MaintenanceSettings

    def of_site(self, scope: scoping.Scope, site_id: str) -> SiteMaintenance:
        """Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            cameras = [(one.id, one.name) for one in scoping.cameras_in_reach(session, scope, site_id)]
            names, allowed, rules = dict(cameras), self._limits(site), maintenance_rules(site).values()
            return SiteMaintenance(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                notice_hours=allowed.notice_hours,
                hours_a_month=allowed.hours_a_month,
                cameras=cameras,
                windows=[_view(row, names, now_us) for row in docket.newest_maintenance(session, site.id)],
                may_declare=works_at_site(scope),
                limits=[_limit(each) for each in rules],
            )

    def declare(self, scope: scoping.Scope, site_id: str, camera_id: str | None, span: Span, reason: str) -> int:
        """Raises NotFound, PermissionDenied, or InvalidInput where the policy does not allow it."""
        if not 0 < len(reason.strip()) <= REASON_CHARS_MAX:
            raise InvalidInput(f"say what for, in at most {REASON_CHARS_MAX} characters", code="maintenance_no_reason")
        with self.database.unit_of_work() as session:
            site = _site(session, scope, site_id)
            check_works(scope)
            session.get_one(Site, site.id, with_for_update=True)
            now_us = self.clock.utc_us()
            cameras = [one.id for one in scoping.cameras_in_reach(session, scope, site_id)]
            if camera_id is not None and camera_id not in cameras:
                raise NotFound("no such camera")
            around = Span(span.start_us - MONTH_US, span.end_us + MONTH_US)
            known = [window_of(row) for row in docket.maintenance_in(session, site.id, around)]
            wanted = Window(camera_id, span.start_us, span.end_us, now_us)
            about = [camera_id] if camera_id is not None else cameras
            check_declared(wanted, known, about, site.timezone, self._limits(site))
            row = MaintenanceWindow(
                site_id=site.id,
                camera_id=camera_id,
                start_us=span.start_us,
                end_us=span.end_us,
                reason=reason.strip(),
                declared_by=scope.account_name,
                declared_us=now_us,
            )
            session.add(row)
            session.flush()
            return row.id

    def end(self, scope: scoping.Scope, site_id: str, maintenance_id: int) -> None:
        """Ends it now, or calls it off where it has not begun. Raises NotFound, PermissionDenied or Conflict."""
        with self.database.unit_of_work() as session:
            site = _site(session, scope, site_id)
            check_works(scope)
            row = session.get(MaintenanceWindow, min(maintenance_id, ROW_ID_MAX), with_for_update=True)
            if row is None or row.site_id != site.id:
                raise NotFound("no such maintenance")
            now_us = self.clock.utc_us()
            row.cut_us, row.cut_by = cut_at(window_of(row), now_us), scope.account_name
            self._judge_again(session, scope, site, row)

    def _limits(self, site: Site) -> MaintenanceLimits:
        """Its pack's; of what the pack does not limit the server's setting."""
        by_pack = {metric: float(each.rule.value) for metric, each in maintenance_rules(site).items()}
        return MaintenanceLimits(
            by_pack.get("maintenance_notice", self.settings.notice_hours),
            by_pack.get("planned_maintenance", self.settings.hours_a_month),
        )

    def _judge_again(self, session: Session, scope: scoping.Scope, site: Site, row: MaintenanceWindow) -> None:
        for camera in scoping.cameras_in_reach(session, scope, site.id):
            if row.camera_id in (None, camera.id) and camera.activated_us is not None:
                first = day_of(max(row.start_us, camera.activated_us), site.timezone)
                evidence.assess_again(session, [camera.id], first.isoformat())


def _site(session: Session, scope: scoping.Scope, site_id: str) -> Site:
    if not is_slug(site_id):  # PostgreSQL takes no NUL, not even to compare with
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _limit(found: BookRule) -> LimitView:
    rule, source = found.rule, found.source
    return LimitView(
        f"{found.pack.pack}@{found.pack.version}",
        in_both(rule.title),
        in_both(source.title),
        rule.article,
        rule.binding,
        in_both(rule.note) if rule.note is not None else {},
    )


def _view(row: MaintenanceWindow, names: dict[str, str], now_us: int) -> MaintenanceView:
    until_us = window_of(row).until_us
    if until_us <= row.start_us:
        status = "called_off"
    elif now_us < row.start_us:
        status = "planned"
    else:
        status = "running" if now_us < until_us else "over"
    return MaintenanceView(
        maintenance_id=row.id,
        camera_id=row.camera_id,
        camera_name=names.get(row.camera_id, row.camera_id) if row.camera_id is not None else "",
        start_us=row.start_us,
        end_us=row.end_us if until_us <= row.start_us else until_us,
        status=status,
        reason=row.reason,
        declared_by=row.declared_by,
        declared_us=row.declared_us,
        cut_by=row.cut_by,
    )
