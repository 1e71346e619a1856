"""Alarm events as they came, what people did about them, and what follows from both.

Rows of ``alarm_event`` and ``alarm_act`` are evidence: inserted, never changed (I4). ``alarm`` and ``alarm_partition``
are derived from them and hold the present.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class AlarmEventRow(Base):
    """What a panel, an input or a bridge said; the columns are the agent's reading, the envelope is what it signed."""

    __tablename__ = "alarm_event"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    panel_id: Mapped[str] = mapped_column(Slug)
    source: Mapped[str] = mapped_column(String(16))
    partition: Mapped[str] = mapped_column(String(32))
    point: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    at_us: Mapped[int] = mapped_column(BigInteger)
    """Receipt at the agent, on its timeline."""
    panel_at_us: Mapped[int | None] = mapped_column(BigInteger)
    encrypted: Mapped[bool] = mapped_column(Boolean)
    detail: Mapped[str] = mapped_column(String(200))
    received_us: Mapped[int] = mapped_column(BigInteger)
    """Receipt at the server, by its clock."""
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index("ix_alarm_event_site", "site_id", "at_us"),
        Index("ix_alarm_event_received", "site_id", "received_us"),
    )


class AlarmRow(Base):
    """One alarm and where it is in its life (``server/domain/alarms.py``)."""

    __tablename__ = "alarm"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    panel_id: Mapped[str] = mapped_column(Slug)
    partition: Mapped[str] = mapped_column(String(32))
    point: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    about: Mapped[str] = mapped_column(String(32))
    """What a restore must begin to name to end it."""
    first_event: Mapped[str] = mapped_column(ForeignKey("alarm_event.message_id"))
    detail: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16))
    raised_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    restored_us: Mapped[int | None] = mapped_column(BigInteger)
    acknowledged_us: Mapped[int | None] = mapped_column(BigInteger)
    acknowledged_by: Mapped[str] = mapped_column(String(64))
    cleared_us: Mapped[int | None] = mapped_column(BigInteger)
    cleared_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    """Two writers cannot both change what they read."""
    __table_args__ = (
        Index("ix_alarm_site", "site_id", "status", "last_us"),
        Index("ix_alarm_point", "agent_id", "panel_id", "partition", "point", "status"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it off the class


class AlarmAct(Base):
    """What a person did about an alarm."""

    __tablename__ = "alarm_act"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    act: Mapped[str] = mapped_column(String(16))
    """``acknowledged`` or ``cleared``."""
    account_name: Mapped[str] = mapped_column(String(64))
    """No reference: what somebody did outlives the account."""
    at_us: Mapped[int] = mapped_column(BigInteger)


class AlarmPartition(Base):
    """Whether a partition is armed, by the panel's newest word; an empty name stands for the whole panel."""

    __tablename__ = "alarm_partition"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    panel_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    partition: Mapped[str] = mapped_column(String(32), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    armed: Mapped[bool] = mapped_column(Boolean)
    since_us: Mapped[int] = mapped_column(BigInteger)
