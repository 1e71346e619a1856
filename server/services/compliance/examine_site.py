"""Examines a site by its book over one of its days or months: everything measured, every rule's outcome, every place.

Invariant I1: what is not measured is UNVERIFIED; a place that must be covered is judged over all of its required time,
also where no camera was in service there. A declared place (``zone.required``) is held to full coverage beside the pack.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from config.base.timespan import Span
from config.policies.book import Applies, Book, BookRule, applies
from config.policies.pack import Bilingual, Pack, Rule, Source, in_both
from server.domain.compliance import Examined, Measured, Outcome, examine, overall, worst
from server.domain.duties import add_months
from server.domain.maintenance import US_PER_HOUR, windows_of
from server.domain.verdict import Status, day_of, day_span
from server.domain.zone_coverage import share_of
from server.services.compliance.measure_alarms import AlarmMeasurer, clock_of_site, clocks_of_cameras
from server.services.compliance.measure_live import LOOKING_IN, children, live_mode, measured_live
from server.services.compliance.measure_places import Place, PlaceMeasurer
from server.services.compliance.measure_site import SiteMeasurer
from server.services.compliance.read_coverage import CameraTime, read_cameras
from server.services.compliance.rule_books import book_of, facts_of
from server.services.compliance.told import OutcomeTold, SiteTold, ZoneTold
from server.services.coverage.assess_day import Assessor
from server.services.docket.follow_gaps import window_of
from storage.database import compliance, docket
from storage.database.models import Camera, MaintenanceWindow, Site

_SINCE = datetime(2026, 11, 22, tzinfo=UTC).date()
_OWN = Source(title=Bilingual(zh_cn="园所台账", en="The site's own register"), rank="operator")


def _declared(window: str) -> Rule:
    return Rule(
        id=f"declared.zone-{window}",
        source="register",
        article="必须覆盖",
        binding="internal",
        metric="zone_coverage",
        operator=">=",
        value=100.0,
        unit="percent",
        window=window,  # type: ignore[arg-type]  # day or month
        evidence=["zone_map"],
        confidence="V",
        verified_on=_SINCE,
        title=Bilingual(zh_cn="台账中声明必须覆盖的场所", en="The register says that this place must be covered"),
    )


DECLARED = Pack(
    pack="declared",
    version="2026.11.1",
    title=Bilingual(zh_cn="园所自行声明", en="Declared by the site"),
    jurisdiction="ZZ",
    sources={"register": _OWN},
    rules=[_declared("day"), _declared("month")],
)
"""What a site's register asks of places by itself: no pack, and it binds nobody but the site."""


@dataclass(frozen=True)
class Result:
    """``told``: what an entry would hold. ``zones``: the verdict on each place."""

    status: Status
    final: bool
    book: str
    told: SiteTold
    zones: Mapping[str, Status]


@dataclass(frozen=True)
class SiteExaminer:
    """Examines; writes nothing."""

    assessor: Assessor

    def day(self, session: Session, site: Site, day: date, now_us: int) -> Result | None:
        """One day as of now; None where the site has no pack that this release knows."""
        book = book_of(site.policy_pack)
        return _Examination(session, self.assessor, site, book, "day", [day], now_us).result() if book else None

    def month(self, session: Session, site: Site, month: date, now_us: int, days: Mapping[str, str]) -> Result | None:
        """The month that ``month`` is the first day of; ``days``: the status of each of its days that has an entry."""
        book = book_of(site.policy_pack)
        if book is None:
            return None
        last = min(add_months(month, 1) - timedelta(days=1), day_of(now_us, site.timezone))
        all_days = [month + timedelta(days=number) for number in range((last - month).days + 1)]
        found = _Examination(session, self.assessor, site, book, "month", all_days, now_us).result()
        began = day_of(began_us(site, compliance.cameras_of(session, site.id)), site.timezone)
        expected = [day.isoformat() for day in all_days if day >= began]
        statuses = [Status(days.get(day, Status.UNVERIFIED)) for day in expected]
        own = [found.status] if any(outcome.binding == "mandatory" for outcome in found.told.outcomes) else []
        told = SiteTold(outcomes=found.told.outcomes, zones=found.told.zones, days=dict(days))
        return Result(worst([*statuses, *own]), found.final, found.book, told, found.zones)


