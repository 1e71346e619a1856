"""What is wrong with a camera, as codes; each code has its words."""

import re
from pathlib import Path

import pytest

import edge_agent.onvif.survey as module
from edge_agent.cli.speech import catalogue
from edge_agent.onvif.clock import ClockOffset
from edge_agent.onvif.media import StreamProfile, VideoSource
from edge_agent.onvif.survey import clock_problems, stream_problems

SECOND = 1_000_000


def source(main: str = "h264", sub: str | None = "h264", every: int = 50, url: str = "rtsp://x/a") -> VideoSource:
    made = StreamProfile("m", main, 1920, 1080, 25, keyframe_every=every, url=url)
    return VideoSource("lens", made, None if sub is None else StreamProfile("s", sub, 640, 360, 25))


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (source(), []),
        (source(sub=None), ["no_sub"]),
        (source(main="hevc"), []),
        (source(main="hevc", sub="hevc"), ["h265_only"]),
        (source(main="hevc", sub=None), ["h265_only", "no_sub"]),
        (source(main="mpeg4", sub="jpeg"), ["not_recordable", "sub_not_usable"]),
        (source(every=250), ["keyframes_rare"]),
        (source(url="rtsp://x/user=admin_password=tlJwpbo6_channel=1"), ["password_in_url"]),
    ],
)
def test_streams(given, codes):
    assert [problem.code for problem in stream_problems(given)] == codes


@pytest.mark.parametrize(
    ("offset_us", "bound_us", "codes"),
    [
        (0, 100_000, []),
        (2 * SECOND, 500_000, []),
        (-3 * SECOND, 500_000, ["clock_off"]),
        (180 * SECOND, 500_000, ["clock_off"]),
        (8 * 3_600 * SECOND, 500_000, ["clock_zone"]),
    ],
)
def test_clocks(offset_us, bound_us, codes):
    assert [problem.code for problem in clock_problems(ClockOffset(offset_us, bound_us, 0))] == codes


def test_a_clock_that_is_right_and_says_no_utc():
    assert [problem.code for problem in clock_problems(ClockOffset(0, 1, 0), from_local=True)] == ["no_utc"]
    assert clock_problems(None) == ()


def test_every_code_has_its_words():
    text = Path(module.__file__).read_text()
    codes = set(re.findall(r'Problem\("([a-z_0-9]+)"', text))
    words = {key.removeprefix("discover.problem_") for key in catalogue("en") if key.startswith("discover.problem_")}
    assert codes == words
