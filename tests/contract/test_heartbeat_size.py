"""The report of a site with 16 cameras fits into 4 KB as it is sent, with everything as long as it plausibly gets."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.health import (
    BoxHealth,
    CameraHealth,
    ClockReading,
    Heartbeat,
    PanelHealth,
    SpoolHealth,
    StreamFormat,
)

NOW_US = 1_795_262_400_123_456
REPORT_BYTES_MAX = 4_096


def worst_case(cameras: int) -> Heartbeat:
    """Three days of outage at a site with slow, dark, misplaced 4K cameras whose clocks are hours off, after a year."""
    return Heartbeat(
        message_id="a" * 32,
        site_id="sunflower-childcare-luzhou",
        agent_id="sunflower-childcare-luzhou-box-1",
        timeline_id="b" * 32,
        timeline_started_us=NOW_US - 31_536_000_000_000,
        sent_us=NOW_US,
        software="nightlight-edge-agent/10.11.12",
        configuration_version=12_345,
        configuration_source="server",
        clock=ClockReading(observed_us=NOW_US - 59_000_000, offset_us=-1_234_567, bound_us=123_456),
        system_clock_error_us=-3_600_000_123,
        spool=SpoolHealth(
            waiting_segments=69_120,
            waiting_bytes=2_073_600_000_000,
            oldest_waiting_ms=259_200_000,
            outbox_messages=138_240,
            refused_messages=123,
            free_bytes=123_456_789_012,
            total_bytes=4_000_787_030_016,
            used_percent=94,
            hours_left=12.3,
        ),
        box=BoxHealth(
            boot_id="c" * 32,
            uptime_s=31_536_000,
            cpu_percent=100,
            memory_used_percent=100,
            memory_total_bytes=34_359_738_368,
            agent_memory_bytes=1_234_567_890,
            temperature_c=105,
            certificate_left_s=2_592_000,
            system="Ubuntu 24.04.2",
            python="3.12.3",
        ),
        panels=[
            PanelHealth(panel_id="panel-office", condition="silent", heard_ms=259_200_000),
            PanelHealth(panel_id="panel-gate", condition="heard", heard_ms=59_000),
        ],
        cameras=[
            CameraHealth(
                camera_id=f"classroom-{number:02d}-ceiling",
                condition="unauthorised" if number % 4 == 0 else "recording",
                since_s=31_536_000,
                unsettled_us=61_234_567,
                packet_age_ms=12_345,
                frames_per_second=25.1,
                kilobits_per_second=12_345,
                keyframe_interval_ms=10_000,
                stream_format=number % 3,
                rtp_lost=1_234_567,
                clock_offset_ms=-28_800_123,
                clock_bound_ms=1_234,
                recording_lag_ms=12_345,
                upload_lag_s=259_200,
            )
            for number in range(cameras)
        ],
        formats=[StreamFormat(codec="hevc", width=width, height=2_160) for width in (3_840, 2_560, 4_096)],
        findings={"too_dark": list(range(cameras)), "scene_moved": list(range(cameras))},
        examined={"recorded": list(range(cameras))},
    )


def test_sixteen_cameras_fit_into_four_kilobytes_envelope_included() -> None:
    sealed = Signer(Ed25519PrivateKey.generate()).seal(worst_case(16))
    assert len(sealed) <= REPORT_BYTES_MAX
    assert decode_payload(open_envelope(sealed)) == worst_case(16)


def test_a_full_agent_fits_into_a_message() -> None:
    sealed = Signer(Ed25519PrivateKey.generate()).seal(worst_case(64))
    assert decode_payload(open_envelope(sealed)) == worst_case(64)


def test_what_is_told_once_is_found_for_each_camera() -> None:
    beat = worst_case(4)
    first, second = beat.cameras[:2]
    assert beat.findings_of(second) == ["too_dark", "scene_moved"]
    assert beat.format_of(second) == StreamFormat(codec="hevc", width=2_560, height=2_160)
    assert (first.reachable, second.reachable) == (True, True)
    assert beat.settled_until_us(second) == NOW_US - 61_234_567
    assert beat.since_us(second) == NOW_US - 31_536_000_000_000
    assert beat.format_of(CameraHealth(camera_id="x", condition="starting", since_s=0, unsettled_us=0)) is None
    assert (
        beat.format_of(CameraHealth(camera_id="x", condition="starting", since_s=0, unsettled_us=0, stream_format=9))
        is None
    )
