"""Sends what is due: a message is claimed in the database, sent, and marked; so none goes twice, whenever a process dies.

Invariant: what a process that is gone had claimed is not sent again, unless its receiver knows it by its id; where nobody
can know whether it went, that stands on record as ``unknown`` and in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Counter
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.logs import get_logger
from config.settings.server import NoticeSettings
from server.domain import notices as rules
from server.services.notices.channels import Message, Sending
from server.services.notices.plan_messages import quiet_of, reaches
from storage.database.models import Account, NoticeMessage, NoticeSubscription, Site
from storage.database.unit_of_work import Database

A_ROUND_MAX = 10
"""After so many it is asked again what is due: an alarm waits for as many slow receivers, and no more."""
PUSH_GONE = ("http_404", "http_410")
"""The browser has given its subscription up (RFC 8030, 7.3): nothing is sent there again."""
log = get_logger("notices")
SENT = Counter("nightlight_notices", "Attempts to send a notice, by channel and outcome", ["channel", "outcome"])


@dataclass(frozen=True)
class MessageSender:
    """Several processes may run it: each message has one that claims it."""

    database: Database
    clock: Clock
    settings: NoticeSettings
    channels: Mapping[str, Sending]

    def recover(self) -> int:
        """Settles what was claimed so long ago that whoever did is gone; how many there were."""
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            query = select(NoticeMessage).where(
                NoticeMessage.state == rules.State.CLAIMED,
                NoticeMessage.claimed_us <= now_us - self.settings.claim_s * US_PER_S,
            )
            rows = list(session.scalars(query.limit(A_ROUND_MAX).with_for_update(skip_locked=True)))
            for row in rows:
                row.state = rules.after_crash(row.channel, row.attempts)
                row.why, row.due_us = "crashed", now_us
                log.warning("notice_interrupted", message=row.id, channel=row.channel, state=row.state)
        return len(rows)

    def send_due(self, channel: str | None = None) -> int:
        """Over one channel, or over all; how many attempts were made, at most ``A_ROUND_MAX``."""
        with self.database.reading() as session:
            query = select(NoticeMessage.id).where(
                NoticeMessage.state == rules.State.WAITING, NoticeMessage.due_us <= self.clock.utc_us()
            )
            if channel is not None:
                query = query.where(NoticeMessage.channel == channel)
            order = query.order_by(NoticeMessage.urgent.desc(), NoticeMessage.due_us).limit(A_ROUND_MAX)
            due = list(session.scalars(order))
        return sum(self._send(message_id) for message_id in due)

    def _send(self, message_id: str) -> bool:
        claimed = self._claim(message_id)
        if claimed is None:
            return False
        channel, message, attempts = claimed
        # No transaction is open here: a slow receiver holds nothing.
        result, why = self.channels[channel].send(message)
        state = rules.after_attempt(channel, result, attempts)
        with self.database.unit_of_work() as session:
            row = session.get_one(NoticeMessage, message_id, with_for_update=True)
            if row.attempts != attempts or row.state not in (rules.State.CLAIMED, rules.State.UNKNOWN):
                # It took so long that another process settled it, and may have it in hand.
                log.warning("notice_overtaken", message=message_id, channel=channel, state=row.state)
                return True
            now_us = self.clock.utc_us()
            row.state, row.why = state, why[:200]
            row.sent_us = now_us if state is rules.State.SENT else None
            if state is rules.State.WAITING:
                row.due_us = rules.retry_us(now_us, attempts)
            if channel == rules.Channel.WEBPUSH and why in PUSH_GONE:
                subscription = session.get_one(NoticeSubscription, row.subscription_id, with_for_update=True)
                subscription.removed_us, subscription.target = subscription.removed_us or now_us, ""
        SENT.labels(channel, state).inc()
        if state is not rules.State.SENT:
            log.warning("notice_not_sent", message=message_id, channel=channel, state=state, why=why, attempt=attempts)
        return True

    def _claim(self, message_id: str) -> tuple[str, Message, int] | None:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            claiming = (
                update(NoticeMessage)
                .where(NoticeMessage.id == message_id, NoticeMessage.state == rules.State.WAITING)
                .values(state=rules.State.CLAIMED, claimed_us=now_us, attempts=NoticeMessage.attempts + 1)
                .execution_options(synchronize_session=False)
            )
            if session.execute(claiming).rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
                return None
            row = session.get_one(NoticeMessage, message_id)
            subscription = session.get_one(NoticeSubscription, row.subscription_id)
            why = self._unwanted(session, row, subscription)
            if why:
                row.state, row.why = rules.State.DROPPED, why
                return None
            zone = session.get_one(Site, row.site_id).timezone
            row.due_us = rules.not_before_us(now_us, zone, quiet_of(subscription), urgent=row.urgent)
            if row.due_us > now_us:
                # Quiet hours have begun since: it was to be tried again, or nobody was there to send it.
                row.state, row.attempts = rules.State.WAITING, row.attempts - 1
                return None
            message = Message(
                message_id=row.id,
                target=subscription.target,
                secret=subscription.secret,
                title=row.title,
                body=row.body,
                link=row.link,
                site_id=row.site_id,
                kinds=row.kinds.split(","),
                at_us=row.made_us,
            )
            return row.channel, message, row.attempts

    def _unwanted(self, session: Session, row: NoticeMessage, subscription: NoticeSubscription) -> str:
        if subscription.removed_us is not None:
            return "unsubscribed"
        account = session.get(Account, row.account_name)
        if account is None or not reaches(session, account, row.site_id):
            return "no_longer_in_reach"
        return "" if row.channel in self.channels else "channel_off"
