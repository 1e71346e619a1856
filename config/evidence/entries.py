"""What stands in a site's ledger: one JSON document an entry, never changed and never taken out.

An entry is hashed and handed out as the bytes that were stored (I4). Fields may be added; readers ignore fields they do
not know and entries of a kind they do not know.
"""

from typing import Annotated, Literal

import msgspec

from config.base.errors import InvalidInput
from config.wire.fields import Count, Detail, HexId, Micros, ObjectKey, Sha256Hex, Slug, VersionId

ENTRY_BYTES_MAX = 1 << 20
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)"
Day = Annotated[str, msgspec.Meta(pattern=_DAY, description="the site's own date")]
Seed = Annotated[str, msgspec.Meta(max_length=128)]


class _Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """``at_us``: when the server made the entry, by its own clock."""

    site_id: Slug
    at_us: Micros


class SegmentSecured(_Entry, tag="segment-secured", frozen=True, kw_only=True):
    """The server has read this object version back, whole and locked, and sent its receipt."""

    camera_id: Slug
    segment_id: HexId
    manifest_sha256: Sha256Hex
    """Of the payload that the agent signed."""
    sha256: Sha256Hex
    size_bytes: Count
    object_key: ObjectKey
    version_id: VersionId
    retain_until_us: Micros
    in_cell: bool | msgspec.UnsetType = msgspec.UNSET
    """True where it lies in the site's own store: bytes and lock are as the site's agent read them, and a challenge that
    was drawn afterwards was answered."""


class SegmentUnsound(_Entry, tag="segment-unsound", frozen=True, kw_only=True):
    """An audit found a version that had been secured to be so no longer: its time is not covered any more."""

    camera_id: Slug
    segment_id: HexId
    finding: Literal[
        "object_missing",
        "object_corrupt",
        "lock_short",
        "undecodable",
        "picture_frozen",
        "picture_too_dark",
        "clock_error",
    ]
    detail: Detail = ""


class GapAttested(msgspec.Struct, frozen=True, array_like=True):
    """``[start_us, end_us)`` of a camera was not covered."""

    start_us: Micros
    end_us: Micros
    cause: str
    certainty: str


