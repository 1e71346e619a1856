"""The ten findings, one file each, and one interface: a name, ONVIF's topic, and a score of what is seen.

A score is high where the fault is there, and None where it cannot be told from this picture. Thresholds are settings.
Names are the wire's; topics are those of the ONVIF Imaging Service Specification, "Events" (``tns1:VideoSource/*``),
and ``nightlight:`` where it has none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from config.wire.findings import FindingName
from edge_agent.diagnosis.findings import (
    blurred,
    colour_cast,
    frozen,
    noise,
    occluded,
    scene_moved,
    signal_loss,
    streaks,
    too_bright,
    too_dark,
)
from edge_agent.diagnosis.sight import Sight

Score = Callable[[Sight], float | None]


@dataclass(frozen=True)
class Finding:
    """``blinding``: while its score is over the threshold, nothing else can be told from the picture."""

    name: FindingName
    topic: str
    score: Score
    blinding: bool = False


FINDINGS = (
    Finding("signal_loss", "tns1:VideoSource/SignalLoss", signal_loss.score, blinding=True),
    Finding("too_dark", "tns1:VideoSource/ImageTooDark/ImagingService", too_dark.score, blinding=True),
    Finding("too_bright", "tns1:VideoSource/ImageTooBright/ImagingService", too_bright.score, blinding=True),
    Finding("blurred", "tns1:VideoSource/ImageTooBlurry/ImagingService", blurred.score),
    Finding("occluded", "nightlight:VideoSource/Occluded", occluded.score),
    Finding("scene_moved", "tns1:VideoSource/GlobalSceneChange/ImagingService", scene_moved.score),
    Finding("frozen", "nightlight:VideoSource/Frozen", frozen.score),
    Finding("colour_cast", "nightlight:VideoSource/ColourCast", colour_cast.score),
    Finding("noise", "nightlight:VideoSource/Noise", noise.score),
    Finding("streaks", "nightlight:VideoSource/Streaks", streaks.score),
)


def score_all(sight: Sight, thresholds: dict[FindingName, float]) -> dict[FindingName, float | None]:
    """Every finding's score; once a blinding one is over its threshold the rest is None."""
    scores: dict[FindingName, float | None] = {}
    blind = False
    for finding in FINDINGS:
        value = None if blind else finding.score(sight)
        scores[finding.name] = value
        blind = blind or (finding.blinding and value is not None and value >= thresholds[finding.name])
    return scores
