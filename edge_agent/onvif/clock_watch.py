"""Measures how far each camera's own clock is off, every few minutes, over ONVIF.

Invariant: a camera that does not answer holds up the next by seconds at most, and recording not at all. A reading that
was made across two timelines is thrown away.
"""

from collections.abc import Callable
from typing import NamedTuple

from config.base.clock import US_PER_S
from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.wire.health import ClockReading
from config.wire.replay import CameraClockReading
from edge_agent.cameras.board import CameraBoard
from edge_agent.lifecycle import Worker
from edge_agent.onvif.bounded import Limits
from edge_agent.onvif.camera import OnvifCamera
from edge_agent.onvif.clock import ClockOffset
from edge_agent.onvif.clock_book import ClockBook
from edge_agent.onvif.digest import Credentials
from edge_agent.shards.fleet import WantedCamera
from edge_agent.timekeeping import AgentClock

LOOK_EVERY_S = 1.0
LIMITS = Limits(within_s=3.0, bytes_max=64 * 1024)
UNCOMPARED_US = 86_400 * US_PER_S
"""The agent's own error where it was never compared with the server: any."""
DRIFT_PPM = 100
"""A machine's crystal, since the agent was last compared. What it is slewed by leads to the server's clock, never away."""
WARN_US = 2 * US_PER_S

log = get_logger("onvif")


class Measured(NamedTuple):
    """Camera minus agent, and the same as it is kept and told."""

    offset: ClockOffset
    reading: CameraClockReading


def measured(camera: OnvifCamera, clock: AgentClock, wait: Callable[[float], object]) -> Measured | None:
    """None where the agent's timeline changed meanwhile. Raises what ``errors.ERRORS`` names."""
    before = clock.timeline.timeline_id
    offset, _said = camera.clock_offset(wait)
    compared = clock.reading
    if clock.timeline.timeline_id != before:
        return None
    return Measured(offset, as_reading(offset, before, compared))


def as_reading(offset: ClockOffset, timeline_id: str, compared: ClockReading | None) -> CameraClockReading:
    """Its bound holds the agent's own distance from the server's clock too, and what that may have grown to since."""
    own_us = UNCOMPARED_US
    if compared is not None:
        age_us = abs(offset.observed_us - compared.observed_us)
        own_us = abs(compared.offset_us) + compared.bound_us + age_us * DRIFT_PPM // 1_000_000
    return CameraClockReading(
        timeline_id=timeline_id,
        at_us=max(0, offset.observed_us),
        offset_us=offset.offset_us,
        bound_us=offset.bound_us + own_us,
    )


class CameraClockWatch(Worker):
    """One thread for all cameras that have an ONVIF address."""

    def __init__(
        self,
        cameras: Callable[[], list[WantedCamera]],
        clock: AgentClock,
        board: CameraBoard,
        book: ClockBook,
        every_s: int,
    ) -> None:
        """``cameras``: those that are recorded now, with their passwords."""
        super().__init__("camera-clocks")
        self._cameras = cameras
        self._clock = clock
        self._board = board
        self._book = book
        self._every_us = every_s * US_PER_S
        self._due_us: dict[str, int] = {}

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            self.pulse()
            cameras = {camera.settings.id: camera for camera in self._cameras() if camera.settings.onvif_url}
            self._due_us = {name: due_us for name, due_us in self._due_us.items() if name in cameras}
            for name, camera in cameras.items():
                if self.stopping.is_set():
                    return
                if self._clock.monotonic_us() >= self._due_us.get(name, 0):
                    self._due_us[name] = self._clock.monotonic_us() + self._every_us
                    self.look(camera)
                    self.pulse()

    def look(self, camera: WantedCamera) -> None:
        """Measures one camera's clock and makes it known."""
        settings = camera.settings
        who = Credentials(settings.username, camera.password)
        try:
            found = measured(OnvifCamera(settings.onvif_url, who, self._clock, LIMITS), self._clock, self.stopping.wait)
            if found is None:
                return
            offset = found.offset
            self._board.clock_is(settings.id, offset.offset_us, offset.bound_us)
            self._book.note(settings.id, found.reading)
        except NightlightError as error:
            log.info("camera_clock_unknown", camera=settings.id, why=str(error))
            return
        write = log.warning if abs(offset.offset_us) - offset.bound_us > WARN_US else log.debug
        write("camera_clock", camera=settings.id, offset_us=offset.offset_us, bound_us=offset.bound_us)
