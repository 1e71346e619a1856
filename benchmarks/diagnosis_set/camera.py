"""A camera on a photograph: where it points, by what light, with how much noise, through which encoder.

The light model: daylight; dusk (gain falls, noise and warmth rise); lamps; infrared (grey, a hot spot in the middle, the
spectrum weighted to the red end); the dark (nothing but the sensor's noise). Noise is coarse-grained, as it is after a
camera's own noise reduction.
"""

import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.diagnosis_set.photographs import Photograph, load
from edge_agent.diagnosis.decoder import KeyframeDecoder
from edge_agent.diagnosis.measuring import Bgr

WIDTH, HEIGHT = 640, 360
"""As encoded: twice what the diagnosis looks at, a third of 1080p; artefacts weigh heavier than at full size."""
Canvas = NDArray[Any]
"""(360, 640, 3) float32."""
NOISE_FIELDS = 24


@dataclass(frozen=True)
class Aim:
    """Where the camera points within its photograph; shifts in picture widths."""

    centre_x: float = 0.5
    centre_y: float = 0.5
    zoom: float = 0.75
    shift_x: float = 0.0
    shift_y: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True)
class Light:
    """``gain`` of 1 is the photograph as it is."""

    gain: float = 1.0
    warmth: float = 0.0
    noise: float = 1.5
    infrared: bool = False
    crf: int = 26


DAY = Light()
NIGHT = Light(gain=0.45, warmth=0.12, noise=3.5, crf=29)
INFRARED = Light(gain=0.8, noise=3.0, infrared=True, crf=30)
LIGHTS = {"clean": DAY, "night": NIGHT, "infrared": INFRARED}


class Camera:
    """Pictures of one photograph. Use it from one thread."""

    def __init__(self, photograph: Photograph, aim: Aim, seed: int) -> None:
        self.photograph = photograph
        self.aim = aim
        self.rng = np.random.default_rng(seed)
        self._photo = load(photograph)
        self._noise = _noise_fields(self.rng)
        self._bases: dict[Aim, Canvas] = {}
        self._hot_spot = _hot_spot()

    def base(self, aim: Aim | None = None) -> Canvas:
        """(360, 640, 3) float32 of what lies before the lens."""
        chosen = aim or self.aim
        if chosen not in self._bases:
            if len(self._bases) > 64:
                self._bases.clear()
            self._bases[chosen] = _taken(self._photo, chosen)
        return self._bases[chosen]

    def moved(self, shift_x: float, shift_y: float = 0.0, turn_deg: float = 0.0) -> Aim:
        return replace(self.aim, shift_x=shift_x, shift_y=shift_y, turn_deg=turn_deg)

    def expose(self, scene: Canvas, light: Light) -> Canvas:
        """The scene by this light, with noise; not yet clipped."""
        if light.infrared:
            grey = scene @ np.array([0.10, 0.35, 0.55], np.float32)
            lit = 255.0 * np.power(np.clip(grey, 0, 255) / 255.0, 0.85) * light.gain * self._hot_spot
            picture = np.repeat(lit[..., None], 3, axis=2)
        else:
            tint = np.array([1 - light.warmth, 1.0, 1 + light.warmth], np.float32)
            picture = scene * (light.gain * tint)
        return self.add_noise(picture.astype(np.float32), light.noise, grey=light.infrared)

    def add_noise(self, picture: Canvas, sigma: float, *, grey: bool = False) -> Canvas:
        if sigma <= 0:
            return picture
        field = self._noise[int(self.rng.integers(NOISE_FIELDS))]
        shift = (int(self.rng.integers(HEIGHT)), int(self.rng.integers(WIDTH)))
        rolled = np.roll(field, shift, axis=(0, 1))
        noisy: Canvas = picture + sigma * (rolled[..., :1] if grey else rolled)
        return noisy


class Passage:
    """A real H.264 encoder and the agent's decoder: what comes out is what a diagnosis sees."""

    def __init__(self) -> None:
        self._encoders: dict[int, av.VideoCodecContext] = {}
        self._decoder = KeyframeDecoder()
        self._lock = threading.Lock()

    def through(self, picture: Canvas, crf: int = 26) -> Bgr:
        """(180, 320, 3) uint8 BGR."""
        return self.decode(self.encode(picture, crf))

    def encode(self, picture: Canvas, crf: int = 26) -> bytes:
        """One keyframe with its parameter sets, Annex B."""
        encoder = self._encoders.get(crf)
        if encoder is None:
            encoder = self._encoders[crf] = _encoder(crf)
        frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="bgr24")
        frame.pts = None
        return b"".join(bytes(packet) for packet in encoder.encode(frame.reformat(format="yuv420p")))

    def decode(self, keyframe: bytes) -> Bgr:
        return self._decoder.decode("h264", keyframe)


def _encoder(crf: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": str(crf),
        "g": "1",
        "x264-params": "repeat-headers=1:annexb=1",
    }
    return encoder


def _taken(photo: Bgr, aim: Aim) -> Canvas:
    height, width = photo.shape[:2]
    scale = min(width / WIDTH, height / HEIGHT) * aim.zoom
    span_x, span_y = WIDTH * scale, HEIGHT * scale
    x = span_x / 2 + aim.centre_x * (width - span_x) + aim.shift_x * span_x
    y = span_y / 2 + aim.centre_y * (height - span_y) + aim.shift_y * span_x
    cos, sin = np.cos(np.deg2rad(aim.turn_deg)) * scale, np.sin(np.deg2rad(aim.turn_deg)) * scale
    back = np.array(
        [[cos, -sin, x - cos * WIDTH / 2 + sin * HEIGHT / 2], [sin, cos, y - sin * WIDTH / 2 - cos * HEIGHT / 2]]
    )
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)
    taken = cv2.warpAffine(photo, back, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return taken.astype(np.float32)


def _hot_spot() -> Canvas:
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    return (1.15 - 0.65 * np.clip(x * x * 0.8 + y * y * 0.5, 0, 1)).astype(np.float32)


def _noise_fields(rng: np.random.Generator) -> Canvas:
    """Unit variance, grain of about 1.5 pixels, mostly common to the three colours."""
    fields = []
    for _ in range(NOISE_FIELDS):
        raw = 0.8 * rng.standard_normal((HEIGHT, WIDTH, 1)) + 0.6 * rng.standard_normal((HEIGHT, WIDTH, 3))
        grain = cv2.GaussianBlur(raw.astype(np.float32), (0, 0), 0.8)
        fields.append(grain / grain.std())
    return np.stack(fields).astype(np.float32)
