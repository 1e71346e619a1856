"""What a shard tells the main process of a camera's findings: all of them, every time.

Invariant: a report says where each finding stands, so one that gets lost is made good by the next; and what changed since
the last one that was taken, so that what was raised and cleared in between is told too. The main process alone decides
what is news to the server (``book``).
"""

import msgspec

from config.base.decoding import decode_msgpack
from config.wire.findings import FindingName
from edge_agent.diagnosis.hysteresis import State

KIND = "picture-findings"


class FindingNow(msgspec.Struct, frozen=True, array_like=True):
    """One finding as it stands."""

    name: FindingName
    state: State
    since_us: int
    """Open: since when the picture is no good; clear: since when it is good."""
    score: float
    threshold: float


class FindingChange(msgspec.Struct, frozen=True, array_like=True):
    """A finding that was raised or cleared: ``now`` is how it stood at ``at_us``."""

    timeline_id: str
    at_us: int
    now: FindingNow


class DiagnosisReport(msgspec.Struct, frozen=True):
    """One camera as of its newest picture."""

    timeline_id: str
    at_us: int
    findings: list[FindingNow]
    still: bytes | None = None
    """The masked JPEG of the picture that raised a finding last; only with findings that were just raised."""
    still_us: int | None = None
    """When it was taken; ``at_us`` where it is not given."""
    changes: list[FindingChange] = []
    """Oldest first, all before ``findings``."""
    scores: dict[str, float] = {}
    """Of the newest picture, for whoever wants to look at them."""
    on_recorded: bool = False
    """It was a picture of the recorded stream, because the one that is to be looked at brings none."""


def encode(report: DiagnosisReport) -> bytes:
    return msgspec.msgpack.encode(report)


def decode(body: bytes) -> DiagnosisReport:
    """Raises msgspec.MsgspecError."""
    return decode_msgpack(body, DiagnosisReport)
