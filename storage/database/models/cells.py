"""Sites that keep their recordings in a store of their own: where, what agents read there, challenges, fetches and orders.

A segment that lies in a cell has a ``cell_copy`` and no ``retain_until_us`` of its own: whatever audits, holds and deletes
in the centre's store never meets it.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class Cell(Base):
    """A site's own store, which the centre cannot reach and signs requests for."""

    __tablename__ = "cell"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(255))
    """``host:port``, as the site's agent reaches it."""
    tls: Mapped[bool] = mapped_column(Boolean)
    region: Mapped[str] = mapped_column(String(64))
    bucket: Mapped[str] = mapped_column(String(63))
    access_key: Mapped[str] = mapped_column(String(128))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed to the server's own key."""
    set_us: Mapped[int] = mapped_column(BigInteger)
    floor_days: Mapped[int | None] = mapped_column(Integer)
    """For so many days every lock there is known to last, as agents read it; null: not looked at yet."""


class CellCopy(Base):
    """A recording in a cell, as its agent read it back (I4: the signed word stays)."""

    __tablename__ = "cell_copy"
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    leaf_root: Mapped[str] = mapped_column(Sha256)
    object_key: Mapped[str] = mapped_column(String(512))
    version_id: Mapped[str] = mapped_column(String(256))
    retain_until_us: Mapped[int] = mapped_column(BigInteger)
    """The end of the COMPLIANCE lock as the agent last read it."""
    floor_us: Mapped[int] = mapped_column(BigInteger)
    """What it had to be at least when it was taken in."""
    read_us: Mapped[int] = mapped_column(BigInteger)
    """When the server took the agent's word in."""
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8))
    """``claimed``: to be judged. ``waiting``: for a challenge. ``proven``: its time counts. ``unsound``: it does not."""
    first_leaf: Mapped[int | None] = mapped_column(BigInteger)
    """Its leaves among all leaves of its agent, so that one can be drawn evenly; null while claimed."""
    leaves: Mapped[int] = mapped_column(Integer)
    held: Mapped[bool | None] = mapped_column(Boolean)
    """Whether the cell's own hold lies on it, as an agent last read it; null: nobody has looked."""
    gone_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the server took an agent's word in that it was deleted, as ordered."""
    __table_args__ = (
        Index("ix_cell_copy_end", "site_id", "gone_us", "retain_until_us"),
        Index("ix_cell_copy_held", "site_id", "held"),
        Index("ix_cell_copy_state", "agent_id", "state", "read_us"),
        Index("uq_cell_copy_leaf", "agent_id", "first_leaf", unique=True),
        Index("ix_cell_copy_lock", "agent_id", "retain_until_us"),
    )


class CellChallengeRow(Base):
    """One leaf that was asked for, and what came."""

    __tablename__ = "cell_challenge"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    """Whose recording it is."""
    asked_id: Mapped[str | None] = mapped_column(Slug)
    """Which agent of the site is asked in its place; null: itself."""
    camera_id: Mapped[str] = mapped_column(Slug)
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"))
    leaf: Mapped[int] = mapped_column(Integer)
    why: Mapped[str] = mapped_column(String(8))
    """``new``: among what waits. ``kept``: evenly among all that is kept. ``again``: what failed before."""
    until_leaf: Mapped[int | None] = mapped_column(BigInteger)
    """Of ``new``: it was drawn among copies whose leaves are numbered below this; no clock can say that."""
    drawn_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When it is sent (again); null once it is over."""
    deadline_us: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str | None] = mapped_column(String(16))
    """``right``, ``object_missing``, ``object_corrupt``, ``lock_short``, ``overdue``; null while it is open."""
    answered_us: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(String(200), default="")
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The signed answer, without the leaf's bytes."""
    __table_args__ = (
        Index("ix_cell_challenge_agent", "agent_id", "why", "drawn_us"),
        Index("ix_cell_challenge_camera", "camera_id", "drawn_us"),
        Index("ix_cell_challenge_segment", "segment_id"),
    )


class CellStanding(Base):
    """Whether the recordings of an agent that lie in its site's cell are still proven."""

    __tablename__ = "cell_standing"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    proven_us: Mapped[int] = mapped_column(BigInteger)
    """When the newest leaf was drawn, evenly among all of them, that was answered rightly."""
    unproven_from_us: Mapped[int | None] = mapped_column(BigInteger)
    """From which time on verdicts have left them out, as far as the assessment has come; null: nowhere."""


class CellFetchRow(Base):
    """A recording that somebody asked for, brought to the centre for a short while."""

    __tablename__ = "cell_fetch"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    camera_id: Mapped[str] = mapped_column(Slug)
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"))
    asked_by: Mapped[str] = mapped_column(Slug)
    reason: Mapped[str] = mapped_column(String(200))
    asked_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    expires_us: Mapped[int] = mapped_column(BigInteger)
    """Until when the agent may bring it; once it is here, until when it stays."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    """``here``, ``object_missing``, ``object_corrupt``, ``overdue``, ``gone`` (its time at the centre is over); null: open."""
    version_id: Mapped[str | None] = mapped_column(String(256))
    __table_args__ = (Index("ix_cell_fetch_segment", "segment_id", "asked_us"),)


class CellOrderRow(Base):
    """One version in a cell that is to be held, let go, locked for longer or deleted; and what came of it."""

    __tablename__ = "cell_order"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    """Whose recording it is."""
    asked_id: Mapped[str | None] = mapped_column(Slug)
    """Which agent of the site was asked last; null: nobody yet."""
    camera_id: Mapped[str] = mapped_column(Slug)
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"))
    action: Mapped[str] = mapped_column(String(8))
    """``hold``, ``release``, ``extend``, ``delete``."""
    until_us: Mapped[int] = mapped_column(BigInteger)
    """Of a longer lock; else 0."""
    versions: Mapped[str] = mapped_column(Text)
    """Of a deletion: what else lies under the key and goes with it, one a line."""
    made_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When it is sent (again); null once it is over."""
    sent_us: Mapped[int | None] = mapped_column(BigInteger)
    tries: Mapped[int] = mapped_column(Integer)
    deadline_us: Mapped[int] = mapped_column(BigInteger)
    alarmed_us: Mapped[int | None] = mapped_column(BigInteger)
    """When it was told to be overdue."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    """``done``, ``missing`` (no such version), ``given_up``, ``cancelled``; null while it is open."""
    answered_us: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(String(200))
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The signed read-back that was judged last."""
    __table_args__ = (
        Index("ix_cell_order_site", "site_id", "outcome", "made_us"),
        Index("ix_cell_order_segment", "segment_id", "made_us"),
    )
