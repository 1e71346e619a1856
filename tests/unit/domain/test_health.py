"""Which figures become warnings, and from where on."""

import msgspec
import pytest

from config.wire.health import (
    BoxHealth,
    CameraHealth,
    ClockReading,
    Heartbeat,
    PanelHealth,
    SpoolHealth,
)
from server.domain.health import CODES, Warned, box_warnings, camera_warnings

TOLERANCE_US = 5_000_000
NOW_US = 1_795_262_400_000_000
HOUR_US = 3_600_000_000

SPOOL = SpoolHealth(
    waiting_segments=0,
    waiting_bytes=0,
    oldest_waiting_ms=None,
    outbox_messages=0,
    refused_messages=0,
    free_bytes=10**11,
    used_percent=79,
)
CAMERA = CameraHealth(camera_id="nap-room", condition="recording", since_s=60, unsettled_us=0)
QUIET = Heartbeat(
    message_id="a" * 32,
    site_id="sunflower",
    agent_id="sunflower-box",
    timeline_id="b" * 32,
    timeline_started_us=NOW_US - 10 * HOUR_US,
    sent_us=NOW_US,
    software="test",
    clock=ClockReading(observed_us=NOW_US, offset_us=5_000_999, bound_us=1_000),
    system_clock_error_us=0,
    spool=SPOOL,
    box=BoxHealth(cpu_percent=94, memory_used_percent=94, temperature_c=84, certificate_left_s=3 * 86_400 + 1),
    panels=[PanelHealth(panel_id="office", condition="heard", heard_ms=1)],
    cameras=[CAMERA],
)


def spool(**changes: object) -> Heartbeat:
    return msgspec.structs.replace(QUIET, spool=msgspec.structs.replace(SPOOL, **changes))


def box(**changes: object) -> Heartbeat:
    return msgspec.structs.replace(QUIET, box=msgspec.structs.replace(QUIET.box, **changes))


def test_what_is_just_within_its_limit_says_nothing() -> None:
    assert box_warnings(QUIET, TOLERANCE_US) == []
    assert box_warnings(box(certificate_left_s=None, temperature_c=None), TOLERANCE_US) == []
    assert camera_warnings(QUIET, CAMERA) == []


@pytest.mark.parametrize(
    ("beat", "warned"),
    [
        (spool(used_percent=80), Warned("disk_filling", 80)),
        (spool(used_percent=100), Warned("disk_full")),
        (spool(refused_messages=3), Warned("messages_refused", 3)),
        (msgspec.structs.replace(QUIET, clock=None), Warned("clock_unchecked")),
        (
            msgspec.structs.replace(QUIET, clock=ClockReading(observed_us=0, offset_us=-7_000_000, bound_us=0)),
            Warned("clock_off", -7),
        ),
        (box(certificate_left_s=3 * 86_400), Warned("certificate_ends", 72)),
        (box(certificate_left_s=0), Warned("certificate_ended")),
        (box(temperature_c=85), Warned("hot", 85)),
        (box(memory_used_percent=95), Warned("memory_short", 95)),
        (box(cpu_percent=95), Warned("processor_busy", 95)),
        (
            msgspec.structs.replace(QUIET, panels=[PanelHealth(panel_id="office", condition="silent")]),
            Warned("panel_silent", what="office"),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Warned) else "",
)
def test_what_is_past_its_limit_is_said_of_the_box(beat: Heartbeat, warned: Warned) -> None:
    assert box_warnings(beat, TOLERANCE_US) == [warned]
    assert warned.code in CODES


@pytest.mark.parametrize(
    ("within", "past", "warned"),
    [
        (
            {"clock_offset_ms": -5_100, "clock_bound_ms": 100},
            {"clock_offset_ms": -5_101, "clock_bound_ms": 100},
            Warned("camera_clock_wrong", -5),
        ),
        ({"rtp_lost": 600}, {"rtp_lost": 601}, Warned("rtp_loss", 601)),
        ({"keyframe_interval_ms": 10_000}, {"keyframe_interval_ms": 12_000}, Warned("keyframes_rare", 12)),
        ({"recording_lag_ms": 30_000}, {"recording_lag_ms": 31_000}, Warned("recording_late", 31)),
        ({"upload_lag_s": 900}, {"upload_lag_s": 1_200}, Warned("upload_late", 20)),
    ],
    ids=lambda value: value.code if isinstance(value, Warned) else "",
)
def test_what_is_past_its_limit_is_said_of_the_camera(within, past, warned: Warned) -> None:
    assert camera_warnings(QUIET, msgspec.structs.replace(CAMERA, **within)) == []
    assert camera_warnings(QUIET, msgspec.structs.replace(CAMERA, **past)) == [warned]
    assert warned.code in CODES


def test_how_a_picture_is_examined_is_said_where_it_is_not_as_it_is_meant_to_be() -> None:
    other = msgspec.structs.replace(CAMERA, camera_id="gate")
    beat = msgspec.structs.replace(QUIET, cameras=[other, CAMERA], examined={"recorded": [1]})
    assert camera_warnings(beat, CAMERA) == [Warned("diagnosis_on_recorded")]
    assert camera_warnings(beat, other) == []
    off = msgspec.structs.replace(beat, examined={"off": [0, 1]})
    assert [camera_warnings(off, one) for one in (CAMERA, other)] == [[Warned("diagnosis_off")]] * 2


def test_a_flooding_panel_is_told_apart_from_a_silent_one() -> None:
    panels = [PanelHealth(panel_id="office", condition="flooded"), PanelHealth(panel_id="gate", condition="silent")]
    found = box_warnings(msgspec.structs.replace(QUIET, panels=panels), TOLERANCE_US)
    assert found == [Warned("panel_flooded", what="office"), Warned("panel_silent", what="gate")]
