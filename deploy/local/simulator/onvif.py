"""The ONVIF side of the simulated cameras: each is a device on a port of its own, as it is on a network.

Invariant: what needs a password is refused without a proof of it, and a proof is stale where its time is not the
camera's own, wrong as that may be: both traps exist on real cameras.
Source: ONVIF Core, Media, Media 2, Search and Replay Service Specifications; WS-UsernameToken Profile 1.0.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

import av
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from config.base.clock import US_PER_S, Clock, from_datetime, to_datetime
from deploy.local.simulator import onvif_answers as says
from deploy.local.simulator.auth import Credentials
from deploy.local.simulator.camera import Camera
from deploy.local.simulator.scene import HEIGHT, WIDTH

HEAD_BYTES_MAX, BODY_BYTES_MAX = 16_384, 65_536
STALE_US = 10 * US_PER_S
RECORDS_STILL_US = 60 * US_PER_S
"""A card whose last recording is older does not record any more."""
PATIENCE_S = 20.0
OPEN = ("GetSystemDateAndTime", "GetServices", "GetCapabilities")
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
ENVELOPE = f"{{{says.SPACES['s']}}}"
PREFIX = {space: prefix for prefix, space in says.SPACES.items()}
EAST_S = 8 * 3_600
Tells = Literal["utc", "local", "local_as_utc"]
"""utc           UTC and local time, both right
local         local time and zone only
local_as_utc  the trap: local time in the field for UTC
"""


@dataclass
class Device:
    """One camera as its ONVIF clients see it. Its fields may be changed while it runs."""

    camera: Camera
    rtsp_port: int
    clock: Clock
    credentials: Credentials | None = None
    clock_error_us: int = 0
    tells: Tells = "utc"
    media_2: bool = True
    sub: bool = False
    input_active: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    _queues: dict[int, list[tuple[bool, bool, str]]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    def now_us(self) -> int:
        """By the camera's own clock."""
        return self.clock.utc_us() + self.clock_error_us

    def switch_input(self, *, active: bool) -> None:
        """The contact opens or closes."""
        self.input_active = active
        for queue in self._queues.values():
            queue.append((active, False, _text(self.now_us())))
        self._changed.set()

    async def answer(self, operation: str, prefix: str, request: Element, headers: Element | None) -> bytes:
        """The answer to one call."""
        if prefix == "tev" or operation == "Unsubscribe":
            return await self._events(operation, request, headers)
        made = self._answers().get((prefix, operation))
        if made is None:
            return says.fault("Receiver", "ActionNotSupported", f"no {operation} here")
        return says.answered(made())

    def _answers(self) -> dict[tuple[str, str], Callable[[], str]]:
        rtsp = f"rtsp://{self.host}:{self.rtsp_port}/{self.camera.name}"
        still = f"{self.base}/snapshot"
        streams = self._streams()
        return {
            ("tds", "GetSystemDateAndTime"): self._time,
            ("tds", "GetServices"): lambda: says.services(self.base, with_media_2=self.media_2),
            ("tds", "GetCapabilities"): lambda: says.capabilities(self.base),
            ("tds", "GetDeviceInformation"): lambda: says.device_information(self.camera.name),
            ("trt", "GetProfiles"): lambda: says.profiles_1(streams),
            ("tr2", "GetProfiles"): lambda: says.profiles_2(streams),
            ("trt", "GetStreamUri"): lambda: says.uri("trt", "GetStreamUri", rtsp),
            ("tr2", "GetStreamUri"): lambda: says.uri("tr2", "GetStreamUri", rtsp),
            ("trt", "GetSnapshotUri"): lambda: says.uri("trt", "GetSnapshotUri", still),
            ("tr2", "GetSnapshotUri"): lambda: says.uri("tr2", "GetSnapshotUri", still),
            ("tse", "FindRecordings"): lambda: (
                "<tse:FindRecordingsResponse><tse:SearchToken>search-1</tse:SearchToken></tse:FindRecordingsResponse>"
            ),
            ("tse", "GetRecordingSearchResults"): self._recordings,
            ("tse", "EndSearch"): lambda: (
                f"<tse:EndSearchResponse><tse:Endpoint>{_text(self.now_us())}</tse:Endpoint></tse:EndSearchResponse>"
            ),
            ("trp", "GetReplayUri"): lambda: says.uri("trp", "GetReplayUri", f"{rtsp}/replay"),
        }

    def _streams(self) -> list[tuple[str, str, int, int]]:
        encoding = "H264" if self.camera.source.codec == "h264" else "H265"
        found = [("main", encoding, WIDTH, HEIGHT)]
        return [*found, ("sub", "H264", WIDTH // 2, HEIGHT // 2)] if self.sub else found

    def _recordings(self) -> str:
        held = self.camera.card.held() if self.camera.card else None
        recording = held is not None and self.now_us() - held[1] < RECORDS_STILL_US
        return says.search_results(held, recording=recording)

    def _time(self) -> str:
        utc = to_datetime(self.now_us())
        local = utc.astimezone(timezone(timedelta(seconds=EAST_S)))
        given = {"utc": utc, "local": None, "local_as_utc": local}[self.tells]
        return says.date_and_time(given, local, "CST-8")

    async def _events(self, operation: str, request: Element, headers: Element | None) -> bytes:
        now, until = _text(self.now_us()), _text(self.now_us() + 120 * US_PER_S)
        if operation == "CreatePullPointSubscription":
            number = max(self._queues, default=0) + 1
            self._queues[number] = [(self.input_active, True, now)]
            return says.answered(says.pull_point(self.base, number, now, until))
        mark = None if headers is None else headers.find(f"{{{says.SPACES['sim']}}}Subscription")
        number = int(mark.text or 0) if mark is not None else 0
        if number not in self._queues:
            return says.fault("Sender", "InvalidArgVal", "no such subscription")
        if operation == "Unsubscribe":
            del self._queues[number]
            return says.answered("<wsnt:UnsubscribeResponse/>")
        if operation != "PullMessages":
            return says.fault("Receiver", "ActionNotSupported", f"no {operation} here")
        asked = (request.findtext(f"{{{says.SPACES['tev']}}}Timeout") or "PT1S").removeprefix("PT").removesuffix("S")
        try:
            async with asyncio.timeout(min(float(asked), PATIENCE_S * 3)):
                while not self._queues[number]:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass  # nothing has changed: an empty answer says so
        changes, self._queues[number] = self._queues.get(number, []), []
        return says.answered(says.pulled(now, until, changes))


def snapshot(device: Device) -> bytes:
    """The picture as it is now, as JPEG."""
    source = device.camera.card.make_source() if device.camera.card else device.camera.source
    decoder = av.CodecContext.create(source.codec, "r")
    source.start()
    unit = source.access_unit(0, device.clock.utc_us())
    source.stop()
    data = b"".join(b"\0\0\0\1" + nal for nal in unit.nals)
    frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    encoder = av.CodecContext.create("mjpeg", "w")
    picture = frames[0].reformat(format="yuvj420p")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = picture.time_base or 1  # type: ignore[assignment]
    picture.pts = 0
    return b"".join(bytes(packet) for packet in encoder.encode(picture))


async def listen(device: Device, host: str, port: int = 0) -> asyncio.Server:
    """Serves one device; its port stands in ``device.port`` afterwards."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S * 4):
                if device.camera.mode != "off":
                    status, kind, body, more = await _answer(device, reader)
                    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
                    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
                    await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # a client that left, or speaks no HTTP
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, limit=HEAD_BYTES_MAX)
    device.port = server.sockets[0].getsockname()[1]
    return server


async def _answer(device: Device, reader: asyncio.StreamReader) -> tuple[str, str, bytes, str]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = lines[0].split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if path.startswith("/snapshot"):
        proof = headers.get("authorization", "")
        if device.credentials and not device.credentials.accept(method, proof):
            return "401 Unauthorized", "text/plain", b"", f"WWW-Authenticate: {device.credentials.challenge}\r\n"
        return "200 OK", "image/jpeg", snapshot(device), ""
    size = int(headers.get("content-length", "0"))
    if method != "POST" or not 0 < size <= BODY_BYTES_MAX:
        return "400 Bad Request", "text/plain", b"", ""
    action = re.search(r'action="[^"]*/(\w+)"', headers.get("content-type", ""))
    body = await _soap(device, await reader.readexactly(size), action[1] if action else "")
    return ("400 Bad Request" if b"<s:Fault>" in body else "200 OK"), "application/soap+xml; charset=utf-8", body, ""


async def _soap(device: Device, data: bytes, action: str) -> bytes:
    try:
        root: Element = fromstring(data, forbid_dtd=True)
        body, headers = root.find(f"{ENVELOPE}Body"), root.find(f"{ENVELOPE}Header")
        request = body[0] if body is not None else root
        space, _, operation = request.tag[1:].partition("}")
    except (ParseError, DefusedXmlException, IndexError) as error:
        return says.fault("Sender", "WellFormed", type(error).__name__)
    if action not in (operation, f"{operation}Request"):  # some cameras go by the action alone
        return says.fault("Sender", "ActionNotSupported", "no such action")
    if operation not in OPEN and device.credentials and not _proves(device, device.credentials, headers):
        return says.fault("Sender", "NotAuthorized", "the sender is not authorized")
    return await device.answer(operation, PREFIX.get(space, ""), request, headers)


def _proves(device: Device, who: Credentials, headers: Element | None) -> bool:
    token = None if headers is None else headers.find(f"{WSSE}Security/{WSSE}UsernameToken")
    if token is None:
        return False
    created = token.findtext(f"{WSU}Created") or ""
    try:
        nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce") or "", validate=True)
        at_us = from_datetime(datetime.fromisoformat(created))
    except (binascii.Error, ValueError):
        return False
    digest = hashlib.sha1(nonce + created.encode() + who.password.encode(), usedforsecurity=False).digest()
    right = hmac.compare_digest(base64.b64encode(digest).decode(), token.findtext(f"{WSSE}Password") or "")
    fresh = abs(at_us - device.now_us()) <= STALE_US
    return right and fresh and token.findtext(f"{WSSE}Username") == who.user


def _text(instant_us: int) -> str:
    return f"{to_datetime(instant_us):%Y-%m-%dT%H:%M:%SZ}"
