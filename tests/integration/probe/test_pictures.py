"""Pictures that people send are drawn anew: upright, on white, of bounded size, with nothing left of the file."""

import io
from threading import BoundedSemaphore

import cv2
import numpy as np
import pytest

from config.base.errors import InvalidInput, Unavailable
from server.probe import mask, pictures
from server.probe.pictures import SENT_BYTES_MAX, redraw


def half(width: int = 400, height: int = 200) -> np.ndarray:
    """Red on the left, white on the right."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[:, : width // 2] = (0, 0, 255)
    return image


def turned(orientation: int) -> bytes:
    """A JPEG that says how it is to be turned, as telephones write it."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    jpeg = bytes(cv2.imencode(".jpg", half())[1])
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


def seen(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".webp"])
def test_each_kind_is_taken_and_made_small(kind):
    made = redraw(bytes(cv2.imencode(kind, half(3_000, 1_500))[1]))
    assert (made.width, made.height) == (2_000, 1_000)
    assert seen(made.data)[500, 100].tolist() == pytest.approx([0, 0, 255], abs=12)


@pytest.mark.parametrize(("orientation", "red"), [(6, (5, 50)), (3, (100, 390)), (8, (395, 50))])
def test_what_a_telephone_turned_is_upright_and_says_nothing_of_itself(orientation, red):
    made = redraw(turned(orientation))
    assert b"Exif" not in made.data
    assert (made.width, made.height) == ((400, 200) if orientation == 3 else (200, 400))
    assert seen(made.data)[red].tolist() == pytest.approx([0, 0, 255], abs=12)


def test_what_is_transparent_is_white():
    image = np.zeros((20, 20, 4), np.uint8)
    assert seen(redraw(bytes(cv2.imencode(".png", image)[1])).data)[10, 10].tolist() == [255, 255, 255]


def test_what_is_too_much_for_png_is_a_photograph():
    noise = np.random.default_rng(7).integers(0, 255, (1_200, 1_200, 3), np.uint8)
    made = redraw(bytes(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]))
    assert made.media_type == "image/jpeg"


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 50, b"RIFF\0\0\0\0WEBPVP8 ", b"\x89PNG\r\n\x1a\n" + b"\0" * SENT_BYTES_MAX],
    ids=["nothing", "svg", "pdf", "png", "jpeg", "webp", "large"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(InvalidInput):
        redraw(data)


def test_a_decoder_that_hangs_or_babbles_is_given_up(tmp_path):
    png = bytes(cv2.imencode(".png", half())[1])
    child = tmp_path / "child.py"
    child.write_text("import time; time.sleep(30)")
    with pytest.raises(Unavailable):
        redraw(png, child=child, wait_s=0.2)
    child.write_text("while True: print('x' * 100_000)")
    with pytest.raises(Unavailable):
        redraw(png, child=child)
    for text in ('print(\'{"media_type": "text/html"}\')', "import os; os.abort()"):
        child.write_text(text)
        with pytest.raises(InvalidInput) as raised:
            redraw(png, child=child)
        assert raised.value.code == "no_picture"
    assert pictures.CHILD.is_file()


@pytest.mark.parametrize("module", [pictures, mask])
def test_no_more_than_two_processes_at_once(module, monkeypatch):
    monkeypatch.setattr(module, "PLACE_WAIT_S", 0.01)
    taken = BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(module, "_places", taken)
    with pytest.raises(Unavailable):
        module.redraw(b"\xff\xd8\xff") if module is pictures else module.still(io.BytesIO(), 0)
