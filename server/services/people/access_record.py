"""The access record of looks: who looked at what, when, why, from where, live or recorded, and for how long.

    view = book.begin(permit, at_us, source="192.0.2.7")      # before the first byte
    book.end(view.view_id, at_us, why="revoked")

Invariant (I4): a look stands in the site's ledger twice, at its opening and with its length at its close; neither is ever
changed. ``code`` is drawn over the picture and names the row. A view that the process did not live to close is closed by
``abandon`` as of when it was last known to be open.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE
from config.base.errors import NotFound
from config.base.ids import fresh_id, is_slug
from config.base.roles import Role
from config.base.timespan import Span
from server.domain.lease import Permit
from server.domain.requests import child_seen
from storage.database import accesses, leases, requests
from storage.database import scope as scoping
from storage.database.models import AccessRecord, Account, Camera, LoginSession, ViewRow
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

LIVE: Literal["live"] = "live"
PLAYBACK: Literal["playback"] = "playback"
TAKEN = {
    "export": "export",
    "cell_fetch": "fetched",
    "finding_still": "still",
    "discovered_picture": "still",
    "camera_picture": "still",
    "request": "request",
}
"""Subjects of the access record that are no view of their own: what the pages call each."""
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that look like others in a photograph."""
CODE_LETTERS = 8
REASON_CHARS_MAX = 120
LOOKS_MAX = 200
LOOK_US_MAX = 60 * US_PER_MINUTE
"""So long a look at recordings lasts."""


@dataclass(frozen=True)
class View:
    """An open look; ``code`` is for eyes, ``view_id`` for machines."""

    view_id: str
    code: str


@dataclass(frozen=True)
class LookRecord:
    """One look, as the pages tell it. ``who`` is an account to the facility and authorities, a mark to guardians."""

    who: str
    role: str
    site_id: str
    camera_id: str
    what: str
    code: str
    reason: str
    source: str
    opened_us: int
    start_us: int
    end_us: int | None
    closed_us: int | None
    why_closed: str
    camera_name: str = ""
    is_mine: bool = False
    """The reader's own look."""


