"""Deletes what was told so long ago that nobody asks for it: messages, and the news that they were made of.

Invariant: what was told stays on record for half a year at least; what is still on its way stays whatever its age.
Source: 网络安全法 art. 21 (3): logs are kept for no less than six months.
"""

from sqlalchemy import delete, exists, select

from config.base.clock import US_PER_DAY, Clock
from server.domain.notices import State
from storage.database.models import NoticeEvent, NoticeMessage, NoticeOf
from storage.database.unit_of_work import Database

KEEP_DAYS = 200
A_ROUND_MAX = 1_000
UNDER_WAY = (State.WAITING, State.CLAIMED)


def forget(database: Database, clock: Clock) -> int:
    """How many rows went, at most ``A_ROUND_MAX`` messages and as many pieces of news at a time."""
    before_us = clock.utc_us() - KEEP_DAYS * US_PER_DAY
    with database.unit_of_work() as session:
        old = select(NoticeMessage.id).where(NoticeMessage.made_us < before_us, NoticeMessage.state.not_in(UNDER_WAY))
        messages = list(session.scalars(old.limit(A_ROUND_MAX)))
        session.execute(delete(NoticeOf).where(NoticeOf.message_id.in_(messages)))
        session.execute(delete(NoticeMessage).where(NoticeMessage.id.in_(messages)))
        untold = ~exists().where(NoticeOf.event_id == NoticeEvent.id)
        news = select(NoticeEvent.id).where(NoticeEvent.planned_us < before_us, untold)
        events = list(session.scalars(news.limit(A_ROUND_MAX)))
        session.execute(delete(NoticeEvent).where(NoticeEvent.id.in_(events)))
    return len(messages) + len(events)