def began_us(site: Site, cameras: Sequence[Camera]) -> int:
    """When a site's monitoring began: with its first camera in service; where none is yet, with the site itself."""
    return min((camera.activated_us for camera in cameras if camera.activated_us is not None), default=site.created_us)


@dataclass
class _Examination:
    session: Session
    assessor: Assessor
    site: Site
    book: Book
    period: str
    days: Sequence[date]
    now_us: int

    def result(self) -> Result:
        first, last = (day_span(day, self.site.timezone) for day in (self.days[0], self.days[-1]))
        self.window = Span(first.start_us, max(first.start_us, min(last.end_us, self.now_us)))
        self.cameras = compliance.cameras_of(self.session, self.site.id)
        self.times = read_cameras(self.session, self.assessor, self.site, self.cameras, self.days, self.now_us)
        self.mode = live_mode(self.session, self.site, self.book)
        self.facts = facts_of(self.site, live=self.mode in LOOKING_IN)
        found = self._places()
        outcomes = self._examined([*self._subjects(), *(part for place in found for part in place.asked)], found)
        status_of = {place.zone.id: _place_status(outcomes, place.zone.id) for place in found}
        told = SiteTold(
            outcomes=[told_of(outcome) for outcome in outcomes],
            zones=[_zone_told(place, status_of[place.zone.id], outcomes) for place in found],
        )
        backfill_us = self.assessor.policy.backfill_hours * 3_600_000_000
        final = self.now_us >= last.end_us + backfill_us and all(time.final for time in self.times.values())
        return Result(overall(outcomes), final, self.book.version, told, status_of)

    def _examined(self, subjects: Sequence[Examined], found: Sequence[Place]) -> list[Outcome]:
        """Of the rules of this period; and of what the register declares, where the pack asks for nothing."""
        ours = [outcome for outcome in examine(self.book, subjects) if self._is_ours(outcome.found)]
        asked = {id(outcome.subject) for outcome in ours if outcome.found.rule.metric == "zone_coverage"}
        declared = [
            subject
            for place in found
            for number, subject in place.declared.items()
            if id(place.asked[number]) not in asked
        ]
        more = [outcome for outcome in examine(Book((DECLARED,)), declared) if self._is_ours(outcome.found)]
        return [*ours, *more]

    def _is_ours(self, found: BookRule) -> bool:
        if self.period == "month":
            return found.rule.window == "month"
        return found.rule.window in ("day", "minute", "instant")

    def _places(self) -> list[Place]:
        since_us = began_us(self.site, self.cameras)
        return PlaceMeasurer(
            self.session,
            self.site,
            self.book,
            self.period,
            self.window,
            self.cameras,
            self.times,
            self.facts,
            since_us,
        ).places()

    def _whole(self) -> Span:
        """All of the month, or of the day, also what of it is still to come."""
        last = add_months(self.days[0], 1) - timedelta(days=1) if self.period == "month" else self.days[-1]
        return Span(self.window.start_us, day_span(last, self.site.timezone).end_us)

    def _planned(self) -> list[MaintenanceWindow]:
        """What was declared for the month, and not called off."""
        rows = docket.maintenance_in(self.session, self.site.id, self._whole()) if self.period == "month" else []
        return [row for row in rows if window_of(row).until_us > row.start_us]

    def _subjects(self) -> list[Examined]:
        day = self.days[-1]
        alarms = AlarmMeasurer(self.session, self.site, self.window, self.period, self.now_us)
        of_site = alarms.of_site()
        clocks: dict[str, Measured] = {}
        found: list[Examined] = []
        if self.period == "day":
            retain_days = self.assessor.policy.retain_days
            of_register = SiteMeasurer(self.session, self.site, day, self.now_us, retain_days)
            of_site |= of_register.of_site()
            agents = {camera.agent_id for camera in self.cameras if self.times[camera.id].in_service}
            clock = clock_of_site(self.session, self.site, agents, day.isoformat(), self.window)
            of_site["site_clock_error", "day"] = clock
            clocks = clocks_of_cameras(self.session, self.site, self.cameras, day.isoformat(), self.window)
            of_site["live_view", "instant"] = measured_live(self.session, self.site, self.mode, self.now_us)
            found += [*of_register.people(self.facts), *of_register.classes(self.facts)]
            found += children(self.session, self.site, self.facts)
        found.append(Examined("site", self.site.id, self.facts, of_site))
        found += alarms.partitions()
        planned, whole = self._planned(), self._whole()
        found += [_noticed(row, self.facts) for row in planned]
        for camera in self.cameras:
            time = self.times[camera.id]
            if time.in_service:
                measured: dict[tuple[str, ...], Measured] = {("picture_sound", self.period): _picture(time, camera.id)}
                measured["planned_maintenance", "month"] = _hours(camera.id, planned, whole)
                if camera.id in clocks:
                    measured["camera_clock_error", "day"] = clocks[camera.id]
                found.append(Examined("camera", camera.id, self.facts, measured))
        return found


