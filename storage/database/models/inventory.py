"""What there is: sites, zones, agents, cameras."""

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Integer, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Slug


class Site(Base):
    """A childcare facility; ``timezone`` decides where its days begin."""

    __tablename__ = "site"
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str] = mapped_column(String(64))
    timezone: Mapped[str] = mapped_column(String(64))
    created_us: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str | None] = mapped_column(String(24))
    """This and the next three answer in the words of ``config.policies.metrics.FACTS``; null is unknown."""
    ownership: Mapped[str | None] = mapped_column(String(24))
    inclusive: Mapped[bool | None] = mapped_column(Boolean)
    reg799_class: Mapped[str | None] = mapped_column(String(8))
    policy_pack: Mapped[str | None] = mapped_column(String(64))
    """The pack it is judged by; null is the server's own choice."""
    places: Mapped[int | None] = mapped_column(Integer)
    indoor_m2: Mapped[float | None] = mapped_column(Float)
    outdoor_m2: Mapped[float | None] = mapped_column(Float)
    star_rating: Mapped[int | None] = mapped_column(Integer)
    filing_status: Mapped[str | None] = mapped_column(String(16))
    filing_number: Mapped[str | None] = mapped_column(String(64))
    published: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Whether its filing, stars and monthly figures stand on the public page."""


class Zone(Base):
    """A place within a site; its kind decides whether a camera may look into it (I9)."""

    __tablename__ = "zone"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(32))
    required: Mapped[bool | None] = mapped_column(Boolean)
    """Whether cameras must cover it; null: as the policy pack says of its kind."""
    registered_us: Mapped[int | None] = mapped_column(BigInteger)
    """When somebody first said that there is such a place; null: from the beginning, as far as anybody knows."""


class Agent(Base):
    """An edge agent and the public key that its messages are believed by."""

    __tablename__ = "agent"
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealing_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """X25519: what camera passwords are sealed to; null for an agent that has not given one."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
    """From here on nothing of it is accepted; null while it is trusted. A new enrolment makes it null again."""
    revoked_reason: Mapped[str | None] = mapped_column(String(200))


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


class CameraSource(Base):
    """How an agent reaches a camera; the operator's word, sent to the agent in its desired state."""

    __tablename__ = "camera_source"
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    settings: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of a ``DesiredCamera``, as the agent gets it; its password is sealed to the agent's key."""
    changed_us: Mapped[int] = mapped_column(BigInteger)


class AgentConfiguration(Base):
    """Which version of its desired state an agent should have, and what it said of the last one it took."""

    __tablename__ = "agent_configuration"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    """Grows by one in the transaction of every change."""
    changed_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When it is to be sent (again); null where the agent works by it, or nothing has been heard of the agent since."""
    sent_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """When it was last handed to the broker; that proves nothing."""
    reported_version: Mapped[int] = mapped_column(BigInteger, default=0)
    """What the agent works by, by its own signed word."""
    report: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The envelope of its last ``configuration-report``, as received."""
    reported_us: Mapped[int | None] = mapped_column(BigInteger)
