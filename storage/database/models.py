"""The tables. Instants are integer microseconds UTC (``_us``); ids of sites, agents and cameras are slugs.

Rows of ``segment``, ``condition_change``, ``quarantined_message`` and ``verdict`` are evidence: inserted, never
deleted by the application, and only the columns that say what was found later are filled in afterwards (I4).
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Slug = String(64)
HexId = String(32)
Sha256 = String(64)
RowId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Common root of all tables."""


class Site(Base):
    """A childcare facility; ``timezone`` decides where its days begin."""

    __tablename__ = "site"
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str] = mapped_column(String(64))
    timezone: Mapped[str] = mapped_column(String(64))
    created_us: Mapped[int] = mapped_column(BigInteger)


class Zone(Base):
    """A place within a site; its kind decides whether a camera may look into it (I9)."""

    __tablename__ = "zone"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(32))


class Agent(Base):
    """An edge agent and the public key that its messages are believed by."""

    __tablename__ = "agent"
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_us: Mapped[int] = mapped_column(BigInteger)


class AgentStatus(Base):
    """The newest heartbeat of an agent; the only rows here that are overwritten."""

    __tablename__ = "agent_status"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    heard_us: Mapped[int] = mapped_column(BigInteger)
    """When the server last received a heartbeat, by the server's clock."""
    sent_us: Mapped[int] = mapped_column(BigInteger)
    timeline_id: Mapped[str] = mapped_column(HexId)
    gone: Mapped[bool] = mapped_column(Boolean, default=False)
    """The broker published the agent's last will since then."""
    heartbeat: Mapped[bytes] = mapped_column(LargeBinary)


class Camera(Base):
    """A camera; expected to be covered from ``activated_us`` (its first secured footage) until ``retired_us``."""

    __tablename__ = "camera"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    zone_id: Mapped[str] = mapped_column(Slug)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    registered_us: Mapped[int] = mapped_column(BigInteger)
    activated_us: Mapped[int | None] = mapped_column(BigInteger)
    retired_us: Mapped[int | None] = mapped_column(BigInteger)
    assess_from_day: Mapped[str | None] = mapped_column(String(10))
    """Every day before this one has a final verdict that is up to date; null before the camera is in service."""
    settled_until_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """The agent's word that everything before this instant has reached the server."""


class Timeline(Base):
    """One unbroken stretch of an agent's clock: the agent ran from ``started_us`` to at least ``last_us`` of it."""

    __tablename__ = "timeline"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), index=True)
    started_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
    first_heard_us: Mapped[int] = mapped_column(BigInteger)
    """When the server first heard of it, by the server's clock: of two timelines the one heard of later is the newer."""
    compared_us: Mapped[int | None] = mapped_column(BigInteger)
    """The last comparison with the server's clock that was within the tolerance."""
    vouched_until_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """How far that comparison reaches forward, once a later one confirms it."""
    distrusted_from_us: Mapped[int | None] = mapped_column(BigInteger)
    """From here on this clock was proved wrong: never trusted again."""


class TrustedSpan(Base):
    """Where comparisons with the server's clock vouch for a timeline; run-length."""

    __tablename__ = "trusted_span"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    timeline_id: Mapped[str] = mapped_column(ForeignKey("timeline.id"))
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_trusted_span_timeline", "timeline_id", "start_us"),)


class CoverageSpan(Base):
    """Claimed, secured and backfilled time of a camera; run-length: an uninterrupted day is one row a kind."""

    __tablename__ = "coverage_span"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    kind: Mapped[str] = mapped_column(String(16))
    timeline_id: Mapped[str] = mapped_column(HexId)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_coverage_span_camera", "camera_id", "kind", "timeline_id", "end_us"),)


class Segment(Base):
    """A manifest as received, and what became of its object."""

    __tablename__ = "segment"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    chain_id: Mapped[str] = mapped_column(HexId)
    sequence: Mapped[int] = mapped_column(BigInteger)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    payload_sha256: Mapped[str] = mapped_column(Sha256)
    """What the next manifest of this camera must name as ``previous``."""
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """The signed envelope, byte for byte as it was received."""
    received_us: Mapped[int] = mapped_column(BigInteger)
    object_key: Mapped[str | None] = mapped_column(String(512))
    version_id: Mapped[str | None] = mapped_column(String(256))
    retain_until_us: Mapped[int | None] = mapped_column(BigInteger)
    secured_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the server had read the version back whole and locked; null until then (I3)."""
    refusal: Mapped[str | None] = mapped_column(String(32))
    """Why the last read-back, of the version named above, was refused; null once secured."""
    __table_args__ = (
        UniqueConstraint("chain_id", "camera_id", "sequence", name="uq_segment_chain"),
        Index("ix_segment_camera", "camera_id", "end_us"),
        Index("ix_segment_footage", "camera_id", "sha256"),
    )


class PendingVerification(Base):
    """An uploaded version that waits to be read back: a work queue that survives a restart."""

    __tablename__ = "pending_verification"
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"), primary_key=True)
    object_key: Mapped[str] = mapped_column(String(512))
    version_id: Mapped[str] = mapped_column(String(256))
    due_us: Mapped[int] = mapped_column(BigInteger, index=True)
    """Not before this instant; a worker that takes the row moves it ahead, so that a crash only delays it."""
    tries: Mapped[int] = mapped_column(Integer, default=0)


class ConditionChange(Base):
    """What an agent said of a camera from ``at_us`` on."""

    __tablename__ = "condition_change"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    at_us: Mapped[int] = mapped_column(BigInteger)
    condition: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(200))
    __table_args__ = (Index("ix_condition_change_camera", "camera_id", "at_us"),)


class QuarantinedMessage(Base):
    """A message that could not be handled, with its reason (I11)."""

    __tablename__ = "quarantined_message"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    received_us: Mapped[int] = mapped_column(BigInteger, index=True)
    topic: Mapped[str] = mapped_column(String(512))
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    """At most the first 64 KiB; ``size_bytes`` and ``sha256`` are of the whole."""
    __table_args__ = (UniqueConstraint("topic", "sha256", "reason", name="uq_quarantined_message"),)


class Verdict(Base):
    """An entry in the history of a camera-day; a correction is a new entry that names what it replaces (I4)."""

    __tablename__ = "verdict"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    day: Mapped[str] = mapped_column(String(10))
    """The site's own date, ISO 8601."""
    status: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(Boolean)
    expected_us: Mapped[int] = mapped_column(BigInteger)
    covered_us: Mapped[int] = mapped_column(BigInteger)
    assessed_us: Mapped[int] = mapped_column(BigInteger)
    gaps: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON: a list of [start_us, end_us or null, cause, certainty]."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("verdict.id"))
    __table_args__ = (Index("ix_verdict_camera_day", "camera_id", "day", "id"),)


class Account(Base):
    """A person who may sign in. ``role`` is operator (scoped to sites) or auditor (scoped to a region subtree)."""

    __tablename__ = "account"
    name: Mapped[str] = mapped_column(Slug, primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(String(64), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    created_us: Mapped[int] = mapped_column(BigInteger)


class AccountSite(Base):
    """The sites an operator may see."""

    __tablename__ = "account_site"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)


class LoginSession(Base):
    """A signed-in browser; the cookie's token is kept only as its SHA-256."""

    __tablename__ = "login_session"
    token_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    created_us: Mapped[int] = mapped_column(BigInteger)
    expires_us: Mapped[int] = mapped_column(BigInteger)
