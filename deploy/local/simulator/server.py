"""The RTSP side: one TCP port, one path a camera.

Invariant: a connection is bounded in header size, body size, idle time and number; whatever a client sends, the
others are served.
Source: RFC 2326.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from config.base.errors import InvalidInput
from config.base.ids import fresh_id
from deploy.local.simulator.auth import Credentials
from deploy.local.simulator.camera import Camera, Viewer
from deploy.local.simulator.card import asked_range
from deploy.local.simulator.rtp import describe, describe_sound_only
from deploy.local.simulator.transports import Datagrams, Interleaved

HEADER_BYTES_MAX = 16_384
BODY_BYTES_MAX = 65_536
CONNECTIONS_MAX = 512
SESSION_TIMEOUT_S = 60
HANG_S = 600
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER"


@dataclass(frozen=True)
class Request:
    """One RTSP request; header names are lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]

    @property
    def camera(self) -> str:
        """The first part of the path."""
        return self._parts[0]

    @property
    def replays(self) -> bool:
        """Whether it asks for the camera's memory card, ``/cam1/replay``."""
        return self._parts[1:2] == ["replay"]

    @property
    def _parts(self) -> list[str]:
        return re.sub(r"^rtsp://[^/]*/", "", self.uri).split("?")[0].split("/")


