"""What the register knows besides cameras and places: regions, one file a camera, alarm points, staff, classes, children.

Days are ISO dates as text: a duty falls due on a day of the site's own calendar, not at an instant. Of children there is
a pseudonym and a class, of guardians whom they are guardian of and one address for the invitation to a lease, no more.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, RowId, Sha256, Slug

Day = String(10)


class Region(Base):
    """A node of the region tree. ``path`` is what sites and auditors name; the parent's path is its beginning."""

    __tablename__ = "region"
    path: Mapped[str] = mapped_column(String(64), primary_key=True)
    parent: Mapped[str | None] = mapped_column(ForeignKey("region.path"), index=True)
    code: Mapped[str | None] = mapped_column(String(16), unique=True)
    """Administrative code (GB/T 2260, towns GB/T 10114); null until somebody has said it."""
    level: Mapped[str | None] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")


class CameraRecord(Base):
    """One camera, one file: what the register keeps of a device (GB/T 28181 id, maker, where and when, by whom)."""

    __tablename__ = "camera_record"
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    gb28181_id: Mapped[str | None] = mapped_column(String(20), unique=True)
    maker: Mapped[str | None] = mapped_column(String(120))
    model: Mapped[str | None] = mapped_column(String(120))
    firmware: Mapped[str | None] = mapped_column(String(120))
    mac: Mapped[str | None] = mapped_column(String(17))
    place: Mapped[str | None] = mapped_column(String(120))
    """Where exactly it hangs, in words."""
    installed_on: Mapped[str | None] = mapped_column(Day)
    maintainer: Mapped[str | None] = mapped_column(String(120))


class CameraZone(Base):
    """A place that a camera sees besides the one it is there for."""

    __tablename__ = "camera_zone"
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    zone_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    site_id: Mapped[str] = mapped_column(Slug)
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "zone_id"], ["zone.site_id", "zone.id"]),
        Index("ix_camera_zone_zone", "site_id", "zone_id"),
    )


class CameraSight(Base):
    """From when until when a camera was said to see a place, its own among them; open while it is."""

    __tablename__ = "camera_sight"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    camera_id: Mapped[str] = mapped_column(Slug)
    zone_id: Mapped[str] = mapped_column(Slug)
    from_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)


class ZoneWord(Base):
    """From when until when a place was said to be of this kind, and to be covered or not; open while it is."""

    __tablename__ = "zone_word"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    zone_id: Mapped[str] = mapped_column(Slug)
    kind: Mapped[str] = mapped_column(String(32))
    required: Mapped[bool | None] = mapped_column(Boolean)
    from_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)


class AlarmArea(Base):
    """A partition of an alarm panel as the register declares it; what it does is in ``alarm_partition``."""

    __tablename__ = "alarm_area"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    panel: Mapped[str] = mapped_column(Slug, primary_key=True)
    partition: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    arming: Mapped[str] = mapped_column(String(16))
    """``instant``: armed every minute; ``interior``: by ``hours``."""
    hours: Mapped[str | None] = mapped_column(String(400))
    """Weekly hours in which it is to be armed, such as ``mon-fri 19:00-07:00``, several with ``;``."""


class AlarmPoint(Base):
    """A button, contact or detector of a partition."""

    __tablename__ = "alarm_point"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    panel: Mapped[str] = mapped_column(Slug, primary_key=True)
    partition: Mapped[str] = mapped_column(String(32), primary_key=True)
    point: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    zone_id: Mapped[str | None] = mapped_column(Slug)


class Staff(Base):
    """A member of the staff, by the number that the site gave them."""

    __tablename__ = "staff"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(16))
    hired_on: Mapped[str | None] = mapped_column(Day)
    left_on: Mapped[str | None] = mapped_column(Day)
    banned: Mapped[bool] = mapped_column(Boolean, default=False)
    """Barred for life from work with children."""


class DatedRecord(Base):
    """Something was done on a day: a filing, a drill, a test, a person's yearly check. Older ones stay."""

    __tablename__ = "dated_record"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    """Empty where it is the site's."""
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    """The metric of config/policies/metrics.py that it is evidence for."""
    done_on: Mapped[str] = mapped_column(Day, primary_key=True)
    valid_until: Mapped[str | None] = mapped_column(Day)
    reference: Mapped[str | None] = mapped_column(String(120))
    """Number of the certificate, receipt or report."""


class ClassGroup(Base):
    """A class of children, and the room it is in."""

    __tablename__ = "class_group"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    size: Mapped[int | None] = mapped_column(Integer)
    carers: Mapped[int | None] = mapped_column(Integer)
    zone_id: Mapped[str | None] = mapped_column(Slug)


class Child(Base):
    """A pseudonym and a class; who that is, only the site's own papers say."""

    __tablename__ = "child"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    class_id: Mapped[str] = mapped_column(Slug)
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "class_id"], ["class_group.site_id", "class_group.id"]),
        Index("ix_child_class", "site_id", "class_id"),
    )


class ChildRoom(Base):
    """From when until when a child was in a class, and the class in a room; open while both hold.

    ``zone_id`` is empty where the class has no room, so that the rows of a child say without a hole how long it is registered.
    """

    __tablename__ = "child_room"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    child_id: Mapped[str] = mapped_column(Slug)
    class_id: Mapped[str] = mapped_column(Slug)
    zone_id: Mapped[str] = mapped_column(Slug)
    from_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_child_room_child", "site_id", "child_id"),)


class Guardian(Base):
    """A guardian by a pseudonym; ``contact`` is the one address to which the invitation to a lease goes."""

    __tablename__ = "guardian"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(Slug, primary_key=True)
    contact: Mapped[str | None] = mapped_column(String(120))


class GuardianChild(Base):
    """Whose guardian somebody is."""

    __tablename__ = "guardian_child"
    site_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    guardian_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    child_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "guardian_id"], ["guardian.site_id", "guardian.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["site_id", "child_id"], ["child.site_id", "child.id"], ondelete="CASCADE"),
    )


class RegisterImport(Base):
    """An import that changed something: by whom, of which file; never changed (I4)."""

    __tablename__ = "register_import"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    account_name: Mapped[str] = mapped_column(Slug)
    """Empty for the command line."""
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"), index=True)
    """Null for the command line, which reaches every site."""
    sha256: Mapped[str] = mapped_column(Sha256)
    added: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer)
    removed: Mapped[int] = mapped_column(Integer)
