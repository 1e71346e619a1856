"""Writes down that there is something to tell, in the transaction of what it tells of.

Invariants: what is told of is committed with it or not at all; the same thing is told of once. Nothing of a person stands
in it: a kind, a word of the catalogue and the path of a page.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database.models import NoticeEvent

GAP, ALARM, FINDING, DRIFT, DUTY, DOCKET, LIVE = "gap", "alarm", "finding", "drift", "duty", "docket", "live"
COMPLAINT = "complaint"
KINDS = (GAP, ALARM, FINDING, DRIFT, DUTY, DOCKET, LIVE, COMPLAINT)


@dataclass(frozen=True)
class News:
    """``key`` names the thing itself; ``about`` is a word that the pages know; ``link`` the path of a page."""

    key: str
    site_id: str
    kind: str
    about: str
    link: str
    at_us: int
    urgent: bool = False


def tell(session: Session, news: News) -> None:
    """Whoever wants to hear of it will; told again, it changes nothing."""
    if session.scalar(select(NoticeEvent.id).where(NoticeEvent.key == news.key)) is not None:
        return
    session.add(
        NoticeEvent(
            key=news.key,
            site_id=news.site_id,
            kind=news.kind,
            about=news.about[:64],
            link=news.link,
            urgent=news.urgent,
            at_us=news.at_us,
        )
    )
