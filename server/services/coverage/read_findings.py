"""What was wrong with a site's pictures, for whoever may see the site; and the still of one finding, on record.

Invariant: everything goes through the person's scope (I7); a still is opened only to be shown, after the record of the
look has been committed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import IntegrityViolation, NotFound, Unavailable
from config.base.ids import is_slug
from config.base.timespan import Span
from config.wire.sealing import SealedBox, finding_still, open_sealed
from server.services.compliance import rule_books
from storage.database import findings
from storage.database import scope as scoping
from storage.database.accesses import Access, record
from storage.database.models import Camera, FindingStillRow, PictureFindingRow, Site, Timeline
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

SUBJECT = "finding_still"
FINDINGS_MAX = 500
"""Of one camera."""


class FindingView(msgspec.Struct, frozen=True):
    """One finding; ``until_us`` is null while it is open. ``spoils``: its time is not covered.

    ``still_missing``: the agent said that a still follows, and there is none here: it has not come yet, or was quarantined.
    """

    finding_id: str
    camera_id: str
    finding: str
    since_us: int
    until_us: int | None
    score: float
    threshold: float
    spoils: bool
    has_still: bool
    no_still: str
    still_missing: bool = False


def view_of(row: PictureFindingRow, stills: set[str], spoiling: Sequence[str]) -> FindingView:
    """A row as people see it."""
    return FindingView(
        finding_id=row.id,
        camera_id=row.camera_id,
        finding=row.finding,
        since_us=row.since_us,
        until_us=row.until_us,
        score=row.score,
        threshold=row.threshold,
        spoils=row.finding in spoiling,
        has_still=row.id in stills,
        no_still=row.no_still,
        still_missing=row.still_sha256 is not None and row.id not in stills,
    )


def open_findings(session: Session, camera_ids: Sequence[str], spoiling: Sequence[str]) -> dict[str, list[FindingView]]:
    """Camera → what is wrong with its picture now, oldest first; a camera that is well is not named."""
    rows = findings.open_of(session, camera_ids)
    stills = findings.stills_among(session, [row.id for row in rows]) if rows else set()
    found: dict[str, list[FindingView]] = defaultdict(list)
    for row in rows:
        found[row.camera_id].append(view_of(row, stills, spoiling))
    return found


class FindingReader:
    """``key`` opens stills; None where this process has none."""

    def __init__(self, database: Database, clock: Clock, key: X25519PrivateKey | None, spoiling: Sequence[str]) -> None:
        self._database = database
        self._clock = clock
        self._key = key
        self._spoiling = spoiling

    def of_site(self, scope: Scope, site_id: str) -> list[FindingView]:
        """Each camera's newest findings, open ones included; newest first within a camera. Raises NotFound."""
        _check_ids(site_id)
        views: list[FindingView] = []
        with self._database.reading() as session:
            for camera in scoping.cameras_in_reach(session, scope, site_id):
                rows = findings.newest_of(session, camera.id, FINDINGS_MAX)
                stills = findings.stills_among(session, [row.id for row in rows])
                views += [view_of(row, stills, self._spoiling) for row in rows]
        return views

    def still(self, scope: Scope, site_id: str, finding_id: str, source: str = "") -> bytes:
        """The JPEG, after the look, and from where it came, has been recorded. Raises NotFound, Unavailable, IntegrityViolation."""
        _check_ids(site_id, finding_id)
        with self._database.unit_of_work() as session:
            kept, camera_id, agent_id = self._one(session, scope, site_id, finding_id)
            sealed, sha256 = SealedBox(key_id=kept.key_id, box=kept.box.decode()), kept.sha256
            since_us = session.get_one(PictureFindingRow, finding_id).since_us
            span = Span(since_us, since_us)
            access = Access(site_id, camera_id, scope.account_name, "still", span, SUBJECT, finding_id, source=source)
            record(session, access, self._clock.utc_us())
        if self._key is None:
            raise Unavailable("this server has no key to open pictures with: 'server.sealing_key_file'", code="no_key")
        jpeg = open_sealed(self._key, sealed, finding_still(agent_id, camera_id, finding_id))
        if hashlib.sha256(jpeg).hexdigest() != sha256:
            raise IntegrityViolation("the still is not the one that the agent sealed", code="bad_seal")
        return jpeg

    @staticmethod
    def _one(session: Session, scope: Scope, site_id: str, finding_id: str) -> tuple[FindingStillRow, str, str]:
        """The still, its camera, and the agent that sealed it."""
        site = scoping.site_in_reach(session, scope, site_id)
        row = session.get(PictureFindingRow, finding_id)
        kept = session.get(FindingStillRow, finding_id)
        camera = session.get(Camera, row.camera_id) if row is not None else None
        if row is None or kept is None or camera is None or camera.site_id != site.id:
            raise NotFound(f"no still of a finding {finding_id}")
        return kept, row.camera_id, session.get_one(Timeline, row.timeline_id).agent_id


def delete_old_stills(database: Database, clock: Clock, retain_days: int) -> int:
    """Deletes the stills whose footage may be deleted as well; how many there were, at most a thousand a pack."""
    now_us, gone = clock.utc_us(), 0
    with database.unit_of_work() as session:
        for pack in session.scalars(select(Site.policy_pack).distinct()).all():
            days = rule_books.retain_days(pack, retain_days)
            gone += findings.delete_stills(session, pack, now_us - (days + 1) * US_PER_DAY)
    return gone


def _check_ids(*ids: str) -> None:
    """What is no id is not asked for: PostgreSQL takes no NUL, not even to compare with. Raises NotFound."""
    if not all(map(is_slug, ids)):
        raise NotFound("no such finding")