@dataclass(frozen=True)
class Answer:
    """Status line, extra headers and body."""

    status: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class RtspServer:
    """Serves cameras by name."""

    def __init__(self, cameras: list[Camera], credentials: Credentials | None = None) -> None:
        self.cameras = {camera.name: camera for camera in cameras}
        self._credentials = credentials
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Accepts connections; port 0 takes a free one."""
        return await asyncio.start_server(self._serve, host, port, limit=HEADER_BYTES_MAX)

    async def disconnect(self) -> None:
        """Cuts every connection and waits until nothing serves it any more."""
        serving = {task for task in self._open.values() if task is not None}
        for writer in self._open:
            writer.transport.abort()
        if serving:
            await asyncio.wait(serving, timeout=2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._open[writer] = asyncio.current_task()
        session = _Session(self.cameras, self._credentials, writer)
        try:
            while (request := await _read_request(reader, playing=session.plays_in_band)) is not None:
                answer = await session.answer(request)
                if answer is None:
                    break
                _write(writer, request, answer)
                await asyncio.wait_for(writer.drain(), SESSION_TIMEOUT_S)
                if request.method == "TEARDOWN":
                    break
                # PLAY is answered before the first packet goes out.
                session.start_if_played(request)
        except (ConnectionError, TimeoutError, InvalidInput):
            pass  # a client that left, went silent or does not speak RTSP: nothing of it is kept
        finally:
            del self._open[writer]
            session.close()
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)


class _Session:
    """The state of one connection."""

    def __init__(
        self, cameras: Mapping[str, Camera], credentials: Credentials | None, writer: asyncio.StreamWriter
    ) -> None:
        self._cameras = cameras
        self._credentials = credentials
        self._writer = writer
        self._id = fresh_id()[:16]
        self._camera: Camera | None = None
        self._transport: Interleaved | Datagrams | None = None
        self._viewer: Viewer | None = None
        self._replay: asyncio.Task[None] | None = None

    @property
    def plays_in_band(self) -> bool:
        return (self._viewer or self._replay) is not None and isinstance(self._transport, Interleaved)

    async def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None drops the connection without one."""
        camera = self._cameras.get(request.camera, self._camera)
        if camera is not None and camera.mode == "off":
            return None
        if camera is not None and camera.mode == "hang":
            await asyncio.sleep(HANG_S)
            return None
        if camera is not None and camera.mode == "noise":
            self._writer.write(os.urandom(4_096))
            return None
        if request.method == "OPTIONS":
            return Answer("200 OK", (("Public", METHODS),))
        if request.method not in METHODS.split(", "):
            return Answer("501 Not Implemented")
        if self._credentials and not self._credentials.accept(request.method, request.headers.get("authorization", "")):
            return Answer("401 Unauthorized", (("WWW-Authenticate", self._credentials.challenge),))
        return Answer("404 Not Found") if camera is None else await self._obey(camera, request)

    async def _obey(self, camera: Camera, request: Request) -> Answer:
        if request.method == "DESCRIBE":
            return self._describe(camera, request)
        if request.method == "SETUP":
            return await self._setup(camera, request)
        if request.method == "PLAY" and self._transport is None:
            return Answer("455 Method Not Valid in This State")
        if request.replays and camera.card is None:
            return Answer("404 Not Found")
        if request.method == "PAUSE":
            self._stop()
        return Answer("200 OK", (("Session", self._id),))

    def start_if_played(self, request: Request) -> None:
        """After the answer to PLAY: the pictures."""
        if request.method != "PLAY" or self._transport is None or self._camera is None:
            return
        if request.replays and self._camera.card is not None and self._replay is None:
            wanted = asked_range(request.headers.get("range", "")) or (0, None)
            sequence = int(request.headers.get("cseq", "0"))
            self._replay = asyncio.create_task(self._camera.card.play(self._transport, wanted, sequence))
        elif not request.replays and self._viewer is None:
            self._viewer = Viewer(self._transport)
            self._camera.add(self._viewer)

    def close(self) -> None:
        self._stop()
        if isinstance(self._transport, Datagrams):
            self._transport.release()

    def _stop(self) -> None:
        if self._replay is not None:
            self._replay.cancel()
        if self._viewer is not None and self._camera is not None:
            self._camera.remove(self._viewer)
        self._viewer = None

    @staticmethod
    def _describe(camera: Camera, request: Request) -> Answer:
        source = camera.source
        body = (
            describe_sound_only(camera.name)
            if camera.mode == "no_video"
            else describe(camera.name, source.codec, source.parameter_sets)
        )
        return Answer(
            "200 OK", (("Content-Type", "application/sdp"), ("Content-Base", f"{request.uri.rstrip('/')}/")), body
        )

    async def _setup(self, camera: Camera, request: Request) -> Answer:
        if self._transport is not None:
            return Answer("459 Aggregate Operation Not Allowed")
        wanted = request.headers.get("transport", "")
        session = ("Session", f"{self._id};timeout={SESSION_TIMEOUT_S}")
        self._camera = camera
        if "TCP" in wanted:
            channels = re.search(r"interleaved=(\d{1,3})", wanted)
            channel = int(channels[1]) if channels and int(channels[1]) < 255 else 0
            self._transport = Interleaved(self._writer, channel)
            return Answer(
                "200 OK", (("Transport", f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"), session)
            )
        ports = re.search(r"client_port=(\d{1,5})-(\d{1,5})", wanted)
        if ports is None:
            return Answer("461 Unsupported Transport")
        datagrams = await Datagrams.open(self._writer, int(ports[1]), int(ports[2]))
        self._transport = datagrams
        own = "-".join(map(str, datagrams.server_ports))
        return Answer(
            "200 OK",
            (("Transport", f"RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};server_port={own}"), session),
        )


async def _read_request(reader: asyncio.StreamReader, *, playing: bool) -> Request | None:
    """The next request; interleaved packets from the client are skipped. Raises InvalidInput, TimeoutError."""
    # An interleaved viewer need not say anything: its connection tells that it is there.
    patience_s = None if playing else 2 * SESSION_TIMEOUT_S
    try:
        first = await asyncio.wait_for(reader.readexactly(1), patience_s)
        while first == b"$":
            size = int.from_bytes((await reader.readexactly(3))[1:], "big")
            await reader.readexactly(size)
            first = await asyncio.wait_for(reader.readexactly(1), patience_s)
        head = first + await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SESSION_TIMEOUT_S)
        lines = head.decode("ascii").split("\r\n")
        method, uri, _version = lines[0].split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        size = int(headers.get("content-length", "0"))
        if not 0 <= size <= BODY_BYTES_MAX:
            raise InvalidInput(f"a body of {size} bytes, {BODY_BYTES_MAX} are allowed")
        await asyncio.wait_for(reader.readexactly(size), SESSION_TIMEOUT_S)
    except asyncio.IncompleteReadError:
        return None
    except (asyncio.LimitOverrunError, ValueError) as error:
        raise InvalidInput("not RTSP") from error
    return Request(method, uri, headers)


def _write(writer: asyncio.StreamWriter, request: Request, answer: Answer) -> None:
    sequence = request.headers.get("cseq", "0")
    headers = [("CSeq", sequence), *answer.headers]
    if answer.body:
        headers.append(("Content-Length", str(len(answer.body))))
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"RTSP/1.0 {answer.status}\r\n{text}\r\n".encode() + answer.body)
