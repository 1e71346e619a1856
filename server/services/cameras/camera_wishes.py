"""From the fields of a form to a change of a camera's settings. Pure.

Invariants: what is refused has a code of its own, so that it can be said in words beside the field; a password comes here
sealed, and is kept only for the host that it was sealed for.
"""

import re
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from config.base.decoding import decode_json
from config.base.errors import Conflict, InvalidInput
from config.wire.desired_state import CORNERS_MAX, MASKS_MAX, DesiredCamera, Polygon, StreamChoice, host_of
from config.wire.sealing import SealedBox

URL_CHARS_MAX = 500
USERNAME_CHARS_MAX = 64
SEALED_CHARS_MAX = 4_096
MASKS_CHARS_MAX = 16_384
_RTSP = re.compile(r"rtsp://[^@\s]+")
_HTTP = re.compile(r"https?://[^@\s]+")

Transport = Literal["tcp", "udp"]
Recorded = Literal["main", "sub"]


class CameraWish(msgspec.Struct, frozen=True, kw_only=True):
    """How a camera is to be reached, as somebody filled it in; ``sealed_for``: what the browser sealed a password for."""

    url: str
    sub_url: str
    onvif_url: str
    transport: Transport
    username: str
    password: SealedBox | None
    sealed_for: str
    allow_basic: bool
    record: Recorded
    diagnose: StreamChoice
    live: StreamChoice
    replay: bool
    turned: bool
    privacy_masks: list[Polygon]

    def applied(self, before: DesiredCamera | None, agent_id: str, camera_id: str) -> DesiredCamera:
        """The settings that are wished for, over those of before. Raises InvalidInput, Conflict."""
        host = host_of(self.url)
        if self.password is not None and self.sealed_for not in {"", sealed_for(agent_id, camera_id, host)}:
            raise Conflict("the password was sealed for another box, camera or host", code="password_again")
        if self.password is not None and not self.username:
            raise InvalidInput("a password without a user", code="no_username")
        base = before or DesiredCamera(camera_id=camera_id, url=self.url)
        password = self.password or (base.password if self.username else None)
        return DesiredCamera(
            camera_id=camera_id,
            url=self.url,
            sub_url=self.sub_url,
            transport=self.transport,
            username=self.username,
            password=password,
            allow_basic=self.allow_basic,
            record=self.record,
            diagnose=self.diagnose,
            live=self.live,
            privacy_masks=self.privacy_masks,
            onvif_url=self.onvif_url,
            replay=self.replay,
            view=base.view + self.turned,
        )


def read_wish(fields: Mapping[str, str]) -> CameraWish:
    """What a form asks for. Raises InvalidInput with the code of the first field that will not do."""
    username = fields.get("username", "").strip()
    if len(username) > USERNAME_CHARS_MAX:
        raise InvalidInput("a user's name is too long", code="bad_username")
    return CameraWish(
        url=_url(fields, "url", _RTSP, "bad_url", wanted=True),
        sub_url=_url(fields, "sub_url", _RTSP, "bad_url"),
        onvif_url=_url(fields, "onvif_url", _HTTP, "bad_onvif_url"),
        transport="udp" if fields.get("transport") == "udp" else "tcp",
        username=username,
        password=read_sealed(fields.get("sealed", "").strip()),
        sealed_for=fields.get("sealed_for", ""),
        allow_basic="allow_basic" in fields,
        record="sub" if fields.get("record") == "sub" else "main",
        diagnose=_choice(fields.get("diagnose", "")),
        live=_choice(fields.get("live", "")),
        replay="replay" in fields,
        turned="turned" in fields,
        privacy_masks=read_masks(fields.get("masks", "")),
    )


def sealed_for(agent_id: str, camera_id: str, host: str) -> str:
    """What a browser says that it sealed a password for."""
    return f"{agent_id}/{camera_id}/{host}"


def read_sealed(text: str) -> SealedBox | None:
    """What was sealed in a browser or pasted; None for nothing. Raises InvalidInput (``bad_box``)."""
    if not text:
        return None
    try:
        if len(text) > SEALED_CHARS_MAX:
            raise msgspec.DecodeError("too long")
        return decode_json(text, SealedBox)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInput("that is no sealed password", code="bad_box") from error


def read_masks(text: str) -> list[Polygon]:
    """One polygon a line, corners as ``x,y`` between 0 and 1. Raises InvalidInput (``bad_mask``)."""
    lines = [line for line in text[:MASKS_CHARS_MAX].splitlines() if line.strip()]
    if len(text) > MASKS_CHARS_MAX or len(lines) > MASKS_MAX:
        raise InvalidInput(f"at most {MASKS_MAX} masks", code="bad_mask")
    return [_polygon(line) for line in lines]


def write_masks(polygons: list[Polygon]) -> str:
    """The same as text again."""
    return "\n".join(" ".join(f"{x:g},{y:g}" for x, y in polygon) for polygon in polygons)


def _polygon(line: str) -> Polygon:
    try:
        corners = [(float(x), float(y)) for x, _, y in (corner.partition(",") for corner in line.split())]
    except ValueError as error:
        raise InvalidInput("a mask is written 0,0 0.3,0 0.3,0.5", code="bad_mask") from error
    if not 3 <= len(corners) <= CORNERS_MAX or not all(0 <= part <= 1 for corner in corners for part in corner):
        raise InvalidInput(f"a mask has 3 to {CORNERS_MAX} corners between 0 and 1", code="bad_mask")
    return corners


def _url(fields: Mapping[str, str], name: str, form: re.Pattern[str], code: str, *, wanted: bool = False) -> str:
    text = fields.get(name, "").strip()
    if not text and not wanted:
        return ""
    if len(text) > URL_CHARS_MAX or not text.isprintable() or not form.fullmatch(text):
        raise InvalidInput(f"{name}: no such address", code=code)
    try:
        host_of(text)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: no such address", code=code) from error
    return text


def _choice(text: str) -> StreamChoice:
    return next((choice for choice in get_args(StreamChoice) if choice == text), "auto")
