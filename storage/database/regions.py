"""The region tree. Sites and auditors name a region by its path; every path that is named has its row, and all above it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.base.ids import is_slug
from storage.database.models import Region

PATH_CHARS_MAX = 64


def ensure(session: Session, path: str) -> None:
    """Makes what rows are missing on the way to ``path``; their names are their steps until somebody says better ones.

    Raises InvalidInput for what is no path.
    """
    steps = path.split("/")
    if len(path) > PATH_CHARS_MAX or not all(is_slug(step) for step in steps):
        raise InvalidInput(f"{path!r} is no region: write a path such as cn/sichuan/luzhou", code="bad_region")
    for count in range(1, len(steps) + 1):
        here, above = "/".join(steps[:count]), "/".join(steps[: count - 1])
        if session.get(Region, here) is None:
            session.add(Region(path=here, parent=above or None, name=steps[count - 1], name_en=""))
            session.flush()


def everything(session: Session) -> list[Region]:
    """Every region, each after the one it is part of."""
    return list(session.scalars(select(Region).order_by(Region.path)))
