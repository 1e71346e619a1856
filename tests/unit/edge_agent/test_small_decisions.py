"""Room on the disk, a reader that waits too long, what is sent again, what a file's boxes say, parameter sets."""

import io
import struct
from pathlib import Path

import av
import av.error
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.settings.edge import RecordingSettings, SpoolSettings
from edge_agent.cameras.faults import opening_fault, reading_fault
from edge_agent.cameras.watchdog import Progress, overdue
from edge_agent.recording.boxes import whole_bytes
from edge_agent.recording.parameter_sets import parameter_sets
from edge_agent.reporting.composing import settled_until_us
from edge_agent.reporting.resending import REPEATS_MAX, WINDOW, SendPlan
from edge_agent.spool.disk import RESUME_MARGIN_BYTES, DiskUse, has_room

RECORDING = RecordingSettings(
    segment_s=60,
    connect_timeout_s=5,
    stall_s=4,
    frame_gap_s=1,
    reconnect_first_s=0.5,
    reconnect_limit_s=15.0,
    shard_cameras=8,
)


def spool(bytes_max: int, free_bytes_min: int) -> SpoolSettings:
    return SpoolSettings(
        bytes_max=bytes_max,
        free_bytes_min=free_bytes_min,
        upload_workers=1,
        resend_s=30,
        alarm_fraction=0.8,
        when_full="keep_old",
    )


@given(spooled=st.integers(0, 10**12), free=st.integers(0, 10**12), quota=st.integers(0, 10**12))
def test_room_is_never_granted_past_a_limit_and_resuming_is_stricter(spooled: int, free: int, quota: int) -> None:
    use, settings = DiskUse(spooled, free), spool(quota, 10**9)
    if has_room(use, settings, was_full=False):
        assert free >= 10**9
        assert not quota or spooled < quota
    if has_room(use, settings, was_full=True):
        assert has_room(use, settings, was_full=False)
        assert free >= 10**9 + RESUME_MARGIN_BYTES


@pytest.mark.parametrize(
    ("phase", "waited_s", "expected"),
    [("idle", 999, False), ("opening", 5, False), ("opening", 6, True), ("reading", 4, False), ("reading", 4.5, True)],
)
def test_a_reader_that_waits_too_long_is_noticed(phase: str, waited_s: float, expected: bool) -> None:
    progress = Progress(phase, 0)  # type: ignore[arg-type]
    assert overdue(progress, round(waited_s * US_PER_S), RECORDING) == expected


def test_settled_is_held_back_by_whatever_may_still_come() -> None:
    assert settled_until_us(100, None, None) == 100
    assert settled_until_us(100, 60, None) == 60
    assert settled_until_us(100, 60, 40) == 40


