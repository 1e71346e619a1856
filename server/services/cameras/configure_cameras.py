"""What an operator says of how cameras are reached becomes the next version of an agent's desired state.

Invariants: the version grows in the transaction of the change; a camera in a forbidden place is never sent to an agent
(I9); a password passes through here only sealed to the agent's key, for one host.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.decoding import convert, decode_json
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import fresh_id
from config.wire.desired_state import DesiredCamera, DesiredState, check_camera
from config.wire.health import CAMERAS_PER_AGENT_MAX
from server.domain.zones import FORBIDDEN_KINDS, check_sees_allowed
from storage.database import inventory, registers
from storage.database.models import Agent, AgentConfiguration, Camera, CameraSource
from storage.database.unit_of_work import Database

STATE_BYTES_MAX = 48_000
"""So that the sealed message stays within 65,536 bytes."""


class CameraPlace(NamedTuple):
    """Whose a camera is, and what its password is to be sealed to; None where the agent has given no key."""

    agent_id: str
    sealing_key: X25519PublicKey | None


class Configured(NamedTuple):
    """What a change came to."""

    agent_id: str
    version: int
    not_set_up: list[str]
    """The agent's other cameras that it does not record, because nobody has said how they are reached."""


@dataclass(frozen=True)
class CameraConfigurer:
    """Raises NotFound for a camera that is not there, or is retired."""

    database: Database
    clock: Clock

    def place(self, site_id: str, camera_id: str) -> CameraPlace:
        """Where the camera belongs."""
        with self.database.reading() as session:
            agent = session.get_one(Agent, _camera(session, site_id, camera_id).agent_id)
            key = X25519PublicKey.from_public_bytes(agent.sealing_key) if agent.sealing_key else None
            return CameraPlace(agent.id, key)

    def settings(self, site_id: str, camera_id: str) -> DesiredCamera | None:
        """How it is reached now; None where nobody has said."""
        with self.database.reading() as session:
            source = session.get(CameraSource, _camera(session, site_id, camera_id).id)
            return decode_source(source) if source is not None else None

    def change(
        self, site_id: str, camera_id: str, change: Callable[[DesiredCamera | None], DesiredCamera]
    ) -> Configured:
        """Puts ``change`` of the camera's settings into force. The same settings again make no new version.

        Raises InvalidInput for settings that no agent could carry out, and where the agent's desired state would be too
        large; Conflict where a password that was sealed for one host would go to another.
        """
        with self.database.unit_of_work() as session:
            return self.change_in(session, site_id, camera_id, change)

    def change_in(
        self,
        session: Session,
        site_id: str,
        camera_id: str,
        change: Callable[[DesiredCamera | None], DesiredCamera],
    ) -> Configured:
        """The same within a transaction that goes on."""
        camera = _camera(session, site_id, camera_id)
        check_sees_allowed(registers.kinds_seen(session, camera))
        source = session.get(CameraSource, camera_id)
        before = decode_source(source) if source is not None else None
        after = change(before)
        _check(before, after, camera_id)
        if after != before:
            self._keep(session, source, after, camera.agent_id)
        configuration = session.get_one(AgentConfiguration, camera.agent_id)
        others = inventory.not_set_up(session, camera.agent_id)
        return Configured(camera.agent_id, configuration.version, others)

    def forget(self, site_id: str, camera_id: str) -> bool:
        """The agent is to record the camera no more; it stays in service, and its silence shows. False: it was not."""
        with self.database.unit_of_work() as session:
            camera = session.get(Camera, camera_id)
            source = session.get(CameraSource, camera_id) if camera and camera.site_id == site_id else None
            if camera is None or source is None:
                return False
            session.delete(source)
            session.flush()
            inventory.bump(session, camera.agent_id, self.clock.utc_us())
            return True

    def _keep(self, session: Session, source: CameraSource | None, after: DesiredCamera, agent_id: str) -> None:
        now_us = self.clock.utc_us()
        if source is None:
            source = CameraSource(camera_id=after.camera_id)
            session.add(source)
        source.settings, source.changed_us = msgspec.json.encode(after), now_us
        session.flush()
        configuration = inventory.bump(session, agent_id, now_us)
        state = desired_state(session, configuration)
        if len(state.cameras) > CAMERAS_PER_AGENT_MAX:
            raise InvalidInput(
                f"agent {agent_id} has {CAMERAS_PER_AGENT_MAX} cameras: that is all it may have",
                code="too_many_cameras",
            )
        if len(msgspec.json.encode(state)) > STATE_BYTES_MAX:
            raise InvalidInput(
                f"the cameras of agent {agent_id} together take more than {STATE_BYTES_MAX} bytes: use simpler privacy"
                " masks, or another agent",
                code="configuration_too_large",
            )


def desired_state(session: Session, configuration: AgentConfiguration) -> DesiredState:
    """What the agent is to work by, as of now."""
    agent = session.get_one(Agent, configuration.agent_id)
    found = inventory.sources_of_agent(session, agent.id)
    return DesiredState(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.id,
        version=configuration.version,
        cameras=[decode_source(source) for source, kinds in found if not kinds & FORBIDDEN_KINDS],
    )


def decode_source(source: CameraSource) -> DesiredCamera:
    """A camera's settings as they were kept."""
    return decode_json(source.settings, DesiredCamera)


def _camera(session: Session, site_id: str, camera_id: str) -> Camera:
    camera = session.get(Camera, camera_id)
    if camera is None or camera.site_id != site_id:
        raise NotFound(f"no camera {camera_id} at site {site_id}: add it first")
    if camera.retired_us is not None:
        raise NotFound(f"camera {camera_id} of site {site_id} is retired", code="camera_retired")
    return camera


def _check(before: DesiredCamera | None, after: DesiredCamera, camera_id: str) -> None:
    try:
        convert(msgspec.to_builtins(after), DesiredCamera)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{camera_id}: {error}") from error
    if after.camera_id != camera_id:
        raise InvalidInput("the settings are another camera's")
    check_camera(after)
    kept = before is not None and before.password is not None and after.password == before.password
    if before is not None and kept and after.host != before.host:
        raise Conflict(
            f"{camera_id}: its password was sealed for {before.host} alone. Give the password again for {after.host}",
            code="password_again",
        )
