"""Support's access to a site: by the facility's leave, two persons, and an end.

    number = desk.ask(admin, "sunflower", "the box stays silent", 2)
    desk.confirm(another_admin, number)
    desk.approve(manager, "sunflower", number)

Invariants: nobody confirms what they asked for themselves; nothing is reached before the facility has approved, nor after the end,
which is at most eight hours later; its sessions are over then (``storage/database/support.py``). Each step, and each page that
support reads, stands on the site's record and in its ledger before it happens, and the facility is told of each step.
Source: OWASP ASVS 5.0, 8.4.2 (access of administrators).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, US_PER_S, Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, ResourceExhausted
from config.base.ids import fresh_id, is_slug
from config.base.timespan import Span
from server.domain.authorisation import Action
from server.domain.lease import REASON_CHARS_MIN
from server.domain.support import HOURS_MAX, LAPSES_US, OPEN, State, state_of
from server.services.notices.tell import SUPPORT, News, tell
from server.services.people.operators import site_for
from server.services.people.steady_time import SteadyTime
from storage.database import accesses
from storage.database.models import Site, SupportAccess
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

REASON_CHARS_MAX = 120
OPEN_MAX = 20
SHOWN_MAX = 100
NOTED_US = US_PER_MINUTE
"""The same page again within so long is the same look."""
NOTED_MAX = 1_000


@dataclass(frozen=True)
class SupportView:
    """One of them, as both sides see it."""

    support_id: str
    site_id: str
    site_name: str
    timezone: str
    asked_by: str
    asked_us: int
    reason: str
    hours: int
    confirmed_by: str
    approved_by: str
    until_us: int | None
    ended_by: str
    ended_us: int | None
    state: State


@dataclass
class SupportDesk:
    """Thread-safe; one a process."""

    database: Database
    clock: Clock
    time: SteadyTime
    _noted: OrderedDict[tuple[str, str, str], int] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, person: Scope, site_id: str, reason: str, hours: int) -> str:
        """By a platform administrator. Raises NotFound, InvalidInput (``no_reason``, ``bad_hours``), Conflict, ResourceExhausted."""
        reason = " ".join(reason.split())
        if not REASON_CHARS_MIN <= len(reason) <= REASON_CHARS_MAX:
            raise InvalidInput(f"say why, in {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters", code="no_reason")
        if not 1 <= hours <= HOURS_MAX:
            raise InvalidInput(f"from one hour to {HOURS_MAX}", code="bad_hours")
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            site = session.get(Site, site_id, with_for_update=True) if is_slug(site_id) else None
            if site is None:
                raise NotFound("no such site", code="no_site")
            mine = [row for row in _of(session, person.account_name) if _state(row, now_us) in OPEN]
            if any(row.site_id == site.id for row in mine):
                raise Conflict("you have asked for this site already", code="asked_already")
            if len(mine) >= OPEN_MAX:
                raise ResourceExhausted("too many are open: end some first", code="too_many_support")
            row = SupportAccess(
                id=fresh_id(),
                site_id=site.id,
                asked_by=person.account_name,
                asked_us=now_us,
                reason=reason,
                hours=hours,
                lapses_us=now_us + LAPSES_US,
            )
            session.add(row)
            told = f"support asked for {hours} h: {reason}"
            _on_record(session, row, person.account_name, told, "asked", now_us)
        return row.id

    def confirm(self, person: Scope, support_id: str) -> None:
        """By a second platform administrator. Raises NotFound, PermissionDenied (``second_person``), Conflict."""
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            row = _row(session, support_id)
            if row.asked_by == person.account_name:
                raise PermissionDenied("another administrator confirms", code="second_person")
            _expect(row, State.ASKED, now_us)
            row.confirmed_by, row.confirmed_us = person.account_name, now_us
            told = f"support of {row.asked_by} confirmed"
            _on_record(session, row, person.account_name, told, "confirmed", now_us)

    def withdraw(self, person: Scope, support_id: str) -> None:
        """By any platform administrator: ends it, wherever it stands. Raises NotFound, Conflict."""
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            _end(session, _row(session, support_id), person.account_name, now_us)

    def approve(self, person: Scope, site_id: str, support_id: str) -> None:
        """By the facility; its hours begin. Raises NotFound, PermissionDenied, Conflict (``not_open``: not confirmed yet, or over)."""
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            row = _of_site(session, person, site_id, support_id)
            _expect(row, State.CONFIRMED, now_us)
            row.approved_by, row.approved_us = person.account_name, now_us
            row.until_us = now_us + row.hours * 3_600 * US_PER_S
            told = f"support of {row.asked_by} approved"
            _on_record(session, row, person.account_name, told, "approved", now_us)

    def end(self, person: Scope, site_id: str, support_id: str) -> None:
        """By the facility: refused, or over at once. Raises NotFound, PermissionDenied, Conflict."""
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            _end(session, _of_site(session, person, site_id, support_id), person.account_name, now_us)

    def close_ended(self) -> int:
        """Writes down the end of what ended by itself; how many."""
        now_us = self.time.now_us()
        with self.database.unit_of_work() as session:
            over = or_(
                SupportAccess.until_us <= now_us,
                SupportAccess.until_us.is_(None) & (SupportAccess.lapses_us <= now_us),
            )
            query = select(SupportAccess).where(SupportAccess.ended_us.is_(None), over).limit(SHOWN_MAX)
            rows = list(session.scalars(query.with_for_update(skip_locked=True)))
            for row in rows:
                row.ended_us = row.until_us if row.until_us is not None else row.lapses_us
                _on_record(session, row, row.asked_by, "support ended by itself", "ended", now_us)
        return len(rows)

    def of_site(self, person: Scope, site_id: str) -> tuple[str, list[SupportView]]:
        """The site's name, and all of it, the newest first. Raises NotFound, PermissionDenied."""
        now_us = self.time.now_us()
        with self.database.reading() as session:
            site = site_for(session, person, site_id, Action.SUPPORT_APPROVE)
            query = select(SupportAccess).where(SupportAccess.site_id == site.id)
            rows = session.scalars(query.order_by(SupportAccess.asked_us.desc()).limit(SHOWN_MAX))
            return site.name, [_view(row, site, now_us) for row in rows]

    def of_platform(self) -> list[SupportView]:
        """What any platform administrator asked for, the newest first; the gate lets nobody else ask."""
        now_us = self.time.now_us()
        with self.database.reading() as session:
            query = select(SupportAccess, Site).join(Site, Site.id == SupportAccess.site_id)
            found = session.execute(query.order_by(SupportAccess.asked_us.desc()).limit(SHOWN_MAX))
            return [_view(row, site, now_us) for row, site in found]

    def note(self, person: Scope, site_id: str, what: str, source: str) -> None:
        """Puts what support is about to read on the site's record. Raises Unavailable: then it is not read."""
        now_us, key = self.clock.utc_us(), (person.account_name, site_id, what)
        with self._lock:
            if now_us - NOTED_US < self._noted.get(key, 0) <= now_us:
                return
        with self.database.unit_of_work() as session:
            accesses.record(
                session, _access(person.account_name, site_id, site_id, f"read: {what}", now_us, source), now_us
            )
        with self._lock:
            self._noted[key] = now_us
            self._noted.move_to_end(key)
            while len(self._noted) > NOTED_MAX:
                self._noted.popitem(last=False)


