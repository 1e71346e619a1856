"""What an evidence package holds, and under which names.

    index.json               who exported what and why; signed by the centre; names the digest of contents.txt
    contents.txt             digest and name of every other file: ``sha256sum -c contents.txt`` checks them by hand
    report.html              the same for people
    checkpoint.txt           the ledger's checkpoint, signed by the centre, cosigned by the site's agent and witnesses
    anchors.json             older checkpoints of the same ledger that others vouch for, each with the proof that
                             checkpoint.txt continues it: cosignatures, RFC 3161 timestamps
    attestations.json        every attestation of the days of the period, in the ledger's order, with its place in it
    deletions.json           the certificates of deletion that this camera's recordings of the period stand on, with the
                             ids that each certifies of this camera and its place in the ledger
    audits.json              the site's deep audits since the period began: how each was asked for, before it was drawn,
                             and what it found
    coverage.json            what was covered and every gap, with its cause
    clock.json               the comparisons that the times rest on
    access.json              who looked at this footage before
    certificates.json        the certificates that the agents' keys were enrolled with, and the authority's
    entries/ID.json          the ledger entry that secured segment ID, byte for byte
    proofs/ID.json           where in the ledger it stands
    manifests/ID.json        the agent's signed manifest, byte for byte
    segments/TIME-ID.mp4     the recording, byte for byte
    deleted/ID.json          in place of it: the certificate by which it was deleted after its last day

Files stand in the archive in exactly this order of ``contents.txt``, after ``index.json`` and ``contents.txt`` itself.
``anchors.json``, ``attestations.json``, ``certificates.json``, ``deletions.json`` and ``audits.json`` may be missing.

Where ``deletions.json`` is there, time that coverage.json calls deleted is that of recordings under ``deleted/``: each was
secured until a day (its entry), and its certificate is of a later one.

An anchor's timestamp (base64 of a TimeStampResp, DER) is of the first three lines of its note, line breaks included, without
the blank line and the signatures: cosignatures that come later do not touch it. Of an attestation, ``entry`` is the text of
the ledger's entry; its UTF-8 bytes are what is hashed. An agent that was enrolled anew stands in ``agents`` once for each
key, and a manifest by any of them is the agent's.
"""

import re
from typing import Annotated, Literal

import msgspec

from config.base.errors import InvalidInput
from config.evidence.entries import GapAttested
from config.wire.fields import Count, Detail, HexId, Micros, Sha256Hex, Slug
from config.wire.suites import ED25519_SHA256

INDEX_TYPE = "application/vnd.nightlight.evidence-index.v1+json"
INDEX, CONTENTS, REPORT, CHECKPOINT = "index.json", "contents.txt", "report.html", "checkpoint.txt"
COVERAGE, CLOCK, ACCESS = "coverage.json", "clock.json", "access.json"
ANCHORS, ATTESTATIONS, CERTIFICATES = "anchors.json", "attestations.json", "certificates.json"
DELETIONS, AUDITS = "deletions.json", "audits.json"
DELETED_CAUSE = "deleted_on_its_day"
ANCHORS_MAX = 8
DELETIONS_MAX = 1_000
AUDITS_MAX = 200
ATTESTATIONS_MAX = 1_000
CERTIFICATES_MAX = 1_000
CONTENTS_BYTES_MAX = 256 * 2**20
DOCUMENT_BYTES_MAX = 16 * 2**20

_LINE = re.compile(r"([0-9a-f]{64})  ([a-z0-9][a-z0-9._/-]{0,199})")


class AgentKey(msgspec.Struct, frozen=True, kw_only=True):
    """By which key an agent's manifests are believed."""

    agent_id: Slug
    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="Ed25519, hexadecimal")]


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The signed head of a package; the period is ``[start_us, end_us)``."""

    package_id: HexId
    site_id: Slug
    camera_id: Slug
    start_us: Micros
    end_us: Micros
    timezone: str
    made_us: Micros
    made_by: Slug
    reason: Detail
    software: str
    contents_sha256: Sha256Hex
    origin: str
    """Of the ledger; stands in the checkpoint's first line."""
    ledger_key: str
    """By which the centre signs checkpoints, as a note's verifier key."""
    agents: list[AgentKey]
    suite: Annotated[str, msgspec.Meta(max_length=64)] = ED25519_SHA256.name
    """By which every signature and digest here is made (``config.wire.suites``)."""


class CoverageStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre says of the period; ``covered`` and ``gaps`` are together what was expected."""

    site_id: Slug
    camera_id: Slug
    start_us: Micros
    end_us: Micros
    assessed_us: Micros
    retain_days: Count
    covered: list[tuple[Micros, Micros]]
    backfilled: list[tuple[Micros, Micros]]
    gaps: list[GapAttested]


class LedgerProof(msgspec.Struct, frozen=True, kw_only=True):
    """Entry ``number`` (from 0) of the ledger that the checkpoint speaks of."""

    number: Count
    path: Annotated[list[Sha256Hex], msgspec.Meta(max_length=64)]


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that somebody else vouches for; ``consistency`` shows that the package's checkpoint continues it."""

    note: Annotated[str, msgspec.Meta(max_length=65_536)]
    consistency: Annotated[list[Sha256Hex], msgspec.Meta(max_length=128)]
    timestamp: Annotated[str, msgspec.Meta(max_length=65_536)] | None = None


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """A ``DayAttested`` entry as the ledger has it, and where it stands there."""

    entry: str
    proof: LedgerProof


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """Another entry as the ledger has it, and where it stands there."""

    entry: str
    proof: LedgerProof


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """A ``FootageDeleted`` entry; ``segments`` are the ids that it certifies of this camera, or of the whole site."""

    entry: str
    proof: LedgerProof
    segments: list[HexId]


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """By which certificate, named by its place in the ledger, a recording was deleted."""

    certificate: Count


class CertificateOfKey(msgspec.Struct, frozen=True, kw_only=True):
    """An X.509 certificate that an agent was given while ``public_key`` was its signing key."""

    agent_id: Slug
    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    issued_us: Micros
    revoked_us: Micros | None
    pem: Annotated[str, msgspec.Meta(max_length=8_192)]


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """What the agents' keys were enrolled with; each certificate names its key as ``urn:nightlight:key:HEX``."""

    authority: Annotated[str, msgspec.Meta(max_length=8_192)]
    certificates: list[CertificateOfKey]


class Content(msgspec.Struct, frozen=True):
    """A line of contents.txt."""

    sha256: Sha256Hex
    name: str


Part = Literal["entries", "proofs", "manifests", "segments", "deleted"]


def write_contents(contents: list[Content]) -> bytes:
    return "".join(f"{content.sha256}  {content.name}\n" for content in contents).encode()


def read_contents(data: bytes) -> list[Content]:
    """Raises InvalidInput at the first line that is none."""
    found: list[Content] = []
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{CONTENTS} is no list of digests", code="malformed") from error
    if lines.pop():
        raise InvalidInput(f"{CONTENTS} ends within a line", code="malformed")
    for number, line in enumerate(lines, 1):
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise InvalidInput(
                f"{CONTENTS}, line {number}: digest, two spaces and a name are expected", code="malformed"
            )
        found.append(Content(matched[1], matched[2]))
    return found


def segment_id_of(name: str) -> tuple[str, str]:
    """The folder of a file and the segment it is about; ``("", "")`` where it is about none."""
    folder, separator, file = name.partition("/")
    if not separator:
        return "", ""
    return folder, file.rpartition(".")[0].rpartition("-")[2]
