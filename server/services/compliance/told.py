"""What an entry tells: the outcome of each rule with its clause as the pack had it then, so that it can be read by itself.

Invariant I4: an entry names its packs and holds their words; a pack that is changed later changes no entry.
"""

import hashlib
import zlib
from collections.abc import Sequence

import msgspec

from config.base.decoding import decode_json
from config.base.errors import IntegrityViolation

TOLD_BYTES_MAX = 4_000_000
Value = float | bool | str | None


class OutcomeTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule for one subject. ``value``: what is certain; ``could_be``: the best that may still turn out."""

    rule: str
    pack: str
    metric: str
    title: dict[str, str]
    source: dict[str, str]
    number: str = ""
    article: str
    binding: str
    confidence: str
    operator: str
    required: Value
    unit: str
    window: str = "instant"
    hours: str = ""
    kind: str
    subject: str
    status: str
    value: Value = None
    could_be: Value = None
    why: str = ""
    evidence: list[str] = []
    due_on: str = ""
    """Of a duty that comes round: the last day on which it is not late."""


class ZoneTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a place came out, in microseconds of what was due there."""

    zone_id: str
    name: str
    kind: str
    status: str
    required: bool
    cameras: list[str] = []
    due_us: int = 0
    covered_us: int = 0
    unknown_us: int = 0
    unwatched_us: int = 0
    longest_gap_us: int = 0


class SiteTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A site, or one of its places, over a day or a month; ``days``: of a month, how each of its days came out."""

    outcomes: list[OutcomeTold] = []
    zones: list[ZoneTold] = []
    days: dict[str, str] = {}


class RegionTold(msgspec.Struct, frozen=True, kw_only=True):
    """Site → (status, id of the entry that says so); a site without one is not judged yet."""

    sites: dict[str, tuple[str, int]]


def pack_up(told: SiteTold | RegionTold) -> tuple[bytes, str]:
    """As an entry keeps it, and its SHA-256: the same words give the same bytes."""
    plain = msgspec.json.encode(told, order="deterministic")
    return zlib.compress(plain, 9), hashlib.sha256(plain).hexdigest()


def unpack_site(data: bytes) -> SiteTold:
    """Raises IntegrityViolation where it is not what this program wrote."""
    try:
        return decode_json(_plain(data), SiteTold)
    except msgspec.MsgspecError as error:
        raise IntegrityViolation(f"an entry cannot be read: {error}", code="entry_broken") from error


def unpack_region(data: bytes) -> RegionTold:
    """Raises IntegrityViolation where it is not what this program wrote."""
    try:
        return decode_json(_plain(data), RegionTold)
    except msgspec.MsgspecError as error:
        raise IntegrityViolation(f"an entry cannot be read: {error}", code="entry_broken") from error


def _plain(data: bytes) -> bytes:
    try:
        opening = zlib.decompressobj()
        plain = opening.decompress(data, TOLD_BYTES_MAX)
    except zlib.error as error:
        raise IntegrityViolation(f"an entry cannot be read: {error}", code="entry_broken") from error
    if not opening.eof:
        raise IntegrityViolation("an entry is longer than any can be", code="entry_broken")
    return plain


def of_subject(outcomes: Sequence[OutcomeTold], kind: str, subject: str) -> list[OutcomeTold]:
    """Those about one subject."""
    return [outcome for outcome in outcomes if (outcome.kind, outcome.subject) == (kind, subject)]
