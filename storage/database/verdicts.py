"""The history of verdicts: append-only, the newest entry of a camera-day is the one in force."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database.models import Verdict

GapRow = tuple[int, int | None, str, str]
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
