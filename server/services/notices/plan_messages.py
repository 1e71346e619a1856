"""Makes messages of what there is to tell: one to each person and channel that wants it, one digest where there is much.

Invariants: an event reaches a subscription once; who has lost the site hears nothing more of it; what is waiting to be
gathered stands in the database, so that a crash loses none of it and repeats none.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, cast, func, or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, Clock
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.base.roles import Role
from config.settings.server import NoticeSettings
from server.domain import notices as rules
from server.domain.authorisation import Action, reach
from server.services.notices.tell import ALARM, ALWAYS_TOLD, ESCALATION, GUARDIAN_KINDS
from storage.database import leases
from storage.database.models import (
    Account,
    AlarmRow,
    NoticeEvent,
    NoticeMessage,
    NoticeOf,
    NoticeSubscription,
    Site,
)
from storage.database.scope import Scope, visible_sites
from storage.database.unit_of_work import Database

EVENTS_MAX = 1_000
LINES_MAX = 12
OVERDUE_US_MAX = 3 * US_PER_DAY
"""Older news that nobody could be told is on the pages; it is not sent any more."""
Say = Callable[[str, str, str], str]
"""(kind, about, language) → what happened, in words."""
Count = Callable[[int, str], str]

log = get_logger("notices")


@dataclass(frozen=True)
class Wording:
    """How messages are put; ``title``: (site's name, what or how many, language)."""

    say: Say
    title: Callable[[str, str, str], str]
    several: Count


@dataclass(frozen=True)
class MessagePlanner:
    """One round at a time; several processes may run it."""

    database: Database
    clock: Clock
    settings: NoticeSettings
    wording: Wording
    public_origin: str

    def plan(self) -> int:
        """How many messages were made."""
        with self.database.reading() as session:
            waiting = select(NoticeEvent.site_id).where(NoticeEvent.planned_us.is_(None)).distinct()
            site_ids = list(session.scalars(waiting.order_by(NoticeEvent.site_id)))
        return sum(self._plan_site(site_id) for site_id in site_ids)

    def escalate(self) -> int:
        """Tells the next person of what nobody has seen; how many messages that made."""
        now_us, made = self.clock.utc_us(), 0
        with self.database.unit_of_work() as session:
            query = (
                select(NoticeMessage, NoticeSubscription)
                .join(NoticeSubscription, NoticeSubscription.id == NoticeMessage.subscription_id)
                .where(
                    NoticeMessage.state.in_((rules.State.SENT, rules.State.UNKNOWN, rules.State.FAILED)),
                    NoticeMessage.seen_us.is_(None),
                    NoticeMessage.escalated_us.is_(None),
                    NoticeSubscription.escalate_to.is_not(None),
                    NoticeMessage.made_us > now_us - OVERDUE_US_MAX,
                    func.coalesce(NoticeMessage.sent_us, NoticeMessage.claimed_us, NoticeMessage.made_us)
                    + cast(NoticeSubscription.escalate_min, BigInteger) * US_PER_MINUTE
                    <= now_us,
                )
                .order_by(NoticeMessage.made_us)
                .limit(EVENTS_MAX)
                .with_for_update(of=NoticeMessage, skip_locked=True)
            )
            for message, subscription in session.execute(query).all():
                message.escalated_us = now_us
                if not self._handled(session, message):
                    made += self._pass_on(session, message, subscription, now_us)
        return made

    def _plan_site(self, site_id: str) -> int:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            # One at a time plans for a site: others would tell the same.
            site = session.get_one(Site, site_id, with_for_update=True)
            query = select(NoticeEvent).where(NoticeEvent.site_id == site_id, NoticeEvent.planned_us.is_(None))
            # An alarm does not wait behind a thousand gaps.
            order = query.order_by(NoticeEvent.urgent.desc(), NoticeEvent.id)
            events = list(session.scalars(order.limit(EVENTS_MAX)))
            last_us = session.scalar(
                select(func.max(NoticeEvent.planned_us)).where(
                    NoticeEvent.site_id == site_id,
                    NoticeEvent.urgent.is_(False),
                    # Older ones change nothing, and there are ever more of them.
                    NoticeEvent.planned_us > now_us - self.settings.digest_s * US_PER_S,
                )
            )
            made = 0
            for urgent in (True, False):
                some = [event for event in events if event.urgent is urgent]
                if some and rules.ready(
                    min(event.at_us for event in some), last_us, now_us,
                    self.settings.coalesce_s * US_PER_S, self.settings.digest_s * US_PER_S, urgent=urgent,
                ):  # fmt: skip
                    made += self._tell_all(session, site, some, now_us)
            return made

    def _tell_all(self, session: Session, site: Site, events: Sequence[NoticeEvent], now_us: int) -> int:
        for event in events:
            event.planned_us = now_us
        fresh = [event for event in events if event.at_us > now_us - OVERDUE_US_MAX]
        made = 0
        for subscription, account in _subscribers(session, site.id, fresh):
            kinds = {*subscription.kinds.split(","), ESCALATION}
            if account.role == Role.FACILITY_MANAGER:
                kinds |= ALWAYS_TOLD
            if subscription.site_id != site.id:
                kinds = {ESCALATION}
            wanted = [event for event in fresh if event.kind in kinds and is_for(event, account)]
            if wanted and reaches(session, account, site.id):
                self._make(session, site, subscription, wanted, now_us)
                made += 1
        log.info("notices_planned", site=site.id, events=len(events), messages=made)
        return made

    def _make(
        self,
        session: Session,
        site: Site,
        subscription: NoticeSubscription,
        events: Sequence[NoticeEvent],
        now_us: int,
        escalated_from: str | None = None,
    ) -> None:
        urgent = any(event.urgent for event in events)
        title, body = self._words(site, events, subscription.language)
        links = {event.link for event in events}
        message = NoticeMessage(
            id=fresh_id(),
            subscription_id=subscription.id,
            account_name=subscription.account_name,
            site_id=site.id,
            channel=subscription.channel,
            urgent=urgent,
            events=len(events),
            kinds=",".join(sorted({event.kind for event in events})),
            title=title[:200],
            body=body,
            link=self.public_origin + (links.pop() if len(links) == 1 else _page_of(site, events)),
            made_us=now_us,
            due_us=rules.not_before_us(now_us, site.timezone, quiet_of(subscription), urgent=urgent),
            state=rules.State.WAITING,
            escalated_from=escalated_from,
        )
        session.add(message)
        session.flush()
        session.add_all(
            NoticeOf(message_id=message.id, event_id=event.id, subscription_id=subscription.id) for event in events
        )

    def _words(self, site: Site, events: Sequence[NoticeEvent], language: str) -> tuple[str, str]:
        """The site's name and what happened, and nothing of a person."""
        said = Counter(self.wording.say(event.kind, event.about, language) for event in events)
        lines = [f"{what} × {count}" if count > 1 else what for what, count in said.most_common(LINES_MAX)]
        if len(said) > LINES_MAX:
            lines.append("…")
        what = lines[0] if len(said) == 1 else self.wording.several(len(events), language)
        return self.wording.title(site.name, what, language), "\n".join(lines)

    def _handled(self, session: Session, message: NoticeMessage) -> bool:
        """Whether somebody has seen what it tells of, here or where it happened."""
        return all(answered(session, event) for event in self._events(session, message.id))

    def _pass_on(self, session: Session, message: NoticeMessage, subscription: NoticeSubscription, now_us: int) -> int:
        told, before = [message.account_name], message.escalated_from
        while before is not None and len(told) < rules.CHAIN_MAX:
            earlier = session.get_one(NoticeMessage, before)
            told.append(earlier.account_name)
            before = earlier.escalated_from
        person = rules.next_person(subscription.escalate_to, told)
        account = session.get(Account, person) if person is not None else None
        if account is None or not reaches(session, account, message.site_id):
            return 0
        site, events = session.get_one(Site, message.site_id), self._events(session, message.id)
        query = select(NoticeSubscription).where(
            NoticeSubscription.site_id == site.id,
            NoticeSubscription.account_name == account.name,
            NoticeSubscription.removed_us.is_(None),
        )
        made = 0
        for theirs in session.scalars(query).all():
            had = select(NoticeOf.event_id).where(NoticeOf.subscription_id == theirs.id)
            known = set(session.scalars(had.where(NoticeOf.event_id.in_([event.id for event in events]))))
            news = [event for event in events if event.id not in known and is_for(event, account)]
            if news:
                self._make(session, site, theirs, news, now_us, escalated_from=message.id)
                made += 1
        return made

    def _events(self, session: Session, message_id: str) -> list[NoticeEvent]:
        query = select(NoticeEvent).join(NoticeOf, NoticeOf.event_id == NoticeEvent.id)
        return list(session.scalars(query.where(NoticeOf.message_id == message_id).order_by(NoticeEvent.id)))


def answered(session: Session, event: NoticeEvent) -> bool:
    """Whether anybody has seen a message of it, or has acknowledged the alarm."""
    told = select(NoticeOf.message_id).where(NoticeOf.event_id == event.id)
    seen = select(NoticeMessage.id).where(NoticeMessage.id.in_(told), NoticeMessage.seen_us.is_not(None))
    if session.scalar(seen.limit(1)) is not None:
        return True
    alarm = session.get(AlarmRow, int(event.key.partition(":")[2])) if event.kind == ALARM else None
    return alarm is not None and alarm.acknowledged_us is not None


def _page_of(site: Site, events: Sequence[NoticeEvent]) -> str:
    return "/live" if any(event.kind in GUARDIAN_KINDS for event in events) else f"/sites/{site.id}"


def _subscribers(
    session: Session, site_id: str, events: Sequence[NoticeEvent]
) -> list[tuple[NoticeSubscription, Account]]:
    """Who has subscribed to the site; and of those to whom something is passed on and who have not, what they have elsewhere."""
    addressed = {event.for_account for event in events if event.kind == ESCALATION}
    query = select(NoticeSubscription, Account).join(Account, Account.name == NoticeSubscription.account_name)
    query = query.where(
        NoticeSubscription.removed_us.is_(None),
        or_(NoticeSubscription.site_id == site_id, NoticeSubscription.account_name.in_(addressed)),
    )
    rows = [(row[0], row[1]) for row in session.execute(query.order_by(NoticeSubscription.id))]
    here = {one.account_name for one, _ in rows if one.site_id == site_id}
    elsewhere = {
        (one.account_name, one.channel, one.target): (one, account)
        for one, account in rows
        if one.account_name not in here
    }
    return [*((one, account) for one, account in rows if one.site_id == site_id), *elsewhere.values()]


def quiet_of(subscription: NoticeSubscription) -> tuple[int, int] | None:
    """Its quiet hours, in minutes after the site's midnight."""
    begin, end = subscription.quiet_from_min, subscription.quiet_until_min
    return (begin, end) if begin is not None and end is not None else None


def is_for(event: NoticeEvent, account: Account) -> bool:
    """News of one person reaches nobody else, and a guardian hears of nothing but the own (I7)."""
    if event.for_account is not None:
        return event.for_account == account.name
    return account.role != Role.GUARDIAN


def reaches(session: Session, account: Account, site_id: str) -> bool:
    """Whether a person may still know of a site (I7): a guardian, for whom the facility keeps an account."""
    if account.role == Role.GUARDIAN:
        return any(bond.site_id == site_id for bond in leases.guardians_of(session, account.name))
    scope = Scope(account.name, account.role, account.region, reach(account.role, Action.NOTICES_OWN))
    return session.scalar(visible_sites(scope).where(Site.id == site_id)) is not None