class CameraAttested(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's day: every figure in microseconds."""

    camera_id: Slug
    status: Literal["COMPLIANT", "NON_COMPLIANT", "UNVERIFIED"]
    expected_us: Count
    covered_us: Count
    backfilled_us: Count
    gaps: list[GapAttested]


class DayAttested(_Entry, tag="day-attested", frozen=True, kw_only=True):
    """What a site's day was, once it is final. What becomes known later makes another entry; none is ever changed.

    Digests are SHA-256 of an entry's bytes. They tie the days to each other: ``previous_sha256`` names the attestation in
    force (the newest one) of the newest attested day before this one, ``supersedes_sha256`` the one of this same day that
    this one replaces; null where there is none.
    """

    day: Day
    start_us: Micros
    end_us: Micros
    cameras: list[CameraAttested]
    versions: Count = 0
    """Recordings that began on this day and were secured at any time."""
    audited_versions: Count
    """Of these, how many the newest finished audit of the store has looked at."""
    unsound_versions: Count
    """Of these, how many are known not to be as they were: missing, altered, or locked too briefly."""
    audit_us: Micros | None = None
    """When that audit began; null where none has finished."""
    previous_sha256: Sha256Hex | None
    supersedes_sha256: Sha256Hex | None = None


class CameraDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's part of a certificate, so that a package about it need not name the recordings of others."""

    camera_id: Slug
    versions: Count
    segments_sha256: Sha256Hex
    """Of their ids, sorted, one a line."""


class FootageDeleted(_Entry, tag="footage-deleted", frozen=True, kw_only=True):
    """The certificate that recordings of one day went after their last day, by version."""

    day: Day
    versions: Count
    size_bytes: Count
    segments_sha256: Sha256Hex
    """Of their ids, sorted, one a line."""
    retained_days: Count
    confirmed_by: Slug | None = None
    """Who allowed a deletion of more than half of everything; null where it was a smaller one."""
    in_cell: bool | msgspec.UnsetType = msgspec.UNSET
    """True where they lay in the site's own store: gone as the site's agent reported it; the centre cannot look."""
    cameras: list[CameraDeleted] | msgspec.UnsetType = msgspec.UNSET
    """The same by camera, in order of their ids; certificates from before it was told have none."""


HoldAction = Literal["placed", "lift-requested", "lifted", "reviewed"]


class HoldChanged(_Entry, tag="legal-hold", frozen=True, kw_only=True):
    """Recordings were put under a hold, or two persons lifted it."""

    hold_id: HexId
    action: HoldAction
    camera_id: Slug | None
    start_us: Micros
    end_us: Micros
    by: Slug
    reason: Detail


class PackChosen(_Entry, tag="policy-pack", frozen=True, kw_only=True):
    """By which rules a site is judged from now on, and with it for how long new recordings are kept at least."""

    pack: Slug | None
    """Null: by the server's own settings."""
    version: Annotated[str, msgspec.Meta(max_length=64)]
    """Of the pack as it was then; a release may bring a newer one, which verdicts name. Empty where there is none."""
    retain_days: Count | None
    replaces: Slug | None
    by: Slug


class AccessRecorded(_Entry, tag="access", frozen=True, kw_only=True):
    """Somebody looked at, or took away, what belongs to this site."""

    account: Slug
    what: Literal["playback", "export", "still", "live", "deep-audit", "support"]
    camera_id: Slug | None
    start_us: Micros
    end_us: Micros
    reason: Detail
    source: Detail = ""
    """From where: an address, or the machine that a command was given on."""


class ConsentChanged(_Entry, tag="consent", frozen=True, kw_only=True):
    """Somebody agreed to something, or took it back.

    ``whose`` is a pseudonym of the register: a guardian's or a member of the staff's; ``child`` too, empty where it is about
    the person alone.
    """

    action: Literal["given", "withdrawn"]
    purpose: Annotated[str, msgspec.Meta(max_length=32)]
    whose: Slug
    child: Slug | None
    version: Count
    text_sha256: Sha256Hex
    """Of the text that was shown, in both languages."""
    by: Slug
    on_paper: bool
    """True where somebody else wrote it down, from a signed paper."""


class LeaseChanged(_Entry, tag="lease", frozen=True, kw_only=True):
    """A guardian's leave to look live into the rooms of one child began, or ended before its day."""

    lease_id: HexId
    action: Literal["granted", "ended"]
    guardian: Slug
    child: Slug
    hours: Annotated[str, msgspec.Meta(max_length=400)]
    """Weekly, on the site's own clock."""
    until_us: Micros
    by: Slug


class DocumentKept(_Entry, tag="site-document", frozen=True, kw_only=True):
    """A document of the site was put beside those before it."""

    document_id: HexId
    what: Literal["impact_assessment", "sign_photo"]
    sha256: Sha256Hex
    """Of the bytes as they are kept and handed out."""
    size_bytes: Count
    by: Slug


class DeepAuditAsked(_Entry, tag="deep-audit-asked", frozen=True, kw_only=True):
    """Somebody asked for a deep audit: the seed stands here before a sample is drawn by it."""

    audit_id: HexId
    seed: Seed
    samples: Count
    """As many as were asked for."""
    asked_by: Slug
    repeats_id: HexId | None = None
    """The audit from whose population it is to be drawn; null where it is the one of the moment."""


class DeepAudited(_Entry, tag="deep-audited", frozen=True, kw_only=True):
    """Camera-minutes drawn from a seed were read back, hashed and decoded; anybody can draw the same ones again.

    With a confidence of ``confidence_permille`` at most ``faulty_at_most`` of ``population`` minutes are at fault, where
    what could not be found out (``unknown``) counts as a fault.
    """

    audit_id: HexId
    seed: Seed
    asked_sha256: Sha256Hex | msgspec.UnsetType = msgspec.UNSET
    """Of the entry by which it was asked for, which stands before this one; audits from before there were such have none."""
    population: Count
    """Camera-minutes under retention when it was drawn."""
    population_sha256: Sha256Hex
    samples: Count
    faults: Count
    unknown: Count
    faulty_at_most: Count
    confidence_permille: Count


Entry = (
    SegmentSecured
    | SegmentUnsound
    | DayAttested
    | FootageDeleted
    | HoldChanged
    | PackChosen
    | AccessRecorded
    | ConsentChanged
    | LeaseChanged
    | DocumentKept
    | DeepAuditAsked
    | DeepAudited
)

_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The bytes that are stored and hashed. Raises InvalidInput where they are over the limit."""
    data = msgspec.json.encode(entry)
    if len(data) > ENTRY_BYTES_MAX:
        raise InvalidInput(f"a ledger entry of {len(data)} bytes is over {ENTRY_BYTES_MAX}", code="oversized")
    return data


def decode(data: bytes) -> Entry:
    """Raises InvalidInput where the bytes are no entry of a kind known here."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not a ledger entry: {error}", code="malformed") from error
