"""Segments on their way from claim to receipt: recorded, uploaded, receipted or refused."""

from typing import Annotated, Literal

import msgspec

from config.wire.cells import SeenInCell
from config.wire.fields import Count, Detail, HexId, Micros, ObjectKey, Sha256Hex, Slug, VersionId
from config.wire.replay import CameraClockReading

SEGMENT_SPAN_US_MAX = 310_000_000
"""A segment lasts at most 300 s, and 10 s more to reach the next keyframe."""


class SegmentRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest: an agent claims to have recorded ``[start_us, end_us)``; one for each segment, chained per camera.

    ``chain_id`` is drawn at random when an agent's spool is made. ``previous`` is the SHA-256 of the payload bytes of
    this camera's manifest with ``sequence - 1`` in the same chain; null for sequence 0, so that a spool that was wiped
    shows as a new chain. ``timeline_id`` names the unbroken stretch of the agent's clock that the times were read from.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    segment_id: HexId
    run_id: HexId
    timeline_id: HexId
    chain_id: HexId
    sequence: Count
    previous: Sha256Hex | None
    start_us: Micros
    end_us: Micros
    sha256: Sha256Hex
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**32)]
    codec: Literal["h264", "hevc"]
    width: Annotated[int, msgspec.Meta(ge=1, le=16_384)]
    height: Annotated[int, msgspec.Meta(ge=1, le=16_384)]
    frames: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    recovered: bool = False
    """True where the segment was finalised after the agent had been killed while writing it."""
    origin: Literal["live", "camera_storage"] = "live"
    """``camera_storage``: recorded by the camera itself and fetched later; its ``timeline_id`` is one of its own."""
    camera_clock: Annotated[list[CameraClockReading], msgspec.Meta(max_length=2)] = []
    """Of ``camera_storage``: the camera's clock before the segment and after it; empty where it was not known."""
    leaf_root: Sha256Hex | msgspec.UnsetType = msgspec.UNSET
    """The Merkle root over the 64 KiB leaves of its bytes, where the agent is set up for a cell."""


class UploadTicketRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks, over HTTPS, for leave to put exactly these bytes; the answer is an ``UploadTicket``."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    segment_id: HexId
    start_us: Micros
    end_us: Micros
    sha256: Sha256Hex
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**32)]


class UploadTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to PUT one object: send every header of ``headers`` unchanged with the body to ``url``.

    The signature covers key, digest, lock mode and retain-until, so nothing else can be stored with it.
    """

    segment_id: HexId
    object_key: ObjectKey
    url: Annotated[str, msgspec.Meta(max_length=8_192)]
    headers: dict[str, str]
    expires_us: Micros
    look_url: Annotated[str, msgspec.Meta(max_length=8_192)] = ""
    """The object lies in the site's own cell: read it back here, and say in ``segment-uploaded`` what was seen."""


class SegmentUploaded(msgspec.Struct, frozen=True, kw_only=True):
    """The agent has put the segment's bytes into the store as this object version; asks for a receipt."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    segment_id: HexId
    sha256: Sha256Hex
    object_key: ObjectKey
    version_id: VersionId
    seen: SeenInCell | msgspec.UnsetType = msgspec.UNSET
    """Of an object in a cell, which the server cannot read back itself."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The server has read this version back: whole and locked. Only this lets the agent free its copy (I2)."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    segment_id: HexId
    sha256: Sha256Hex
    object_key: ObjectKey
    version_id: VersionId
    retain_until_us: Micros
    verified_us: Micros


class UploadRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The server read the version back and it was not what was claimed: upload the segment again."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    segment_id: HexId
    object_key: ObjectKey
    version_id: VersionId
    reason: Literal["object_missing", "object_corrupt", "lock_refused"]
    detail: Detail
