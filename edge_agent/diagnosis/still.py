"""The evidence still of a finding: the masked picture as a small JPEG.

Invariant: at most ``STILL_BYTES_MAX`` bytes and 320 pixels wide, and nothing in it that a mask covers.
"""

import cv2

from config.wire.findings import STILL_BYTES_MAX
from edge_agent.diagnosis.measuring import Bgr
from edge_agent.diagnosis.privacy import Polygons, blackened

QUALITIES = (80, 60, 40, 20)


def still_of(picture: Bgr, polygons: Polygons) -> bytes | None:
    """The JPEG; None where it cannot be made small enough."""
    masked = blackened(picture, polygons)
    for quality in QUALITIES:
        made, encoded = cv2.imencode(".jpg", masked, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if made and encoded.size <= STILL_BYTES_MAX:
            return encoded.tobytes()
    return None
