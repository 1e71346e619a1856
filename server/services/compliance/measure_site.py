"""What registers, audits and settings say of a site for its rules: documents, dated duties, people, classes, the store.

What nobody has entered and what nobody has measured is None with a word why (I1); a record that has run out is false.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY
from config.base.errors import NightlightError
from config.base.timespan import Span
from config.evidence.entries import decode
from server.domain.audit import Drift
from server.domain.compliance import Examined, Measured
from server.domain.duties import months_between
from server.domain.holds import days_over_before_us
from server.domain.verdict import day_of, day_span
from server.domain.zones import FORBIDDEN_KINDS
from server.services.compliance.measure_places import forbidden_cameras
from server.services.compliance.rule_books import retain_days
from storage.database import attestations, audits, compliance, lifetimes, supervision
from storage.database.lifetimes import Due
from storage.database.models import Camera, ClassGroup, ComplianceMark, DatedRecord, Site, Staff

AUDIT_US_MAX = 36 * 3_600_000_000
"""A round begins daily; one that began longer ago says nothing of today."""
GRACE_DAYS = 2
"""What is past its day for longer, and still there, is overdue."""
NOT_KEPT = frozenset({Drift.OBJECT_MISSING, Drift.LOCK_SHORT})
CHANGED = frozenset({Drift.OBJECT_MISSING, Drift.OBJECT_CORRUPT, Drift.BYTES_CHANGED, Drift.UNDECODABLE})
FINDINGS_MAX = 1_000
SITE_FLAGS = ("recording_sign", "impact_assessment", "one_button_alarm", "parents_committee", "complaints_channel")
SITE_MONTHS = ("alarm_equipment_test", "fire_drill", "yearly_inspection")
STAFF_FLAGS = ("guard_certificate", "qualification")
STAFF_MONTHS = ("record_check", "health_check", "training")
Measures = dict[tuple[str, ...], Measured]
Records = Mapping[tuple[str, str], DatedRecord]


@dataclass(frozen=True)
class SiteMeasurer:
    """Measures one site as of a day of its own calendar; ``retain_days``: the setting, where no pack says."""

    session: Session
    site: Site
    day: date
    now_us: int
    retain_days: int

    def of_site(self) -> Measures:
        """Everything of the site itself that is neither coverage nor alarms nor clocks."""
        records = self._records()
        found: dict[str, Measured] = {
            "forbidden_zone_cameras": self._forbidden(),
            "recording_retention": self._retention(),
            "overdue_recordings": self._overdue(),
            "looks_on_record": self._looks(),
            "access_log_age": self._log_age(),
            "site_published": Measured(self.site.published, ("register:sites",)),
            "credit_file": self._credit_file(),
            "police_filing": self._police_filing(records),
            "health_filing": self._health_filing(records),
            **{name: self.flag(records, "", name) for name in SITE_FLAGS},
            **{name: self.months(records, "", name) for name in SITE_MONTHS},
            **self._of_place(),
            **self._of_staff(),
        }
        made: Measures = {(name, "instant"): measured for name, measured in found.items()}
        made["originals_intact", "day"] = self._originals()
        return made

    def people(self, facts: Mapping[str, str | None]) -> list[Examined]:
        """Whoever works there on the day, by the number that the site gave them."""
        records = self._records()
        found = []
        for one in self._staff():
            measured: Measures = {(name, "instant"): self.flag(records, one.id, name) for name in STAFF_FLAGS}
            measured |= {(name, "instant"): self.months(records, one.id, name) for name in STAFF_MONTHS}
            found.append(Examined("staff", one.id, {**facts, "staff.role": one.role}, measured))
        return found

    def classes(self, facts: Mapping[str, str | None]) -> list[Examined]:
        """The classes, as the register has them."""
        query = select(ClassGroup).where(ClassGroup.site_id == self.site.id).order_by(ClassGroup.id)
        found = []
        for row in self.session.scalars(query):
            evidence = (f"register:classes/{row.id}",)
            size = Measured(row.size, evidence, why="" if row.size is not None else "no_record")
            shared = Measured(None, evidence, why="no_record")
            if row.size is not None and row.carers:
                shared = Measured(row.size / row.carers, evidence)
            measured: Measures = {("class_size", "instant"): size, ("children_per_carer", "instant"): shared}
            found.append(Examined("class", row.id, {**facts, "class.kind": row.kind}, measured))
        return found

    def _records(self) -> Records:
        """(person or "", kind) → the newest record up to the day."""
        query = select(DatedRecord).where(
            DatedRecord.site_id == self.site.id, DatedRecord.done_on <= self.day.isoformat()
        )
        return {(row.staff_id, row.kind): row for row in self.session.scalars(query.order_by(DatedRecord.done_on))}

    def flag(self, records: Records, staff_id: str, kind: str) -> Measured:
        """Whether something is on file, and has not run out."""
        row = records.get((staff_id, kind))
        if row is None:
            return Measured(None, why="no_record")
        good = row.valid_until is None or row.valid_until >= self.day.isoformat()
        return Measured(good, (_record(row),), why="" if good else "ran_out")

    def months(self, records: Records, staff_id: str, kind: str) -> Measured:
        """How many months ago it was done last."""
        row = records.get((staff_id, kind))
        if row is None:
            return Measured(None, why="no_record")
        return Measured(months_between(date.fromisoformat(row.done_on), self.day), (_record(row),))

    def _forbidden(self) -> Measured:
        """By what was said to be seen on that day; of those of whom nothing was said it is not known."""
        span = day_span(self.day, self.site.timezone)
        window = Span(span.start_us, max(span.start_us, min(span.end_us, self.now_us)))
        wrong, unsaid = forbidden_cameras(self.session, self.site, window)
        if span.end_us >= self.now_us:
            wrong |= compliance.in_forbidden_places(self.session, self.site.id, FORBIDDEN_KINDS)
        unsure = unsaid - wrong
        evidence = tuple(f"camera:{camera_id}" for camera_id in sorted(wrong)) or ("register:cameras",)
        if unsure:
            return Measured(len(wrong) + len(unsure), evidence, len(wrong), why="view_unsaid")
        return Measured(len(wrong), evidence)

    def _audited(self) -> Measured | str:
        """The reference of a round that says something of now, or why there is none."""
        done = attestations.last_finished_round(self.session)
        if done is None or self.now_us - done.started_us > AUDIT_US_MAX:
            return Measured(None, why="audit_stale")
        if not compliance.has_recordings(self.session, self.site.id):
            return Measured(None, why="nothing_recorded")
        mark = self.session.get(ComplianceMark, self.site.id)
        if mark is not None and mark.book_since_us > done.started_us:
            return Measured(None, why="audit_before_pack")
        return f"audit:{done.id}"

    def _retention(self) -> Measured:
        """What the daily audit has seen held: every version there, and locked for the site's floor at least."""
        audited = self._audited()
        if isinstance(audited, Measured):
            return audited
        if self._drifts() & NOT_KEPT:
            return Measured(0, (audited,), why="drift")
        return Measured(retain_days(self.site.policy_pack, self.retain_days), (audited,))

    def _originals(self) -> Measured:
        audited = self._audited()
        if isinstance(audited, Measured):
            return audited
        changed = bool(self._drifts() & CHANGED)
        return Measured(not changed, (audited,), why="drift" if changed else "")

    def _drifts(self) -> set[str]:
        return {found.drift for found in audits.open_findings(self.session, self.site.id, FINDINGS_MAX)}

    def _overdue(self) -> Measured:
        at_us = self.now_us - GRACE_DAYS * US_PER_DAY
        days = retain_days(self.site.policy_pack, self.retain_days)
        due = Due(self.site.id, days_over_before_us(at_us, self.site.timezone, days), at_us, days)
        return Measured(lifetimes.tally_of(self.session, due).versions, ("custody:deletions",))

    def _looks(self) -> Measured:
        """No byte of footage leaves before its entry is in the ledger; where there is no ledger, nothing is shown."""
        first = compliance.first_entry(self.session, self.site.id)
        return Measured(True, ("custody:ledger",)) if first is not None else Measured(None, why="no_ledger")

    def _log_age(self) -> Measured:
        """Nothing is ever taken out of the ledger, so it will come to its age: too young is not too short."""
        first = compliance.first_entry(self.session, self.site.id)
        if first is None:
            return Measured(None, why="no_ledger")
        try:
            begun = day_of(int(getattr(decode(first), "at_us", self.now_us)), self.site.timezone)
        except NightlightError:
            return Measured(None, why="no_ledger")
        months = months_between(begun, self.day)
        return Measured(months, ("custody:ledger",), 1_000.0, "log_young")

    def _credit_file(self) -> Measured:
        """A file that holds something; an empty one says nothing of whether anybody keeps it."""
        if supervision.credit_entries(self.session, self.site.id):
            return Measured(True, ("credit:",))
        return Measured(None, why="no_credit_entry")

    def _police_filing(self, records: Records) -> Measured:
        query = select(func.min(Camera.activated_us)).where(Camera.site_id == self.site.id)
        used_us = self.session.scalar(query)
        row = records.get(("", "police_filing"))
        if used_us is None:
            return Measured(None, why="nothing_recorded")
        if row is None:
            return Measured(None, why="no_record")
        used = day_of(used_us, self.site.timezone)
        return Measured(max(0, (date.fromisoformat(row.done_on) - used).days), (_record(row),))

    def _health_filing(self, records: Records) -> Measured:
        if self.site.filing_status is None:
            return self.flag(records, "", "health_filing")
        return Measured(self.site.filing_status == "filed", ("register:sites",))

    def _of_place(self) -> dict[str, Measured]:
        site, evidence = self.site, ("register:sites",)
        found = {"site_places": Measured(site.places, evidence, why="" if site.places is not None else "no_record")}
        for name, area in (("indoor_area_per_place", site.indoor_m2), ("outdoor_area_per_place", site.outdoor_m2)):
            known = area is not None and bool(site.places)
            found[name] = Measured(area / site.places, evidence) if known else Measured(None, why="no_record")  # type: ignore[operator]
        return found

    def _staff(self) -> list[Staff]:
        day = self.day.isoformat()
        rows = self.session.scalars(select(Staff).where(Staff.site_id == self.site.id).order_by(Staff.id))
        return [
            row
            for row in rows
            if (row.hired_on is None or row.hired_on <= day) and (row.left_on is None or row.left_on > day)
        ]

    def _of_staff(self) -> dict[str, Measured]:
        staff = self._staff()
        if not staff:
            return {name: Measured(None, why="no_staff") for name in ("guards", "banned_staff")}
        by_file = supervision.banned_staff(self.session, self.site.id)
        banned = tuple(f"register:staff/{one.id}" for one in staff if one.banned or one.id in by_file)
        return {
            "guards": Measured(sum(one.role == "guard" for one in staff), ("register:staff",)),
            "banned_staff": Measured(len(banned), banned or ("register:staff",)),
        }


def _record(row: DatedRecord) -> str:
    who = f"{row.staff_id}/" if row.staff_id else ""
    return f"register:records/{who}{row.kind}/{row.done_on}"
