"""Runs the camera simulator until it is told to stop.

Says one line of JSON on standard output when it accepts connections:
``{"host": …, "port": …, "cameras": […], "onvif": {"cam1": …}}``.
"""

import argparse
import asyncio
import json
import signal
import sys
from functools import partial
from pathlib import Path

from config.base.clock import SystemClock
from config.base.errors import ConfigurationError
from config.settings.loader import read_secret
from deploy.local.simulator import control, onvif
from deploy.local.simulator.announce import announce
from deploy.local.simulator.auth import Credentials
from deploy.local.simulator.camera import Camera
from deploy.local.simulator.card import Card
from deploy.local.simulator.onvif import Device
from deploy.local.simulator.server import RtspServer
from deploy.local.simulator.source import ClipSource, Codec, LiveSource, Source

CAMERAS_MAX = 64


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_run(options))
    except (ConfigurationError, OSError, ValueError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8554, help="0 takes a free one")
    parser.add_argument("--cameras", type=int, default=8, help="they are called cam1, cam2, …")
    parser.add_argument("--control", type=Path, help="Unix socket to switch cameras off and on")
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", default="")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest")
    parser.add_argument("--codec", choices=("h264", "hevc"), default="h264")
    parser.add_argument("--onvif", action="store_true", help="each camera is an ONVIF device too, on a port of its own")
    parser.add_argument("--discoverable", action="store_true", help="answer WS-Discovery on the network of --host")
    parser.add_argument("--clip", type=Path, help="loop this file in place of encoding live pictures")
    return parser


async def _run(options: argparse.Namespace) -> None:
    if not 1 <= options.cameras <= CAMERAS_MAX:
        raise ConfigurationError(f"--cameras is {options.cameras}: 1 to {CAMERAS_MAX} are possible")
    credentials = None
    if options.user:
        password = read_secret(options.password_file, "--password-file")
        credentials = Credentials(options.user, password, options.auth)
    clock = SystemClock()
    clip = ClipSource(options.clip) if options.clip else None
    cameras = []
    for number in range(1, options.cameras + 1):
        source: Source = clip or LiveSource(number, options.codec)
        cameras.append(Camera(f"cam{number}", source, clock, phase=(number - 1) / options.cameras))
    server = RtspServer(cameras, credentials)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listening = await server.listen(options.host, options.port)
    port = listening.sockets[0].getsockname()[1]
    devices: dict[str, Device] = {}
    for number, camera in enumerate(cameras if options.onvif else [], 1):
        camera.card = Card(partial(_again, clip, number, options.codec))
        devices[camera.name] = Device(camera, port, clock, credentials, host=options.host)
        await onvif.listen(devices[camera.name], options.host)
    if options.discoverable:
        await announce(devices.values(), options.host)
    if options.control:
        _remove_socket(options.control)
        await control.listen(options.control, server.cameras, devices)
    ports = {name: device.port for name, device in devices.items()}
    told = {"host": options.host, "port": port, "cameras": list(server.cameras), "onvif": ports}
    print(json.dumps(told), flush=True)
    await stop.wait()
    listening.close()
    await server.disconnect()
    if options.control:
        _remove_socket(options.control)


def _again(clip: ClipSource | None, number: int, codec: Codec) -> Source:
    return clip or LiveSource(number, codec)


def _remove_socket(path: Path) -> None:
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
