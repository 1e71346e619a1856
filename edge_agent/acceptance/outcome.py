"""What came of an acceptance test, in no language: texts are keys with values, put into words when they are shown.

Values whose name ends in ``_us`` are instants, in ``_condition`` and ``_cause`` words of the contract; ``told`` turns
them into what a person reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from config.base.clock import US_PER_S, to_datetime
from edge_agent.cli.speech import Speech

StepName = Literal["agent", "record", "minute", "lock", "deletion", "disconnect", "panel"]
STEPS: tuple[StepName, ...] = ("agent", "record", "minute", "lock", "deletion", "disconnect", "panel")
StepStatus = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Said:
    """One sentence: the text ``accept.<key>`` with its values."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    good: bool = True


@dataclass(frozen=True)
class StepOutcome:
    """One step: what was seen, and what to do where it failed."""

    name: StepName
    status: StepStatus
    seconds: float
    seen: tuple[Said, ...] = ()
    advice: tuple[Said, ...] = ()


@dataclass(frozen=True)
class CameraFacts:
    """One camera, as the report names it; ``first_minute_us`` is when its first minute was known to be secured."""

    camera_id: str
    name: str
    zone_name: str
    retain_until_us: int | None
    first_minute_us: int | None


@dataclass(frozen=True)
class Outcome:
    """The whole test. ``unattended``: the agent let go of the camera by itself, nobody pulled a cable."""

    site_id: str
    agent_id: str
    site_name: str
    timezone: str
    agent_software: str
    server_software: str
    began_us: int
    ended_us: int
    enrolled_us: int | None
    unattended: bool
    cameras: tuple[CameraFacts, ...]
    steps: tuple[StepOutcome, ...]

    @property
    def passed(self) -> bool:
        """Every step passed, or was skipped for a reason that is named."""
        return all(step.status != "failed" for step in self.steps)

    @property
    def skipped(self) -> tuple[StepName, ...]:
        return tuple(step.name for step in self.steps if step.status == "skipped")

    @property
    def first_minute_s(self) -> float | None:
        """From enrolment until the first minute of any camera was known to be secured, in seconds."""
        known = [camera.first_minute_us for camera in self.cameras if camera.first_minute_us is not None]
        if self.enrolled_us is None or not known:
            return None
        return round((min(known) - self.enrolled_us) / US_PER_S, 1)


def told(speech: Speech, said: Said, timezone: str) -> str:
    """The sentence in one language."""
    return speech.text(
        f"accept.{said.key}", **{name: _shown(speech, name, v, timezone) for name, v in said.values.items()}
    )


def clock_time(at_us: int, timezone: str) -> str:
    """An instant as the site's own clocks show it."""
    try:
        zone: tzinfo = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):  # a machine without this zone's data: UTC, and saying so
        return f"{to_datetime(at_us):%Y-%m-%d %H:%M:%S} UTC"
    return f"{to_datetime(at_us).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _shown(speech: Speech, name: str, value: object, timezone: str) -> object:
    if name.endswith("_us") and isinstance(value, int):
        return clock_time(value, timezone)
    if name.endswith("condition") and speech.has(f"status.condition_{value}"):
        return speech.text(f"status.condition_{value}")
    if name.endswith("cause") and speech.has(f"accept.cause_{value}"):
        return speech.text(f"accept.cause_{value}")
    if isinstance(value, list):
        return "; ".join(str(_shown(speech, "word", one, timezone)) for one in value)
    if name == "word" and speech.has(f"accept.attack_{str(value).replace(' ', '_').lower()}"):
        return speech.text(f"accept.attack_{str(value).replace(' ', '_').lower()}")
    return value
