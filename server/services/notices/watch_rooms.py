"""Tells guardians that their child's room can be watched, once for each window of its hours; and that it is dark, or no longer.

Invariants: told once for each guardian, site and end of a window; a process that dies between has told of it or not at all.
Darkness is told of after a minute in which nobody at the site touched it, to whom nothing else stands against looking, and its
end to whom the darkness was told: ten taps are one piece of news or none.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock, from_datetime, to_datetime
from server.domain.lease import Permit
from server.services.notices.tell import LIVE, News, tell
from server.services.people.leases import LeaseDesk, Look
from storage.database import leases
from storage.database.models import NoticeEvent, NoticeSubscription
from storage.database.unit_of_work import Database

ACCOUNTS_MAX = 20_000
GATHER_US = US_PER_MINUTE
SAID_US = 7 * US_PER_DAY
"""What a guardian heard longer ago is not asked for: it is news again."""
NOW, DARK, AGAIN = "live_now", "live_dark", "live_again"
Said = Mapping[tuple[str, str], tuple[str, int]]
"""(account, site) → what was told last, and the number of that."""


@dataclass(frozen=True)
class RoomWatch:
    """One round at a time; several processes may run it."""

    database: Database
    clock: Clock
    desk: LeaseDesk

    def look(self) -> int:
        """Writes down what there is to tell; how many pieces of news that were. Raises Unavailable."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            query = select(NoticeSubscription.account_name).where(
                NoticeSubscription.removed_us.is_(None), NoticeSubscription.kinds.contains(LIVE)
            )
            names = list(session.scalars(query.distinct().limit(ACCOUNTS_MAX)))
        looks = self.desk.looks_of(names, now_us) if names else {}
        by_site = {
            key: some
            for key, some in _by_site(looks)
            if any(isinstance(one.answer, Permit) or one.only_dark for one in some)
        }
        if not by_site:
            return 0
        with self.database.unit_of_work() as session:
            said = _said(session, {name for name, _ in by_site}, now_us - SAID_US)
            touched = leases.blanking_changes(session, {site_id for _, site_id in by_site})
            return sum(
                _tell(session, name, some, said, now_us, settled=now_us - touched.get(site_id, 0) >= GATHER_US)
                for (name, site_id), some in by_site.items()
            )


def _tell(session: Session, name: str, looks: list[Look], said: Said, now_us: int, *, settled: bool) -> int:
    site_id = looks[0].site_id
    about, number = said.get((name, site_id), ("", 0))
    begun = sum(tell(session, _live(name, look, now_us)) for look in looks if isinstance(look.answer, Permit))
    if begun or not settled:
        return begun
    dark = any(look.only_dark for look in looks)
    turned = DARK if dark and about in (NOW, AGAIN) else AGAIN if not dark and about == DARK else ""
    return int(bool(turned) and tell(session, _news(name, site_id, turned, str(number), now_us)))


def _by_site(looks: Mapping[str, list[Look]]) -> Iterable[tuple[tuple[str, str], list[Look]]]:
    found: dict[tuple[str, str], list[Look]] = defaultdict(list)
    for name, some in looks.items():
        for look in some:
            found[name, look.site_id].append(look)
    return found.items()


def _said(session: Session, names: set[str], since_us: int) -> Said:
    query = select(NoticeEvent).where(NoticeEvent.kind == LIVE, NoticeEvent.at_us > since_us)
    return {
        (row.for_account or "", row.site_id): (row.about, row.id)
        for some in leases.chunks(names)
        for row in session.scalars(query.where(NoticeEvent.for_account.in_(some)).order_by(NoticeEvent.id))
    }


def _live(name: str, look: Look, now_us: int) -> News:
    return _news(name, look.site_id, NOW, str(_window(look, now_us)), now_us)


def _news(name: str, site_id: str, about: str, which: str, now_us: int) -> News:
    named = f"{name}:{site_id}:{which}" if about == NOW else f"{name}:{site_id}:{about}:{which}"
    key = hashlib.sha256(named.encode()).hexdigest()[:32]
    return News(f"{LIVE}:{key}", site_id, LIVE, about, "/live", now_us, for_account=name)


def _window(look: Look, now_us: int) -> int:
    """The second at which the window that is open ends, or the site's day, whichever comes first."""
    zone = ZoneInfo(look.timezone)
    midnight = datetime.combine(to_datetime(now_us).astimezone(zone).date() + timedelta(days=1), time(), zone)
    until_us = look.answer.until_us if isinstance(look.answer, Permit) else now_us
    return min(until_us, from_datetime(midnight.astimezone(UTC))) // 1_000_000
