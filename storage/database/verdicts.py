"""The history of verdicts: append-only, the newest entry of a camera-day is the one in force."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from storage.database.models import Camera, Verdict

GapRow = tuple[int, int | None, str, str]
LAST_DAY = "9999-12-31"
_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[GapRow])


def encode_gaps(gaps: Sequence[GapRow]) -> bytes:
    """Gaps as the JSON that a verdict entry keeps."""
    return _ENCODER.encode(gaps)


def decode_gaps(data: bytes) -> list[GapRow]:
    """(start_us, end_us or None while open, cause, certainty) rows."""
    return _DECODER.decode(data)


def newest(session: Session, camera_id: str, day: str) -> Verdict | None:
    """The entry in force, if any."""
    return session.scalar(
        select(Verdict).where(Verdict.camera_id == camera_id, Verdict.day == day).order_by(Verdict.id.desc()).limit(1)
    )


def of_sites(site_ids: Sequence[str]) -> ColumnElement[bool]:
    """Of every camera of some sites."""
    return Verdict.camera_id.in_(select(Camera.id).where(Camera.site_id.in_(site_ids)))


def in_force(query: _Query, cameras: ColumnElement[bool], first_day: str, last_day: str = LAST_DAY) -> _Query:
    """A query about verdicts, of the entries in force alone: of these cameras' days from the first to the last."""
    about = (cameras, Verdict.day >= first_day, Verdict.day <= last_day)
    newest = select(func.max(Verdict.id).label("id")).where(*about).group_by(Verdict.camera_id, Verdict.day).subquery()
    # Once more: by its number alone PostgreSQL would look every single entry up by itself.
    return query.join(newest, newest.c.id == Verdict.id).where(*about)
