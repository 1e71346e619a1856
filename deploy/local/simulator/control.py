"""Tells running cameras to fail: one JSON object a line over a Unix socket that only its owner may open.

{"camera": "cam1", "do": "off"}   ->   {"ok": true}
"""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from config.base.errors import InvalidInput, Unavailable
from deploy.local.simulator.camera import Camera, Mode

LINE_BYTES_MAX = 4_096
ANSWER_WITHIN_S = 5.0


async def listen(path: Path, cameras: Mapping[str, Camera]) -> asyncio.Server:
    """Serves the control socket at ``path``, where nothing may lie yet."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(_obey(line, cameras)).encode() + b"\n")
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
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(str(path))
            connection.sendall(json.dumps({"camera": camera, "do": mode}).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline(LINE_BYTES_MAX))
    except (OSError, ValueError) as error:
        raise Unavailable(f"the simulator does not answer at {path}") from error
    if not answer.get("ok"):
        raise InvalidInput(str(answer.get("error", "the simulator refused")))


def _obey(line: bytes, cameras: Mapping[str, Camera]) -> dict[str, object]:
    try:
        request = json.loads(line)
        camera, mode = cameras[request["camera"]], request["do"]
    except ValueError:
        return {"ok": False, "error": "not a JSON object on one line"}
    except (KeyError, TypeError):
        return {"ok": False, "error": f"name a camera of {', '.join(cameras)} and what to do"}
    if mode not in get_args(Mode):
        return {"ok": False, "error": f"'do' is one of {', '.join(get_args(Mode))}"}
    camera.switch(mode)
    return {"ok": True}
