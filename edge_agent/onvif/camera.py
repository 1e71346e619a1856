"""One camera as it lets itself be asked over ONVIF; synchronous, every call bounded.

    camera = OnvifCamera(device_address("192.0.2.10"), Credentials("viewer", password), clock)
    camera.clock_offset(now_us)
    for source in camera.sources(): source.main.url

Invariant: requests go to the one host that we were told of; an address in an answer lends its path and port, never its
host. The password itself is never sent: WS-Security and HTTP Digest both hash it.

Source: ONVIF Core 8.1 (capabilities), 8.2 (system), Media 1 and Media 2 Service Specifications.
"""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit
from xml.etree.ElementTree import Element

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied
from edge_agent.onvif import media
from edge_agent.onvif.bounded import Answer, Limits, exchange
from edge_agent.onvif.clock import CameraTime, ClockOffset, Sample, instant, narrowed, zone_offset_us
from edge_agent.onvif.digest import Credentials, authorization
from edge_agent.onvif.errors import nonsense, refused, silent, unsupported
from edge_agent.onvif.soap import answer_in, child, envelope, number, text_of, username_token

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA_1 = "http://www.onvif.org/ver10/media/wsdl"
MEDIA_2 = "http://www.onvif.org/ver20/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
SEARCH = "http://www.onvif.org/ver10/search/wsdl"
REPLAY = "http://www.onvif.org/ver10/replay/wsdl"
EVENT_ACTIONS = {
    "CreatePullPointSubscription": f"{EVENTS}/EventPortType/CreatePullPointSubscriptionRequest",
    "PullMessages": f"{EVENTS}/PullPointSubscription/PullMessagesRequest",
    "Renew": "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest",
    "Unsubscribe": "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest",
}
DEVICE_PATH = "/onvif/device_service"
SNAPSHOT = Limits(within_s=5.0, bytes_max=4 << 20)
SAMPLES = 4
SKEW_US = 60 * US_PER_S
SERVICES_MAX = 64
JPEG_START = b"\xff\xd8\xff"

Wait = Callable[[float], object]


def device_address(address: str) -> str:
    """The URL of a camera's device service from what a person typed: a host, ``host:port`` or the URL itself.

    Raises InvalidInput.
    """
    text = address.strip()
    if _is_bare_ipv6(text):
        text = f"[{text}]"
    whole = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(whole)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"{address[:80]!r} is no address of a camera", code="bad_address") from error
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or " " in whole or len(whole) > 500:
        raise InvalidInput(f"{address[:80]!r} is no address of a camera", code="bad_address")
    return urlunsplit((parts.scheme, parts.netloc, parts.path if parts.path not in ("", "/") else DEVICE_PATH, "", ""))


