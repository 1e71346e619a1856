"""Writes down that there is something to tell, in the transaction of what it tells of.

Invariants: what is told of is committed with it or not at all; the same thing is told of once. Nothing of a person stands
in it: a kind, a word of the catalogue and the path of a page.
"""

import hashlib
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.roles import Role
from storage.database.models import GuardianAccount, NoticeEvent

GAP, ALARM, FINDING, DRIFT, DUTY, DOCKET, LIVE = "gap", "alarm", "finding", "drift", "duty", "docket", "live"
COMPLAINT, ORDER = "complaint", "order"
ESCALATION = "escalation"
"""What nobody has answered, to whom the policy pack names; over whatever they hear by, chosen or not."""
LATE = "late:"
"""Before the word of a duty whose day is over."""
REQUEST, LEASE, ANSWER, SUPPORT = "request", "lease", "answer", "support"
GUARDIAN_KINDS = (LIVE, LEASE, ANSWER)
"""What a guardian hears of, and nobody else: the class goes live, the own lease changed, an answer is there."""
SITE_KINDS = (GAP, ALARM, FINDING, DRIFT, DUTY, DOCKET, COMPLAINT, ORDER, REQUEST, SUPPORT)
KINDS = (*SITE_KINDS, *GUARDIAN_KINDS)
ALWAYS_TOLD = frozenset({SUPPORT})
"""What a facility's manager hears of by every subscription, chosen or not."""


def kinds_of(role: str) -> tuple[str, ...]:
    """What somebody of this role may hear of."""
    return GUARDIAN_KINDS if role == Role.GUARDIAN else SITE_KINDS


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
    for_account: str | None = None
    """Whose news it is alone; None: everybody's who has the site."""


def tell(session: Session, news: News) -> bool:
    """Whoever wants to hear of it will; told again, it changes nothing and is False."""
    if session.scalar(select(NoticeEvent.id).where(NoticeEvent.key == news.key)) is not None:
        return False
    session.add(
        NoticeEvent(
            key=news.key,
            site_id=news.site_id,
            kind=news.kind,
            about=news.about[:64],
            link=news.link,
            urgent=news.urgent,
            at_us=news.at_us,
            for_account=news.for_account,
        )
    )
    return True


def tell_guardian(session: Session, guardian_id: str, news: News) -> None:
    """The same to the accounts of one guardian alone; ``news.key`` is made unique for each."""
    accounts = select(GuardianAccount.account_name).where(
        GuardianAccount.site_id == news.site_id, GuardianAccount.guardian_id == guardian_id
    )
    for name in session.scalars(accounts).all():
        digest = hashlib.sha256(f"{news.key}:{name}".encode()).hexdigest()[:32]
        tell(session, replace(news, key=f"{news.kind}:{digest}", for_account=name))
