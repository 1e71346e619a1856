"""Recorded playback: what there is of a camera around an instant, and the bytes of one recording, straight from the store.

Invariants: whoever looks is within reach for this very action (I7), has said why, and stands on the access record with the
recording's own span before its first byte (I4); a version is named by its id, never by its key alone; what a camera filmed that
sees a forbidden place is given to nobody. A look belongs to one session and is over with it, and with whatever else ends leave, in the
middle of a recording too. A recording in the site's own store is fetched, not played from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, Clock
from config.base.errors import InvalidInput, NotFound, PermissionDenied
from config.base.ids import is_slug
from config.base.timespan import Span, SpanSet
from server.domain.lease import REASON_CHARS_MIN, Permit
from server.domain.zones import FORBIDDEN_KINDS
from server.services.people.access_record import LOOK_US_MAX, PLAYBACK, REASON_CHARS_MAX, AccessBook
from storage.database import accesses, registers
from storage.database import scope as scoping
from storage.database.models import AccessRecord, Camera, CellCopy, Segment, Site, ViewRow
from storage.database.requests import seen_then
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

BEFORE_US, AFTER_US = 5 * US_PER_MINUTE, 15 * US_PER_MINUTE
SHOWN_MAX = 400
LOOK_US = LOOK_US_MAX
"""So long one look lasts; after it, a reason is asked for anew."""
PIECE_BYTES = 2 * 2**20
SUBJECT = "playback"


class RecordingView(msgspec.Struct, frozen=True):
    """One recording. ``checked_us``: when the server had read this version back, whole and locked."""

    segment_id: str
    start_us: int
    end_us: int
    size_bytes: int
    sha256: str
    in_cell: bool
    """It lies in the site's own store: ask the site for it."""
    version_id: str | None
    locked_until_us: int | None
    checked_us: int | None


class PlaybackView(msgspec.Struct, frozen=True):
    """What there is around ``at_us``; ``gaps`` are times of which nothing can be played, here or in the site's own store."""

    site_id: str
    site_name: str
    timezone: str
    camera_id: str
    camera_name: str
    at_us: int
    start_us: int
    end_us: int
    recordings: list[RecordingView]
    gaps: list[tuple[int, int]]
    look_code: str | None
    """Of the reader's open look; null where a reason has to be given first."""


@dataclass(frozen=True)
class Footage:
    """The bytes of one version that may be sent now."""

    size_bytes: int
    sha256: str
    key: str
    version_id: str


