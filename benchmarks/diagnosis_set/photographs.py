"""The photographs, where they come from, and which half each belongs to.

Source: scikit-image (skimage/data), scikit-learn (datasets/images: china, flower), PyWavelets (data: aero, ascent).
Files are read from the installed package; nothing is imported from it and nothing downloaded.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from edge_agent.diagnosis.measuring import Bgr

Half = Literal["chosen_on", "scored_on"]


@dataclass(frozen=True)
class Photograph:
    """One photograph; ``colour`` is False where it was taken in grey, and then stands for infrared light only."""

    name: str
    package: str
    path: str
    half: Half
    colour: bool = True


PHOTOGRAPHS = (
    Photograph("motorcycle", "skimage", "data/motorcycle_left.png", "chosen_on"),
    Photograph("coffee", "skimage", "data/coffee.png", "chosen_on"),
    Photograph("rocket", "skimage", "data/rocket.jpg", "chosen_on"),
    Photograph("flower", "sklearn", "datasets/images/flower.jpg", "chosen_on"),
    Photograph("brick", "skimage", "data/brick.png", "chosen_on", colour=False),
    Photograph("ascent", "pywt", "data/ascent.npz", "chosen_on", colour=False),
    Photograph("coins", "skimage", "data/coins.png", "chosen_on", colour=False),
    Photograph("china", "sklearn", "datasets/images/china.jpg", "scored_on"),
    Photograph("astronaut", "skimage", "data/astronaut.png", "scored_on"),
    Photograph("chelsea", "skimage", "data/chelsea.png", "scored_on"),
    Photograph("motorcycle-garage", "skimage", "data/motorcycle_right.png", "chosen_on"),
    Photograph("camera", "skimage", "data/camera.png", "scored_on", colour=False),
    Photograph("gravel", "skimage", "data/gravel.png", "scored_on", colour=False),
    Photograph("grass", "skimage", "data/grass.png", "scored_on", colour=False),
    Photograph("aero", "pywt", "data/aero.npz", "scored_on", colour=False),
)


def load(photograph: Photograph) -> Bgr:
    """(H, W, 3) uint8 BGR. Raises FileNotFoundError where the package does not ship it."""
    spec = find_spec(photograph.package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{photograph.package} is not installed: it is in the dev requirements")
    file = Path(spec.submodule_search_locations[0]) / photograph.path
    if not file.is_file():
        raise FileNotFoundError(f"{photograph.package} does not ship {photograph.path}")
    if file.suffix == ".npz":
        with np.load(file) as archive:
            return np.ascontiguousarray(cv2.cvtColor(archive["data"].astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{file} is no picture that can be read")
    return np.ascontiguousarray(picture, np.uint8)
