"""Makes a heartbeat of what the parts of the agent know.

Invariant: ``unsettled_us`` never promises more than the server has acknowledged: whatever may still become a claim or a
report holds it back. Arrays are bounded as the contract says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from config.base.clock import US_PER_S
from config.wire.health import (
    FINDINGS_MAX,
    PANELS_MAX,
    CameraHealth,
    ConfigurationSource,
    Examined,
    Heartbeat,
    PanelHealth,
    SpoolHealth,
    StreamFormat,
)
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.messages import Sealer
from edge_agent.reporting.box import BoxReader
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.forecast import SpoolForecast
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock

SOFTWARE = "nightlight-edge-agent/0.1.0"
US_PER_MS = 1_000


@dataclass(frozen=True)
class Sources:
    """Where a heartbeat reads from. What is not there (yet) is told as none."""

    clock: AgentClock
    board: CameraBoard
    outbox: Outbox
    spool: SegmentSpool
    guard: DiskGuard
    sealer: Sealer
    forecast: Callable[[], SpoolForecast]
    box: BoxReader
    configuration: Callable[[], tuple[int, ConfigurationSource]] = lambda: (0, "none")
    """The version of the desired state that was taken last, and where the cameras come from."""
    findings: Callable[[], dict[str, list[str]]] = dict
    """The open picture findings: name → cameras."""
    panels: Callable[[], list[PanelHealth]] = list
    examined: Callable[[], dict[Examined, list[str]]] = dict
    """How pictures are looked at where that is not as it is meant to be → cameras."""


def settled_until_us(now_us: int, *held_back_us: int | None) -> int:
    """Everything before this instant is known to the server, as far as the agent knows it."""
    return max(0, min(at for at in (now_us, *held_back_us) if at is not None))


def spool_health(
    spool: SegmentSpool, guard: DiskGuard, outbox: Outbox, found: SpoolForecast, now_us: int
) -> SpoolHealth:
    """What waits on the disk, and how long its room lasts: the same figures as the alarm's."""
    backlog, use = spool.backlog(), guard.use()
    waiting, refused = outbox.counts()
    return SpoolHealth(
        waiting_segments=backlog.segments,
        waiting_bytes=backlog.size_bytes,
        oldest_waiting_ms=None if backlog.oldest_us is None else (now_us - backlog.oldest_us) // US_PER_MS,
        outbox_messages=waiting,
        refused_messages=refused,
        free_bytes=use.free_bytes,
        total_bytes=guard.total_bytes(),
        used_percent=int(found.used * 100),
        hours_left=None if found.hours_left is None else round(found.hours_left, 1),
    )


def compose(sources: Sources) -> Heartbeat:
    """The heartbeat of this instant.

    The order matters: now, then what is being received, then the segments that are being written or wait to be rescued,
    then the outbox. What is finished in between is then seen at least once, as open or as unacknowledged.
    """
    clock = sources.clock
    timeline, now_us = clock.timeline, clock.utc_us()
    statuses = sources.board.snapshot()
    unfinished = sources.spool.oldest_open()
    oldest = sources.outbox.oldest_unacknowledged()
    kept = sources.spool.oldest_unreceipted()
    formats = _formats(statuses)
    version, source = sources.configuration()
    places = {status.camera_id: place for place, status in enumerate(statuses)}

    def health(status: CameraStatus) -> CameraHealth:
        settled_us = settled_until_us(
            now_us, status.floor_us, unfinished.get(status.camera_id), oldest.get(status.camera_id)
        )
        shown = _format_of(status)
        return CameraHealth(
            camera_id=status.camera_id,
            condition=status.condition,
            since_s=(now_us - status.since_us) // US_PER_S,
            unsettled_us=now_us - settled_us,
            packet_age_ms=status.packet_age_ms,
            frames_per_second=round(status.frames_per_second, 1),
            kilobits_per_second=status.bits_per_second // 1_000,
            keyframe_interval_ms=status.keyframe_interval_ms,
            stream_format=formats.index(shown) if shown else None,
            rtp_lost=status.rtp_lost,
            clock_offset_ms=_rounded_ms(status.clock_offset_us),
            clock_bound_ms=_bound_ms(status.clock_bound_us),
            recording_lag_ms=status.recording_lag_ms,
            upload_lag_s=_age_s(kept.get(status.camera_id), now_us),
        )

    return Heartbeat(
        **sources.sealer.who(),
        timeline_id=timeline.timeline_id,
        timeline_started_us=timeline.started_us,
        sent_us=now_us,
        software=SOFTWARE,
        configuration_version=version,
        configuration_source=source,
        clock=clock.reading,
        system_clock_error_us=clock.system_clock_error_us(),
        spool=spool_health(sources.spool, sources.guard, sources.outbox, sources.forecast(), now_us),
        box=sources.box.read(now_us),
        panels=sources.panels()[:PANELS_MAX],
        cameras=[health(status) for status in statuses],
        formats=formats,
        findings=_findings(sources.findings(), places),
        examined=_examined(sources.examined(), places),
    )


def _formats(statuses: list[CameraStatus]) -> list[StreamFormat]:
    return list(dict.fromkeys(shown for status in statuses if (shown := _format_of(status)) is not None))


def _format_of(status: CameraStatus) -> StreamFormat | None:
    codec: Literal["", "h264", "hevc"] = status.codec
    return StreamFormat(codec=codec, width=status.width, height=status.height) if codec else None


def _findings(found: dict[str, list[str]], places: dict[str, int]) -> dict[str, list[int]]:
    told = {name: sorted(places[camera] for camera in cameras if camera in places) for name, cameras in found.items()}
    return dict([(name, where) for name, where in sorted(told.items()) if where][:FINDINGS_MAX])


def _examined(found: dict[Examined, list[str]], places: dict[str, int]) -> dict[Examined, list[int]]:
    told = {how: sorted(places[camera] for camera in cameras if camera in places) for how, cameras in found.items()}
    return {how: where for how, where in told.items() if where}


def _age_s(then_us: int | None, now_us: int) -> int | None:
    return None if then_us is None else max(0, now_us - then_us) // US_PER_S


def _rounded_ms(offset_us: int | None) -> int | None:
    return None if offset_us is None else round(offset_us / US_PER_MS)


def _bound_ms(bound_us: int | None) -> int | None:
    """Rounded up, and by one more for the rounding of the offset: the true offset stays within it."""
    return None if bound_us is None else -(-bound_us // US_PER_MS) + 1
