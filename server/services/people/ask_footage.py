"""A guardian asks to see a past incident, and sees the answer: masked pictures for some days, each look on record.

    desk.ask(person, wish)                 # → the request's id
    desk.look(person, request_id, source)  # on record, before the first byte
    desk.part(person, request_id, 0)

Invariants: a guardian asks about time in which a camera saw nothing but rooms that the own child's class was in then, whatever the
class or the camera is now (I7), and finds nobody else's request;
nothing but masked pictures is given out, none after their last day, none without an open look of that session (I4). Who is no longer this
child's guardian sees nothing more.
"""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import NotFound, PermissionDenied
from config.base.ids import fresh_id
from config.base.roles import Role
from config.base.timespan import Span, SpanSet
from server.domain import requests as rules
from server.domain.lease import Permit
from server.domain.zones import FORBIDDEN_KINDS
from server.services.notices.tell import REQUEST, News, tell
from server.services.people.access_record import PLAYBACK, AccessBook
from storage.database import leases, registers
from storage.database import requests as stored
from storage.database.leases import SeenCamera
from storage.database.models import Camera, FootageRequest, GuardianAccount, MaskedPart, Site, ViewRow
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

LOOK_US = 30 * US_PER_MINUTE


@dataclass(frozen=True)
class Askable:
    """A camera that a guardian may ask about, for one child."""

    site_id: str
    site_name: str
    timezone: str
    child_id: str
    camera_id: str
    camera_name: str


@dataclass(frozen=True)
class Wish:
    """What is asked."""

    site_id: str
    child_id: str
    camera_id: str
    span: Span
    why: str


@dataclass(frozen=True)
class RequestView:
    """One request, as its guardian and the facility see it. ``parts``: (number, from, to) of the masked pictures."""

    request_id: str
    site_id: str
    site_name: str
    timezone: str
    account_name: str
    guardian_id: str
    child_id: str
    camera_id: str
    camera_name: str
    start_us: int
    end_us: int
    why: str
    asked_us: int
    state: rules.State
    reason: str
    answered_us: int | None
    answered_by: str
    is_held: bool
    until_us: int | None
    fault: str
    cells: str
    parts: tuple[tuple[int, int, int], ...]
    look_code: str = ""
    """Of the reader's own open look; empty where none is open."""


