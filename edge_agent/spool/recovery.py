"""What a start does with what the last end left behind, be it a stop, ``kill -9`` or a power cut.

Invariant: every whole fragment that was written is claimed, once; nothing else is. A file that already has its final
name is adopted as it is, one that was still being written is cut back to its last whole fragment.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import av
import av.error

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError
from config.base.logs import get_logger
from config.wire.segments import SEGMENT_SPAN_US_MAX
from edge_agent.recording.boxes import whole_bytes
from edge_agent.recording.continuity import typical_us
from edge_agent.recording.sink import disk_fault, sync_folder
from edge_agent.spool.segments import PART, WHOLE, OpenSegment, SegmentSpool

READ_BYTES = 1 << 20

log = get_logger("spool")


@dataclass
class Recovered:
    """What a start found, for the log."""

    adopted: int = 0
    trimmed: int = 0
    empty: int = 0
    unreadable: int = 0
    freed: int = 0
    missing: int = 0
    unknown: int = 0
    postponed: int = 0
    """The disk is full: left as it is, and looked at again before the camera records, or at the next start."""


def recover(spool: SegmentSpool, folder: Path) -> Recovered:
    """Brings rows and files into step. Runs before anything records."""
    found = Recovered()
    for segment in spool.opened():
        try:
            kind = rescue(spool, segment)
        except NightlightError as error:
            log.exception("recovery_postponed", camera=segment.camera_id, segment_id=segment.segment_id, why=str(error))
            kind = "postponed"
        setattr(found, kind, getattr(found, kind) + 1)
    try:
        _settle(spool, found)
    except NightlightError as error:
        log.exception("recovery_postponed", why=str(error))
        found.postponed += 1
    known = spool.known_ids()
    for path in sorted(folder.glob(f"*/*{WHOLE}*")):
        if path.name.removesuffix(PART).removesuffix(WHOLE) not in known:
            log.error("unknown_file_left_alone", file=str(path.relative_to(folder)))
            found.unknown += 1
    return found


def _settle(spool: SegmentSpool, found: Recovered) -> None:
    """Files that may go, and files that are gone."""
    for camera_id, segment_id in spool.in_state("freed"):
        spool.remove_freed(camera_id, segment_id)
        found.freed += 1
    for state in ("waiting", "uploaded"):
        for camera_id, segment_id in spool.in_state(state):
            if not spool.path(camera_id, segment_id).exists():
                log.error("segment_file_missing", camera=camera_id, segment_id=segment_id)
                spool.set_aside(segment_id)
                found.missing += 1


def rescue(spool: SegmentSpool, segment: OpenSegment, until_us: int | None = None) -> str:
    """Claims what is whole of one open segment: ``adopted``, ``trimmed``; or ``empty``, ``unreadable``.

    It is claimed for as long as its frames last by the camera's time, which may run fast or have leapt: ``until_us`` is
    when nobody wrote it any more, where that is known, and nothing later is claimed (I1).

    Raises NightlightError where the disk cannot take it now; nothing is lost then.
    """
    try:
        return _rescue(spool, segment, until_us)
    except OSError as error:
        raise disk_fault(error.errno, f"{segment.segment_id} cannot be rescued now: {error.strerror}") from error


def _rescue(spool: SegmentSpool, segment: OpenSegment, until_us: int | None) -> str:
    part, final = (
        spool.part_path(segment.camera_id, segment.segment_id),
        spool.path(segment.camera_id, segment.segment_id),
    )
    kind = "adopted"
    if not final.exists():
        kind = "trimmed"
        if not part.exists() or not _trim(part):
            part.unlink(missing_ok=True)
            spool.forget(segment.segment_id)
            return "empty"
        part.rename(final)
    sync_folder(final.parent)
    try:
        frames, span_us = _measure(final)
        end_us = segment.start_us + span_us
        spool.finalise(
            segment,
            end_us=end_us if until_us is None else max(segment.start_us + 1, min(end_us, until_us)),
            sha256=_digest(final),
            size_bytes=final.stat().st_size,
            frames=frames,
            recovered=True,
        )
    except InvalidInput as error:
        bad = final.with_name(f"{final.name}.bad")
        log.exception("segment_unreadable", camera=segment.camera_id, kept_as=str(bad), error=str(error))
        final.rename(bad)
        spool.forget(segment.segment_id)
        return "unreadable"
    log.info("segment_recovered", camera=segment.camera_id, segment_id=segment.segment_id, how=kind, frames=frames)
    return kind


def _trim(part: Path) -> int:
    with part.open("r+b") as opened:
        whole = whole_bytes(opened)
        if whole:
            opened.truncate(whole)
            os.fsync(opened.fileno())
    return whole


def _measure(path: Path) -> tuple[int, int]:
    """Frames, and how long they last. Raises InvalidInput where they cannot be demuxed."""
    instants: list[int] = []
    try:
        with av.open(str(path), "r", format="mp4") as container:
            for packet in container.demux(video=0):
                if packet.size and packet.pts is not None:
                    scaled = packet.pts * packet.time_base.numerator * US_PER_S // packet.time_base.denominator
                    instants.append(scaled)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise InvalidInput(f"{path.name} cannot be read ({type(error).__name__})") from error
    if not instants:
        raise InvalidInput(f"{path.name} holds no frame")
    ordered = sorted(instants)
    return len(ordered), min(ordered[-1] - instants[0] + typical_us(ordered[-25:]), SEGMENT_SPAN_US_MAX)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