class OnvifCamera:
    """One device. Not thread-safe: one thread asks it."""

    def __init__(self, address: str, who: Credentials, clock: Clock, limits: Limits | None = None) -> None:
        """``address``: of the device service, see ``device_address``."""
        self._address = address
        self._who = who
        self._clock = clock
        self._limits = limits or Limits()
        self._skew_us: int | None = None
        self._proven = False
        """It has taken a proof made with this skew."""
        self._services: dict[str, str] | None = None

    @property
    def host(self) -> str:
        return urlsplit(self._address).hostname or ""

    def time(self) -> tuple[CameraTime, Sample]:
        """The camera's clock, asked once and without a password. The sample is in the machine's own time."""
        answer, element = self._ask_openly(self._address, "<GetSystemDateAndTime", DEVICE)
        found = _camera_time(element)
        now_us, monotonic_us = self._clock.utc_us(), self._clock.monotonic_us()
        anchor_us = now_us - monotonic_us
        sample = Sample(found.utc_us, anchor_us + answer.asked_us, anchor_us + answer.answered_us)
        if not self._proven:
            self._skew_us = found.utc_us - sample.answered_us
        return found, sample

    def clock_offset(self, wait: Wait, samples: int = SAMPLES) -> tuple[ClockOffset, CameraTime]:
        """Camera minus machine. Asks at several phases of the second; ``wait`` sleeps between, for seconds."""
        given: list[Sample] = []
        for number_of in range(samples):
            if number_of:
                wait(1.0 / samples + 0.01)
            found, sample = self.time()
            given.append(sample)
        offset = narrowed(given)
        if offset is None:
            raise silent("it was not asked")
        return offset, found

    def information(self) -> media.DeviceInformation:
        """Maker, model, firmware and serial number."""
        element = self.call(DEVICE, "<GetDeviceInformation")
        said = {name: text_of(element, name, DEVICE)[:64] for name in media.DeviceInformation.NAMES}
        return media.DeviceInformation(
            said["Manufacturer"], said["Model"], said["FirmwareVersion"], said["SerialNumber"]
        )

    def services(self) -> dict[str, str]:
        """The address of each service by its namespace."""
        if self._services is None:
            try:
                self._services = self._from_services()
            except (NotFound, InvalidInput):
                self._services = self._from_capabilities()
        return self._services

    def sources(self) -> list[media.VideoSource]:
        """What the camera sees: one for each lens, with its streams. Raises NotFound where it has no media service."""
        services = self.services()
        if MEDIA_2 in services:
            try:
                return media.sources(self.call, MEDIA_2, self.reachable)
            except (NotFound, InvalidInput):
                if MEDIA_1 not in services:
                    raise
        return media.sources(self.call, MEDIA_1, self.reachable)

    def snapshot(self, url: str) -> bytes:
        """A JPEG as it is now. Raises InvalidInput where it is none."""
        answer = self._fetch("GET", self.reachable(url), {}, None, SNAPSHOT)
        if answer.status != 200 or not answer.body.startswith(JPEG_START):
            raise nonsense(f"its picture is no JPEG (status {answer.status})")
        return answer.body

    def call(
        self, service: str, request: str, *, at: str = "", headers: str = "", within_s: float | None = None
    ) -> Element:
        """One SOAP call; ``request``: the body's element, open (``<GetProfiles`` or ``<GetUri><Token>…</Token></GetUri>``).

        ``at``: another address than the service's own. Raises what ``errors.ERRORS`` names.
        """
        address = self.reachable(at) if at else self._service_address(service)
        limits = self._limits if within_s is None else Limits(within_s, self._limits.bytes_max)
        return self._ask(address, request, service, headers, limits)

    def reachable(self, url: str) -> str:
        """An address out of an answer, on the host that we were told of. Raises InvalidInput."""
        try:
            parts = urlsplit(url.strip())
            _host, port = parts.hostname, parts.port
        except ValueError as error:
            raise nonsense("an address that is none") from error
        if parts.scheme not in ("http", "https", "rtsp") or not _clean(url):
            raise nonsense("an address that is none")
        own = urlsplit(self._address)
        if parts.scheme != "rtsp" and parts.hostname != own.hostname:
            port = own.port  # its own idea of where it is: behind a translation the port is wrong as well
        host = f"[{own.hostname}]" if ":" in (own.hostname or "") else own.hostname
        return urlunsplit((parts.scheme, f"{host}:{port}" if port else host or "", parts.path, parts.query, ""))

    def _service_address(self, service: str) -> str:
        if service == DEVICE:
            return self._address
        found = self.services().get(service)
        if found is None:
            raise unsupported(f"service {service.removeprefix('http://www.onvif.org/')}")
        return self.reachable(found)

    def _from_services(self) -> dict[str, str]:
        element = self.call(DEVICE, "<GetServices><IncludeCapability>false</IncludeCapability></GetServices>")
        found: dict[str, str] = {}
        for service in list(element)[:SERVICES_MAX]:
            namespace, address = text_of(service, "Namespace", DEVICE), text_of(service, "XAddr", DEVICE)
            if namespace and address:
                found[namespace] = address
        if not found:
            raise unsupported("list of services")
        return found

    def _from_capabilities(self) -> dict[str, str]:
        element = self.call(DEVICE, "<GetCapabilities><Category>All</Category></GetCapabilities>")
        every = child(element, "Capabilities", DEVICE)
        named = {"Media": MEDIA_1, "Events": EVENTS, "Extension/Search": SEARCH, "Extension/Replay": REPLAY}
        found = {space: text_of(every, f"{path}/XAddr") for path, space in named.items()}
        return {space: address for space, address in found.items() if address}

    def _ask(self, address: str, request: str, service: str, headers: str, limits: Limits) -> Element:
        try:
            found = self._ask_once(address, request, service, headers, limits)
        except PermissionDenied:
            skew_us = self._skew_us or 0
            if self._proven or abs(skew_us) < SKEW_US:
                self._skew_us, self._proven = None, False  # its clock may have been set: the next call looks again
                raise
            # It may say local time for UTC and still work by the right one: once more, by our own.
            self._skew_us = 0
            try:
                found = self._ask_once(address, request, service, headers, limits)
            except PermissionDenied:
                self._skew_us = None
                raise
        self._proven = True
        return found

    def _ask_once(self, address: str, request: str, service: str, headers: str, limits: Limits) -> Element:
        token = self._token() if self._who else ""
        data = envelope(_body(request, service), token + headers)
        answer = self._fetch("POST", address, _content_type(request, service), data, limits)
        return _element(answer)

    def _ask_openly(self, address: str, request: str, service: str) -> tuple[Answer, Element]:
        data = envelope(_body(request, service))
        kind = _content_type(request, service)
        try:
            answer = exchange(self._clock, "POST", address, headers=kind, body=data, limits=self._limits)
            return answer, _element(answer)
        except PermissionDenied:
            if not self._who:
                raise
        answer = self._fetch(
            "POST", address, kind, envelope(_body(request, service), self._token(ask=False)), self._limits
        )
        return answer, _element(answer)

    def _fetch(self, method: str, address: str, headers: dict[str, str], body: bytes | None, limits: Limits) -> Answer:
        """Sends, and once more where HTTP itself asks for a password."""
        answer = exchange(self._clock, method, address, headers=headers, body=body, limits=limits)
        if answer.status != 401 or not self._who:
            return answer
        parts = urlsplit(address)
        uri = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        proof = authorization(answer.headers.get("www-authenticate", []), self._who, method, uri)
        if proof is None:
            return answer
        return exchange(
            self._clock, method, address, headers={**headers, "Authorization": proof}, body=body, limits=limits
        )

    def _token(self, *, ask: bool = True) -> str:
        if self._skew_us is None and ask:
            try:
                self.time()
            except NightlightError as error:
                if error.code == "onvif_silent":
                    raise
                self._skew_us = 0  # it does not tell the time: its clock has to be taken for right
        return username_token(self._who, self._clock.utc_us() + (self._skew_us or 0))


