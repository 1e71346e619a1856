"""A camera's privacy masks: polygons that are blackened before anything is measured or kept.

Invariant: a pixel that a mask touches is in no measure and in no still.
"""

import cv2
import numpy as np

from edge_agent.diagnosis.measuring import HEIGHT, WIDTH, Bgr, Mask

Polygons = list[list[tuple[float, float]]]
"""``(x, y)`` as fractions of width and height, from the top left."""


def visible_for(polygons: Polygons, width: int = WIDTH, height: int = HEIGHT) -> Mask | None:
    """(height, width) uint8, 255 where the picture may be looked at; None without a mask."""
    if not polygons:
        return None
    visible = np.full((height, width), 255, np.uint8)
    for polygon in polygons:
        points = np.array([(x * width, y * height) for x, y in polygon])
        corners = np.rint(points).astype(np.int32)
        cv2.fillPoly(visible, [corners], 0)
        cv2.polylines(visible, [corners], isClosed=True, color=0, thickness=2)
    return visible


def blackened(picture: Bgr, polygons: Polygons) -> Bgr:
    """A copy with every masked pixel black."""
    visible = visible_for(polygons, picture.shape[1], picture.shape[0])
    masked = picture.copy()
    if visible is not None:
        masked[visible == 0] = 0
    return masked
