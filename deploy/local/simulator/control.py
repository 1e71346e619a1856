"""Tells running cameras to fail: one JSON object a line over a Unix socket that only its owner may open.

{"camera": "cam1", "do": "off"}                          ->   {"ok": true}
{"camera": "cam1", "set": {"clock_error_us": 90000000}}   ->   {"ok": true}
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from config.base.errors import InvalidInput, Unavailable
from deploy.local.simulator.camera import Camera, Mode
from deploy.local.simulator.onvif import Device

LINE_BYTES_MAX = 4_096
ANSWER_WITHIN_S = 5.0


async def listen(
    path: Path, cameras: Mapping[str, Camera], devices: Mapping[str, Device] | None = None
) -> asyncio.Server:
    """Serves the control socket at ``path``, where nothing may lie yet."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(_obey(line, cameras, devices or {})).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the peer has left, or sent a line past the limit
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, path, limit=LINE_BYTES_MAX)
    finally:
        os.umask(before)


def order(path: Path, camera: str, mode: Mode) -> None:
    """Switches a camera of a running simulator. Raises InvalidInput where it refuses, Unavailable where it is gone."""
    _tell(path, {"camera": camera, "do": mode})


def arrange(path: Path, camera: str, **settings: object) -> None:
    """Changes a camera as an ONVIF device: see ``_SETTINGS``. Raises as ``order`` does."""
    _tell(path, {"camera": camera, "set": settings})


def _tell(path: Path, request: dict[str, object]) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline(LINE_BYTES_MAX))
    except (OSError, ValueError) as error:
        raise Unavailable(f"the simulator does not answer at {path}") from error
    if not answer.get("ok"):
        raise InvalidInput(str(answer.get("error", "the simulator refused")))


def _obey(line: bytes, cameras: Mapping[str, Camera], devices: Mapping[str, Device]) -> dict[str, object]:
    try:
        request = json.loads(line)
        if "set" in request:
            for name, value in request["set"].items():
                _SETTINGS[name](devices[request["camera"]], value)
            return {"ok": True}
        camera, mode = cameras[request["camera"]], request["do"]
    except ValueError:
        return {"ok": False, "error": "not a JSON object on one line"}
    except (KeyError, TypeError):
        return {"ok": False, "error": f"name a camera of {', '.join(cameras)} and what to do"}
    if mode not in get_args(Mode):
        return {"ok": False, "error": f"'do' is one of {', '.join(get_args(Mode))}"}
    camera.switch(mode)
    return {"ok": True}


def _set_clock_error(device: Device, value: Any) -> None:
    device.clock_error_us = int(value)
    if device.camera.card is not None:
        device.camera.card.clock_error_us = int(value)


def _set_card(device: Device, name: str, value: Any) -> None:
    if device.camera.card is not None:
        setattr(device.camera.card, name, value)


_SETTINGS: dict[str, Callable[[Device, Any], None]] = {
    "clock_error_us": _set_clock_error,
    "tells": lambda device, value: setattr(device, "tells", value),
    "media_2": lambda device, value: setattr(device, "media_2", bool(value)),
    "sub": lambda device, value: setattr(device, "sub", bool(value)),
    "input_active": lambda device, value: device.switch_input(active=bool(value)),
    "card": lambda device, value: _set_card(device, "spans", [(int(start), int(end)) for start, end in value]),
    "card_marks_time": lambda device, value: _set_card(device, "marks_time", bool(value)),
    "card_loses_every": lambda device, value: _set_card(device, "loses_every", int(value)),
}
