"""What an authority does: draws of inspections, who must not be sent where, the credit file and complaints.

Draws are never changed but by being drawn, entries of the credit file never.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class InspectionDraw(Base):
    """A list that was published, and once the seed was known, what followed from both."""

    __tablename__ = "inspection_draw"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    region: Mapped[str] = mapped_column(String(64), index=True)
    listed: Mapped[str] = mapped_column(Text)
    """The list that is drawn from, byte for byte (``server.domain.draw``)."""
    list_sha256: Mapped[str] = mapped_column(Sha256)
    prepared_us: Mapped[int] = mapped_column(BigInteger)
    prepared_by: Mapped[str] = mapped_column(Slug)
    seed: Mapped[str | None] = mapped_column(String(128))
    drawn_us: Mapped[int | None] = mapped_column(BigInteger)
    drawn_by: Mapped[str | None] = mapped_column(Slug)


class Inspection(Base):
    """A site that was drawn, and who goes there; ``number``: its place in the draw, from 1."""

    __tablename__ = "inspection"
    draw_id: Mapped[str] = mapped_column(ForeignKey("inspection_draw.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    stratum: Mapped[str] = mapped_column(String(64))
    inspectors: Mapped[str] = mapped_column(String(400))
    """Account names with a comma between."""
    made_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_inspection_site", "site_id", "made_us"),)


class InspectorInterest(Base):
    """A site from which an inspector is kept: kin, a share in it, work there before."""

    __tablename__ = "inspector_interest"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))
    declared_us: Mapped[int] = mapped_column(BigInteger)
    declared_by: Mapped[str] = mapped_column(Slug)


class CreditEntryRow(Base):
    """Something that happened, and what it is worth in the credit file; never changed (I4). ``server.domain.credit``."""

    __tablename__ = "credit_entry"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    staff_id: Mapped[str | None] = mapped_column(Slug)
    """The member of the staff it is about as well; null where it is about the site alone."""
    aspect: Mapped[str] = mapped_column(String(16))
    points: Mapped[int] = mapped_column(Integer)
    day: Mapped[str] = mapped_column(String(10))
    """When it happened, ISO 8601."""
    kind: Mapped[str] = mapped_column(String(16))
    """``inspection``, ``rectification``, ``complaint``, ``award``, ``penalty`` or ``other``."""
    told: Mapped[str] = mapped_column(String(400))
    """What happened, in words."""
    source: Mapped[str] = mapped_column(String(200))
    """Number of the record, decision or report that says so."""
    entered_us: Mapped[int] = mapped_column(BigInteger)
    entered_by: Mapped[str] = mapped_column(Slug)
    __table_args__ = (Index("ix_credit_entry_site", "site_id", "day"),)


class CreditObjection(Base):
    """An objection to an entry, and what became of it: decided once, by somebody else than who made the entry."""

    __tablename__ = "credit_objection"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("credit_entry.id"), index=True)
    told: Mapped[str] = mapped_column(String(400))
    raised_us: Mapped[int] = mapped_column(BigInteger)
    raised_by: Mapped[str] = mapped_column(Slug)
    upheld: Mapped[bool | None] = mapped_column(Boolean)
    """Null until it is decided."""
    answer: Mapped[str | None] = mapped_column(String(400))
    decided_us: Mapped[int | None] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(Slug)


class Complaint(Base):
    """A complaint with its case number and the day by which it is answered; what follows are its acts."""

    __tablename__ = "complaint"
    number: Mapped[str] = mapped_column(String(24), primary_key=True)
    """``T`` and the day, then its number of that day: T20261122-0003."""
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    told: Mapped[str] = mapped_column(String(2_000))
    by_phone: Mapped[bool] = mapped_column(Boolean)
    received_us: Mapped[int] = mapped_column(BigInteger)
    received_by: Mapped[str] = mapped_column(Slug)
    due_us: Mapped[int] = mapped_column(BigInteger)
    hold_id: Mapped[str | None] = mapped_column(ForeignKey("legal_hold.id"))
    """The footage that was put under hold for it."""
    answer: Mapped[str | None] = mapped_column(String(2_000))
    answered_us: Mapped[int | None] = mapped_column(BigInteger)
    answered_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_complaint_site", "site_id", "received_us"),)


class InspectionResult(Base):
    """What inspectors found at a site that was drawn; written once."""

    __tablename__ = "inspection_result"
    draw_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[str] = mapped_column(String(10))
    told: Mapped[str] = mapped_column(String(400))
    checklist: Mapped[str] = mapped_column(Text)
    """What the rules said of the site when the result was entered, as JSON."""
    entered_us: Mapped[int] = mapped_column(BigInteger)
    entered_by: Mapped[str] = mapped_column(Slug)
    __table_args__ = (ForeignKeyConstraint(["draw_id", "number"], ["inspection.draw_id", "inspection.number"]),)


class RectificationOrder(Base):
    """Something that has to be put right, found by an inspection or on the docket; where it stands follows from its acts."""

    __tablename__ = "rectification_order"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    draw_id: Mapped[str | None] = mapped_column(HexId)
    """This and the number: of the inspection; null where it comes from the docket."""
    number: Mapped[int | None] = mapped_column(Integer)
    incident_id: Mapped[str | None] = mapped_column(HexId)
    """The incident of the docket that it comes from; null where it comes from an inspection."""
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    rule: Mapped[str] = mapped_column(String(200))
    """The rule of the checklist that it is about; empty where it is about none."""
    told: Mapped[str] = mapped_column(String(400))
    __table_args__ = (
        ForeignKeyConstraint(["draw_id", "number"], ["inspection_result.draw_id", "inspection_result.number"]),
    )


class RectificationActRow(Base):
    """One act on an order; never changed (I4). ``server.domain.rectification``."""

    __tablename__ = "rectification_act"
    order_id: Mapped[str] = mapped_column(ForeignKey("rectification_order.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    """In the order of the acts, from 0."""
    kind: Mapped[str] = mapped_column(String(16))
    at_us: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(Slug)
    told: Mapped[str] = mapped_column(String(400))
    """What was done or seen, and where the evidence is."""
    due: Mapped[str | None] = mapped_column(String(10))


class AgendaEvent(Base):
    """A meeting, drill, test or filing of the shared calendar; what became of it is filled in once."""

    __tablename__ = "agenda_event"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    region: Mapped[str] = mapped_column(String(64), index=True)
    """Whose it is; of a site's event the site's. Empty: every region."""
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"), index=True)
    """Null: of the whole region."""
    kind: Mapped[str] = mapped_column(String(32))
    day: Mapped[str] = mapped_column(String(10), index=True)
    told: Mapped[str] = mapped_column(String(400))
    made_us: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(Slug)
    done_on: Mapped[str | None] = mapped_column(String(10))
    """Null once it is closed: it did not take place."""
    minutes: Mapped[str | None] = mapped_column(Text)
    closed_us: Mapped[int | None] = mapped_column(BigInteger)
    closed_by: Mapped[str | None] = mapped_column(Slug)
