"""Attests each day of a site once it is final, in the site's ledger: covered, missing and why, backfilled, audited.

Invariants: an entry is never changed; what becomes known later (a late backfill, drift that an audit found) makes another
one that names the one it supersedes. An entry and the row that remembers it are one transaction under the site's lock: a
crash repeats a look and never an entry.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, Clock
from config.base.errors import Conflict, Unavailable
from config.base.logs import get_logger
from config.base.timespan import Span, SpanSet
from config.evidence.entries import CameraAttested, DayAttested, GapAttested, encode
from server.domain.attestation import GAPS_A_DAY_MAX, backfilled_us, bounded
from server.domain.verdict import day_of, day_span
from storage.database import attestations, ledger, spans, verdicts
from storage.database.models import AttestationMark, Camera, DayAttestation, Site, Verdict
from storage.database.unit_of_work import Database

DAY_ATTESTED = "day-attested"
OVERLAP_US = 60 * US_PER_MINUTE
"""Findings are looked at again for so long: their transaction may have ended after they were dated."""

log = get_logger("attestation")


@dataclass(frozen=True)
class DayAttestor:
    """Call ``attest_all`` now and then."""

    database: Database
    clock: Clock

    def attest_all(self) -> int:
        """Attests what is new at every site; how many entries were written."""
        with self.database.reading() as session:
            sites = attestations.sites_with_news(session, OVERLAP_US)
        written = 0
        for site_id in sites:
            try:
                written += self.attest_site(site_id)
            except (Conflict, Unavailable) as error:
                log.warning("attestation_postponed", site=site_id, reason=str(error))
        return written

    def attest_site(self, site_id: str) -> int:
        """Attests every day of a site of which something is new; how many entries were written."""
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            # Under the lock that verdicts are written under: no older one can come after the mark.
            site = session.get_one(Site, site_id, with_for_update=True)
            mark = session.get(AttestationMark, site_id)
            seen, looked_us = (mark.verdict_id, mark.looked_us) if mark is not None else (0, 0)
            newest = attestations.newest_verdict(session, site_id)
            days = set(attestations.days_with_news(session, site_id, seen))
            found = attestations.findings_since(session, site_id, max(0, looked_us - OVERLAP_US))
            days |= {day_of(start_us, site.timezone).isoformat() for start_us in found}
        written = sum(self._attest(site_id, date.fromisoformat(day)) for day in sorted(days))
        with self.database.unit_of_work() as session:
            mark = session.get(AttestationMark, site_id)
            if mark is None:
                session.add(AttestationMark(site_id=site_id, verdict_id=newest, looked_us=now_us))
            else:
                mark.verdict_id, mark.looked_us = max(mark.verdict_id, newest), max(mark.looked_us, now_us)
        return written

    def _attest(self, site_id: str, day: date) -> bool:
        """Writes an entry where the day is final and there is something new to say."""
        with self.database.unit_of_work() as session:
            site = session.get_one(Site, site_id, with_for_update=True)
            cameras = self._cameras(session, site, day)
            if cameras is None:
                return False
            before = attestations.newest_of_day(session, site_id, day.isoformat())
            entry = self._entry(session, site, day, cameras)
            told = _digest(msgspec.json.encode((entry.cameras, entry.unsound_versions)))
            if before is not None and before.told_sha256 == told:
                return False
            if before is not None:
                entry = msgspec.structs.replace(entry, supersedes_sha256=before.entry_sha256)
            body = encode(entry)
            ledger.add(session, site_id, DAY_ATTESTED, entry.day, body)
            session.add(
                DayAttestation(
                    site_id=site_id,
                    day=entry.day,
                    revision=before.revision + 1 if before is not None else 0,
                    entry_sha256=_digest(body),
                    told_sha256=told,
                    made_us=entry.at_us,
                )
            )
        log.info("day_attested", site=site_id, day=entry.day, cameras=len(cameras), supersedes=before is not None)
        return True

    def _cameras(self, session: Session, site: Site, day: date) -> list[tuple[Camera, Verdict]] | None:
        """Every camera of which something is expected on the day, with its verdict; None while one is not final."""
        span, found = day_span(day, site.timezone), []
        for camera in session.scalars(select(Camera).where(Camera.site_id == site.id).order_by(Camera.id)):
            verdict = verdicts.newest(session, camera.id, day.isoformat())
            if verdict is None and not _in_service(camera, span):
                continue
            if verdict is None or not verdict.final:
                return None
            found.append((camera, verdict))
        return found or None

    def _entry(self, session: Session, site: Site, day: date, cameras: list[tuple[Camera, Verdict]]) -> DayAttested:
        span = day_span(day, site.timezone)
        audit = attestations.last_finished_round(session)
        audit_us = audit.started_us if audit is not None else None
        ids = [camera.id for camera, _ in cameras]
        versions, audited, unsound = attestations.versions_of_day(session, ids, span, audit_us)
        previous = attestations.newest_before(session, site.id, day.isoformat())
        return DayAttested(
            site_id=site.id,
            at_us=self.clock.utc_us(),
            day=day.isoformat(),
            start_us=span.start_us,
            end_us=span.end_us,
            cameras=[
                _camera(session, camera, verdict, span, GAPS_A_DAY_MAX // len(ids)) for camera, verdict in cameras
            ],
            versions=versions,
            audited_versions=audited,
            unsound_versions=unsound,
            audit_us=audit_us,
            previous_sha256=previous.entry_sha256 if previous is not None else None,
        )


def _camera(session: Session, camera: Camera, verdict: Verdict, day: Span, gaps_max: int) -> CameraAttested:
    gaps = [
        GapAttested(start_us, end_us if end_us is not None else day.end_us, cause, certainty)
        for start_us, end_us, cause, certainty in verdicts.decode_gaps(verdict.gaps)
    ]
    series = spans.coverage_of(session, camera.id, day).get(spans.BACKFILLED, {})
    late = SpanSet(part for each in series.values() for part in each)
    begun_us = camera.activated_us if camera.activated_us is not None else day.end_us
    ended_us = camera.retired_us if camera.retired_us is not None else day.end_us
    expected = SpanSet.of(day).clip(begun_us, max(begun_us, ended_us))
    return CameraAttested(
        camera_id=camera.id,
        status=verdict.status,  # type: ignore[arg-type]  # the column holds nothing else
        expected_us=verdict.expected_us,
        covered_us=verdict.covered_us,
        backfilled_us=min(verdict.covered_us, backfilled_us(expected, gaps, late)),
        gaps=bounded(gaps, gaps_max),
    )


def _in_service(camera: Camera, day: Span) -> bool:
    if camera.activated_us is None or camera.activated_us >= day.end_us:
        return False
    return camera.retired_us is None or camera.retired_us > day.start_us


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
