"""The RTSP client's pure parts: descriptions, proofs, RTP put together, times, loss."""

import hashlib
import re
import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from deploy.local.simulator.rtp import RtpStream, describe, describe_sound_only, payloads
from deploy.local.simulator.source import AccessUnit as SentUnit
from edge_agent.cameras.faults import refused
from edge_agent.cameras.feed import Codec
from edge_agent.cameras.rtsp.asking import Credentials, read_head, request
from edge_agent.cameras.rtsp.assembling import UNIT_BYTES_MAX, AccessUnit, Assembler
from edge_agent.cameras.rtsp.describing import read_description
from edge_agent.cameras.rtsp.receiving import REORDER_MAX, Receiver
from edge_agent.cameras.rtsp.timing import CameraClock, DecodingOrder, Opening, Unwrapper, reordering

SPS, PPS = b"\x67\x42\xc0\x28", b"\x68\xce\x3c\x80"
VPS, HEVC_SPS, HEVC_PPS = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0"
START = b"\x00\x00\x00\x01"
NOON_NTP = (1_795_262_400 + 2_208_988_800) << 32


def pictures(codec: Codec, count: int, size: int = 5_000) -> list[SentUnit]:
    """Pictures with parameter sets before the first and every tenth, each large enough to be fragmented."""
    made = []
    for number in range(count):
        key = number % 10 == 0
        body = bytes((number * 31 + i) % 251 + 4 for i in range(size))
        if codec == "h264":
            sets, header = (SPS, PPS), b"\x65" if key else b"\x41"
        else:
            sets, header = (VPS, HEVC_SPS, HEVC_PPS), b"\x26\x01" if key else b"\x02\x01"
        made.append(SentUnit((*(sets if key else ()), header + body), key))
    return made


def annex_b(unit: SentUnit) -> bytes:
    return b"".join(START + nal for nal in unit.nals)


def packets(codec: Codec, units: list[SentUnit], first: int = 65_500) -> list[bytes]:
    stream = RtpStream(ssrc=7, sequence=first)
    return [stream.packet(part, number * 3_600) for number, unit in enumerate(units) for part in payloads(codec, unit)]


def receiver(codec: Codec, *, reorder: bool = False) -> Receiver:
    return Receiver(96, Assembler(codec), CameraClock(90_000), reorder=reorder)


def received(target: Receiver, sent: list[bytes]) -> list[AccessUnit]:
    return [unit for packet in sent for unit in target.take(memoryview(packet))]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_pictures_come_out_as_they_went_in(codec: Codec) -> None:
    sent = pictures(codec, 30)
    found = received(receiver(codec), packets(codec, sent))
    assert [unit.data for unit in found] == [annex_b(unit) for unit in sent]
    assert [unit.is_key for unit in found] == [unit.keyframe for unit in sent]
    assert [unit.timestamp for unit in found] == [number * 3_600 for number in range(30)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(300, 9_000), min_size=1, max_size=20))
def test_the_shortcut_takes_what_the_long_way_takes_however_the_stream_is_cut(codec: Codec, cuts: list[int]) -> None:
    sent = pictures(codec, 12)
    stream = b"".join(struct.pack(">cBH", b"$", 0, len(p)) + p for p in packets(codec, sent))
    buffer, at, target, found = bytearray(), 0, receiver(codec), list[AccessUnit]()
    offered = 0
    while offered < len(stream):
        size = cuts[offered % len(cuts)]
        buffer = bytearray(buffer[at:] + stream[offered : offered + size])
        offered += size
        target._assembler.keep()
        at, view = 0, memoryview(buffer)
        while len(buffer) - at >= 4:
            after = at + 4 + int.from_bytes(buffer[at + 2 : at + 4], "big")
            if after > len(buffer):
                break
            found += target.take(view[at + 4 : after])
            at = target.go_on(buffer, view, after, len(buffer), 0)
        target._assembler.keep()
    assert [unit.data for unit in found] == [annex_b(unit) for unit in sent]
    assert target.lost == 0
    assert target._received == len(packets(codec, sent))


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_lost_packet_is_counted_and_its_unit_left_out(codec: Codec) -> None:
    sent = pictures(codec, 3)
    whole = packets(codec, sent)
    target = receiver(codec)
    missing = next(i for i, packet in enumerate(whole) if packet[4:8] == struct.pack(">I", 3_600)) + 1
    found = received(target, whole[:missing] + whole[missing + 1 :])
    assert target.lost == 1
    assert [unit.data for unit in found] == [annex_b(sent[0]), annex_b(sent[2])]


