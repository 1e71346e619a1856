"""Floor plans, where places and cameras stand on them, what cameras see, and when a site's set-up was put to the test."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Sha256, Slug


class FloorPlan(Base):
    """The picture of one floor, as the server drew it anew; ``width`` and ``height`` in pixels."""

    __tablename__ = "floor_plan"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(16))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(Sha256)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_us: Mapped[int] = mapped_column(BigInteger)
    uploaded_by: Mapped[str] = mapped_column(Slug)


class PlanPoint(Base):
    """Where a place or a camera stands on one floor's plan: ten-thousandths of its width and height from the top left."""

    __tablename__ = "plan_point"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """``zone`` or ``camera``"""
    subject_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("floor_plan.id"), index=True)
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)


class CameraPicture(Base):
    """What a camera is to see, as whoever hung it took it; in its file of the register, and looked at on record."""

    __tablename__ = "camera_picture"
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(16))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(Sha256)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_us: Mapped[int] = mapped_column(BigInteger)
    uploaded_by: Mapped[str] = mapped_column(Slug)


class SetupTest(Base):
    """Somebody began to put a site's cameras to the test; what came of it is read off the evidence since."""

    __tablename__ = "setup_test"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    begun_us: Mapped[int] = mapped_column(BigInteger)
    begun_by: Mapped[str] = mapped_column(Slug)
    __table_args__ = (Index("ix_setup_test_site", "site_id", "begun_us"),)
