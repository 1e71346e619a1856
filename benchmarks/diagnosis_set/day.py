"""A day in the life of a nap-room camera, in which nothing is wrong with the picture.

Night by infrared; dawn and the switch to colour; lamps; children; sun and clouds through a window; cots laid out at
noon, curtains, lamps out, two hours of sleep by infrared in which nobody moves; cots away; dusk; lamps on and out; a
cleaner in the evening. Around each change every picture at the diagnosis's own pace of 2 s, one a minute between.

What it does not have, and a real room has: infrared light that comes from another side than the sun and throws other
shadows; automatic focus; insects and dust before the infrared lamp; a camera with noise reduction so strong that nothing
is left of the noise (``denoised`` comes near).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.diagnosis_set.camera import HEIGHT, WIDTH, Camera, Canvas, Light
from benchmarks.diagnosis_set.photographs import PHOTOGRAPHS, load

HOUR = 3_600.0
EVERY_S, BETWEEN_S = 2.0, 60.0
SWITCHES = (
    (6.1, 6.17),
    (7.0, 7.06),
    (12.2, 12.34),
    (14.33, 14.41),
    (17.66, 17.7),
    (18.5, 18.57),
    (20.0, 20.06),
    (20.33, 20.4),
)
"""Hours between which every picture is looked at."""
CREW = "chelsea"


@dataclass(frozen=True)
class Scene:
    """What the room is like at one moment."""

    light: Light
    people: int
    cots: float = 0.0
    """0 to 1: how many of them lie there."""
    sun: float = 0.0
    """-1 to 1 over the day; 0 where no sun comes in."""
    still: bool = False


@dataclass(frozen=True)
class Moment:
    """One picture of the day, with the instant and the encoder's strength."""

    at_us: int
    picture: Canvas
    crf: int


def moments(
    camera: Camera, start_us: int, hours: tuple[float, float] = (0.0, 24.0), *, denoised: bool = False
) -> Iterator[Moment]:
    """The pictures of a day that begins at ``start_us``."""
    room = _Room(camera)
    for at_s in _instants(*hours):
        scene = _scene(at_s)
        light = scene.light
        if denoised:
            light = Light(light.gain, light.warmth, light.noise / 3, light.infrared, light.crf + 5)
        yield Moment(start_us + int(at_s * 1e6), camera.expose(room.at(at_s, scene), light), light.crf)


def _instants(start_h: float, end_h: float) -> Iterator[float]:
    at_s = start_h * HOUR
    while at_s < end_h * HOUR:
        yield at_s
        close = any(begin * HOUR <= at_s < end * HOUR for begin, end in SWITCHES)
        ahead = min((begin * HOUR - at_s for begin, _ in SWITCHES if begin * HOUR > at_s), default=BETWEEN_S)
        at_s += EVERY_S if close else min(BETWEEN_S, max(EVERY_S, ahead))


def _scene(at_s: float) -> Scene:
    """The day's plan. A switch to infrared takes 4 s of darkness, a switch back 2 s of glare."""
    hour = at_s / HOUR
    infrared = Light(gain=0.8, noise=3.0, infrared=True, crf=30)
    for switch in (12.25, 18.52, 20.36):
        if 0 <= at_s - switch * HOUR < 4:
            return Scene(Light(gain=0.06, noise=4.0, crf=30), 0)
    for switch in (6.12, 14.35, 20.02):
        if 0 <= at_s - switch * HOUR < 2:
            return Scene(Light(gain=2.2, noise=2.0), 0)
    if hour < 6.12 or 18.52 <= hour < 20.02 or hour >= 20.36:
        return Scene(infrared, 0, still=True)
    if 12.25 <= hour < 14.35:
        return Scene(infrared, 6, cots=1.0, still=True)
    if hour >= 20.02:
        return Scene(_lamps(), 1)
    return _by_day(hour)


