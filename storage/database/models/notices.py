"""Notices: who wants to hear of what, what there was to tell, and what became of each message.

``notice_event`` is written in the transaction of what it tells of. A message is claimed before it is sent and marked
afterwards, so that none is sent twice; where nobody can know whether it went, it says ``unknown``.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class NoticeSubscription(Base):
    """What a person wants to hear of a site, how, and when not."""

    __tablename__ = "notice_subscription"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    kinds: Mapped[str] = mapped_column(String(120))
    """Separated by commas."""
    channel: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(Text)
    """An address; never logged, and shown to its owner alone."""
    secret: Mapped[str] = mapped_column(String(80), default="")
    """Of a webhook: what its messages are signed with."""
    language: Mapped[str] = mapped_column(String(8))
    quiet_from_min: Mapped[int | None] = mapped_column(Integer)
    """Minutes after midnight at the site; null: never quiet."""
    quiet_until_min: Mapped[int | None] = mapped_column(Integer)
    escalate_to: Mapped[str | None] = mapped_column(Slug)
    """Who hears of it where nobody has seen it."""
    escalate_min: Mapped[int] = mapped_column(Integer, default=0)
    created_us: Mapped[int] = mapped_column(BigInteger)
    removed_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_notice_subscription_site", "site_id", "removed_us"),
        Index("ix_notice_subscription_account", "account_name", "removed_us"),
    )


class NoticeEvent(Base):
    """Something to tell of; told once, whatever happens: ``key`` is what it is about."""

    __tablename__ = "notice_event"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(16))
    about: Mapped[str] = mapped_column(String(64))
    """A word of the catalogue: a cause, a kind of alarm, a finding; nothing of a person."""
    link: Mapped[str] = mapped_column(String(200))
    """The path of the page that tells more."""
    urgent: Mapped[bool] = mapped_column(Boolean)
    at_us: Mapped[int] = mapped_column(BigInteger)
    for_account: Mapped[str | None] = mapped_column(Slug)
    """Whose news it is alone; null: everybody's who has the site."""
    planned_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When messages were made of it."""
    __table_args__ = (Index("ix_notice_event_account", "for_account", "at_us"),)


class NoticeMessage(Base):
    """One message to one person over one channel: of one event or, as a digest, of many."""

    __tablename__ = "notice_message"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    """Goes with the message, so that a receiver knows one that comes again."""
    subscription_id: Mapped[int] = mapped_column(ForeignKey("notice_subscription.id"))
    account_name: Mapped[str] = mapped_column(Slug)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    channel: Mapped[str] = mapped_column(String(16))
    urgent: Mapped[bool] = mapped_column(Boolean)
    events: Mapped[int] = mapped_column(Integer)
    kinds: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    link: Mapped[str] = mapped_column(String(300))
    made_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    """waiting, claimed, sent, failed, unknown or dropped."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    claimed_us: Mapped[int | None] = mapped_column(BigInteger)
    sent_us: Mapped[int | None] = mapped_column(BigInteger)
    why: Mapped[str] = mapped_column(String(200), default="")
    seen_us: Mapped[int | None] = mapped_column(BigInteger)
    escalated_us: Mapped[int | None] = mapped_column(BigInteger)
    escalated_from: Mapped[str | None] = mapped_column(HexId)
    __table_args__ = (
        Index("ix_notice_message_state", "state", "due_us"),
        Index("ix_notice_message_account", "account_name", "made_us"),
        Index("ix_notice_message_subscription", "subscription_id", "made_us"),
    )


class NoticeOf(Base):
    """Which events a message tells of."""

    __tablename__ = "notice_of"
    message_id: Mapped[str] = mapped_column(ForeignKey("notice_message.id"), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("notice_event.id"), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("notice_subscription.id"))
    __table_args__ = (UniqueConstraint("event_id", "subscription_id", name="uq_notice_of"),)
