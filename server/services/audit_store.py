"""The auditor inside: once a day every version under retention is looked at in the store, camera-day by camera-day.

Invariants: what the store no longer has, has otherwise, or holds too briefly is not covered from the moment it is found
(I1), and stands in the ledger; a store that does not answer proves nothing, neither good nor bad. No transaction waits
for the store. Where a round stands is in the database: a crash repeats one camera-day at most.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock, to_datetime
from config.base.errors import IntegrityViolation, NightlightError, NotFound, PermissionDenied, Unavailable
from config.base.logs import get_logger
from config.base.timespan import Span
from config.evidence import entries
from server.domain.audit import Drift, Held, Seen, drift_of, due, lengthens
from server.domain.retention import retain_until_us
from server.domain.verdict import day_of
from storage.database import audits, evidence, ledger, spans
from storage.database.models import AuditFinding, AuditRound, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.keys import day_prefix
from storage.objects.port import EvidenceStore, ListedVersion, StoredVersion

STORE_CLOCK_US_MAX = 5 * US_PER_S
SETTLING_US = 3_600 * US_PER_S
"""A version younger than this may belong to an upload whose message is still on its way."""
REFUSAL_OF = {Drift.OBJECT_MISSING: "object_missing", Drift.OBJECT_CORRUPT: "object_corrupt"}
_ENTRY: dict[Drift, Literal["object_missing", "object_corrupt", "lock_short"]] = {
    Drift.OBJECT_MISSING: "object_missing",
    Drift.OBJECT_CORRUPT: "object_corrupt",
    Drift.LOCK_SHORT: "lock_short",
}

log = get_logger("audit")


@dataclass(frozen=True)
class Version:
    """A recording as the database holds it, detached."""

    segment_id: str
    key: str
    version_id: str
    held: Held


@dataclass(frozen=True)
class CameraDay:
    """The unit of work: the recordings of one camera's UTC day."""

    round_id: int
    site_id: str
    camera_id: str
    day_us: int
    versions: list[Version]
    known_keys: frozenset[str]
    """Of every segment of that day, secured or not."""

    @property
    def prefix(self) -> str:
        return day_prefix(self.site_id, self.camera_id, to_datetime(self.day_us))


@dataclass
class Look:
    """What a camera-day was found to be."""

    drifts: dict[str, tuple[Drift, str]] = field(default_factory=dict)
    """By segment id: what is wrong, and a word on it."""
    repaired: dict[str, int] = field(default_factory=dict)
    """By segment id: locks that had been short and were set anew, and when they end now."""
    extended: dict[str, int] = field(default_factory=dict)
    """By segment id: locks lengthened because the policy has grown."""
    strangers: list[tuple[Drift, ListedVersion]] = field(default_factory=list)