@dataclass(frozen=True)
class Playback:
    """Thread-safe."""

    database: Database
    store: EvidenceStore
    clock: Clock

    def around(self, person: Scope, site_id: str, camera_id: str, at_us: int) -> PlaybackView:
        """What there is; no picture is shown by it. Raises NotFound."""
        now_us = self.clock.utc_us()
        window = Span(at_us - BEFORE_US, max(at_us + 1, min(at_us + AFTER_US, now_us)))
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            camera = _camera(session, person, site_id, camera_id)
            recordings = _recordings(session, camera, window)
            look = _open_look(session, person, camera, now_us)
        there = SpanSet((one.start_us, one.end_us) for one in recordings)
        gaps = SpanSet.of((window.start_us, window.end_us)) - there
        return PlaybackView(
            site_id=site.id,
            site_name=site.name,
            timezone=site.timezone,
            camera_id=camera.id,
            camera_name=camera.name,
            at_us=at_us,
            start_us=window.start_us,
            end_us=window.end_us,
            recordings=recordings,
            gaps=[(span.start_us, span.end_us) for span in gaps],
            look_code=look.code if look is not None else None,
        )

    def begin(self, person: Scope, site_id: str, camera_id: str, at_us: int, reason: str, source: str) -> str:
        """Opens a look for ``LOOK_US``, on record; its code. Raises NotFound, InvalidInput (``no_reason``)."""
        if not REASON_CHARS_MIN <= len(reason.strip()) <= REASON_CHARS_MAX:
            raise InvalidInput(f"say why, in {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters", code="no_reason")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            camera = _camera(session, person, site_id, camera_id)
            older = list(session.scalars(_looks(person, camera)))
        book = AccessBook(self.database)
        for look in older:
            book.end(look.id, min(now_us, look.opened_us + LOOK_US), "another_look")
        permit = Permit(
            person.account_name, person.role, site_id, camera_id, None, now_us + LOOK_US, person.account_name
        )
        begun = book.begin(
            permit, now_us, what=PLAYBACK, reason=reason, source=source, start_us=at_us, session_sha256=person.session
        )
        return begun.code

    def end(self, person: Scope, site_id: str, camera_id: str) -> None:
        """Closes the reader's looks at a camera. Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            older = list(session.scalars(_looks(person, _camera(session, person, site_id, camera_id))))
        for look in older:
            AccessBook(self.database).end(look.id, min(now_us, look.opened_us + LOOK_US), "left")

    def footage(self, person: Scope, site_id: str, camera_id: str, segment_id: str, source: str) -> Footage:
        """Puts the recording on the access record, once a look, and says where its bytes are.

        Raises NotFound; PermissionDenied (``no_look``) where no look is open: a reason comes first.
        """
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            segment, look = self._allowed(session, person, site_id, camera_id, segment_id)
            _put_on_record(session, look, segment, source, now_us)
            return Footage(segment.size_bytes, segment.sha256, segment.object_key or "", segment.version_id or "")

    def check(self, person: Scope, site_id: str, camera_id: str, segment_id: str) -> None:
        """Whether what is on its way may go on. Raises as ``footage``."""
        with self.database.reading() as session:
            self._allowed(session, person, site_id, camera_id, segment_id)

    def pieces(self, footage: Footage, first: int, last: int) -> Iterator[bytes]:
        """Bytes ``first`` to ``last``, inclusive. Raises NotFound, Unavailable."""
        while first <= last:
            piece = self.store.read(footage.key, footage.version_id, first, min(PIECE_BYTES, last - first + 1))
            if not piece:
                raise NotFound("the recording is shorter than what was locked")
            first += len(piece)
            yield piece

    def _allowed(
        self, session: Session, person: Scope, site_id: str, camera_id: str, segment_id: str
    ) -> tuple[Segment, ViewRow]:
        camera = _camera(session, person, site_id, camera_id)
        segment = session.get(Segment, segment_id) if segment_id.isalnum() else None
        if segment is None or (segment.site_id, segment.camera_id) != (site_id, camera.id):
            raise NotFound("no such recording")
        then = seen_then(session, site_id, camera.id, Span(segment.start_us, segment.end_us))
        if set().union(*then.values()) & FORBIDDEN_KINDS:
            raise NotFound("no such recording")  # it sees another place now
        if not _playable(segment) or session.get(CellCopy, segment.id) is not None:
            raise NotFound("the store at the centre has no such recording")
        look = _open_look(session, person, camera, self.clock.utc_us())
        if look is None:
            raise PermissionDenied("say first why you look", code="no_look")
        return segment, look


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)


def _camera(session: Session, person: Scope, site_id: str, camera_id: str) -> Camera:
    """Raises NotFound: out of reach, not there, or one that sees a forbidden place."""
    _site(session, person, site_id)
    reachable = scoping.cameras_in_reach(session, person, site_id)
    camera = next((one for one in reachable if one.id == camera_id), None)
    if camera is None or registers.kinds_seen(session, camera) & FORBIDDEN_KINDS:
        raise NotFound("no such camera")
    return camera


def _recordings(session: Session, camera: Camera, window: Span) -> list[RecordingView]:
    query = (
        select(Segment, CellCopy.segment_id)
        .outerjoin(CellCopy, CellCopy.segment_id == Segment.id)
        .where(Segment.camera_id == camera.id, Segment.site_id == camera.site_id)
        .where(Segment.end_us > window.start_us, Segment.start_us < window.end_us)
        .where(Segment.secured_us.is_not(None), Segment.deleted_us.is_(None))
        .order_by(Segment.start_us, Segment.id)
        .limit(SHOWN_MAX)
    )
    return [
        RecordingView(
            segment_id=row.id,
            start_us=row.start_us,
            end_us=row.end_us,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            in_cell=bool(in_cell),
            version_id=row.version_id,
            locked_until_us=row.retain_until_us,
            checked_us=row.secured_us,
        )
        for row, in_cell in session.execute(query)
        if in_cell or _playable(row)
    ]


def _playable(segment: Segment) -> bool:
    return None not in (segment.secured_us, segment.object_key, segment.version_id) and segment.deleted_us is None


def _looks(person: Scope, camera: Camera) -> Select[ViewRow]:
    return (
        select(ViewRow)
        .where(ViewRow.site_id == camera.site_id, ViewRow.camera_id == camera.id, ViewRow.what == PLAYBACK)
        .where(ViewRow.account_name == person.account_name, ViewRow.session_sha256 == person.session)
        .where(ViewRow.closed_us.is_(None))
        .order_by(ViewRow.opened_us.desc())
    )


def _open_look(session: Session, person: Scope, camera: Camera, now_us: int) -> ViewRow | None:
    query = _looks(person, camera).where(ViewRow.opened_us > now_us - LOOK_US)
    found: ViewRow | None = session.scalars(query.limit(1)).first()
    return found


def _put_on_record(session: Session, look: ViewRow, segment: Segment, source: str, now_us: int) -> None:
    """Once a look and recording: a player asks for many ranges of the same."""
    there = select(AccessRecord.id).where(
        AccessRecord.site_id == segment.site_id,
        AccessRecord.at_us >= look.opened_us,
        AccessRecord.subject == SUBJECT,
        AccessRecord.subject_id == f"{look.code} {segment.id}",
    )
    if session.scalar(there.limit(1)) is not None:
        return
    accesses.record(
        session,
        accesses.Access(
            site_id=segment.site_id,
            camera_id=segment.camera_id,
            account=look.account_name,
            what=PLAYBACK,
            span=Span(segment.start_us, segment.end_us),
            subject=SUBJECT,
            subject_id=f"{look.code} {segment.id}",
            reason=f"view {look.code}: {look.reason}",
            source=source,
        ),
        now_us,
    )
