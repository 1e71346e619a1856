"""From what was asked for to what can be recorded: settings checked, passwords opened; each camera fails alone.

Invariant: a password is opened only for the host that it was sealed for, and only in memory.
"""

from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.decoding import convert
from config.base.errors import IntegrityViolation, InvalidInput
from config.settings.edge import CameraSettings
from config.wire.desired_state import DesiredCamera, check_camera
from config.wire.fields import CameraCondition
from config.wire.sealing import camera_password, open_sealed
from edge_agent.shards.fleet import WantedCamera

_SEALED_WRONG = {
    "wrong_key": "its password was sealed to another key than this agent's: set the password again",
    "bad_seal": "its password was sealed for another camera or host: set the password again",
}


@dataclass(frozen=True)
class Unusable:
    """A camera that cannot be recorded as asked; ``why`` is for people."""

    camera_id: str
    condition: CameraCondition
    why: str


def to_record(camera: DesiredCamera, agent_id: str, key: X25519PrivateKey) -> WantedCamera | Unusable:
    """The camera with its password in the clear, or why not."""
    try:
        check_camera(camera)
        settings = convert(_as_settings(camera), CameraSettings)
    except (InvalidInput, msgspec.ValidationError) as error:
        return Unusable(camera.camera_id, "unreachable", f"its settings cannot be used: {error}"[:200])
    if camera.password is None:
        return WantedCamera(settings)
    try:
        secret = open_sealed(key, camera.password, camera_password(agent_id, camera.camera_id, camera.host))
        return WantedCamera(settings, secret.decode())
    except (IntegrityViolation, InvalidInput) as error:
        why = _SEALED_WRONG.get(error.code, "its password cannot be opened: set it again")
        return Unusable(camera.camera_id, "unauthorised", why)
    except UnicodeDecodeError:
        return Unusable(camera.camera_id, "unauthorised", "its password is no text: set it again")


def _as_settings(camera: DesiredCamera) -> dict[str, object]:
    return {
        "id": camera.camera_id,
        "url": camera.url,
        "sub_url": camera.sub_url,
        "transport": camera.transport,
        "username": camera.username,
        "allow_basic": camera.allow_basic,
        "record": camera.record,
        "diagnose": camera.diagnose,
        "live": camera.live,
        "privacy_masks": camera.privacy_masks,
        "onvif_url": camera.onvif_url,
        "replay": camera.replay,
        "view": camera.view,
    }
