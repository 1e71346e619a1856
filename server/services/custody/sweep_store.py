"""What no recording of ours is, and yet lies in the store past its day: uploads that were never secured, extra versions.

Invariant: nothing goes that a recording which still counts, a hold, the floor of today's policy or the store's own lock
keeps. Keys of a camera are in order of time, so that a sweep reads only what is old: once that is gone, next to nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import InvalidInput, NotFound, PermissionDenied
from config.base.logs import get_logger
from server.domain.holds import AHEAD_US_MAX, HoldSpan, without_person
from server.services.compliance.rule_books import retain_days_of
from storage.database import lifetimes
from storage.database.models import Camera
from storage.database.unit_of_work import Database
from storage.objects.keys import FETCHED_PREFIX, parse
from storage.objects.port import EvidenceStore, ListedVersion

PAGE = 500
LENGTH_US_MAX = 60 * US_PER_MINUTE
"""No segment is longer; a hold keeps whatever might reach into it."""
MARGIN_DAYS = 2
DELETED_MAX = 1_000
"""In one sweep; the rest waits for the next."""

log = get_logger("retention")


@dataclass(frozen=True)
class StoreSweeper:
    """Call ``sweep`` now and then, after the recordings that were due."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int

    def sweep(self, limit: int = DELETED_MAX) -> int:
        """Deletes at most ``limit`` versions and delete markers; how many went. Raises Unavailable.

        Nothing where a large deletion waits for a person: what looks old to a wrong clock looks old here as well.
        """
        with self.database.reading() as session:
            if lifetimes.deletion_waits(session):
                return 0
            if lifetimes.ahead_of_agents_us(session, self.clock.utc_us()) > AHEAD_US_MAX:
                return 0
            limit = min(limit, max(1, without_person(lifetimes.versions_held(session))))
            cameras = session.execute(select(Camera.site_id, Camera.id).order_by(Camera.id)).all()
        gone = self._fetched(limit)
        for site_id, camera_id in cameras:
            gone += self._camera(site_id, camera_id, limit - gone)
            if gone >= limit:
                break
        if gone:
            log.info("store_swept", versions=gone)
        return gone

    def _fetched(self, limit: int) -> int:
        """What was brought from a site's own store twice, or after its time: nothing else takes it away."""
        before_us, gone = self.clock.utc_us() - MARGIN_DAYS * US_PER_DAY, 0
        for listed in self.store.list_versions(FETCHED_PREFIX):
            if gone >= limit:
                break
            if listed.last_modified_us < before_us:
                gone += self._delete(listed)
        return gone

    def _camera(self, site_id: str, camera_id: str, limit: int) -> int:
        old = self._old(site_id, camera_id)
        gone = 0
        while gone < limit and (page := list(islice(old, PAGE))):
            for listed in self._free(site_id, camera_id, page):
                gone += self._delete(listed)
                if gone >= limit:
                    break
        return gone

    def _old(self, site_id: str, camera_id: str) -> Iterator[ListedVersion]:
        with self.database.reading() as session:
            days = retain_days_of(session, site_id, self.retain_days)
        before_us = self.clock.utc_us() - (days + MARGIN_DAYS) * US_PER_DAY
        for listed in self.store.list_versions(f"{site_id}/{camera_id}/"):
            try:
                start_us = parse(listed.key).start_us
            except InvalidInput:
                continue  # no key of ours: the audit tells of it, a person decides
            if start_us >= before_us:
                return
            yield listed

    def _free(self, site_id: str, camera_id: str, page: list[ListedVersion]) -> list[ListedVersion]:
        with self.database.reading() as session:
            keys = {listed.key: parse(listed.key) for listed in page}
            kept = lifetimes.kept_ids(session, [key.segment_id for key in keys.values()])
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, site_id)]
        return [
            listed
            for listed in page
            if (key := keys[listed.key]).segment_id not in kept
            and not any(hold.covers(camera_id, key.start_us, key.start_us + LENGTH_US_MAX) for hold in holds)
        ]

    def _delete(self, listed: ListedVersion) -> int:
        try:
            self.store.delete_version(listed.key, listed.version_id)
        except (NotFound, PermissionDenied, InvalidInput):
            return 0  # gone already, or the store's lock keeps it for longer, or it has no id of its own
        return 1
