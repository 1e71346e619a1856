"""A stream's subscribers, a recording that waits for leave, a meter, and sources for trials."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.packet import Packet
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.base.errors import ResourceExhausted, Unavailable
from edge_agent.cameras import feed as feed_module
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.feed import SUBSCRIBERS_MAX, Feed, FeedPacket, StreamFormat
from edge_agent.cameras.figures import Meter
from edge_agent.cameras.trial_sources import EncodedDevice, device_source, open_file, open_usb
from edge_agent.recording.continuity import Frame
from edge_agent.recording.leave import BYTES_MAX, FRAMES_MAX, Leave, PatientWriter
from edge_agent.recording.writer import SegmentWriter, WrittenSegment
from tests.support.clips import FPS, MakeClip

FORMAT = StreamFormat("h264", b"", Fraction(1, 90_000))


def packet(number: int, *, is_key: bool) -> Packet:  # type: ignore[type-arg]
    made = Packet(b"%d" % number)
    made.pts = made.dts = number * 3_600
    made.is_keyframe = is_key
    return made


def feed() -> Feed:
    made = Feed("cam-1", "main")
    made.begin(FORMAT)
    return made


def drained(subscription: object) -> list[FeedPacket]:
    found = []
    while (one := subscription.get(0)) is not None:  # type: ignore[attr-defined]
        found.append(one)
    return found


def test_every_subscriber_gets_what_it_asked_for() -> None:
    target = feed()
    everything = target.subscribe("live", keyframes_only=False, capacity=100)
    keys = target.subscribe("diagnosis", keyframes_only=True, capacity=100)
    for number in range(5, 25):
        target.publish(packet(number, is_key=number % 10 == 0), 1_000_000 + number * 40_000)
    assert [int(one.data) for one in drained(keys)] == [10, 20]
    found = drained(everything)
    assert [int(one.data) for one in found] == list(range(10, 25))  # from a keyframe on
    assert {one.captured_us - one.presented_us for one in found} == {1_000_000}
    assert found[0].lost_before == 0


def test_a_slow_subscriber_loses_up_to_the_next_keyframe_and_is_told() -> None:
    target = feed()
    slow = target.subscribe("live", keyframes_only=False, capacity=3)
    for number in range(20):
        target.publish(packet(number, is_key=number % 10 == 0), number)
    assert [int(one.data) for one in drained(slow)] == [0, 1, 2]
    for number in range(20, 23):
        target.publish(packet(number, is_key=number % 10 == 0), number)
    after = drained(slow)
    assert [int(one.data) for one in after] == [20, 21, 22]
    assert [one.lost_before for one in after] == [17, 0, 0]
    assert slow.lost_total == 17


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200), st.integers(1, 5))
def test_nobody_gets_a_picture_without_what_it_refers_to(steps: list[tuple[bool, bool]], capacity: int) -> None:
    target = feed()
    reader = target.subscribe("live", keyframes_only=False, capacity=capacity)
    newest = -1
    for number, (is_key, reads) in enumerate(steps):
        target.publish(packet(number, is_key=is_key), number)
        if not reads:
            continue
        for one in drained(reader):
            assert one.is_key or int(one.data) == newest + 1
            newest = int(one.data)


def test_what_waits_for_a_slow_subscriber_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "QUEUE_BYTES_MAX", 4)
    target = feed()
    slow = target.subscribe("live", keyframes_only=False, capacity=100)
    for number in range(10, 20):
        target.publish(packet(number, is_key=number == 10), number)
    assert [int(one.data) for one in drained(slow)] == [10, 11]
    target.publish(packet(20, is_key=True), 20)
    assert [one.lost_before for one in drained(slow)] == [8]


def test_subscriptions_end_and_are_bounded() -> None:
    target = feed()
    first = target.subscribe("a", keyframes_only=False, capacity=1)
    assert target.wanted.is_set()
    for _ in range(SUBSCRIBERS_MAX - 1):
        target.subscribe("b", keyframes_only=True, capacity=1)
    with pytest.raises(ValueError, match="enough"):
        target.subscribe("c", keyframes_only=True, capacity=1)
    first.close()
    assert first.closed
    assert first.get(0) is None
    target.end()
    assert not target.has_subscribers
    assert not target.wanted.is_set()


class Writer:
    """Stands where a SegmentWriter would, and keeps what it is given."""

    size_bytes = 7

    def __init__(self) -> None:
        self.taken: list[Frame] = []

    @property
    def frames(self) -> int:
        return len(self.taken)

    def add(self, frame: Frame) -> None:
        self.taken.append(frame)

    def finish(self) -> WrittenSegment:
        return WrittenSegment("", 7, len(self.taken))

    def abandon(self) -> None:
        self.taken.clear()


def frame(number: int, every_us: int = 40_000) -> Frame:
    return Frame(number * every_us, number * every_us, number * every_us, number == 0, number == 0)


def patient(leave: Leave, made: list[Writer]) -> PatientWriter:
    def make() -> SegmentWriter:
        made.append(Writer())
        return made[-1]  # type: ignore[return-value]

    return PatientWriter(leave, make)


def test_frames_wait_for_leave_and_then_go_in_in_order() -> None:
    leave, made = Leave(), list[Writer]()
    target = patient(leave, made)
    for number in range(5):
        target.add(frame(number))
    assert (made, target.frames, target.size_bytes) == ([], 5, 0)
    leave.give()
    target.add(frame(5))
    assert [one.presented_us for one in made[0].taken] == [number * 40_000 for number in range(6)]
    assert target.finish().frames == 6
    target.abandon()


def test_leave_that_is_refused_or_never_given() -> None:
    leave = Leave()
    target = patient(leave, [])
    leave.give("the disk is full", full=True)
    with pytest.raises(ResourceExhausted, match="the disk is full"):
        target.add(frame(0))
    leave.give("the database does not work")
    with pytest.raises(Unavailable, match="the database"):
        target.add(frame(0))
    never = patient(Leave(), [])
    for number in range(11):
        never.add(frame(number, 1_000_000))
    with pytest.raises(Unavailable):
        never.add(frame(11, 1_000_000))
    assert never.frames == 12
    never.abandon()
    many = patient(Leave(), [])
    for number in range(FRAMES_MAX):
        many.add(frame(number, 1))
    with pytest.raises(Unavailable):
        many.add(frame(FRAMES_MAX, 1))
    with pytest.raises(Unavailable):
        patient(Leave(), []).finish()
    large = patient(Leave(), [])
    tenth = Packet(BYTES_MAX // 10)
    for number in range(10):
        large.add(frame(number, 1)._replace(packet=tenth))
    with pytest.raises(Unavailable):
        large.add(frame(10, 1)._replace(packet=tenth))


def test_a_meter_tells_rates_of_its_last_window() -> None:
    meter = Meter(0)
    meter.frames, meter.bytes = 50, 1_000_000
    assert meter.figures(1 * US_PER_S).frames_per_second == 0
    figures = meter.figures(2 * US_PER_S)
    assert (figures.frames_per_second, figures.bits_per_second) == (25.0, 4_000_000)
    assert meter.figures(3 * US_PER_S).frames_per_second == 25.0
    assert meter.figures(5 * US_PER_S).frames_per_second == 0


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_file_is_looped_and_its_time_goes_on(clip: MakeClip, codec: str) -> None:
    source = open_file(str(clip(codec, seconds=1, bframes=2)))
    stamps, keys = [], []
    for number, one in enumerate(source.packets()):
        stamps.append(one.dts or 0)
        keys.append(one.is_keyframe)
        if number == 2 * FPS:
            break
    source.close()
    assert source.format.codec == codec
    assert all(before < after for before, after in pairwise(stamps))
    assert [i for i, key in enumerate(keys) if key] == [0, FPS, 2 * FPS]
    assert stamps[FPS] == pytest.approx(90_000, abs=20_000)


def test_what_is_no_film_or_no_device_says_so(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.mp4"
    with pytest.raises(CameraFault, match="cannot be opened"):
        open_file(str(nothing))
    nothing.write_bytes(b"no film")
    with pytest.raises(CameraFault, match="cannot be opened"):
        open_file(str(nothing))
    with pytest.raises(CameraFault, match="plugged in"):
        open_usb(str(tmp_path / "video0"))


def test_a_device_without_h264_is_encoded(tmp_path: Path) -> None:
    """The pictures come from a file in Motion JPEG: what most USB cameras give."""
    film = tmp_path / "film.avi"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 97, "yuvj420p"
        for number in range(2 * FPS):
            picture = av.VideoFrame(160, 97, "yuvj420p")
            picture.pts = number
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    source = device_source(av.open(str(film), "r"))
    assert isinstance(source, EncodedDevice)
    found = []
    with pytest.raises(CameraFault, match="taken away"):
        found.extend((one.pts, one.is_keyframe, bytes(one)) for one in source.packets())
    source.close()
    assert len(found) == 2 * FPS
    assert found[0][1]
    assert found[0][2].startswith(b"\x00\x00\x00\x01")
    assert found[-1][0] == pytest.approx(90_000 * 2 * (FPS * 2 - 1) / (2 * FPS), abs=4_000)