def _by_day(hour: float) -> Scene:
    daylight = min(1.0, max(0.0, (hour - 5.9) / 1.3), max(0.0, (18.4 - hour) / 1.4))
    lamps = 7.02 <= hour < 8.5 or hour >= 17.67
    clouds = 1.0 - 0.3 * (0.5 + 0.5 * math.sin(hour * 23.0)) * (0.5 + 0.5 * math.sin(hour * 151.0))
    gain = max(0.22, min(1.05, (0.3 + 0.75 * daylight) * clouds))
    light = Light(gain, 0.06 * (1 - daylight), 1.5 + 2.5 * (1 - daylight))
    if lamps:
        light = Light(max(gain, 0.6), 0.10 * (1 - 0.6 * daylight), 2.0)
    cots = min(1.0, max(0.0, (hour - 11.95) / 0.2)) if hour < 13 else max(0.0, (14.6 - hour) / 0.2)
    people = 0 if hour < 7.1 or hour > 18.3 else 6
    return Scene(light, people, min(1.0, cots), (hour - 12.5) / 6 * (daylight > 0.5))


def _lamps() -> Light:
    return Light(gain=0.6, warmth=0.10, noise=2.5)


class _Room:
    """Draws people, cots and the sun's patch into the photograph."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        crew = load(next(photo for photo in PHOTOGRAPHS if photo.name == CREW))
        self._crew = cv2.resize(crew, (320, 240)).astype(np.float32)

    def at(self, at_s: float, scene: Scene) -> Canvas:
        canvas = self._camera.base().copy()
        self._sun(canvas, scene.sun)
        for place in range(round(scene.cots * 8)):
            _cot(canvas, place)
        for number in range(scene.people):
            self._person(canvas, number, 0.0 if scene.still else at_s)
        return canvas

    def _sun(self, canvas: Canvas, sun: float) -> None:
        if sun == 0.0:
            return
        canvas[20:90, 500:600] = 262.0  # the window itself
        left = int(200 - 140 * sun)
        patch = np.array([(left, 230), (left + 90, 230), (left + 130, 330), (left + 20, 330)], np.int32)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(mask, [patch], 255)
        canvas[mask > 0] *= 1.5

    def _person(self, canvas: Canvas, number: int, at_s: float) -> None:
        """An ellipse of something textured and clothed, on a path of its own; sitting or lying where ``at_s`` is 0."""
        phase = number * 1.7
        x = int(WIDTH * (0.5 + 0.42 * math.sin(at_s / (37.0 + 11 * number) + phase)))
        y = int(HEIGHT * (0.66 + 0.2 * math.sin(at_s / (53.0 + 7 * number) + 2 * phase)))
        width, height = 26 + 8 * (number % 3), 52 + 14 * (number % 4)
        box = (slice(max(0, y - height), min(HEIGHT, y + height)), slice(max(0, x - width), min(WIDTH, x + width)))
        shape = canvas[box].shape
        if min(shape[:2]) < 4:
            return
        cloth = self._crew[10 * number : 10 * number + shape[0], 20 * number : 20 * number + shape[1]]
        mask = np.zeros(shape[:2], np.uint8)
        cv2.ellipse(mask, (shape[1] // 2, shape[0] // 2), (shape[1] // 2 - 1, shape[0] // 2 - 1), 0, 0, 360, 255, -1)
        soft = (cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.float32) / 255)[: cloth.shape[0], : cloth.shape[1], None]
        tint = np.array([(1.1, 0.8, 0.7), (0.6, 0.9, 1.2), (0.8, 1.1, 0.7)][number % 3], np.float32)
        part = canvas[box][: cloth.shape[0], : cloth.shape[1]]
        part *= 1 - soft
        part += soft * cloth * tint


def _cot(canvas: Canvas, place: int) -> None:
    """Light bedding, laid over the lower half of the picture in two rows of four."""
    x, y = 40 + 145 * (place % 4), 205 + 75 * (place // 4)
    box = canvas[y : y + 62, x : x + 120]
    box[:] = 0.25 * box + 0.75 * np.array([205, 200, 190], np.float32)
    box[:3] = box[-3:] = 90
    box[:, :3] = box[:, -3:] = 90
    box[8:28, 8:34] = 235
