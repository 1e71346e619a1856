"""What an evidence package holds, and under which names.

    index.json               who exported what and why; signed by the centre; names the digest of contents.txt
    contents.txt             digest and name of every other file: ``sha256sum -c contents.txt`` checks them by hand
    report.html              the same for people
    checkpoint.txt           the ledger's checkpoint, signed by the centre, cosigned by the site's agent and witnesses
    checkpoint.tsr           optional: RFC 3161 timestamp of checkpoint.txt
    coverage.json            what was covered and every gap, with its cause
    clock.json               the comparisons that the times rest on
    access.json              who looked at this footage before
    certificates.json        the certificates that the agents' keys were enrolled with
    entries/ID.json          the ledger entry that secured segment ID, byte for byte
    proofs/ID.json           where in the ledger it stands
    manifests/ID.json        the agent's signed manifest, byte for byte
    segments/TIME-ID.mp4     the recording, byte for byte

Files stand in the archive in exactly this order of ``contents.txt``, after ``index.json`` and ``contents.txt`` itself.
"""

import re
from typing import Annotated, Literal

import msgspec

from config.base.errors import InvalidInput
from config.evidence.entries import GapAttested
from config.wire.fields import Count, Detail, HexId, Micros, Sha256Hex, Slug

INDEX_TYPE = "application/vnd.nightlight.evidence-index.v1+json"
INDEX, CONTENTS, REPORT, CHECKPOINT = "index.json", "contents.txt", "report.html", "checkpoint.txt"
TIMESTAMP, COVERAGE, CLOCK = "checkpoint.tsr", "coverage.json", "clock.json"
ACCESS, CERTIFICATES = "access.json", "certificates.json"
CONTENTS_BYTES_MAX = 256 * 2**20
DOCUMENT_BYTES_MAX = 16 * 2**20

_LINE = re.compile(r"([0-9a-f]{64})  ([a-z0-9][a-z0-9._/-]{0,199})")


class AgentKey(msgspec.Struct, frozen=True, kw_only=True):
    """By which key an agent's manifests are believed."""

    agent_id: Slug
    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$", description="Ed25519, hexadecimal")]


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


class Content(msgspec.Struct, frozen=True):
    """A line of contents.txt."""

    sha256: Sha256Hex
    name: str


Part = Literal["entries", "proofs", "manifests", "segments"]


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
