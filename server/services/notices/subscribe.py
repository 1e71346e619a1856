"""What a person wants to hear of and how, and what became of each message. Each person sees and changes their own alone (I7)."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import is_slug
from config.base.roles import Role
from server.domain.notices import Channel, State
from server.services.notices.channels import SECRET_PREFIX, Sending, WebPush
from server.services.notices.plan_messages import reaches
from server.services.notices.tell import ESCALATION, kinds_of
from storage.database import leases
from storage.database import scope as scoping
from storage.database.models import Account, NoticeEvent, NoticeMessage, NoticeSubscription, Site
from storage.database.unit_of_work import Database

SUBSCRIPTIONS_MAX = 40
MESSAGES_SHOWN = 100
PASSED_ON_SHOWN = 20
TARGET_CHARS_MAX = 2_000
ESCALATE_MIN_MAX = 1_440
LANGUAGES = ("zh-CN", "en")
ROW_ID_MAX = 2**63 - 1


class SubscriptionView(msgspec.Struct, frozen=True):
    """One subscription of the reader's own. ``shown`` is as much of the address as tells which it is."""

    subscription_id: int
    site_id: str
    site_name: str
    kinds: list[str]
    channel: str
    shown: str
    secret: str
    language: str
    quiet_from_min: int | None
    quiet_until_min: int | None
    escalate_to: str | None
    escalate_min: int


class MessageView(msgspec.Struct, frozen=True):
    """One message and what became of it."""

    message_id: str
    site_id: str
    timezone: str
    channel: str
    kinds: list[str]
    events: int
    urgent: bool
    title: str
    body: str
    link: str
    made_us: int
    due_us: int
    state: str
    attempts: int
    sent_us: int | None
    why: str
    seen_us: int | None
    escalated: bool


class PassedOn(msgspec.Struct, frozen=True):
    """What nobody had answered and the policy pack passes on to the reader; ``about``: kind and word of what it is."""

    site_name: str
    timezone: str
    about: str
    link: str
    at_us: int


class Notices(msgspec.Struct, frozen=True):
    """A person's own page."""

    sites: list[tuple[str, str]]
    channels: list[str]
    push_key: str
    subscriptions: list[SubscriptionView]
    messages: list[MessageView]
    unknown: int
    """Messages of which nobody can know whether they went."""
    now_us: int
    passed_on: list[PassedOn] = []
    """The newest first, whether or not there was a channel to tell it by."""


class Wish(msgspec.Struct, frozen=True):
    """What somebody asks for. Minutes are after the site's midnight."""

    site_id: str
    kinds: list[str]
    channel: str
    target: str
    language: str = "zh-CN"
    quiet_from_min: int | None = None
    quiet_until_min: int | None = None
    escalate_to: str | None = None
    escalate_min: int = 0