def _content_type(request: str, service: str) -> dict[str, str]:
    """With the action, by which some cameras find what is meant (RFC 3902; the WSDL names it in ``soapAction``)."""
    name = _name(request)
    action = EVENT_ACTIONS.get(name, f"{service}/{name}")
    return {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}


def _name(request: str) -> str:
    return request[1:].partition(">")[0].partition(" ")[0]


def _body(request: str, service: str) -> str:
    name = _name(request)
    return request.replace(f"<{name}", f'<{name} xmlns="{service}"', 1) + ("" if ">" in request else "/>")


def _element(answer: Answer) -> Element:
    if answer.status in (401, 403):
        raise refused()
    if answer.status in (404, 405, 501) and not answer.body.lstrip().startswith(b"<"):
        raise unsupported("ONVIF service at this address")
    return answer_in(answer.body)


def _camera_time(element: Element) -> CameraTime:
    said = child(element, "SystemDateAndTime", DEVICE)
    zone = text_of(said, "TimeZone/TZ")[:64]
    utc_us = _instant(child(said, "UTCDateTime"))
    if utc_us is not None:
        return CameraTime(utc_us, zone)
    local_us, ahead_us = _instant(child(said, "LocalDateTime")), zone_offset_us(zone)
    if local_us is None or ahead_us is None:
        raise nonsense("it does not say what time it is")
    return CameraTime(local_us - ahead_us, zone, from_local=True)


def _instant(element: Element | None) -> int | None:
    if element is None:
        return None
    names = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    return instant(*(number(text_of(element, name)) for name in names))


def _clean(text: str) -> bool:
    return len(text) <= 512 and text.isprintable() and not set(text) & set(' "<>\\^`{|}')


def _is_bare_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False
