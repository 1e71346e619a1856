"""Who may look in, and who did: guardians' accounts, leases, consents, pick-ups, blanked zones, views, the newest instant.

Views, leases, consents, pick-ups and blankings are never deleted by the application; what ends one is filled in once (I4).
"""

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Sha256, Slug


class GuardianAccount(Base):
    """Whose account a guardian of a site is; nothing is seen before the facility has approved it."""

    __tablename__ = "guardian_account"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    guardian_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    joined_us: Mapped[int] = mapped_column(BigInteger)
    approved_us: Mapped[int | None] = mapped_column(BigInteger)
    approved_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_guardian_account_guardian", "site_id", "guardian_id"),)


class StaffAccount(Base):
    """Which member of a site's staff an account belongs to; through it they give and withdraw their consent."""

    __tablename__ = "staff_account"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(Slug)


class SiteLive(Base):
    """The facility's own choice within what its rule book allows; no row is off."""

    __tablename__ = "site_live"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    mode: Mapped[str] = mapped_column(String(16))
    hours: Mapped[str] = mapped_column(String(400), default="")
    """What a new lease begins with."""
    marked: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Live pictures are marked for each viewer (A/B marking)."""
    changed_us: Mapped[int] = mapped_column(BigInteger)
    changed_by: Mapped[str] = mapped_column(Slug)


class ClassZone(Base):
    """A room that a class uses besides its own, such as a sleeping room."""

    __tablename__ = "class_zone"
    site_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    class_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    zone_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "class_id"], ["class_group.site_id", "class_group.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["site_id", "zone_id"], ["zone.site_id", "zone.id"], ondelete="CASCADE"),
    )


class LeaseRow(Base):
    """A guardian's lease on the rooms of one child. What the child's class is, is asked at every look."""

    __tablename__ = "lease"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    guardian_id: Mapped[str] = mapped_column(Slug)
    child_id: Mapped[str] = mapped_column(Slug)
    hours: Mapped[str] = mapped_column(String(400))
    start_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int] = mapped_column(BigInteger)
    granted_us: Mapped[int] = mapped_column(BigInteger)
    granted_by: Mapped[str] = mapped_column(Slug)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
    revoked_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_lease_guardian", "site_id", "guardian_id"),)


class ConsentRow(Base):
    """Somebody's word on live viewing: a guardian's for one child, or a member of the staff's for themselves.

    Empty ids are those that do not apply. ``given_by`` is the account that wrote it down, with ``reference`` to a paper
    where that is another person.
    """

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    purpose: Mapped[str] = mapped_column(String(16))
    guardian_id: Mapped[str] = mapped_column(Slug, default="")
    child_id: Mapped[str] = mapped_column(Slug, default="")
    staff_id: Mapped[str] = mapped_column(Slug, default="")
    version: Mapped[int] = mapped_column(Integer)
    text_sha256: Mapped[str] = mapped_column(Sha256)
    given_us: Mapped[int] = mapped_column(BigInteger)
    given_by: Mapped[str] = mapped_column(Slug)
    reference: Mapped[str] = mapped_column(String(120), default="")
    withdrawn_us: Mapped[int | None] = mapped_column(BigInteger)
    withdrawn_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_consent_site", "site_id", "purpose", "withdrawn_us"),)


class PickUp(Base):
    """A child was fetched: nobody looks in for it until the site's next day, unless it came back."""

    __tablename__ = "pick_up"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    child_id: Mapped[str] = mapped_column(Slug)
    day: Mapped[str] = mapped_column(String(10))
    at_us: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(Slug)
    undone_us: Mapped[int | None] = mapped_column(BigInteger)
    undone_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_pick_up_child", "site_id", "child_id", "day"),)


class Blanking(Base):
    """A zone is dark for everybody who would look live, from the tap that said so to the one that lifts it."""

    __tablename__ = "blanking"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    zone_id: Mapped[str] = mapped_column(Slug)
    why: Mapped[str] = mapped_column(String(16))
    since_us: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(Slug)
    lifted_us: Mapped[int | None] = mapped_column(BigInteger)
    lifted_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_blanking_zone", "site_id", "lifted_us"),)


class NewestInstant(Base):
    """One row: the latest instant that a lease was judged at, so that a clock set back revives nothing after a restart."""

    __tablename__ = "newest_instant"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    seen_us: Mapped[int] = mapped_column(BigInteger)


class ViewRow(Base):
    """A look, live or at a recording, from its opening to its close; the ledger holds an entry of each.

    ``code`` is drawn over the picture, so that a photograph of a screen names this row.
    """

    __tablename__ = "view"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    account_name: Mapped[str] = mapped_column(Slug)
    role: Mapped[str] = mapped_column(String(16))
    mark: Mapped[str] = mapped_column(Slug)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str] = mapped_column(Slug)
    lease_id: Mapped[str | None] = mapped_column(HexId)
    what: Mapped[str] = mapped_column(String(16))
    session_sha256: Mapped[str] = mapped_column(Sha256, default="", server_default="")
    """Whose look it is: with the session the look is over. Empty where nobody said."""
    reason: Mapped[str] = mapped_column(String(200), default="")
    source: Mapped[str] = mapped_column(String(64), default="")
    opened_us: Mapped[int] = mapped_column(BigInteger)
    start_us: Mapped[int] = mapped_column(BigInteger)
    """Of what was looked at: for a recording its own time, live the same as ``opened_us``."""
    end_us: Mapped[int | None] = mapped_column(BigInteger)
    closed_us: Mapped[int | None] = mapped_column(BigInteger)
    why_closed: Mapped[str] = mapped_column(String(32), default="")
    __table_args__ = (
        Index("ix_view_site", "site_id", "opened_us"),
        Index("ix_view_camera", "site_id", "camera_id", "opened_us"),
    )
