"""What a site's boxes said of themselves."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.timespan import Span
from storage.database.models import Agent, BoxNotice

ROWS_MAX = 2_000


class StandingNotice(NamedTuple):
    """A notice from when it was raised until it was cleared; ``end_us`` is None while it stands."""

    agent_id: str
    notice: str
    start_us: int
    end_us: int | None
    hours_left: float | None
    detail: str


def notices_of(session: Session, site_id: str, window: Span) -> list[StandingNotice]:
    """The notices of a site's agents that stood at some time within the window, oldest first."""
    rows = session.scalars(
        select(BoxNotice)
        .join(Agent, Agent.id == BoxNotice.agent_id)
        .where(Agent.site_id == site_id, BoxNotice.at_us < window.end_us)
        .order_by(BoxNotice.at_us.desc())
        .limit(ROWS_MAX)
    ).all()
    standing: dict[tuple[str, str], StandingNotice] = {}
    ended: list[StandingNotice] = []
    for row in reversed(rows):
        key = (row.agent_id, row.notice)
        before = standing.pop(key, None)
        if row.raised:
            start_us = row.at_us if before is None else before.start_us
            standing[key] = StandingNotice(*key, start_us, None, row.hours_left, row.detail)
        elif before is not None:
            ended.append(before._replace(end_us=row.at_us))
    found = [*standing.values(), *(notice for notice in ended if (notice.end_us or 0) > window.start_us)]
    return sorted(found, key=lambda notice: notice.start_us)