def test_datagrams_that_overtook_each_other_are_put_in_order_and_what_never_comes_is_given_up() -> None:
    sent = pictures("h264", 40)
    whole = packets("h264", sent)
    swapped = whole.copy()
    swapped[10], swapped[12] = swapped[12], swapped[10]
    target = receiver("h264", reorder=True)
    assert [unit.data for unit in received(target, swapped)] == [annex_b(unit) for unit in sent]
    assert target.lost == 0

    target = receiver("h264", reorder=True)
    found = received(target, whole[:10] + whole[11:])
    assert target.lost == 1
    assert len(target._early) <= REORDER_MAX
    assert len(found) == 39
    assert received(target, whole[5:6]) == []  # far too late


def test_another_source_is_a_new_beginning_and_no_loss() -> None:
    target = receiver("h264")
    received(target, packets("h264", pictures("h264", 3)))
    again = [
        packet[:2] + b"\x12\x34" + packet[4:8] + b"next" + packet[12:]
        for packet in packets("h264", pictures("h264", 1))[:1]
    ]
    received(target, again)
    assert target.lost == 0


def test_aggregates_markers_in_the_middle_and_pictures_without_markers() -> None:
    assembler = Assembler("h264")
    aggregate = b"\x18" + b"".join(struct.pack(">H", len(nal)) + nal for nal in (SPS, PPS))
    assert assembler.take(memoryview(aggregate), 1, marker=True) == []  # no picture yet: the marker means nothing
    (unit,) = assembler.take(memoryview(b"\x65abc"), 1, marker=True)
    assert unit.data == START + SPS + START + PPS + START + b"\x65abc"
    assert assembler.take(memoryview(b"\x41one"), 2, marker=False) == []
    (ended,) = assembler.take(memoryview(b"\x41two"), 3, marker=False)
    assert ended.data == START + b"\x41one"
    recovery = Assembler("h264")
    recovery.take(memoryview(b"\x06\x06\x01\x80\x80"), 1, marker=False)
    (point,) = recovery.take(memoryview(b"\x41abc"), 1, marker=True)
    assert point.is_key


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans()), max_size=60), st.booleans())
def test_any_payload_can_be_taken(offered: list[tuple[bytes, int, bool]], hevc: bool) -> None:
    assembler = Assembler("hevc" if hevc else "h264")
    for payload, timestamp, marker in offered:
        for unit in assembler.take(memoryview(payload), timestamp, marker=marker):
            assert unit.data.startswith(START)


@given(st.lists(st.binary(max_size=60), max_size=60), st.booleans())
def test_any_packet_can_be_received(offered: list[bytes], reorder: bool) -> None:
    target = receiver("h264", reorder=reorder)
    for packet in offered:
        target.take(memoryview(b"\x80\x60" + packet))
        target.take(memoryview(packet))
        target.control(memoryview(packet), 0.0)
        assert len(target._early) <= REORDER_MAX + 1
    assert len(target.report(1.0)) == 32 + 12


