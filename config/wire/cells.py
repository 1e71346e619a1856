"""On-site cells: what an agent reads back from its site's own store, how the centre challenges it, and what it orders there.

The centre cannot reach such a store. It knows the root over the 64 KiB leaves of each recording from its manifest, asks
for leaves drawn at random, and checks the answer against that root.
"""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import Count, Detail, HexId, Micros, ObjectKey, Sha256Hex, Slug, VersionId

CELL_URL_CHARS_MAX = 4_096
LEAF_NUMBER_MAX = 2**16
CellUrl = Annotated[str, msgspec.Meta(max_length=CELL_URL_CHARS_MAX, pattern=r"^https?://")]
LockWord = Annotated[str, msgspec.Meta(max_length=16)]


class SeenInCell(msgspec.Struct, frozen=True, kw_only=True):
    """One version as the agent read it back from the cell just now: every byte, and the lock."""

    version_id: VersionId
    size_bytes: Count
    sha256: Sha256Hex
    """Of the bytes that were read."""
    lock_mode: LockWord
    """As the store says it: ``COMPLIANCE``, ``GOVERNANCE``, or nothing."""
    retain_until_us: Micros | None
    read_us: Micros


class CellChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for one leaf of one recording: read the version at ``url`` now, and answer over HTTPS."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    challenge_id: HexId
    segment_id: HexId
    version_id: VersionId
    leaf: Annotated[int, msgspec.Meta(ge=0, lt=LEAF_NUMBER_MAX)]
    """Counted from 0."""
    url: CellUrl
    """Leave to GET exactly this version, for an hour at most."""


class CellAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a challenge (HTTPS); the leaf's own bytes follow the envelope.

    ``missing``: the cell says that there is no such version. Where the cell does not answer, the agent asks again and
    says nothing.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    challenge_id: HexId
    outcome: Literal["read", "missing"]
    seen: SeenInCell | None = None
    leaf_sha256: Sha256Hex | None = None
    """Of the bytes that follow, so that the signature covers them."""
    path: Annotated[list[Sha256Hex], msgspec.Meta(max_length=17)] = []
    """The audit path, lowest sibling first."""
    detail: Detail = ""


class CellFetch(msgspec.Struct, frozen=True, kw_only=True):
    """Asks the agent to bring one recording: GET it at ``url``, PUT it to ``put_url`` with ``put_headers`` unchanged."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    fetch_id: HexId
    segment_id: HexId
    version_id: VersionId
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**32)]
    url: CellUrl
    put_url: CellUrl
    put_headers: dict[str, str]


class CellFetched(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a fetch (HTTPS): the centre reads the version back itself and believes only that."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    fetch_id: HexId
    outcome: Literal["put", "missing"]
    version_id: VersionId | None = None


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request that the centre signed, body and all: send it as it stands."""

    method: Literal["PUT", "DELETE"]
    url: CellUrl
    headers: dict[str, str]
    body: Annotated[str, msgspec.Meta(max_length=512)] = ""


class CellOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Asks the agent to change one version in the cell, and to say over HTTPS what is there afterwards."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    order_id: HexId
    segment_id: HexId
    action: Literal["hold", "release", "extend", "delete"]
    object_key: ObjectKey
    version_id: VersionId
    requests: Annotated[list[SignedRequest], msgspec.Meta(max_length=16)]
    """In this order."""
    look_url: CellUrl
    """HEAD of the version, after them."""
    list_url: Annotated[str, msgspec.Meta(max_length=CELL_URL_CHARS_MAX, pattern=r"^(https?://.*)?$(?!\n)")] = ""
    """GET of the versions under its key, after a deletion; else empty."""


class StandsInCell(msgspec.Struct, frozen=True, kw_only=True):
    """One version as the cell describes it just now."""

    version_id: VersionId
    lock_mode: LockWord
    retain_until_us: Micros | None
    held: bool
    read_us: Micros


class CellOrdered(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent found after it had carried an order out (HTTPS). Where the cell does not answer it says nothing.

    ``missing``: the cell says that there is no such version.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    order_id: HexId
    outcome: Literal["read", "missing"]
    seen: StandsInCell | None = None
    left: Annotated[list[VersionId], msgspec.Meta(max_length=16)] = []
    """Versions and delete markers that lie under its key, of a deletion."""
    detail: Detail = ""
    """What the cell answered to the requests."""
