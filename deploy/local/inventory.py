"""The demonstration's cameras, as an operator would set them up: the agents hear of them from the server alone.

Passwords are sealed here to each agent's key, exactly as ``python -m server.admin camera set`` does it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.base.clock import Clock
from config.base.errors import Unavailable
from config.settings.server import ServerSettings
from config.wire.desired_state import DesiredCamera, host_of
from config.wire.sealing import camera_password, seal_to
from deploy.local.facilities import OWN_CAMERA, OWN_CAMERA_SITE, SITES
from deploy.local.own_camera import OwnCamera
from server.runtime import open_database
from server.services.cameras.configure_cameras import CameraConfigurer


@dataclass(frozen=True)
class CameraAccess:
    """Where a camera is, and as whom it is opened; no password file: it asks for none."""

    url: str
    username: str = ""
    password_file: str = ""


def set_cameras(
    settings: ServerSettings, clock: Clock, simulated: Callable[[str], CameraAccess], own: OwnCamera | None
) -> None:
    """Says of every camera how it is reached; ``simulated`` takes the name of a stream. Raises NightlightError."""
    database = open_database(settings.database)
    try:
        configurer = CameraConfigurer(database, clock)
        for site in SITES:
            for camera in site.cameras:
                set_camera(configurer, site.site_id, camera.camera_id, simulated(camera.stream))
        site_id, camera_id = OWN_CAMERA_SITE.site_id, OWN_CAMERA.camera_id
        if own is not None:
            set_camera(configurer, site_id, camera_id, CameraAccess(own.url, own.username, own.password_file))
        else:
            configurer.forget(site_id, camera_id)
    finally:
        database.close()


def set_camera(configurer: CameraConfigurer, site_id: str, camera_id: str, access: CameraAccess) -> None:
    """One camera. Raises NightlightError."""
    agent_id, key = configurer.place(site_id, camera_id)
    sealed = None
    if access.password_file:
        if key is None:
            raise Unavailable(f"agent {agent_id} has given no key to seal to")
        secret = Path(access.password_file).read_bytes().rstrip(b"\r\n")
        sealed = seal_to(key, secret, camera_password(agent_id, camera_id, host_of(access.url)))
    wanted = DesiredCamera(camera_id=camera_id, url=access.url, username=access.username, password=sealed)
    configurer.change(site_id, camera_id, lambda _: wanted)
