"""What a mask covers is in no measure and in no still; a still is small."""

import cv2
import numpy as np

from config.wire.findings import STILL_BYTES_MAX
from edge_agent.diagnosis.measuring import measure, noise_between
from edge_agent.diagnosis.privacy import blackened, visible_for
from edge_agent.diagnosis.still import still_of

LEFT_HALF = [[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]]
RNG = np.random.default_rng(7)


def picture() -> np.ndarray:
    return cv2.GaussianBlur(RNG.integers(0, 256, (180, 320, 3), np.uint8), (0, 0), 1.5)


def test_what_moves_behind_a_mask_is_not_measured():
    one = picture()
    other = one.copy()
    other[:, :156] = RNG.integers(0, 256, (180, 156, 3), np.uint8)
    visible = visible_for(LEFT_HALF)
    before, now = measure(one, visible), measure(other, visible)
    assert noise_between(now, before) == 0.0
    assert before.mean == now.mean
    assert np.array_equal(before.percentiles, now.percentiles)
    assert (before.cast, before.clipped, before.plain) == (now.cast, now.clipped, now.plain)
    assert np.array_equal(before.tiles_visible, now.tiles_visible)
    assert not before.tiles_visible[:, :10].any()


def test_a_still_shows_nothing_of_what_is_masked():
    jpeg = still_of(np.full((180, 320, 3), 200, np.uint8), LEFT_HALF)
    assert jpeg is not None
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown[:, :158].max() < 16
    assert shown[:, 170:].min() > 190


def test_without_a_mask_everything_is_seen_and_the_picture_is_left_alone():
    one = picture()
    assert visible_for([]) is None
    assert np.array_equal(blackened(one, []), one)


def test_a_still_of_pure_noise_is_made_small():
    noise = RNG.integers(0, 256, (240, 320, 3), np.uint8)
    jpeg = still_of(noise, [])
    assert jpeg is None or len(jpeg) <= STILL_BYTES_MAX
    assert len(still_of(picture(), []) or b"") <= STILL_BYTES_MAX