@dataclass(frozen=True)
class NoticeDesk:
    """Reads and acts on behalf of one person at a time."""

    database: Database
    clock: Clock
    channels: Mapping[str, Sending]

    def mine(self, scope: scoping.Scope) -> Notices:
        """Everything of one person."""
        with self.database.reading() as session:
            sites = {site.id: site for site in _sites(session, scope)}
            rows = session.scalars(self._standing(scope).order_by(NoticeSubscription.id)).all()
            mine = select(NoticeMessage).where(NoticeMessage.account_name == scope.account_name)
            messages = session.scalars(mine.order_by(NoticeMessage.made_us.desc()).limit(MESSAGES_SHOWN)).all()
            push = self.channels.get(Channel.WEBPUSH)
            theirs = select(NoticeEvent).where(
                NoticeEvent.for_account == scope.account_name,
                NoticeEvent.kind == ESCALATION,
                NoticeEvent.site_id.in_(list(sites)),
            )
            passed_on = session.scalars(theirs.order_by(NoticeEvent.at_us.desc()).limit(PASSED_ON_SHOWN)).all()
            return Notices(
                sites=[(site.id, site.name) for site in sites.values()],
                channels=[name for name in Channel if name in self.channels],
                push_key=push.public_key if isinstance(push, WebPush) else "",
                subscriptions=[_subscription(row, sites) for row in rows],
                messages=[_message(row, sites) for row in messages],
                unknown=sum(row.state == State.UNKNOWN and row.seen_us is None for row in messages),
                now_us=self.clock.utc_us(),
                passed_on=[
                    PassedOn(sites[row.site_id].name, sites[row.site_id].timezone, row.about, row.link, row.at_us)
                    for row in passed_on
                ],
            )

    def subscribe(self, scope: scoping.Scope, wish: Wish) -> int:
        """Raises NotFound, or InvalidInput where nothing could be sent so."""
        channel = self.channels.get(wish.channel)
        if channel is None:
            raise InvalidInput("this channel is not set up on the server", code="channel_off")
        if not wish.kinds or not set(wish.kinds) <= set(kinds_of(scope.role)):
            raise InvalidInput("choose what to hear of", code="no_kinds")
        minutes = (wish.quiet_from_min, wish.quiet_until_min)
        if (None in minutes) != (minutes == (None, None)) or any(
            one is not None and not 0 <= one < 1_440 for one in minutes
        ):
            raise InvalidInput("quiet hours have a beginning and an end", code="quiet_hours")
        if wish.language not in LANGUAGES or len(wish.target) > TARGET_CHARS_MAX:
            raise InvalidInput("that is no address", code="target_address")
        # Before the transaction: it asks the name service.
        channel.check(wish.target.strip())
        with self.database.unit_of_work() as session:
            if not is_slug(wish.site_id):
                raise NotFound("no such site")
            site = next((one for one in _sites(session, scope) if one.id == wish.site_id), None)
            if site is None:
                raise NotFound("no such site")
            self._check_escalation(session, scope, site, wish)
            count = session.scalar(select(func.count()).select_from(self._standing(scope).subquery())) or 0
            if count >= SUBSCRIPTIONS_MAX:
                raise Conflict(f"at most {SUBSCRIPTIONS_MAX} subscriptions: end one first", code="too_many")
            row = NoticeSubscription(
                account_name=scope.account_name,
                site_id=site.id,
                kinds=",".join(kind for kind in kinds_of(scope.role) if kind in wish.kinds),
                channel=wish.channel,
                target=wish.target.strip(),
                secret=_fresh_secret() if wish.channel == Channel.WEBHOOK else "",
                language=wish.language,
                quiet_from_min=wish.quiet_from_min,
                quiet_until_min=wish.quiet_until_min,
                escalate_to=wish.escalate_to,
                escalate_min=wish.escalate_min if wish.escalate_to is not None else 0,
                created_us=self.clock.utc_us(),
            )
            session.add(row)
            session.flush()
            return row.id

    def end(self, scope: scoping.Scope, subscription_id: int) -> None:
        """Nothing more goes by it. Raises NotFound."""
        with self.database.unit_of_work() as session:
            row = session.get(NoticeSubscription, min(subscription_id, ROW_ID_MAX), with_for_update=True)
            if row is None or row.account_name != scope.account_name:
                raise NotFound("no such subscription")
            if row.removed_us is None:
                row.removed_us, row.target, row.secret = self.clock.utc_us(), "", ""

    def seen(self, scope: scoping.Scope, message_id: str) -> None:
        """Whoever is told next need not be. Raises NotFound."""
        with self.database.unit_of_work() as session:
            known = is_slug(message_id)
            row = session.get(NoticeMessage, message_id, with_for_update=True) if known else None
            if row is None or row.account_name != scope.account_name:
                raise NotFound("no such message")
            row.seen_us = row.seen_us or self.clock.utc_us()

    def _check_escalation(self, session: Session, scope: scoping.Scope, site: Site, wish: Wish) -> None:
        if wish.escalate_to is None:
            return
        account = session.get(Account, wish.escalate_to) if is_slug(wish.escalate_to) else None
        usable = account is not None and account.name != scope.account_name and reaches(session, account, site.id)
        if not usable or not 1 <= wish.escalate_min <= ESCALATE_MIN_MAX:
            raise InvalidInput("name somebody else with this site, and after how many minutes", code="escalation")

    def _standing(self, scope: scoping.Scope):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a Select
        return select(NoticeSubscription).where(
            NoticeSubscription.account_name == scope.account_name, NoticeSubscription.removed_us.is_(None)
        )


def _sites(session: Session, scope: scoping.Scope) -> list[Site]:
    """Whose news somebody may hear: the sites within reach; a guardian's own."""
    if scope.role != Role.GUARDIAN:
        return list(session.scalars(scoping.visible_sites(scope)))
    mine = {bond.site_id for bond in leases.guardians_of(session, scope.account_name)}
    return list(session.scalars(select(Site).where(Site.id.in_(mine)).order_by(Site.id)))


def _fresh_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _shown(row: NoticeSubscription) -> str:
    """Chat and push addresses are keys: their beginning is enough to tell them apart."""
    if row.channel in (Channel.EMAIL, Channel.WEBHOOK):
        return row.target
    return row.target.partition("://")[0] if row.channel == Channel.CHAT else ""


def _subscription(row: NoticeSubscription, sites: Mapping[str, Site]) -> SubscriptionView:
    return SubscriptionView(
        subscription_id=row.id,
        site_id=row.site_id,
        site_name=sites[row.site_id].name if row.site_id in sites else row.site_id,
        kinds=row.kinds.split(","),
        channel=row.channel,
        shown=_shown(row),
        secret=row.secret,
        language=row.language,
        quiet_from_min=row.quiet_from_min,
        quiet_until_min=row.quiet_until_min,
        escalate_to=row.escalate_to,
        escalate_min=row.escalate_min,
    )


def _message(row: NoticeMessage, sites: Mapping[str, Site]) -> MessageView:
    return MessageView(
        message_id=row.id,
        site_id=row.site_id,
        timezone=sites[row.site_id].timezone if row.site_id in sites else "UTC",
        channel=row.channel,
        kinds=row.kinds.split(","),
        events=row.events,
        urgent=row.urgent,
        title=row.title,
        body=row.body,
        link=row.link,
        made_us=row.made_us,
        due_us=row.due_us,
        state=row.state,
        attempts=row.attempts,
        sent_us=row.sent_us,
        why=row.why,
        seen_us=row.seen_us,
        escalated=row.escalated_us is not None,
    )


def minutes_of(text: str) -> int | None:
    """``22:30`` as minutes after midnight; None where it is empty. Raises InvalidInput."""
    if not text:
        return None
    parts: Sequence[str] = text.split(":")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts[:2]):
        raise InvalidInput("a time of day", code="quiet_hours")
    hour, minute = int(parts[0]), int(parts[1])
    if hour > 23 or minute > 59:
        raise InvalidInput("a time of day", code="quiet_hours")
    return hour * 60 + minute
