"""The auditor inside: once a day every version under retention is looked at in the store, camera-day by camera-day.

Invariants: what the store no longer has, has otherwise, or holds too briefly is not covered from the moment it is found
(I1), and stands in the ledger; a store that does not answer proves nothing, neither good nor bad. No transaction waits
for the store. Where a round stands is in the database: a crash repeats one camera-day at most.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.errors import NightlightError, NotFound, Unavailable
from config.base.logs import get_logger
from server.domain.audit import DEEP, Drift, Held, Seen, difference, drift_of, due, lengthens, lock_of
from server.domain.retention import retain_until_us
from server.services.audit.read_listing import ASKED_MIN, CameraDay, Listing, Version, read_listing, strangers
from server.services.audit.tell_drift import settle, tell, tell_stranger
from server.services.audit.watch_store import note_clock
from server.services.compliance.rule_books import retain_days_of
from storage.database import audits
from storage.database.models import AuditRound, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore, ListedVersion, StoredVersion

WAVE = 512
"""Versions that are asked for before what was found is told."""
SILENT_MAX = 50
"""Versions of a camera-day that a store may keep to itself; more is an outage."""
GIVE_UP_AFTER = 3
"""Answers in a row that did not come, after which nobody asks for the rest of a share."""
WAVE_US = 15 * US_PER_S
"""A drift does not wait for the rest of its camera-day, which a slow store can draw out for minutes."""

log = get_logger("audit")


@dataclass
class Look:
    """What a camera-day was found to be."""

    begun_us: int = 0
    drifts: dict[str, tuple[Drift, str]] = field(default_factory=dict)
    """By segment id: what is wrong, and a word on it."""
    repaired: dict[str, int] = field(default_factory=dict)
    """By segment id: locks that had been short and were set anew, and when they end now."""
    shortened: dict[str, str] = field(default_factory=dict)
    """Of ``repaired``, by segment id: what the lock had been."""
    etags: dict[str, str] = field(default_factory=dict)
    """By segment id: what the store calls bytes that were found whole, where that was not known."""
    extended: dict[str, int] = field(default_factory=dict)
    """By segment id: locks lengthened because the policy has grown."""
    strangers: list[tuple[Drift, ListedVersion]] = field(default_factory=list)
    is_cut: bool = False
    """There are more of them than were looked at."""


@dataclass(frozen=True)
class StoreAuditor:
    """Call ``begin`` now and then, and ``step`` while ``behind``."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int
    workers: int = 8
    asked_min: int = ASKED_MIN
    """Versions of each camera-day that are asked themselves, whatever a listing says of them."""

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
            if self.store.states_locks:
                audits.learn_etags(session, look.etags)
            for drift, listed in look.strangers:
                now_us = self.clock.utc_us()
                current.found += tell_stranger(session, now_us, day.site_id, day.camera_id, drift, listed)
            self._settle(session, day, look)
            self._tell_repaired(session, current, site, look)
            if (current.camera_id, current.day_us) == day.after:  # or another process has counted it
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
                (current.camera_id, current.day_us),
            )

    def _look(self, day: CameraDay) -> Look:
        """Asks the store. Raises Unavailable."""
        look = Look(self.clock.utc_us())
        silent: list[tuple[Version, NightlightError]] = []
        with ThreadPoolExecutor(self.workers + 1, "audit") as pool:
            listing = pool.submit(read_listing, self.store, day, self.clock.utc_us())
            if self.store.states_locks:
                self._ask_some(look, day, pool, listing, silent)
            else:
                self._ask(look, day, pool, day.versions, silent)
            if silent:
                self._ask_again(look, day, silent)
            look.strangers.extend(strangers(self.store, day, listing.result()))
            look.is_cut = listing.result().is_cut
        return look

    def _ask_some(
        self,
        look: Look,
        day: CameraDay,
        pool: ThreadPoolExecutor,
        listing: Future[Listing],
        silent: list[tuple[Version, NightlightError]],
    ) -> None:
        """Those whose turn it is, beside the listing; then those that it does not vouch for, or all where it was wrong."""
        first = day.whose_turn(self.asked_min)
        self._ask(look, day, pool, first, silent)
        asked = {version.segment_id for version in first}
        vouched = listing.result().vouched if listing.exception() is None else set()
        wrong = (asked & vouched) & {*look.drifts, *look.repaired, *(version.segment_id for version, _ in silent)}
        if wrong:
            log.error("listing_was_wrong", camera=day.camera_id, versions=len(wrong))
            vouched = set()
        rest = [one for one in day.versions if one.segment_id not in asked and one.segment_id not in vouched]
        self._ask(look, day, pool, rest, silent)

    def _ask(
        self,
        look: Look,
        day: CameraDay,
        pool: ThreadPoolExecutor,
        rest: list[Version],
        silent: list[tuple[Version, NightlightError]],
    ) -> None:
        """Each of these versions, with one question."""
        told = len(look.drifts)
        while rest:
            rest = self._wave(look, pool, rest, silent)
            # Also after the last: what comes next may take long, or fail and take this camera-day from the start.
            if len(look.drifts) > told:
                self._tell_now(day, look)
                told = len(look.drifts)

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
            if until_us <= self.clock.utc_us():
                return  # a hold keeps it past its last day: no lock has to, and no store takes one that has ended
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
        elif stored is not None and stored.etag != version.etag:
            look.etags[version.segment_id] = stored.etag

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

    def _settle(self, session: Session, day: CameraDay, look: Look) -> None:
        """What had been found and is so no longer: locks that were repaired, strangers that went.

        That a lock was short is settled by the first look that finds it as long as it was left. What somebody else has
        found since this look began may be newer than what it saw: the next one settles that (I1).
        """
        now_us = self.clock.utc_us()
        still = {(listed.key, listed.version_id) for _, listed in look.strangers}
        whole = {version.segment_id for version in day.versions} - set(look.drifts)
        for found in audits.open_findings_of_camera(session, day.camera_id):
            if found.drift in DEEP or look.begun_us <= found.found_us <= now_us:
                continue
            if found.segment_id is None:
                shown = found.object_key.startswith(day.prefix) and not look.is_cut
                gone = shown and (found.object_key, found.version_id) not in still
            else:
                gone = found.segment_id in whole
            if gone:
                settle(session, now_us, found)


def _version(stored: audits.DayVersion, retain_days: int) -> Version:
    # As of its arrival: by today's date an old recording would look like one from a clock that is years behind.
    floor_us = retain_until_us(stored.end_us, stored.received_us, retain_days)
    held = Held(stored.size_bytes, stored.sha256, stored.retain_until_us or 0, floor_us)
    counts = stored.secured_us is not None
    key, version_id = stored.object_key or "", stored.version_id or ""
    return Version(stored.segment_id, key, version_id, held, counts, stored.etag or "")


def _seen_of(stored: StoredVersion) -> Seen:
    lasting = stored.retain_until_us if stored.retention_mode == "COMPLIANCE" else None
    return Seen(stored.size_bytes, stored.sha256, lasting)
