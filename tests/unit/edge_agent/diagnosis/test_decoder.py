"""One decoder for many cameras: what it makes of keyframes, and of what is none."""

import numpy as np
import pytest

from config.base.errors import InvalidInput
from edge_agent.diagnosis.decoder import KeyframeDecoder
from tests.support.keyframes import ENCODERS, keyframe


@pytest.mark.parametrize("codec", ENCODERS)
def test_cameras_of_any_size_take_turns(codec):
    decoder = KeyframeDecoder()
    for grey, size in ((60, (640, 360)), (200, (1280, 960)), (120, (352, 288)), (60, (640, 360))):
        picture = decoder.decode(codec, keyframe(codec, grey, size))
        assert picture.shape == (round(size[1] * 320 / size[0]), 320, 3)
        assert picture.dtype == np.uint8
        assert abs(float(picture.mean()) - grey) < 4


def test_other_pixel_formats_are_converted():
    picture = KeyframeDecoder().decode("h264", keyframe("h264", 90, pixels="yuv444p"))
    assert abs(float(picture.mean()) - 90) < 4


@pytest.mark.parametrize("data", [b"\x00\x00\x01\x65" + b"\xff" * 400, b"no video at all", b"\x00"])
def test_garbage_is_said_to_be_garbage_and_spoils_nothing_after_it(data):
    decoder = KeyframeDecoder()
    with pytest.raises(InvalidInput):
        decoder.decode("h264", data)
    assert decoder.decode("h264", keyframe("h264", 77)).shape == (180, 320, 3)


@pytest.mark.parametrize("size", [(16, 4096), (4096, 16), (32, 264)])
def test_a_picture_of_a_shape_that_no_camera_has_is_refused_before_it_costs_anything(size):
    decoder = KeyframeDecoder()
    with pytest.raises(InvalidInput, match=f"{size[0]} x {size[1]}") as refused:
        decoder.decode("h264", keyframe("h264", 90, size))
    assert refused.value.code == "undecodable"
    assert decoder.decode("h264", keyframe("h264", 90, (64, 512))).shape == (2560, 320, 3)
    assert decoder.decode("h264", keyframe("h264", 90, (4096, 512))).shape == (40, 320, 3)
