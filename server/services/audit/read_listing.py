"""What the listing of a camera-day says: strangers that lie there, and versions that need no question of their own.

Invariants: nothing is found wrong by a listing: what it does not show, or shows otherwise than it was secured, is asked
itself. A version goes unasked only where the store names its id, its size, the ETag that it gave beside the SHA-256 when
the version was read back, and a COMPLIANCE lock that lasts long enough; and where its time counts. Of each camera-day some
are asked all the same, drawn at random, and each version at least every ``TURNS`` rounds: where one of those is not as the
listing had it, all are asked.

What is no recording of ours is held in memory up to ``STRANGERS_MAX`` a camera-day: somebody who can write there could put
millions on top. Where there are more the listing is read no further, which is told; what it had not shown by then is asked.

Source: MinIO reads a listing that names no marker from its drives, and goes on from what it read then; it states a version's
metadata only to whom it would give the version (its ``metadata=true``).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from config.base.clock import US_PER_S, to_datetime
from config.base.errors import IntegrityViolation, InvalidInput, NotFound, PermissionDenied
from config.base.logs import get_logger
from server.domain.audit import Drift, Held, Seen, drift_of, lengthens
from storage.objects.keys import day_prefix
from storage.objects.port import EvidenceStore, ListedVersion

SETTLING_US = 3_600 * US_PER_S
"""A version younger than this may belong to an upload whose message is still on its way."""
TURNS = 30
"""Rounds within which each version is asked itself."""
ASKED_MIN = 32
"""Versions of each camera-day that are asked besides, drawn by lot."""
STRANGERS_MAX = 1_000
log = get_logger("audit")
_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Version:
    """A recording as the database holds it, detached."""

    segment_id: str
    key: str
    version_id: str
    held: Held
    counts: bool = True
    """Whether its time is called covered."""
    etag: str = ""
    """What the store called these bytes when it was last asked for their digest."""


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
    after: tuple[str, int] = ("", 0)
    """How far the round had come: who else has taken the same camera-day and was faster has moved it on."""

    @property
    def prefix(self) -> str:
        return day_prefix(self.site_id, self.camera_id, to_datetime(self.day_us))

    def whose_turn(self, asked_min: int) -> list[Version]:
        """Those that are asked whatever a listing says: ``asked_min`` by lot, and a share by turns."""
        drawn = _chance.sample(self.versions, min(asked_min, len(self.versions)))
        turn = [one for one in self.versions if (int(one.segment_id[-4:], 16) + self.round_id) % TURNS == 0]
        return list({one.segment_id: one for one in drawn + turn}.values())


@dataclass
class Listing:
    """What one listing showed."""

    vouched: set[str] = field(default_factory=set)
    """Segment ids of versions that lie there as they were secured."""
    others: list[ListedVersion] = field(default_factory=list)
    """What is not ours and no longer young; no upload makes a delete marker."""
    is_cut: bool = False
    """There was too much that is not ours: of the rest nothing is known, nor of what had been there and went."""


def read_listing(store: EvidenceStore, day: CameraDay, now_us: int) -> Listing:
    """Everything in the day's folder. Raises Unavailable."""
    ours = {(version.key, version.version_id): version for version in day.versions}
    found, young_us = Listing(), now_us - SETTLING_US
    doubtful: set[str] = set()
    foreign = 0
    for listed in store.list_versions(day.prefix, stating=True):
        version = ours.get((listed.key, listed.version_id))
        if version is None:
            foreign += 1
            if foreign > STRANGERS_MAX:
                found.is_cut = True
                break
            if listed.is_delete_marker or listed.last_modified_us <= young_us:
                found.others.append(listed)
        elif _vouches(listed, version):
            found.vouched.add(version.segment_id)
        else:
            doubtful.add(version.segment_id)
    if found.is_cut:
        advice = "see who can write there; the rest of it is looked at once these are gone"
        log.error("too_many_strangers", camera=day.camera_id, prefix=day.prefix, at_least=foreign, advice=advice)
    found.vouched -= doubtful  # one that is named twice is as its worse entry has it
    return found


def _vouches(listed: ListedVersion, version: Version) -> bool:
    if not version.counts or not version.etag or listed.etag != version.etag or listed.is_delete_marker:
        return False
    lasting = listed.retain_until_us if listed.retention_mode == "COMPLIANCE" else None
    seen = Seen(listed.size_bytes, version.held.sha256, lasting)
    return drift_of(version.held, seen) is None and not lengthens(version.held, seen)


def strangers(store: EvidenceStore, day: CameraDay, listing: Listing) -> Iterator[tuple[Drift, ListedVersion]]:
    """What lies there and should not. Raises Unavailable."""
    by_key = {version.key: version for version in day.versions}
    for listed in listing.others:
        if listed.is_delete_marker:
            yield Drift.DELETE_MARKER, listed
        elif listed.key in by_key:
            if not _same_bytes(store, listed, by_key[listed.key]):
                yield Drift.FOREIGN_VERSION, listed
        elif listed.key not in day.known_keys:
            yield Drift.FOREIGN_OBJECT, listed


def _same_bytes(store: EvidenceStore, listed: ListedVersion, version: Version) -> bool:
    """An upload whose answer was lost is made again: the same bytes twice are no stranger.

    One without a version id that could be asked for, as a bucket makes that was told to keep none, is one.
    """
    try:
        return store.stat_version(listed.key, listed.version_id).sha256 == version.held.sha256
    except (NotFound, PermissionDenied, IntegrityViolation, InvalidInput):
        return False
