"""Draws the simulated rooms: a still background, a few calm figures, the clock and the machine-readable time row.

Invariant: only shapes; no picture of a person is shipped. The background is drawn once; a frame copies it and draws
the figures, so that eight cameras stay cheap. It has the noise of a sensor, another in each second: without it the agent
would rightly say that the picture is drawn, and stands still.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from config.base.clock import to_datetime
from deploy.local.simulator.timecode import draw_timecode, row_height

WIDTH, HEIGHT = 640, 360
CLOCK_AT = (12, 30)
NOISES, NOISE_SIGMA = 5, 2.0
"""Within a second it stays, so that it costs a coded picture a second and not ten."""
Colour = tuple[int, int, int]  # blue, green, red
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Room:
    """What one camera looks at."""

    name: str
    wall: Colour
    floor: Colour
    furniture: str
    figures: int


ROOMS = (
    Room("ACTIVITY ROOM", (214, 232, 242), (150, 190, 214), "rug", 4),
    Room("NAP ROOM", (226, 214, 206), (176, 160, 150), "beds", 2),
    Room("ENTRANCE", (206, 226, 210), (150, 170, 168), "door", 2),
    Room("DINING ROOM", (204, 228, 244), (140, 176, 206), "tables", 3),
)
CLOTHES: tuple[Colour, ...] = ((96, 120, 222), (196, 150, 80), (110, 178, 104), (92, 190, 232), (190, 120, 176))


class Scene:
    """The picture of one camera, planar YUV 4:2:0, as ``frame`` returns it."""

    def __init__(self, number: int) -> None:
        """``number`` counts from 1 and chooses the room, its shade and the figures' ways."""
        self._room = ROOMS[(number - 1) % len(ROOMS)]
        self._number = number
        self._backgrounds = _with_noise(_background(self._room, number), number)

    def frame(self, utc_us: int) -> Picture:
        """A fresh ``(H * 3 / 2, W)`` uint8 I420 picture of the room as it is at ``utc_us``."""
        picture = self._backgrounds[utc_us // 1_000_000 % NOISES].copy()
        luma = picture[:HEIGHT]
        chroma = picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
        for index in range(self._room.figures):
            self._draw_figure(luma, chroma, index, utc_us / 1e6)
        moment = to_datetime(utc_us)
        text = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000} UTC"
        cv2.putText(luma, text, CLOCK_AT, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 235, 2)
        draw_timecode(luma, utc_us)
        return picture

    def _draw_figure(self, luma: Picture, chroma: Picture, index: int, second: float) -> None:
        phase = self._number * 1.7 + index * 2.1
        x = int(WIDTH * (0.5 + 0.38 * math.sin(second / (17 + 5 * index) + phase)))
        y = int(HEIGHT * (0.68 + 0.12 * math.sin(second / (11 + 3 * index) + phase * 1.3)))
        size = int(16 + 22 * (y / HEIGHT - 0.5))
        body = CLOTHES[(index + self._number) % len(CLOTHES)]
        for (dx, dy), axes, colour in (
            ((0, 0), (size, int(size * 1.5)), body),
            ((0, -int(size * 1.9)), (int(size * 0.75), int(size * 0.75)), (150, 178, 216)),
        ):
            y_level, u_level, v_level = _yuv(colour)
            cv2.ellipse(luma, (x + dx, y + dy), axes, 0, 0, 360, y_level, -1)
            centre, half = ((x + dx) // 2, (y + dy) // 2), (axes[0] // 2, axes[1] // 2)
            cv2.ellipse(chroma[0], centre, half, 0, 0, 360, u_level, -1)
            cv2.ellipse(chroma[1], centre, half, 0, 0, 360, v_level, -1)


def _yuv(colour: Colour) -> tuple[int, int, int]:
    blue, green, red = colour
    return (
        round(16 + 0.257 * red + 0.504 * green + 0.098 * blue),
        round(128 - 0.148 * red - 0.291 * green + 0.439 * blue),
        round(128 + 0.439 * red - 0.368 * green - 0.071 * blue),
    )


def _background(room: Room, number: int) -> Picture:
    shade = 1 - 0.04 * ((number - 1) // len(ROOMS))
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    horizon = int(HEIGHT * 0.45)
    picture[:horizon] = [int(level * shade) for level in room.wall]
    picture[horizon:] = [int(level * shade) for level in room.floor]
    cv2.line(picture, (0, horizon), (WIDTH, horizon), (120, 130, 140), 3)
    for left in (90, 400):  # two windows with morning light
        cv2.rectangle(picture, (left, 50), (left + 130, 130), (250, 240, 214), -1)
        cv2.rectangle(picture, (left, 50), (left + 130, 130), (150, 160, 170), 3)
        cv2.line(picture, (left + 65, 50), (left + 65, 130), (150, 160, 170), 2)
    _FURNITURE[room.furniture](picture)
    # Dark strips keep the clock and the name readable on every wall.
    cv2.rectangle(picture, (0, 6), (360, 40), (58, 44, 40), -1)
    label = f"{room.name} {number}"
    bottom = HEIGHT - row_height(HEIGHT)
    cv2.rectangle(picture, (WIDTH - 250, bottom - 34), (WIDTH, bottom - 4), (58, 44, 40), -1)
    cv2.putText(picture, label, (WIDTH - 240, bottom - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (235, 235, 235), 2)
    planar: Picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    # A grey row carries the time: colour under it would cost bits and tell nothing.
    planar[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)[:, bottom // 2 :] = 128
    return planar


def _with_noise(background: Picture, seed: int) -> list[Picture]:
    """The background as often as there are seconds with a noise of their own; grains of two pixels outlive the encoder."""
    rng, made = np.random.default_rng(seed), list[Picture]()
    for _ in range(NOISES):
        grains = rng.normal(0, NOISE_SIGMA, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
        noise = cv2.resize(grains, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        noisy = background.copy()
        noisy[:HEIGHT] = np.clip(noisy[:HEIGHT] + noise, 16, 235).astype(np.uint8)
        made.append(noisy)
    return made


def _draw_rug(picture: Picture) -> None:
    cv2.ellipse(picture, (320, 265), (210, 58), 0, 0, 360, (170, 150, 226), -1)
    cv2.ellipse(picture, (320, 265), (150, 40), 0, 0, 360, (186, 206, 244), -1)


def _draw_beds(picture: Picture) -> None:
    for row, y in enumerate((185, 250)):
        for left in range(40 - 20 * row, 600, 150):
            cv2.rectangle(picture, (left, y), (left + 110, y + 46), (236, 240, 244), -1)
            cv2.rectangle(picture, (left + 34, y), (left + 110, y + 46), (214, 190, 160), -1)


def _draw_door(picture: Picture) -> None:
    cv2.rectangle(picture, (262, 60), (372, 225), (110, 140, 176), -1)
    cv2.circle(picture, (356, 148), 5, (60, 200, 230), -1)
    cv2.rectangle(picture, (230, 240), (404, 280), (130, 120, 110), -1)


def _draw_tables(picture: Picture) -> None:
    for left, y in ((70, 200), (260, 225), (450, 200)):
        cv2.ellipse(picture, (left + 60, y), (82, 26), 0, 0, 360, (150, 186, 222), -1)
        cv2.rectangle(picture, (left + 52, y + 20), (left + 68, y + 70), (110, 140, 176), -1)


_FURNITURE = {"rug": _draw_rug, "beds": _draw_beds, "door": _draw_door, "tables": _draw_tables}