class TestSendPlan:
    def test_the_window_bounds_what_is_out_and_frees_itself(self) -> None:
        plan = SendPlan(resend_us=1_000)
        plan.connected(0)
        for position in range(1, WINDOW + 1):
            plan.sent(f"m{position}", position, 0, repeat=False)
        assert plan.room() == 0
        plan.answered("m1", 1)
        assert plan.room() == 1
        plan.turn(1_000)
        assert plan.room() == WINDOW

    def test_what_has_no_answer_is_repeated_between_one_and_two_periods_later(self) -> None:
        plan = SendPlan(resend_us=1_000)
        plan.connected(0)
        plan.sent("early", 1, 10, repeat=False)
        plan.turn(1_000)
        assert plan.repeats() == 0
        plan.turn(2_000)
        assert plan.repeats() == REPEATS_MAX
        assert (plan.repeat_from, plan.repeat_to) == (0, 1)

    def test_where_nothing_is_answered_the_time_between_repeats_doubles_up_to_a_bound(self) -> None:
        plan = SendPlan(resend_us=30 * US_PER_S)
        plan.connected(0)
        now_us, periods_s = 0, []
        for _ in range(4):
            plan.sent("m", 1, now_us, repeat=False)
            periods_s.append(plan.period_us // US_PER_S)
            now_us += plan.period_us
            plan.turn(now_us - 1)
            assert plan.window
            plan.turn(now_us)
            assert not plan.window
        assert periods_s == [30, 60, 120, 120]
        assert plan.repeats()
        plan.answered("m", now_us)
        assert plan.period_us == 30 * US_PER_S

    def test_repeats_never_take_the_whole_window(self) -> None:
        assert REPEATS_MAX < WINDOW

    def test_a_new_connection_starts_from_the_oldest(self) -> None:
        plan = SendPlan(resend_us=1_000)
        plan.sent("m", 7, 0, repeat=False)
        plan.connected(5)
        assert (plan.sent_to, plan.room()) == (0, WINDOW)


class TestUnheardCameras:
    """Camera ``new`` is not registered; ``known`` is answered."""

    def plan(self) -> SendPlan:
        plan = SendPlan(resend_us=30 * US_PER_S)
        plan.connected(0)
        plan.sent("a", 1, 0, repeat=False, camera_id="new")
        plan.sent("b", 2, 0, repeat=False, camera_id="known")
        return plan

    def test_a_silent_server_makes_no_camera_unheard(self) -> None:
        plan = self.plan()
        plan.turn(30 * US_PER_S)
        assert not plan.unheard

    def test_it_leaves_the_window_and_asks_at_growing_bounded_intervals_until_it_is_heard(self) -> None:
        plan = self.plan()
        plan.answered("b", 1)
        now_us = 30 * US_PER_S
        plan.turn(now_us)
        assert set(plan.unheard) == {"new"}
        waits_s = []
        for _ in range(7):
            assert plan.to_ask(now_us) == ["new"]
            plan.asked("new", ["a"], now_us)
            due_us = plan.unheard["new"].ask_at_us
            assert plan.to_ask(due_us - 1) == []
            waits_s.append((due_us - now_us) // US_PER_S)
            now_us = due_us
        assert waits_s == [30, 60, 120, 240, 480, 600, 600]
        assert plan.room() == WINDOW
        plan.sent_to = 9
        plan.answered("a", now_us)
        assert (plan.unheard, plan.sent_to) == ({}, 0)

    def test_it_is_forgotten_when_nothing_of_it_waits(self) -> None:
        plan = self.plan()
        plan.answered("b", 1)
        plan.turn(30 * US_PER_S)
        plan.asked("new", [], 30 * US_PER_S)
        assert not plan.unheard


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


HEAD = box(b"ftyp", b"isom") + box(b"moov", b"x" * 50)
FRAGMENT = box(b"moof", b"y" * 30) + box(b"mdat", b"z" * 200)


def measured(tmp_path: Path, data: bytes) -> int:
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as opened:
        return whole_bytes(opened)


def test_every_cut_through_a_file_keeps_exactly_the_whole_fragments(tmp_path: Path) -> None:
    data = HEAD + FRAGMENT * 3 + box(b"mfra", b"i" * 20)
    for length in range(len(data) + 1):
        kept = measured(tmp_path, data[:length])
        whole = max(0, length - len(HEAD)) // len(FRAGMENT)
        expected = len(data) if length == len(data) else len(HEAD) + whole * len(FRAGMENT) if whole else 0
        assert kept == expected


def test_zeros_after_a_power_cut_and_nonsense_end_the_file(tmp_path: Path) -> None:
    good = HEAD + FRAGMENT
    assert measured(tmp_path, good + bytes(4_096)) == len(good)
    assert measured(tmp_path, good + b"\xff" * 64) == len(good)
    assert measured(tmp_path, FRAGMENT) == 0
    assert measured(tmp_path, HEAD + box(b"mdat", b"q")) == 0


def test_a_box_with_a_64_bit_length_is_understood(tmp_path: Path) -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    data = HEAD + box(b"moof", b"y") + large
    assert measured(tmp_path, data) == len(data)
    assert measured(tmp_path, data[:-1]) == 0


SPS, PPS, IDR, SLICE = b"\x67\x42\xc0\x28", b"\x68\xce\x3c\x80\x01", b"\x65\x88\x84", b"\x41\x9a"


def annex_b(*units: bytes) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def test_parameter_sets_ahead_of_the_picture_are_found_in_any_order() -> None:
    assert parameter_sets(annex_b(SPS, PPS, IDR), "h264") == tuple(sorted((SPS, PPS)))
    assert parameter_sets(annex_b(PPS, SPS, SPS, IDR, b"\x67\xff"), "h264") == tuple(sorted((SPS, PPS)))
    assert parameter_sets(annex_b(IDR), "h264") == ()
    assert parameter_sets(b"\x00\x00\x01" + SPS + b"\x00\x00\x01" + SLICE, "h264") == (SPS,)
    vps, hevc_sps, hevc_slice = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x26\x01\xaf"
    assert parameter_sets(annex_b(vps, hevc_sps, hevc_slice, vps + b"x"), "hevc") == (vps, hevc_sps)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_searched_for_parameter_sets(data: bytes) -> None:
    parameter_sets(data, "h264")
    parameter_sets(data, "hevc")


def test_no_fault_repeats_the_text_of_ffmpeg() -> None:
    url = "rtsp://user:secret@192.0.2.1/x"
    for kind in (av.error.HTTPUnauthorizedError, av.error.ConnectionRefusedError, av.error.ExitError, av.error.OSError):
        error = kind(111, "text", url)
        for fault in (opening_fault(error, 0.1, 5, has_user=True), reading_fault(error, 4)):
            assert "secret" not in str(fault)
            assert len(str(fault)) <= 200


def test_what_is_no_stream_is_no_header() -> None:
    with pytest.raises(av.error.FFmpegError):
        av.open(io.BytesIO(b"nonsense"), "r", format="mp4")