def _hours(camera_id: str, rows: Sequence[MaintenanceWindow], month: Span) -> Measured:
    """How much maintenance was declared for a camera in a calendar month, over or still to come."""
    planned = windows_of(camera_id, [window_of(row) for row in rows]).clip(month.start_us, month.end_us)
    evidence = [f"maintenance:{row.id}" for row in rows if row.camera_id in (None, camera_id)]
    return Measured(planned.total_us / US_PER_HOUR, tuple(evidence) or ("maintenance:",))


def _noticed(row: MaintenanceWindow, facts: Mapping[str, str | None]) -> Examined:
    """How long before it began maintenance was declared."""
    ahead = Measured((row.start_us - row.declared_us) / US_PER_HOUR, (f"maintenance:{row.id}",))
    return Examined("maintenance", str(row.id), facts, {("maintenance_notice", "month"): ahead})


def told_of(outcome: Outcome) -> OutcomeTold:
    """An outcome with its clause, as an entry keeps it."""
    rule, source, measured = outcome.found.rule, outcome.found.source, outcome.measured
    why = measured.why
    if not why and outcome.status is Status.UNVERIFIED:
        unsure = applies(rule, outcome.subject.facts) is Applies.UNKNOWN
        why = "fact_unknown" if unsure else "not_measured"
    return OutcomeTold(
        rule=rule.id,
        pack=outcome.found.pack.pack,
        metric=rule.metric,
        title=in_both(rule.title),
        source=in_both(source.title),
        number=source.number,
        article=rule.article,
        binding=rule.binding,
        confidence=rule.confidence,
        operator=rule.operator,
        required=rule.value,
        unit=rule.unit,
        window=rule.window,
        hours=rule.hours,
        kind=outcome.subject.kind,
        subject=outcome.subject.id,
        status=outcome.status,
        value=measured.value,
        could_be=measured.could_be if measured.could_be != measured.value else None,
        why=why if outcome.status is not Status.COMPLIANT else "",
        evidence=list(measured.evidence),
        due_on=_due_on(rule, measured),
    )


def _picture(time: CameraTime, camera_id: str) -> Measured:
    recorded = time.covered | time.spoiled | time.unexamined
    share = share_of(time.covered, time.unexamined, recorded)
    if share is None:
        return Measured(None, why="nothing_recorded")
    why = "picture_unexamined" if time.unexamined else ""
    return Measured(share.least, (f"verdict:{camera_id}",), share.most, why)


def _place_status(outcomes: Iterable[Outcome], zone_id: str) -> Status:
    """By the rules that bind; where none does, by those that recommend or that the site set itself."""
    about = [outcome for outcome in outcomes if (outcome.subject.kind, outcome.subject.id) == ("zone", zone_id)]
    binding = [outcome.status for outcome in about if outcome.binds]
    return worst(binding or [outcome.status for outcome in about])


def _zone_told(place: Place, status: Status, outcomes: Iterable[Outcome]) -> ZoneTold:
    zone, found = place.zone, place.whole
    asked = any((outcome.subject.kind, outcome.subject.id) == ("zone", zone.id) for outcome in outcomes)
    return ZoneTold(
        zone_id=zone.id,
        name=zone.name,
        kind=zone.kind,
        status=status,
        required=asked,
        cameras=list(place.cameras),
        due_us=found.due.total_us,
        covered_us=found.covered.total_us,
        unknown_us=found.unknown.total_us,
        unwatched_us=found.unwatched.total_us,
        longest_gap_us=found.longest_gap_us,
    )


def _due_on(rule: Rule, measured: Measured) -> str:
    """Until when what was done last is good, where it comes round."""
    done = next((reference.rpartition("/")[2] for reference in measured.evidence if "/" in reference), "")
    if rule.unit != "month" or rule.operator != "<=" or not done:
        return ""
    return add_months(date.fromisoformat(done), int(float(rule.value))).isoformat()
