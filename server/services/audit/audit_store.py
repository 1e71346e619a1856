"""The auditor inside: once a day every version under retention is looked at in the store, camera-day by camera-day.

Invariants: what the store no longer has, has otherwise, or holds too briefly is not covered from the moment it is found
(I1), and stands in the ledger; a store that does not answer proves nothing, neither good nor bad. No transaction waits
for the store. Where a round stands is in the database: a crash repeats one camera-day at most.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock, to_datetime
from config.base.errors import IntegrityViolation, NightlightError, NotFound, PermissionDenied, Unavailable
from config.base.logs import get_logger
from server.domain.audit import DEEP, Drift, Held, Seen, difference, drift_of, due, lengthens, lock_of
from server.domain.retention import retain_until_us
from server.services.audit.tell_drift import settle, tell
from server.services.audit.watch_store import note_clock
from server.services.compliance.rule_books import retain_days_of
from storage.database import audits
from storage.database.models import AuditFinding, AuditRound, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.keys import day_prefix
from storage.objects.port import EvidenceStore, ListedVersion, StoredVersion

SETTLING_US = 3_600 * US_PER_S
"""A version younger than this may belong to an upload whose message is still on its way."""
WAVE = 512
"""Versions that are asked for before what was found is told."""
SILENT_MAX = 50
"""Versions of a camera-day that a store may keep to itself; more is an outage."""
GIVE_UP_AFTER = 3
"""Answers in a row that did not come, after which nobody asks for the rest of a share."""
WAVE_US = 15 * US_PER_S
"""A drift does not wait for the rest of its camera-day, which a slow store can draw out for minutes."""

log = get_logger("audit")


@dataclass(frozen=True)
class Version:
    """A recording as the database holds it, detached."""

    segment_id: str
    key: str
    version_id: str
    held: Held
    counts: bool = True
    """Whether its time is called covered."""


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
    shortened: dict[str, str] = field(default_factory=dict)
    """Of ``repaired``, by segment id: what the lock had been."""
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
            if last is not None and last.started_us > now_us:
                # Begun by a clock that has been set back since: it would be due, or over, in the far future.
                last.started_us = now_us if last.finished_us is None else now_us - US_PER_DAY
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
            note_clock(session, offset, now_us)
        return begun

    def behind(self) -> bool:
        """Whether the open round has checked less than it should have by now, or has only its end left."""
        with self.database.reading() as session:
            current = audits.last_round(session)
            if current is None or current.finished_us is not None:
                return False
            elapsed_us = self.clock.utc_us() - current.started_us
            return current.checked < due(current.versions, elapsed_us) or current.checked >= current.versions

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
            self._tell(session, current, site, look)
            for segment_id, until_us in {**look.repaired, **look.extended}.items():
                session.get_one(Segment, segment_id).retain_until_us = until_us
            for drift, listed in look.strangers:
                self._tell_stranger(session, current, day, drift, listed)
            self._settle(session, day, look)
            self._tell_repaired(session, current, site, look)
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
            days = retain_days_of(session, stored[0].site_id, self.retain_days)
            return CameraDay(
                current.id,
                stored[0].site_id,
                camera_id,
                day_us,
                [_version(one, days) for one in stored if one.is_kept],
                frozenset(one.object_key for one in stored if one.object_key),
            )

    def _look(self, day: CameraDay) -> Look:
        """Asks the store. Raises Unavailable."""
        look, rest, told = Look(), day.versions, 0
        silent: list[tuple[Version, NightlightError]] = []
        with ThreadPoolExecutor(self.workers + 1, "audit") as pool:
            others = pool.submit(self._others, day)
            while rest:
                rest = self._wave(look, pool, rest, silent)
                # Also after the last: what comes next may take long, or fail and take this camera-day from the start.
                if len(look.drifts) > told:
                    self._tell_now(day, look)
                    told = len(look.drifts)
            if silent:
                self._ask_again(look, day, silent)
            look.strangers.extend(self._strangers(day, others.result()))
        return look

    def _wave(
        self,
        look: Look,
        pool: ThreadPoolExecutor,
        versions: list[Version],
        silent: list[tuple[Version, NightlightError]],
    ) -> list[Version]:
        """Judges what the store shows of the next versions, and notes what it does not show; those that are left."""
        until_us = self.clock.monotonic_us() + WAVE_US
        left = versions[WAVE:]
        shares = [versions[number : WAVE : self.workers] for number in range(self.workers)]
        asked = pool.map(lambda share: self._seen_all(share, until_us), shares)
        for share, answers in zip(shares, asked, strict=True):
            left += share[len(answers) :]
            for version, answer in zip(share, answers, strict=False):
                if isinstance(answer, NightlightError):
                    silent.append((version, answer))
                else:
                    self._judge(look, version, answer)
        return left

    def _ask_again(self, look: Look, day: CameraDay, silent: list[tuple[Version, NightlightError]]) -> None:
        """A store that gives out everything but some versions does not have them; one that gives out nothing is down.

        Of what does not count anyway nothing is claimed, so nobody waits for it: a camera-day that a store has lost is
        through after as many steps as it has ``SILENT_MAX``. Raises the store's own error where it is down.
        """
        unasked = {version.segment_id for version, _ in silent}
        witness = next((version for version in day.versions if version.segment_id not in unasked), None)
        asked = 0
        for version, error in silent:
            if not version.counts:
                look.drifts[version.segment_id] = (Drift.OBJECT_MISSING, f"not given out: {error}")
                continue
            witness = witness or self._elsewhere(day)
            if witness is None or asked >= SILENT_MAX:
                raise error
            asked += 1
            self._seen(witness)
            try:
                self._judge(look, version, self._seen(version))
            except NightlightError as again:
                self._seen(witness)
                look.drifts[version.segment_id] = (Drift.OBJECT_MISSING, f"not given out, as others are: {again}")
            if version.segment_id in look.drifts:
                self._tell_now(day, look)

    def _elsewhere(self, day: CameraDay) -> Version | None:
        """A version of another camera-day, to tell a store that is down from one that keeps a whole day to itself."""
        with self.database.reading() as session:
            found = audits.version_elsewhere(session, day.camera_id, day.day_us, self.clock.utc_us())
            return _version(found, retain_days_of(session, found.site_id, self.retain_days)) if found else None

    def _seen_all(self, versions: list[Version], until_us: int) -> list[StoredVersion | NightlightError | None]:
        """One answer a version, in order; fewer where time is up."""
        found: list[StoredVersion | NightlightError | None] = []
        for version in versions:
            try:
                found.append(self._seen(version))
            except NightlightError as error:
                found.append(error)
                last = found[-GIVE_UP_AFTER:]
                if len(last) == GIVE_UP_AFTER and all(isinstance(one, NightlightError) for one in last):
                    return found + [error] * (len(versions) - len(found))  # nobody waits for a thousand timeouts
            if self.clock.monotonic_us() > until_us:
                break
        return found

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
            if not short:
                look.shortened[version.segment_id] = lock_of(seen)
            (look.extended if short else look.repaired)[version.segment_id] = kept.retain_until_us or until_us
        elif drift is not None:
            look.drifts[version.segment_id] = (drift, difference(held, seen))

    def _others(self, day: CameraDay) -> list[ListedVersion]:
        """What lies in the day's folder beside the recordings, and is no longer young; no upload makes a delete marker."""
        ours = {(version.key, version.version_id) for version in day.versions}
        young_us = self.clock.utc_us() - SETTLING_US
        return [
            listed
            for listed in self.store.list_versions(day.prefix)
            if (listed.key, listed.version_id) not in ours
            and (listed.is_delete_marker or listed.last_modified_us <= young_us)
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

    def _tell(self, session: Session, current: AuditRound, site: Site, look: Look) -> None:
        now_us = self.clock.utc_us()
        for segment_id, (drift, detail) in look.drifts.items():
            segment = session.get_one(Segment, segment_id)
            current.found += tell(session, now_us, site, segment, drift, detail)

    def _tell_repaired(self, session: Session, current: AuditRound, site: Site, look: Look) -> None:
        """The recording is safe again and counts; that a lock could be shortened stays on the list for a day."""
        now_us = self.clock.utc_us()
        for segment_id, was in look.shortened.items():
            segment = session.get_one(Segment, segment_id)
            current.found += tell(session, now_us, site, segment, Drift.LOCK_WAS_SHORT, was, spoils=False)

    def _tell_now(self, day: CameraDay, look: Look) -> None:
        """What has been found so far, before the camera-day is through; telling it again changes nothing."""
        with self.database.unit_of_work() as session:
            current = audits.open_round(session)
            if current is not None and current.id == day.round_id:
                self._tell(session, current, session.get_one(Site, day.site_id), look)

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
        """What had been found and is so no longer: locks that were repaired, strangers that went.

        That a lock was short is settled by the first look that finds it as long as it was left.
        """
        still = {(listed.key, listed.version_id) for _, listed in look.strangers}
        whole = {version.segment_id for version in day.versions} - set(look.drifts)
        for found in audits.open_findings_of_camera(session, day.camera_id):
            if found.drift in DEEP:
                continue
            if found.segment_id is None:
                gone = found.object_key.startswith(day.prefix) and (found.object_key, found.version_id) not in still
            else:
                gone = found.segment_id in whole
            if gone:
                settle(session, self.clock.utc_us(), found)


def _version(stored: audits.DayVersion, retain_days: int) -> Version:
    # As of its arrival: by today's date an old recording would look like one from a clock that is years behind.
    floor_us = retain_until_us(stored.end_us, stored.received_us, retain_days)
    held = Held(stored.size_bytes, stored.sha256, stored.retain_until_us or 0, floor_us)
    counts = stored.secured_us is not None
    return Version(stored.segment_id, stored.object_key or "", stored.version_id or "", held, counts)


def _seen_of(stored: StoredVersion) -> Seen:
    lasting = stored.retain_until_us if stored.retention_mode == "COMPLIANCE" else None
    return Seen(stored.size_bytes, stored.sha256, lasting)