@dataclass(frozen=True)
class StoreAuditor:
    """Call ``begin`` now and then, and ``step`` while ``behind``."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int
    workers: int = 8

    def begin(self, *, at_once: bool = False) -> AuditRound | None:
        """Opens a round where the last one began a day ago; None where one is open or not due."""
        offset = self.store.clock_offset()
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            last = audits.last_round(session)
            if last is not None and last.finished_us is None:
                return None
            if last is not None and now_us - last.started_us < US_PER_DAY and not at_once:
                return None
            begun = AuditRound(
                started_us=now_us,
                versions=audits.under_retention(session, now_us),
                checked=0,
                extended=0,
                found=0,
                camera_id="",
                day_us=-US_PER_DAY,
                store_clock_us=offset.offset_us,
            )
            session.add(begun)
        if abs(offset.offset_us) - offset.bound_us > STORE_CLOCK_US_MAX:
            advice = "set the store's clock by NTP: it judges locks by it"
            log.error("store_clock_off", offset_s=round(offset.offset_us / US_PER_S, 1), advice=advice)
        return begun

    def behind(self) -> bool:
        """Whether the open round has checked less than it should have by now."""
        with self.database.reading() as session:
            current = audits.last_round(session)
            if current is None or current.finished_us is not None:
                return False
            elapsed_us = self.clock.utc_us() - current.started_us
            return current.checked < due(current.versions, elapsed_us) or current.versions == 0

    def step(self) -> bool:
        """Audits one camera-day; False where no round is open or this was its end.

        Raises Unavailable where the store does not answer: the same camera-day comes again.
        """
        day = self._next()
        if day is None:
            return False
        look = self._look(day)
        with self.database.unit_of_work() as session:
            current = audits.open_round(session)
            if current is None or current.id != day.round_id:
                return False
            site = session.get_one(Site, day.site_id)
            for segment_id, (drift, detail) in look.drifts.items():
                self._tell(session, current, site, session.get_one(Segment, segment_id), drift, detail)
            for segment_id, until_us in {**look.repaired, **look.extended}.items():
                session.get_one(Segment, segment_id).retain_until_us = until_us
            for drift, listed in look.strangers:
                self._tell_stranger(session, current, day, drift, listed)
            self._settle(session, day, look)
            current.extended += len(look.extended)
            current.checked += len(day.versions)
            current.camera_id, current.day_us = day.camera_id, day.day_us
        return True

    def _next(self) -> CameraDay | None:
        with self.database.unit_of_work() as session:
            current = audits.open_round(session)
            if current is None:
                return None
            now_us = self.clock.utc_us()
            found = audits.next_camera_day(session, current.camera_id, current.day_us, now_us)
            if found is None:
                current.finished_us = now_us
                log.info("audit_finished", checked=current.checked, found=current.found, extended=current.extended)
                return None
            camera_id, day_us = found
            stored = audits.versions_of_day(session, camera_id, day_us)
            return CameraDay(
                current.id,
                stored[0].site_id,
                camera_id,
                day_us,
                [self._version(one) for one in stored if one.is_kept],
                frozenset(one.object_key for one in stored if one.object_key),
            )

    def _version(self, stored: audits.DayVersion) -> Version:
        # As of its arrival: by today's date an old recording would look like one from a clock that is years behind.
        floor_us = retain_until_us(stored.end_us, stored.received_us, self.retain_days)
        held = Held(stored.size_bytes, stored.sha256, stored.retain_until_us or 0, floor_us)
        return Version(stored.segment_id, stored.object_key or "", stored.version_id or "", held)

    def _look(self, day: CameraDay) -> Look:
        """Asks the store. Raises Unavailable."""
        look = Look()
        with ThreadPoolExecutor(self.workers + 1, "audit") as pool:
            others = pool.submit(self._others, day)
            shares = [day.versions[number :: self.workers] for number in range(self.workers)]
            for share, seen in zip(shares, pool.map(self._seen_all, shares), strict=True):
                for version, stored in zip(share, seen, strict=True):
                    self._judge(look, version, stored)
            look.strangers.extend(self._strangers(day, others.result()))
        return look

    def _seen_all(self, versions: list[Version]) -> list[StoredVersion | None]:
        return [self._seen(version) for version in versions]

    def _seen(self, version: Version) -> StoredVersion | None:
        try:
            found = self.store.stat_version(version.key, version.version_id)
        except NotFound:
            return None
        return None if found.is_delete_marker else found

    def _judge(self, look: Look, version: Version, stored: StoredVersion | None) -> None:
        held = version.held
        seen = None if stored is None else _seen_of(stored)
        drift = drift_of(held, seen)
        short = seen is not None and drift is None and lengthens(held, seen)
        if drift is Drift.LOCK_SHORT or short:
            until_us = max(held.retain_until_us, held.floor_us)
            try:
                kept = self.store.extend_retention(version.key, version.version_id, until_us)
            except Unavailable:
                raise
            except NightlightError as error:
                look.drifts[version.segment_id] = (Drift.LOCK_SHORT, f"cannot be lengthened: {error}")
                return
            (look.extended if short else look.repaired)[version.segment_id] = kept.retain_until_us or until_us
        elif drift is not None:
            look.drifts[version.segment_id] = (drift, _word(held, seen))

    def _others(self, day: CameraDay) -> list[ListedVersion]:
        """What lies in the day's folder beside the recordings, and is no longer young."""
        ours = {(version.key, version.version_id) for version in day.versions}
        young_us = self.clock.utc_us() - SETTLING_US
        return [
            listed
            for listed in self.store.list_versions(day.prefix)
            if (listed.key, listed.version_id) not in ours and listed.last_modified_us <= young_us
        ]

    def _strangers(self, day: CameraDay, others: list[ListedVersion]) -> Iterator[tuple[Drift, ListedVersion]]:
        by_key = {version.key: version for version in day.versions}
        for listed in others:
            if listed.is_delete_marker:
                yield Drift.DELETE_MARKER, listed
            elif listed.key in by_key:
                if not self._same_bytes(listed, by_key[listed.key]):
                    yield Drift.FOREIGN_VERSION, listed
            elif listed.key not in day.known_keys:
                yield Drift.FOREIGN_OBJECT, listed

    def _same_bytes(self, listed: ListedVersion, version: Version) -> bool:
        """An upload whose answer was lost is made again: the same bytes twice are no stranger."""
        try:
            return self.store.stat_version(listed.key, listed.version_id).sha256 == version.held.sha256
        except (NotFound, PermissionDenied, IntegrityViolation):
            return False

    def _tell(
        self, session: Session, current: AuditRound, site: Site, segment: Segment, drift: Drift, detail: str
    ) -> None:
        """Takes the recording out of what is covered, once, and writes it down."""
        if segment.secured_us is None or segment.deleted_us is not None:
            return  # told before, or deleted on its day while the store was asked
        segment.secured_us, segment.refusal = None, REFUSAL_OF.get(drift, "lock_refused")
        spans.withdraw_secured(session, segment)
        evidence.assess_again(session, [segment.camera_id], day_of(segment.start_us, site.timezone).isoformat())
        entry = entries.SegmentUnsound(
            site_id=site.id,
            at_us=self.clock.utc_us(),
            camera_id=segment.camera_id,
            segment_id=segment.id,
            finding=_ENTRY[drift],
            detail=detail[:200],
        )
        ledger.add(session, site.id, "segment-unsound", segment.id, entries.encode(entry))
        self._note(session, current, segment, drift, detail)

    def _note(self, session: Session, current: AuditRound, segment: Segment, drift: Drift, detail: str) -> None:
        key, version_id = segment.object_key or "", segment.version_id or ""
        found = audits.finding_of(session, key, version_id, drift.value)
        if found is None:
            found = AuditFinding(object_key=key, version_id=version_id, drift=drift.value)
            session.add(found)
        found.site_id, found.camera_id, found.segment_id = segment.site_id, segment.camera_id, segment.id
        found.detail, found.found_us, found.settled_us = detail, self.clock.utc_us(), None
        current.found += 1
        log.error("footage_unsound", camera=segment.camera_id, segment=segment.id, drift=drift.value, detail=detail)

    def _tell_stranger(
        self, session: Session, current: AuditRound, day: CameraDay, drift: Drift, listed: ListedVersion
    ) -> None:
        found = audits.finding_of(session, listed.key, listed.version_id, drift.value)
        if found is not None:
            found.settled_us = None
            return
        session.add(
            AuditFinding(
                site_id=day.site_id,
                camera_id=day.camera_id,
                segment_id=None,
                drift=drift.value,
                object_key=listed.key,
                version_id=listed.version_id,
                detail="",
                found_us=self.clock.utc_us(),
            )
        )
        current.found += 1
        log.error("stranger_in_store", camera=day.camera_id, key=listed.key, drift=drift.value)

    def _settle(self, session: Session, day: CameraDay, look: Look) -> None:
        """What had been found and is so no longer: locks that were repaired, strangers that went."""
        still = {(listed.key, listed.version_id) for _, listed in look.strangers}
        whole = {version.segment_id for version in day.versions} - set(look.drifts)
        for found in audits.open_findings_of_camera(session, day.camera_id):
            if found.segment_id is None:
                gone = found.object_key.startswith(day.prefix) and (found.object_key, found.version_id) not in still
            else:
                gone = found.segment_id in whole
                if gone:
                    self._restore(session, session.get_one(Segment, found.segment_id))
            if gone:
                found.settled_us = self.clock.utc_us()
        for segment_id in look.repaired:
            log.error("lock_was_short", segment=segment_id, outcome="lengthened again")

    def _restore(self, session: Session, segment: Segment) -> None:
        """A version that was missed is there again, whole and locked: its time counts from now on."""
        if segment.secured_us is not None:
            return
        segment.secured_us, segment.refusal = self.clock.utc_us(), None
        span = Span(segment.start_us, segment.end_us)
        spans.add_coverage(session, segment.camera_id, spans.SECURED, segment.timeline_id, span)
        site = session.get_one(Site, segment.site_id)
        evidence.assess_again(session, [segment.camera_id], day_of(segment.start_us, site.timezone).isoformat())


def _seen_of(stored: StoredVersion) -> Seen:
    lasting = stored.retain_until_us if stored.retention_mode == "COMPLIANCE" else None
    return Seen(stored.size_bytes, stored.sha256, lasting)


def _word(held: Held, seen: Seen | None) -> str:
    if seen is None:
        return "the store has no such version"
    if seen.size_bytes != held.size_bytes:
        return f"{seen.size_bytes} bytes instead of {held.size_bytes}"
    return "the digest is another one"