class AccessBook:
    """Writes and reads looks; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        permit: Permit,
        at_us: int,
        *,
        what: Literal["live", "playback"] = LIVE,
        reason: str = "",
        source: str = "",
        start_us: int | None = None,
        session_sha256: str = "",
    ) -> View:
        """Puts a look on record before its first byte. Raises Unavailable: then there is no look."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LETTERS))
        view = ViewRow(
            id=fresh_id(),
            code=f"{letters[:4]}-{letters[4:]}",
            account_name=permit.person,
            role=permit.role,
            mark=permit.mark,
            site_id=permit.site_id,
            camera_id=permit.camera_id,
            lease_id=permit.lease_id,
            what=what,
            session_sha256=session_sha256,
            reason=reason.strip()[:REASON_CHARS_MAX],
            source=source[:64],
            opened_us=at_us,
            start_us=at_us if start_us is None else start_us,
            why_closed="",
        )
        with self._database.unit_of_work() as session:
            session.add(view)
            told = f"view {view.code} opened: {view.reason}" if view.reason else f"view {view.code} opened"
            _tell(session, view, view.start_us, told, at_us)
        return View(view.id, view.code)

    def end(self, view_id: str, at_us: int, why: str, *, end_us: int | None = None) -> None:
        """Closes a look; a second time changes nothing."""
        with self._database.unit_of_work() as session:
            view = session.get(ViewRow, view_id, with_for_update=True)
            if view is not None and view.closed_us is None:
                _close(session, view, max(at_us, view.opened_us), why, end_us)

    def abandon(self, at_us: int, *, what: str = LIVE, but: Collection[str] = ()) -> int:
        """Closes what an ended process left open; how many. ``but``: views that are still running."""
        with self._database.unit_of_work() as session:
            query = select(ViewRow).where(ViewRow.closed_us.is_(None), ViewRow.what == what)
            left = [view for view in session.scalars(query) if view.id not in set(but)]
            for view in left:
                _close(session, view, max(at_us, view.opened_us), "process_ended", None)
        return len(left)

    def close_over(self, at_us: int) -> int:
        """Closes looks at recordings whose session or hour is over; how many."""
        with self._database.unit_of_work() as session:
            alive = select(LoginSession.token_sha256).where(LoginSession.expires_us > at_us)
            signed_out = and_(ViewRow.session_sha256 != "", ViewRow.session_sha256.not_in(alive))
            late = ViewRow.opened_us <= at_us - LOOK_US_MAX
            query = select(ViewRow).where(ViewRow.closed_us.is_(None), ViewRow.what == PLAYBACK, or_(signed_out, late))
            over = list(session.scalars(query.limit(LOOKS_MAX)))
            for view in over:
                is_late = view.opened_us <= at_us - LOOK_US_MAX
                end_us = view.opened_us + LOOK_US_MAX if is_late else max(at_us, view.opened_us)
                _close(session, view, end_us, "time_over" if is_late else "session_over", None)
        return len(over)

    def looks(self, person: Scope, site_id: str, *, before_us: int | None = None) -> list[LookRecord]:
        """The newest looks at a site's cameras. Raises NotFound where the site is out of reach."""
        with self._database.reading() as session:
            if not is_slug(site_id):  # PostgreSQL takes no NUL, not even to compare with
                raise NotFound("no such site")
            site = scoping.site_in_reach(session, person, site_id)
            query = select(ViewRow).where(ViewRow.site_id == site.id).order_by(ViewRow.opened_us.desc())
            if before_us is not None:
                query = query.where(ViewRow.opened_us < before_us)
            found = [_record(view, view.account_name) for view in session.scalars(query.limit(LOOKS_MAX))]
            cameras = select(Camera.id, Camera.name).where(Camera.site_id == site.id)
            return _named(found, dict(session.execute(cameras).all()))

    def looks_at_children(self, person: Scope, since_us: int) -> list[LookRecord]:
        """The newest looks at what cameras saw of a guardian's children's rooms; other guardians by their marks.

        What was seen counts, and where the child's class was then: neither the room before a change of class is lost, nor is
        what the next room showed earlier. Live and recorded, exports, fetched recordings, single pictures.
        """
        if person.role != Role.GUARDIAN:
            return []
        with self._database.reading() as session:
            # Whoever may not look in (any more) may still know who does: the child is there all the same.
            seen = _seen_of_children(session, person)
            if not seen:
                return []
            query = (
                select(ViewRow)
                .where(
                    _view_shows(seen),
                    or_(ViewRow.opened_us >= since_us, ViewRow.closed_us.is_(None)),
                )
                .order_by(ViewRow.opened_us.desc())
                .limit(LOOKS_MAX)
            )
            found = [
                _record(view, view.mark, told=False, is_mine=view.account_name == person.account_name)
                for view in session.scalars(query)
            ]
            found += _taken(session, seen, since_us)
            newest = sorted(found, key=lambda one: one.opened_us, reverse=True)[:LOOKS_MAX]
            cameras = select(Camera.id, Camera.name).where(Camera.id.in_({camera_id for _, camera_id, _ in seen}))
            return _named(newest, dict(session.execute(cameras).all()))


Seen = tuple[str, str, Span]
"""(site, camera, when it saw a room that the child's class was in)"""


def _seen_of_children(session: Session, person: Scope) -> list[Seen]:
    """The newest ``leases.AT_ONCE``: each becomes a condition of a query."""
    found = [
        (bond.site_id, camera_id, span)
        for bond, child_id in requests.bonds(session, person.account_name)
        for rooms in [requests.rooms_then(session, bond.site_id, child_id)]
        for camera_id, sights in requests.sights_then(session, bond.site_id).items()
        for span in child_seen(sights, rooms)
    ]
    return sorted(found, key=lambda one: one[2].end_us, reverse=True)[: leases.AT_ONCE]


