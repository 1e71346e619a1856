"""The diagnosis beside the recording: cameras share a thread, and nothing else."""

from fractions import Fraction

import pytest
from av.packet import Packet

from config.base.clock import US_PER_S
from config.settings.edge import CameraSettings
from edge_agent.cameras.feed import Feed, StreamFormat
from edge_agent.diagnosis.reports import DiagnosisReport, decode
from edge_agent.diagnosis.shard import PAUSE_US_MAX, Diagnosis, next_due_us
from edge_agent.shards.companions import ShardContext
from edge_agent.timekeeping import Slew, Timeline
from tests.support.edge import EdgeBox
from tests.support.keyframes import keyframe

FORMAT = StreamFormat("h264", b"", Fraction(1, 90_000))


class HandClock:
    """A shard's clock that is set by hand."""

    def __init__(self) -> None:
        self.now_us = 1_000 * US_PER_S
        self.timeline = Timeline("ab" * 16, 0, 0, Slew(0, 0, 0, 1))

    def monotonic_us(self) -> int:
        return self.now_us


class Booth:
    """A diagnosis with real feeds and without its thread; ``told`` is what the main process heard."""

    def __init__(self, folder) -> None:
        settings = EdgeBox(folder).configure({})
        self.clock, self.listens = HandClock(), True
        self.told: list[tuple[str, DiagnosisReport]] = []
        self.diagnosis = Diagnosis(ShardContext(self.clock, settings, self._tell))

    def camera(self, camera_id: str, stream_format: StreamFormat = FORMAT) -> Feed:
        feed = Feed(camera_id, "main")
        feed.begin(stream_format)
        self.diagnosis.add(CameraSettings(id=camera_id, url="file:clip.mp4"), feed, feed)
        return feed

    def show(self, feed: Feed, data: bytes) -> None:
        packet = Packet(data)
        packet.pts = packet.dts = self.clock.now_us * 9 // 100
        packet.is_keyframe = True
        feed.publish(packet, self.clock.now_us)

    def looked_at(self) -> list[str]:
        return [camera_id for camera_id, _ in self.told]

    def _tell(self, kind: str, camera_id: str, body: bytes) -> bool:
        if self.listens:
            self.told.append((camera_id, decode(body)))
        return self.listens


@pytest.fixture
def booth(tmp_path):
    return Booth(tmp_path)


def test_a_camera_that_raises_what_nobody_expected_ends_no_other_and_is_tried_ever_less_often(booth):
    broken = booth.camera("broken", StreamFormat("no-codec", b"", Fraction(1, 90_000)))
    good = booth.camera("good")
    picture, tries = keyframe("h264", 90), 0
    for _ in range(120):
        booth.clock.now_us += US_PER_S
        booth.show(good, picture)
        if not broken._subscribers[0]._queue.qsize():
            booth.show(broken, picture)
            tries += 1
        booth.diagnosis.round()
    assert booth.looked_at() == ["good"] * len(booth.told)
    assert len(booth.told) >= 120 // 16
    assert 3 <= tries <= 12


def test_a_camera_whose_pictures_take_long_has_its_turn_less_often():
    every_us = 2 * US_PER_S
    assert next_due_us(0, 0, 100_000, every_us) == every_us
    assert next_due_us(0, 10 * US_PER_S, 10 * US_PER_S + 10_000, every_us) == 11 * US_PER_S
    assert next_due_us(0, 0, 2 * US_PER_S, every_us) == 16 * US_PER_S
    assert next_due_us(0, 0, 100 * US_PER_S, every_us) == 100 * US_PER_S + PAUSE_US_MAX


def test_what_was_raised_and_cleared_while_the_main_process_did_not_listen_is_told_once(booth):
    feed = booth.camera("nap-room")
    good = keyframe("h264", 90, noise=40)
    booth.listens = False

    def pass_by(data: bytes, pictures: int) -> None:
        for _ in range(pictures):
            booth.clock.now_us += 2 * US_PER_S
            booth.show(feed, data)
            booth.diagnosis.round()

    pass_by(b"no video at all", 4)
    pass_by(good, 6)
    booth.listens = True
    pass_by(good, 1)
    ((_, report),) = booth.told
    changes = [change for change in report.changes if change.now.name == "signal_loss"]
    assert [change.now.state for change in changes] == ["open", "clear"]
    assert changes[0].now.since_us < changes[0].at_us < changes[1].now.since_us < changes[1].at_us
    booth.told.clear()
    pass_by(good, 9)
    assert booth.told
    assert not [change for _, told in booth.told for change in told.changes if change.now.name == "signal_loss"]


def test_a_finding_that_outlasts_a_change_of_clock_began_before_the_new_one(booth):
    booth.clock.timeline = Timeline("ab" * 16, 60 * US_PER_S, 0, Slew(0, 0, 0, 1))  # a minute ahead
    feed = booth.camera("nap-room")
    begun_us = None
    for number in range(120):
        booth.clock.now_us += US_PER_S
        if number == 3:  # after the second of the three bad pictures that it takes
            begun_us = booth.clock.now_us
            booth.clock.timeline = Timeline("cd" * 16, begun_us, begun_us, Slew(0, 0, 0, 1))
        booth.show(feed, b"\x00\x00\x00\x01\x65 no picture at all")
        booth.diagnosis.round()
    changes = [change for _, report in booth.told for change in report.changes]
    assert [(change.timeline_id, change.now.name) for change in changes] == [("cd" * 16, "signal_loss")]
    assert changes[0].now.since_us < begun_us


def test_while_the_diagnosed_stream_is_silent_the_recorded_one_is_looked_at(booth):
    own, recorded = Feed("nap-room", "sub"), Feed("nap-room", "main")
    for feed in (own, recorded):
        feed.begin(FORMAT)
    camera = CameraSettings(id="nap-room", url="file:clip.mp4", sub_url="file:gone.mp4")
    booth.diagnosis.add(camera, own, recorded)
    picture = keyframe("h264", 90, noise=40)

    def pass_s(seconds: int, *feeds: Feed) -> None:
        booth.told.clear()
        for _ in range(seconds):
            booth.clock.now_us += US_PER_S
            for feed in feeds:
                booth.show(feed, picture)
            booth.diagnosis.round()

    pass_s(28, recorded)
    assert not booth.told
    assert not recorded.has_subscribers
    pass_s(32, recorded)
    assert len(booth.told) >= 2
    assert booth.told[-1][1].on_recorded
    pass_s(20, own, recorded)
    assert booth.told
    assert not booth.told[-1][1].on_recorded
    assert not recorded.has_subscribers
    pass_s(28, recorded)
    assert len(booth.told) <= 1
    pass_s(32, recorded)
    booth.diagnosis.remove("nap-room")
    assert not own.has_subscribers
    assert not recorded.has_subscribers
