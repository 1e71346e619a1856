"""The time row survives scaling and damage is noticed."""

import cv2
import numpy as np
import pytest

from deploy.local.simulator.scene import HEIGHT, WIDTH, Scene
from deploy.local.simulator.timecode import draw_timecode, read_timecode

INSTANT_US = 1_795_000_000_123_000


@pytest.mark.parametrize("instant_us", [0, INSTANT_US, ((1 << 48) - 1) * 1_000])
def test_what_was_drawn_is_read(instant_us: int) -> None:
    luma = np.zeros((HEIGHT, WIDTH), np.uint8)
    draw_timecode(luma, instant_us)
    assert read_timecode(luma) == instant_us


@pytest.mark.parametrize("number", range(1, 9))
def test_every_scene_can_be_read_scaled_down(number: int) -> None:
    bgr = cv2.cvtColor(Scene(number).frame(INSTANT_US), cv2.COLOR_YUV2BGR_I420)
    assert read_timecode(cv2.resize(bgr, (320, 180), interpolation=cv2.INTER_AREA)) == INSTANT_US


def test_a_damaged_row_is_no_time() -> None:
    luma = np.zeros((HEIGHT, WIDTH), np.uint8)
    draw_timecode(luma, INSTANT_US)
    luma[:, 200:210] = 255 - luma[:, 200:210]
    assert read_timecode(luma) is None


def test_a_picture_without_a_row_is_no_time() -> None:
    assert read_timecode(np.full((HEIGHT, WIDTH), 90, np.uint8)) is None


def test_a_time_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="48 bits"):
        draw_timecode(np.zeros((HEIGHT, WIDTH), np.uint8), (1 << 48) * 1_000)
