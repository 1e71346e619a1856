"""What of a site's health somebody should look at: figures become warnings. Pure.

The limits are ours, each with its reason; none of them decides what is covered.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.base.clock import US_PER_S
from config.wire.health import CameraHealth, Heartbeat

ROOM_USED_PERCENT = 80
"""Of the room for recordings; the agent raises its own notice there too."""
CERTIFICATE_LEFT_S = 3 * 86_400
"""An agent renews by itself long before; where it has not by then, somebody has three days."""
TEMPERATURE_C = 85
"""Processors throttle from about 90 °C on."""
BUSY_PERCENT = 95
CAMERA_CLOCK_MS = 5_000
"""The camera's own clock is written into its picture: off by more, it misleads whoever looks at a recording."""
RTP_LOST_PER_HOUR = 60
"""One packet a minute: each may spoil the picture up to the next keyframe."""
KEYFRAME_INTERVAL_MS = 10_000
"""Segments are cut at keyframes, and a power cut costs up to one interval."""
UPLOAD_LAG_S = 900
RECORDING_LAG_MS = 30_000


CODES = frozenset(
    {
        "disk_full",
        "disk_filling",
        "messages_refused",
        "clock_unchecked",
        "clock_off",
        "certificate_ends",
        "certificate_ended",
        "hot",
        "memory_short",
        "processor_busy",
        "panel_silent",
        "panel_flooded",
        "diagnosis_off",
        "diagnosis_on_recorded",
        "camera_not_set_up",
        "configuration_behind",
        "camera_clock_wrong",
        "rtp_loss",
        "keyframes_rare",
        "recording_late",
        "upload_late",
    }
)
"""Each has its words in every language."""


@dataclass(frozen=True)
class Warned:
    """One warning: ``code`` says what, ``number`` how much, in the unit that the code implies; ``what`` names a part."""

    code: str
    number: int = 0
    what: str = ""


def box_warnings(beat: Heartbeat, clock_tolerance_us: int) -> list[Warned]:
    """What is to be said of the box and the agent on it."""
    return [*_disk(beat), *_clock(beat, clock_tolerance_us), *_machine(beat), *_panels(beat)]


def camera_warnings(beat: Heartbeat, camera: CameraHealth) -> list[Warned]:
    """What is to be said of one camera, besides its condition."""
    found: list[Warned] = []
    offset_ms, bound_ms = camera.clock_offset_ms, camera.clock_bound_ms or 0
    if offset_ms is not None and abs(offset_ms) - bound_ms > CAMERA_CLOCK_MS:
        found.append(Warned("camera_clock_wrong", round(offset_ms / 1_000)))
    running_s = max(3_600, (beat.sent_us - beat.timeline_started_us) // US_PER_S)
    if camera.rtp_lost * 3_600 > RTP_LOST_PER_HOUR * running_s:
        found.append(Warned("rtp_loss", camera.rtp_lost))
    if camera.keyframe_interval_ms is not None and camera.keyframe_interval_ms > KEYFRAME_INTERVAL_MS:
        found.append(Warned("keyframes_rare", camera.keyframe_interval_ms // 1_000))
    if camera.recording_lag_ms is not None and camera.recording_lag_ms > RECORDING_LAG_MS:
        found.append(Warned("recording_late", camera.recording_lag_ms // 1_000))
    if camera.upload_lag_s is not None and camera.upload_lag_s > UPLOAD_LAG_S:
        found.append(Warned("upload_late", camera.upload_lag_s // 60))
    examined = beat.examined_of(camera)
    if "off" in examined:
        found.append(Warned("diagnosis_off"))
    elif "recorded" in examined:
        found.append(Warned("diagnosis_on_recorded"))
    return found


def _disk(beat: Heartbeat) -> Iterator[Warned]:
    spool = beat.spool
    if spool.used_percent >= 100:
        yield Warned("disk_full")
    elif spool.used_percent >= ROOM_USED_PERCENT:
        yield Warned("disk_filling", spool.used_percent)
    if spool.refused_messages:
        yield Warned("messages_refused", spool.refused_messages)


def _clock(beat: Heartbeat, tolerance_us: int) -> Iterator[Warned]:
    reading = beat.clock
    if reading is None:
        yield Warned("clock_unchecked")
    elif abs(reading.offset_us) - reading.bound_us > tolerance_us:
        yield Warned("clock_off", round(reading.offset_us / US_PER_S))


def _machine(beat: Heartbeat) -> Iterator[Warned]:
    box = beat.box
    left_s = box.certificate_left_s
    if left_s is not None and left_s <= 0:
        yield Warned("certificate_ended")
    elif left_s is not None and left_s <= CERTIFICATE_LEFT_S:
        yield Warned("certificate_ends", left_s // 3_600)
    if box.temperature_c is not None and box.temperature_c >= TEMPERATURE_C:
        yield Warned("hot", box.temperature_c)
    if box.memory_used_percent >= BUSY_PERCENT:
        yield Warned("memory_short", box.memory_used_percent)
    if box.cpu_percent >= BUSY_PERCENT:
        yield Warned("processor_busy", box.cpu_percent)


def _panels(beat: Heartbeat) -> Iterator[Warned]:
    for panel in beat.panels:
        if panel.condition == "flooded":
            yield Warned("panel_flooded", what=panel.panel_id)
        elif panel.condition != "heard":
            yield Warned("panel_silent", what=panel.panel_id)