def _view_shows(seen: list[Seen]) -> ColumnElement[bool]:
    """Live, what went by while it was open; at recordings, the instant that was asked for and each that was played."""
    live_until = func.coalesce(ViewRow.end_us, requests.OPEN_US)
    until_us = case((ViewRow.what == LIVE, live_until), else_=ViewRow.start_us)
    played = (
        select(AccessRecord.id)
        .where(AccessRecord.site_id == ViewRow.site_id, AccessRecord.at_us >= ViewRow.opened_us)
        .where(AccessRecord.at_us <= func.coalesce(ViewRow.closed_us, requests.OPEN_US))
        .where(AccessRecord.subject == PLAYBACK, AccessRecord.subject_id.like(ViewRow.code + " %"))
        .where(_shows(seen, AccessRecord, AccessRecord.start_us, AccessRecord.end_us))
    )
    asked = _shows(seen, ViewRow, ViewRow.start_us, until_us)
    return or_(asked, and_(ViewRow.what == PLAYBACK, played.exists()))


def _shows(
    seen: list[Seen], model: type[ViewRow] | type[AccessRecord], start_us: Any, end_us: Any
) -> ColumnElement[bool]:
    """Whether what was looked at lies in one of these times; an instant does too."""
    return or_(
        *(
            and_(
                model.site_id == site_id,
                model.camera_id == camera_id,
                start_us < span.end_us,
                or_(end_us > span.start_us, start_us >= span.start_us),
            )
            for site_id, camera_id, span in seen
        )
    )


def _close(session: Session, view: ViewRow, at_us: int, why: str, end_us: int | None) -> None:
    view.closed_us, view.why_closed = at_us, why[:32]
    view.end_us = at_us if end_us is None else max(end_us, view.start_us)
    _tell(session, view, view.end_us, f"view {view.code} closed: {view.why_closed}", at_us)


def _tell(session: Session, view: ViewRow, end_us: int, reason: str, at_us: int) -> None:
    what: Literal["live", "playback"] = LIVE if view.what == LIVE else PLAYBACK
    accesses.record(
        session,
        accesses.Access(
            site_id=view.site_id,
            camera_id=view.camera_id,
            account=view.account_name,
            what=what,
            span=Span(view.start_us, end_us),
            subject="view",
            subject_id=view.id,
            reason=reason,
            source=view.source,
        ),
        at_us,
    )


def _taken(session: Session, seen: list[Seen], since_us: int) -> list[LookRecord]:
    """What is no view, and yet somebody has had pictures by it."""
    start_us = func.coalesce(AccessRecord.start_us, AccessRecord.at_us)
    end_us = func.coalesce(AccessRecord.end_us, start_us)
    query = (
        select(AccessRecord, Account.role)
        .outerjoin(Account, Account.name == AccessRecord.account_name)
        .where(
            _shows(seen, AccessRecord, start_us, end_us),
            AccessRecord.subject.in_(TAKEN),
            AccessRecord.at_us >= since_us,
        )
        .order_by(AccessRecord.at_us.desc())
        .limit(LOOKS_MAX)
    )
    return [
        LookRecord(
            who=row.account_name,
            role=role or "",
            site_id=row.site_id or "",
            camera_id=row.camera_id or "",
            what=TAKEN[row.subject],
            code="",
            reason="",
            source="",
            opened_us=row.at_us,
            start_us=row.start_us or row.at_us,
            end_us=row.end_us,
            closed_us=row.at_us,
            why_closed="",
        )
        for row, role in session.execute(query)
    ]


def _named(found: list[LookRecord], names: dict[str, str]) -> list[LookRecord]:
    return [replace(one, camera_name=names.get(one.camera_id, one.camera_id)) for one in found]


def _record(view: ViewRow, who: str, *, told: bool = True, is_mine: bool = False) -> LookRecord:
    return LookRecord(
        who=who,
        role=view.role,
        site_id=view.site_id,
        camera_id=view.camera_id,
        what=view.what,
        code=view.code,
        reason=view.reason if told else "",
        source=view.source if told else "",
        opened_us=view.opened_us,
        start_us=view.start_us,
        end_us=view.end_us,
        closed_us=view.closed_us,
        why_closed=view.why_closed,
        is_mine=is_mine,
    )