def test_a_unit_without_an_end_is_dropped() -> None:
    assembler = Assembler("h264")
    assembler.take(memoryview(b"\x7c\x85" + b"a"), 1, marker=False)
    for _ in range(UNIT_BYTES_MAX // 60_000 + 2):
        assembler.take(memoryview(b"\x7c\x05" + bytes(60_000)), 1, marker=False)
    assert assembler.size < 100_000
    assert sum(map(len, assembler.fragments)) < 100_000


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_description_is_read(codec: Codec) -> None:
    sets = (SPS, PPS) if codec == "h264" else (VPS, HEVC_SPS, HEVC_PPS)
    video, _ = read_description(describe("cam", codec, sets).decode())
    assert video is not None
    assert (video.codec, video.payload_type, video.clock_hz) == (codec, 96, 90_000)
    assert (video.control, video.session_control) == ("trackID=0", "*")
    assert video.parameters == b"".join(START + one for one in sets)


def test_what_is_no_video_of_ours_is_named() -> None:
    assert read_description(describe_sound_only("cam").decode()) == (None, [])
    assert read_description("m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n") == (None, ["JPEG"])
    assert read_description("m=video 0 RTP/AVP 26\r\n") == (None, ["unknown"])
    video, _ = read_description("m=video 0 RTP/AVP 96\na=rtpmap:96 h264/90000\na=fmtp:96 sprop-parameter-sets=%%%\n")
    assert video is not None
    assert video.parameters == b""


@given(st.text(max_size=300))
def test_any_text_can_be_read_as_a_description(text: str) -> None:
    read_description(text)
    read_description("m=video 0 RTP/AVP 96\na=" + text)


def test_digest_as_in_the_standard() -> None:
    """RFC 2617, 3.5, without qop as cameras ask; RFC 7616 with it."""
    known = Credentials("Mufasa", "Circle Of Life")
    assert known.challenged(('Digest realm="r", nonce="n"', 'Basic realm="r"'))
    header = known.header("DESCRIBE", "rtsp://h/x")["Authorization"]
    one, two = hashlib.md5(b"Mufasa:r:Circle Of Life").hexdigest(), hashlib.md5(b"DESCRIBE:rtsp://h/x").hexdigest()
    assert f'response="{hashlib.md5(f"{one}:n:{two}".encode()).hexdigest()}"' in header
    assert not known.challenged(('Digest realm="r", nonce="n"',))  # this very proof was refused
    assert known.challenged(('Digest realm="r", nonce="n2", stale=true',))

    modern = Credentials("u", "p")
    assert modern.challenged(('Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque="o"',))
    header = modern.header("SETUP", "rtsp://h/x")["Authorization"]
    own = re.search(r'cnonce="(\w+)"', header)
    assert own
    a, b = hashlib.sha256(b"u:r:p").hexdigest(), hashlib.sha256(b"SETUP:rtsp://h/x").hexdigest()
    expected = hashlib.sha256(f"{a}:n:00000001:{own[1]}:auth:{b}".encode()).hexdigest()
    assert f'response="{expected}"' in header
    assert "nc=00000002" in modern.header("PLAY", "rtsp://h/x")["Authorization"]


def test_a_camera_that_asks_in_vain_or_in_an_unknown_way() -> None:
    assert not Credentials("", "").challenged(('Basic realm="r"',))
    assert not Credentials("u", "p").challenged(("Negotiate",))
    assert not Credentials("u", "p").challenged(('Digest realm="r", nonce="n", algorithm=MD4',))
    assert not Credentials("u", "p").challenged(('Basic realm="r"',))  # the password itself goes to nobody unasked
    basic = Credentials("u", "p", allow_basic=True)
    assert basic.challenged(('Basic realm="r"',))
    assert basic.header("PLAY", "x")["Authorization"] == "Basic dTpw"
    assert "p" not in repr(basic).replace("Credentials", "").replace("_scheme", "").replace("_asked", "")


def test_answers_are_bounded() -> None:
    answer, length = read_head(b"RTSP/1.0 200 OK\r\nContent-Length: 12\r\nSession: 5;timeout=60")
    assert (answer.status, answer.headers["session"], length) == (200, "5;timeout=60", 12)
    for bad in (b"HTTP/1.0 200 OK", b"RTSP/1.0 x", b"RTSP/1.0 200 OK\r\nContent-Length: 999999999", b""):
        with pytest.raises(InvalidInput):
            read_head(bad)
    assert request("PLAY", "rtsp://h/x", 3, {"A": "b"}).endswith(b"A: b\r\n\r\n")


def test_every_refusal_says_what_to_do() -> None:
    found = refused(401, "tcp", has_user=False)
    assert found
    assert "password_file" in str(found)
    assert refused(404, "tcp", has_user=True) is not None
    assert refused(453, "tcp", has_user=True) is not None
    udp = refused(461, "udp", has_user=True)
    assert udp
    assert "tcp" in str(udp)
    assert refused(461, "tcp", has_user=True) is None
    assert refused(551, "tcp", has_user=True) is None


def test_time_stamps_unwrap_and_may_go_back() -> None:
    unwrapper = Unwrapper(90_000)
    stamps = [2**32 - 3_600, 0, 3_600, 0, 90_000]
    assert [unwrapper.ticks(stamp) for stamp in stamps] == [0, 3_600, 7_200, 3_600, 93_600]
    assert [Unwrapper(45_000).ticks(stamp) for stamp in (5, 5)] == [0, 0]


@given(depth=st.integers(0, 4), groups=st.integers(2, 12))
def test_decoding_times_go_forward_and_stay_below_presentation(depth: int, groups: int) -> None:
    """I P B B P B B …: each reference picture is decoded ``depth`` places before it is shown."""
    shown = [0]
    for group in range(groups):
        base = 1 + group * (depth + 1)
        shown += [base + depth, *range(base, base + depth)]
    presented = [at * 3_600 for at in shown]
    order = DecodingOrder(reordering(presented))
    decoded = [order.decoded(at) for at in presented]
    assert all(before < after for before, after in pairwise(decoded))
    assert all(d <= p for d, p in zip(decoded, presented, strict=True))


def test_reordering_that_begins_later_is_learnt() -> None:
    order = DecodingOrder(0)
    presented = [0, 3_600, 7_200]
    for group in range(3, 60, 3):
        presented += [(group + 2) * 3_600, group * 3_600, (group + 1) * 3_600]
    decoded = [order.decoded(at) for at in presented]
    late = decoded[20:]
    assert all(before < after for before, after in pairwise(late))


def test_markers_in_the_middle_of_pictures_show_at_the_opening() -> None:
    opening = Opening(90_000)
    taken = None
    for number in range(13):
        for part in (b"a", b"b"):
            taken = taken or opening.take(AccessUnit(part, number == 0 and part == b"a", number * 3_600))
    assert opening.split
    assert taken is not None
    assert taken[0] == AccessUnit(b"ab", True, 0)


@given(delays=st.lists(st.integers(5_000, 80_000), min_size=5, max_size=80), error_ms=st.integers(-5_000, 5_000))
def test_the_cameras_clock_error_lies_within_the_bound(delays: list[int], error_ms: int) -> None:
    clock = CameraClock(90_000)
    assert clock.offset() is None
    clock.observe(0, 0)
    assert clock.offset() is None
    noon_us, error_us = 1_795_262_400 * US_PER_S, error_ms * 1_000
    clock.report(NOON_NTP + (error_us << 32) // US_PER_S, 0)
    for number, delay_us in enumerate(delays):
        clock.observe(number * 180_000, noon_us + number * 2 * US_PER_S + delay_us)
    found = clock.offset()
    assert found is not None
    assert abs(found[0] - error_us) <= found[1] + 2


def test_a_camera_that_does_not_know_the_time_tells_none() -> None:
    clock = CameraClock(90_000)
    clock.report(0, 0)
    clock.observe(0, 0)
    assert clock.offset() is None