@dataclass(frozen=True)
class AskDesk:
    """For guardians; thread-safe. Raises NotFound for what is not the guardian's own, everywhere."""

    database: Database
    clock: Clock
    retain_days: int

    def askable(self, person: Scope) -> list[Askable]:
        """What may be asked about."""
        with self.database.reading() as session:
            since_us = self.clock.utc_us() - self.retain_days * US_PER_DAY
            return [
                _askable(child_id, seen.site, seen.camera)
                for _, child_id, seen, times in _rooms(session, person)
                if times.clip(since_us, stored.OPEN_US)
            ]

    def ask(self, person: Scope, wish: Wish) -> str:
        """The request's id. Raises InvalidInput for what may not be asked, ResourceExhausted for too much of it."""
        now_us = self.clock.utc_us()
        rules.check_asked(wish.span, wish.why, now_us, self.retain_days)
        with self.database.unit_of_work() as session:
            wanted = (wish.site_id, wish.child_id, wish.camera_id)
            theirs = {
                (seen.site.id, child, seen.camera.id): (bond, times)
                for bond, child, seen, times in _rooms(session, person)
            }
            if wanted not in theirs:
                raise NotFound("no such room of your child's", code="no_such_room")
            bond, times = theirs[wanted]
            if not _within(wish.span, times):
                raise NotFound("the child's class was elsewhere, or the camera saw another room", code="not_then")
            session.get_one(Site, wish.site_id, with_for_update=True)  # two at once would each count without the other
            earlier = stored.of_account(session, person)
            still = sum(one.state in rules.WAITING for one in earlier)
            rules.check_number([one.asked_us for one in earlier], still, now_us)
            row = FootageRequest(
                id=fresh_id(),
                site_id=wish.site_id,
                account_name=person.account_name,
                guardian_id=bond.guardian_id,
                child_id=wish.child_id,
                camera_id=wish.camera_id,
                start_us=wish.span.start_us,
                end_us=wish.span.end_us,
                why=wish.why.strip(),
                asked_us=now_us,
                state=rules.State.OPEN,
            )
            session.add(row)
            link = f"/sites/{row.site_id}/requests/{row.id}"
            tell(session, News(f"request:{row.id}", row.site_id, REQUEST, "request", link, now_us))
            return row.id

    def mine(self, person: Scope) -> list[RequestView]:
        """A guardian's own requests, the newest first."""
        with self.database.reading() as session:
            return [view_of(session, row, self.clock.utc_us()) for row in stored.of_account(session, person)]

    def one(self, person: Scope, request_id: str) -> RequestView:
        """One of them, with the code of the look that is open."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            row = _own(session, person, request_id)
            look = _open_look(session, person, row, now_us)
            return view_of(session, row, now_us, look.code if look is not None else "")

    def look(self, person: Scope, request_id: str, source: str) -> str:
        """Opens a look, on record; its code. Raises NotFound where nothing is shown (any more)."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            row = _showable(session, person, request_id, now_us)
            older = list(session.scalars(_looks(person, row)))
        book = AccessBook(self.database)
        for view in older:
            book.end(view.id, min(now_us, view.opened_us + LOOK_US), "another_look")
        permit = Permit(
            person.account_name, person.role, row.site_id, row.camera_id, None, now_us + LOOK_US, row.guardian_id
        )
        begun = book.begin(
            permit,
            now_us,
            what=PLAYBACK,
            reason=_reason(row),
            source=source,
            start_us=row.start_us,
            session_sha256=person.session,
        )
        return begun.code

    def part(self, person: Scope, request_id: str, number: int) -> tuple[bytes, str]:
        """Masked pictures and their SHA-256. Raises PermissionDenied (``no_look``) where no look is open."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            row = _showable(session, person, request_id, now_us)
            if _open_look(session, person, row, now_us) is None:
                raise PermissionDenied("open a look first", code="no_look")
            return part_of(session, row, number)


def view_of(session: Session, row: FootageRequest, now_us: int, look_code: str = "") -> RequestView:
    """A row in the words of the pages."""
    site = session.get_one(Site, row.site_id)
    camera = session.get(Camera, row.camera_id)
    state = rules.state_at(row.state, row.until_us, now_us)
    return RequestView(
        request_id=row.id,
        site_id=row.site_id,
        site_name=site.name,
        timezone=site.timezone,
        account_name=row.account_name,
        guardian_id=row.guardian_id,
        child_id=row.child_id,
        camera_id=row.camera_id,
        camera_name=camera.name if camera is not None else row.camera_id,
        start_us=row.start_us,
        end_us=row.end_us,
        why=row.why,
        asked_us=row.asked_us,
        state=state,
        reason=row.reason,
        answered_us=row.answered_us,
        answered_by=row.answered_by or "",
        is_held=row.hold_id is not None,
        until_us=row.until_us,
        fault=row.fault,
        cells=row.cells,
        parts=tuple(stored.parts(session, row.id)) if state in (rules.State.READY, rules.State.SHOWN) else (),
        look_code=look_code,
    )


def part_of(session: Session, row: FootageRequest, number: int) -> tuple[bytes, str]:
    """The bytes of one part and their SHA-256. Raises NotFound."""
    part = session.get(MaskedPart, (row.id, number)) if 0 <= number < stored.SEGMENTS_MAX else None
    if part is None:
        raise NotFound("no such pictures")
    return part.data, part.sha256


def _rooms(session: Session, person: Scope) -> list[tuple[GuardianAccount, str, SeenCamera, SpanSet]]:
    """(bond, child, camera, when it saw nothing but that child's rooms), where there was such a time."""
    if person.role != Role.GUARDIAN:
        return []
    found = []
    for bond, child_id in stored.bonds(session, person.account_name):
        rooms, sights = stored.rooms_then(session, bond.site_id, child_id), stored.sights_then(session, bond.site_id)
        for seen in leases.cameras(session, Camera.site_id == bond.site_id):
            times = rules.child_alone_seen(sights.get(seen.camera.id, {}), rooms)
            if times and not set(seen.zones.values()) & (FORBIDDEN_KINDS | {""}):
                found.append((bond, child_id, seen, times))
    return found


def _within(span: Span, times: SpanSet) -> bool:
    return not SpanSet.of(span) - times


def _askable(child_id: str, site: Site, camera: Camera) -> Askable:
    return Askable(site.id, site.name, site.timezone, child_id, camera.id, camera.name)


def _own(session: Session, person: Scope, request_id: str) -> FootageRequest:
    row = session.get(FootageRequest, request_id) if request_id.isalnum() and len(request_id) == 32 else None
    if row is None or row.account_name != person.account_name:
        raise NotFound("no such request")
    return row


def _showable(session: Session, person: Scope, request_id: str, now_us: int) -> FootageRequest:
    row = _own(session, person, request_id)
    if rules.state_at(row.state, row.until_us, now_us) != rules.State.SHOWN:
        raise NotFound("nothing is shown of this request")
    camera, key = session.get(Camera, row.camera_id), (row.site_id, row.guardian_id, row.child_id)
    still = {(bond.site_id, bond.guardian_id, child) for bond, child in stored.bonds(session, person.account_name)}
    if key not in still or camera is None:
        raise NotFound("no such request")
    sights = stored.sights_then(session, row.site_id).get(row.camera_id, {})
    rooms = stored.rooms_then(session, row.site_id, row.child_id)
    if not _within(Span(row.start_us, row.end_us), rules.child_alone_seen(sights, rooms)):
        raise NotFound("the child was not in there then")
    if saw_forbidden(session, camera, row):
        raise NotFound("no such camera")
    return row


def saw_forbidden(session: Session, camera: Camera, row: FootageRequest) -> bool:
    """Whether the camera sees a place that may not be watched, or was said to when it filmed what is asked for."""
    then = stored.seen_then(session, row.site_id, row.camera_id, Span(row.start_us, row.end_us))
    return bool(registers.kinds_seen(session, camera).union(*then.values()) & FORBIDDEN_KINDS)


def _reason(row: FootageRequest) -> str:
    return f"request {row.id[:8]}"


def _looks(person: Scope, row: FootageRequest) -> Select[ViewRow]:
    return (
        select(ViewRow)
        .where(ViewRow.site_id == row.site_id, ViewRow.camera_id == row.camera_id, ViewRow.what == PLAYBACK)
        .where(ViewRow.account_name == person.account_name, ViewRow.session_sha256 == person.session)
        .where(ViewRow.closed_us.is_(None), ViewRow.reason == _reason(row))
        .order_by(ViewRow.opened_us.desc())
    )


def _open_look(session: Session, person: Scope, row: FootageRequest, now_us: int) -> ViewRow | None:
    found: ViewRow | None = session.scalars(
        _looks(person, row).where(ViewRow.opened_us > now_us - LOOK_US).limit(1)
    ).first()
    return found
