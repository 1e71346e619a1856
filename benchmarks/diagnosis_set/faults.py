"""Each fault at three strengths, as a camera would show it.

The middle strength is the one that the goals speak of; what each number means is said beside it. Distances are in the
encoded picture, 640 pixels wide: a third of 1080p.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from benchmarks.diagnosis_set.camera import HEIGHT, WIDTH, Camera, Canvas, Light

Strength = Literal["weak", "middle", "strong"]
STRENGTHS: tuple[Strength, ...] = ("weak", "middle", "strong")
Show = Callable[[int], Canvas]
"""The picture number ``n`` of a fault that lasts."""
HUES = ((0.6, 1.0, 1.4), (1.4, 1.0, 0.6), (0.7, 1.45, 0.7), (1.3, 0.65, 1.3))
"""Too red, too blue, too green, magenta (an infrared filter that is stuck)."""


def signal_loss(camera: Camera, _light: Light, strength: Strength, variant: int) -> Show:
    """The camera's own screen. Strong: nothing else on it; middle: a caption; weak: a caption, analogue noise."""
    screen = _screens()[variant % 5].copy()
    if strength != "strong":
        screen = _captioned(screen, "NO SIGNAL", (WIDTH // 2 - 118, HEIGHT // 2 + 12), 1.4)
    noise = 6.0 if strength == "weak" else 0.0
    return lambda _n: camera.add_noise(screen, noise)


def _screens() -> list[Canvas]:
    plain = [(160, 20, 10), (0, 0, 0), (128, 128, 128)]
    screens = [np.full((HEIGHT, WIDTH, 3), colour, np.float32) for colour in plain]
    bars = ((191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0))
    smpte = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for number, colour in enumerate(bars):
        smpte[:, number * WIDTH // 7 : (number + 1) * WIDTH // 7] = colour
    lower = smpte.copy()
    lower[HEIGHT * 3 // 4 :] = 16
    lower[HEIGHT * 3 // 4 :, : WIDTH // 4] = 235
    return [*screens, smpte, lower]


def too_dark(camera: Camera, light: Light, strength: Strength, _variant: int) -> Show:
    """Light left of what there was by day: weak 15 %, middle 5 %, strong none."""
    gain = {"weak": 0.15, "middle": 0.05, "strong": 0.0}[strength]
    base = camera.base() * (gain / light.gain)
    return lambda _n: camera.expose(base, light)


def too_bright(camera: Camera, light: Light, strength: Strength, _variant: int) -> Show:
    """Exposed so far that this share of the picture is white: weak 35 %, middle 60 %, strong 90 %."""
    share = {"weak": 0.35, "middle": 0.60, "strong": 0.90}[strength]
    plain = camera.expose(camera.base(), light).mean(axis=2)
    gain = 255.0 / max(1.0, float(np.quantile(plain, 1 - share)))
    return lambda _n: camera.expose(camera.base(), light) * gain


def blurred(camera: Camera, light: Light, strength: Strength, _variant: int) -> Show:
    """Out of focus by a Gaussian of 3, 6 or 12 pixels (9, 18, 36 at 1080p)."""
    sigma = {"weak": 3.0, "middle": 6.0, "strong": 12.0}[strength]
    soft = cv2.GaussianBlur(camera.base(), (0, 0), sigma)
    return lambda _n: camera.expose(soft, light)


def occluded(camera: Camera, light: Light, strength: Strength, variant: int) -> Show:
    """Something close, smooth and out of focus before the lens: over 35 %, 65 % or 97 % of the picture."""
    share = {"weak": 0.35, "middle": 0.65, "strong": 0.97}[strength]
    sheet = _sheet(camera, share, variant)
    tone = np.array([(60, 75, 110), (25, 25, 25), (150, 160, 165), (40, 90, 40)][variant % 4], np.float32)
    ramp = np.linspace(0.75, 1.25, WIDTH, dtype=np.float32)[None, :, None]
    scene = camera.base() * (1 - sheet) + sheet * tone * ramp
    return lambda _n: camera.expose(scene, light)


def _sheet(camera: Camera, share: float, variant: int) -> Canvas:
    sheet = np.zeros((HEIGHT, WIDTH), np.float32)
    if variant % 3 == 0:
        sheet[:, : int(WIDTH * share)] = 1
    elif variant % 3 == 1:
        sheet[int(HEIGHT * (1 - share)) :] = 1
    else:
        radius = np.sqrt(share * WIDTH * HEIGHT / np.pi)
        centre = (int(WIDTH * camera.rng.uniform(0.4, 0.6)), HEIGHT // 2)
        cv2.ellipse(sheet, centre, (int(radius * 1.4), int(radius * 0.9)), 0, 0, 360, 1.0, -1)
    soft: Canvas = cv2.GaussianBlur(sheet, (0, 0), 10.0)[..., None]
    return soft


def scene_moved(camera: Camera, light: Light, strength: Strength, variant: int) -> Show:
    """Turned by 5 % of the picture's width; by 15 % and 6 degrees; by 45 %."""
    shift = {"weak": 0.05, "middle": 0.15, "strong": 0.45}[strength]
    turn = 6.0 if strength == "middle" else 0.0
    ways = ((1, 0), (-1, 0), (0, 0.6), (0, -0.6))
    x, y = ways[variant % 4]
    scene = camera.base(camera.moved(shift * x, shift * y, turn * (1 if variant % 2 else -1)))
    return lambda _n: camera.expose(scene, light)


def frozen(camera: Camera, light: Light, strength: Strength, _variant: int) -> Show:
    """The same picture for ever. Strong: bit for bit; middle: a running clock is drawn over it; weak: coarser, too."""
    still = camera.expose(camera.base(), light)

    def show(n: int) -> Canvas:
        if strength == "strong":
            return still
        return _captioned(still, f"2026-11-21 10:{n // 60:02d}:{n % 60:02d}", (12, 26), 0.7)

    return show


def _captioned(picture: Canvas, text: str, at: tuple[int, int], size: float) -> Canvas:
    drawn = np.clip(picture, 0, 255).astype(np.uint8)
    return cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (235, 235, 235), 2).astype(np.float32)


def colour_cast(camera: Camera, light: Light, strength: Strength, variant: int) -> Show:
    """Channels off by 20 %, 40 % or 80 % of their share; none is brighter than it was, for cameras do not over-expose."""
    amount = {"weak": 0.5, "middle": 1.0, "strong": 2.0}[strength]
    gains = np.clip(1 + (np.array(HUES[variant % 4], np.float32) - 1) * amount, 0.1, 2.0)
    gains /= gains.max()
    return lambda _n: camera.expose(camera.base(), light) * gains


def noise(camera: Camera, light: Light, strength: Strength, variant: int) -> Show:
    """Sensor noise of 8, 20 or 40 steps; every other variant is snow on 2, 8 or 20 % of the pixels."""
    sigma = {"weak": 8.0, "middle": 20.0, "strong": 40.0}[strength]
    share = {"weak": 0.02, "middle": 0.08, "strong": 0.20}[strength]

    def show(_n: int) -> Canvas:
        picture = camera.expose(camera.base(), light)
        if variant % 2 == 0:
            return camera.add_noise(picture, sigma, grey=light.infrared)
        drawn = camera.rng.random((HEIGHT // 2, WIDTH // 2)).astype(np.float32)
        dots = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        picture[dots < share / 2] = 0
        picture[dots > 1 - share / 2] = 255
        return picture

    return show


def streaks(camera: Camera, light: Light, strength: Strength, variant: int) -> Show:
    """Rolling bars of interference, or single lines: 8, 20 or 40 steps high."""
    height = {"weak": 8.0, "middle": 20.0, "strong": 40.0}[strength]
    upright = variant % 4 == 3
    length = WIDTH if upright else HEIGHT

    def show(n: int) -> Canvas:
        places = np.arange(length, dtype=np.float32)
        if variant % 2 == 0:
            wave = height * np.sin(2 * np.pi * (places / (9.0 + 5 * (variant % 3)) + 0.37 * n))
        else:
            wave = np.zeros(length, np.float32)
            starts = camera.rng.integers(0, length - 3, 14)
            for start in starts:
                wave[start : start + 3] = height * 1.5 * camera.rng.choice([-1, 1])
        lines: Canvas = wave[None, :, None] if upright else wave[:, None, None]
        shown: Canvas = camera.expose(camera.base(), light) + lines.astype(np.float32)
        return shown

    return show


FAULTS = {
    "signal_loss": signal_loss,
    "too_dark": too_dark,
    "too_bright": too_bright,
    "blurred": blurred,
    "occluded": occluded,
    "scene_moved": scene_moved,
    "frozen": frozen,
    "colour_cast": colour_cast,
    "noise": noise,
    "streaks": streaks,
}
