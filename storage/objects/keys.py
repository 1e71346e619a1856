"""The object key of a segment: readable, sortable by time within a camera, and parsed back without a database.

    >>> SegmentKey("sunshine", "gate", 1795294574123456, "00" * 16).text
    'sunshine/gate/2026/11/21/20261121T205614.123456Z_00000000000000000000000000000000.mp4'

The date folders and the stamp are UTC (invariant I5). Pure.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from config.base.clock import from_datetime, to_datetime
from config.base.errors import InvalidInput
from config.base.ids import is_slug

CANARY_PREFIX = ".canary/"
"""No site id begins with a dot, so canaries never stand among segments."""

FETCHED_PREFIX = ".fetched/"
"""Recordings that were brought from a site's own store to be looked at; each stays a day."""

_STAMP = "%Y%m%dT%H%M%S.%fZ"
_SEGMENT_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)_([0-9a-f]{32})\.mp4")


@dataclass(frozen=True)
class SegmentKey:
    """Where one segment lies. Raises InvalidInput for parts that could make another segment's key."""

    site_id: str
    camera_id: str
    start_us: int
    segment_id: str

    def __post_init__(self) -> None:
        if not is_slug(self.site_id) or not is_slug(self.camera_id) or self.start_us < 0:
            raise InvalidInput("a segment key needs the ids of a site and a camera, and a start since 1970")
        if not _SEGMENT_ID.fullmatch(self.segment_id):
            raise InvalidInput("a segment key needs a segment id of 32 hexadecimal digits")

    @property
    def text(self) -> str:
        start = to_datetime(self.start_us)
        return f"{day_prefix(self.site_id, self.camera_id, start)}{start.strftime(_STAMP)}_{self.segment_id}.mp4"


def day_prefix(site_id: str, camera_id: str, day: datetime) -> str:
    """The folder of one camera's UTC day, with its last slash."""
    return f"{site_id}/{camera_id}/{day.astimezone(UTC):%Y/%m/%d}/"


def parse(key: str) -> SegmentKey:
    """The parts of a key. Raises InvalidInput for any text that ``SegmentKey.text`` could not have made."""
    parts = key.split("/")
    matched = _NAME.fullmatch(parts[-1])
    if len(parts) != 6 or matched is None:
        raise InvalidInput(f"not the key of a segment: {key[:120]!r}", code="bad_key")
    try:
        start = datetime.strptime(matched[1], _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput(f"not the key of a segment: {key[:120]!r}", code="bad_key") from error
    found = SegmentKey(parts[0], parts[1], from_datetime(start), matched[2])
    if found.text != key:
        raise InvalidInput(f"the folders of {key[:120]!r} do not match its start", code="bad_key")
    return found
