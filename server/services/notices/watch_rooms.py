"""Tells guardians that their child's room can be watched: once for each window of its hours, whatever lies between.

Invariant: told once for each guardian, site and end of a window; a process that dies between has told of it or not at all.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from config.base.clock import Clock, from_datetime, to_datetime
from server.domain.lease import Permit
from server.services.notices.tell import LIVE, News, tell
from server.services.people.leases import LeaseDesk, Look
from storage.database.models import NoticeSubscription
from storage.database.unit_of_work import Database

ACCOUNTS_MAX = 20_000


@dataclass(frozen=True)
class RoomWatch:
    """One round at a time; several processes may run it."""

    database: Database
    clock: Clock
    desk: LeaseDesk

    def look(self) -> int:
        """Writes down whose room has gone live; how many pieces of news that were. Raises Unavailable."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            query = select(NoticeSubscription.account_name).where(
                NoticeSubscription.removed_us.is_(None), NoticeSubscription.kinds.contains(LIVE)
            )
            names = list(session.scalars(query.distinct().limit(ACCOUNTS_MAX)))
        looks = self.desk.looks_of(names, now_us) if names else {}
        news = [
            _news(name, look, now_us)
            for name, some in looks.items()
            for look in some
            if isinstance(look.answer, Permit)
        ]
        if news:
            with self.database.unit_of_work() as session:
                for one in news:
                    tell(session, one)
        return len(news)


def _news(name: str, look: Look, now_us: int) -> News:
    key = hashlib.sha256(f"{name}:{look.site_id}:{_window(look, now_us)}".encode()).hexdigest()[:32]
    return News(f"{LIVE}:{key}", look.site_id, LIVE, "live_now", "/live", now_us, for_account=name)


def _window(look: Look, now_us: int) -> int:
    """The second at which the window that is open ends, or the site's day, whichever comes first."""
    zone = ZoneInfo(look.timezone)
    midnight = datetime.combine(to_datetime(now_us).astimezone(zone).date() + timedelta(days=1), time(), zone)
    until_us = look.answer.until_us if isinstance(look.answer, Permit) else now_us
    return min(until_us, from_datetime(midnight.astimezone(UTC))) // 1_000_000