def _end(session: Session, row: SupportAccess, by: str, now_us: int) -> None:
    if _state(row, now_us) not in OPEN:
        raise Conflict("it is over already", code="not_open")
    row.ended_by, row.ended_us = by, now_us
    _on_record(session, row, by, f"support of {row.asked_by} ended", "ended", now_us)


def _expect(row: SupportAccess, wanted: State, now_us: int) -> None:
    if _state(row, now_us) is not wanted:
        raise Conflict("it is not open to that any more, or not yet", code="not_open")


def _of_site(session: Session, person: Scope, site_id: str, support_id: str) -> SupportAccess:
    site, row = site_for(session, person, site_id, Action.SUPPORT_APPROVE), _row(session, support_id)
    if row.site_id != site.id:
        raise NotFound("no such request", code="no_support")
    return row


def _on_record(session: Session, row: SupportAccess, by: str, told: str, step: str, now_us: int) -> None:
    session.flush()
    accesses.record(session, _access(by, row.site_id, row.id, told, now_us, ""), now_us)
    link = f"/sites/{row.site_id}/support"
    tell(session, News(f"support:{row.id}:{step}", row.site_id, SUPPORT, step, link, now_us))


def _access(by: str, site_id: str, subject_id: str, told: str, now_us: int, source: str) -> accesses.Access:
    return accesses.Access(
        site_id=site_id,
        camera_id=None,
        account=by,
        what="support",
        span=Span(now_us, now_us),
        subject="support",
        subject_id=subject_id,
        reason=told[:200],
        source=source,
    )


def _of(session: Session, account_name: str) -> list[SupportAccess]:
    query = select(SupportAccess).where(SupportAccess.asked_by == account_name, SupportAccess.ended_us.is_(None))
    return list(session.scalars(query))


def _row(session: Session, support_id: str) -> SupportAccess:
    row = session.get(SupportAccess, support_id, with_for_update=True) if support_id.isalnum() else None
    if row is None:
        raise NotFound("no such request", code="no_support")
    return row


def _state(row: SupportAccess, now_us: int) -> State:
    return state_of(now_us, row.lapses_us, row.confirmed_us, row.until_us, row.ended_us)


def _view(row: SupportAccess, site: Site, now_us: int) -> SupportView:
    return SupportView(
        support_id=row.id,
        site_id=site.id,
        site_name=site.name,
        timezone=site.timezone,
        asked_by=row.asked_by,
        asked_us=row.asked_us,
        reason=row.reason,
        hours=row.hours,
        confirmed_by=row.confirmed_by or "",
        approved_by=row.approved_by or "",
        until_us=row.until_us,
        ended_by=row.ended_by or "",
        ended_us=row.ended_us,
        state=_state(row, now_us),
    )
