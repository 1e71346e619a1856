"""Digital inputs of ONVIF devices as alarm points: a button or a contact that is wired to a camera.

Invariant: a subscription that breaks is made anew at growing intervals, for ever; each state that the device tells at
the beginning of one is compared with the last that was stored, so that what changed in between is told late, not never.
"""

from config.base.backoff import Backoff
from config.base.clock import Clock
from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.settings.edge import InputSettings
from config.settings.loader import read_secret
from edge_agent.alarms.codes import Meaning
from edge_agent.alarms.desk import AlarmDesk, Said
from edge_agent.alarms.messages import Report
from edge_agent.lifecycle import Worker
from edge_agent.onvif.camera import OnvifCamera, device_address
from edge_agent.onvif.digest import Credentials
from edge_agent.onvif.events import InputChange, inputs

PULL_S = 5.0
RETRY_FIRST_S, RETRY_LIMIT_S = 1.0, 60.0
CODE = "DigitalInput"

log = get_logger("alarms")


class InputWatch(Worker):
    """One device."""

    def __init__(self, settings: InputSettings, desk: AlarmDesk, clock: Clock, known: dict[str, bool]) -> None:
        """``known``: input token → whether it was active when it was last stored. Raises ConfigurationError."""
        super().__init__(f"alarm-inputs-{settings.id}")
        self._settings = settings
        self._desk = desk
        self._known = known
        name = f"alarms.inputs.{settings.id}.password_file"
        password = read_secret(settings.password_file, name) if settings.username else ""
        who = Credentials(settings.username, password)
        self._camera = OnvifCamera(device_address(settings.address), who, clock)
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_LIMIT_S)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            try:
                with inputs(self._camera) as point:
                    while not self.stopping.is_set():
                        self.pulse()
                        for change in point.pull(PULL_S):
                            self.take(change)
                        self._backoff.reset()
            except NightlightError as error:
                wait_s = self._backoff.next_s()
                log.warning("inputs_unreachable", device=self._settings.id, why=str(error), again_in_s=round(wait_s, 1))
                self.stopping.wait(wait_s)

    def take(self, change: InputChange) -> None:
        """Stores a change of a configured input. Raises what the desk raises; it is told again with the next try."""
        kind = self._settings.points.get(change.input_token)
        known = self._known.get(change.input_token)
        if kind is None or change.active == known:
            return
        active = change.active != self._settings.idle_active
        if known is None and not active:
            self._known[change.input_token] = change.active
            return
        meaning = Meaning(kind, "raised" if active else "restored", f"{CODE}/{change.input_token}"[:32])
        said = Said(
            source="onvif",
            panel_id=self._settings.id,
            reports=(Report(CODE, meaning, point=change.input_token),),
            raw=f"{change.topic} {change.input_token} {change.active}".encode(),
            panel_at_us=change.camera_us,
        )
        self._desk.take(said, {f"input/{self._settings.id}/{change.input_token}": f"{change.active:d}"})
        self._known[change.input_token] = change.active
