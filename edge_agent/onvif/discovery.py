"""Finds ONVIF cameras by WS-Discovery: one question to everybody on each network, and their answers.

Invariant: it listens for a bounded time to a bounded number of bounded datagrams, and of an answer it believes nothing
but that somebody is at the address it came from.

Source: WS-Discovery (April 2005, which ONVIF Core 7 refers to); SOAP over UDP 1.1 (each datagram is sent again).
"""

import ipaddress
import select
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from xml.etree.ElementTree import Element

import ifaddr

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput
from edge_agent.onvif.soap import ENVELOPE, parsed

GROUP, PORT = "239.255.255.250", 3702
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
NETWORK = "http://www.onvif.org/ver10/network/wsdl"
DATAGRAM_BYTES_MAX = 65_507
DATAGRAMS_MAX = 2_048
CAMERAS_MAX = 256
LISTEN_S = 3.0
REPEAT_AFTER_S = (0.0, 0.5, 1.5)
"""Datagrams are lost: the question is asked three times."""
SCOPES_MAX = 64


@dataclass(frozen=True)
class Found:
    """Somebody who says that he is an ONVIF device."""

    address: str
    """Of the device service, on the host that the answer came from."""
    name: str = ""
    hardware: str = ""


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses, but for loopback."""
    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return sorted({text for text in found if not ipaddress.ip_address(text).is_loopback})


def discover(
    clock: Clock,
    interfaces: Sequence[str] | None = None,
    *,
    listen_s: float = LISTEN_S,
    to: tuple[str, int] = (GROUP, PORT),
) -> list[Found]:
    """Asks on each interface (given by its own address) and listens for ``listen_s``; each camera once, by address."""
    found: dict[str, Found] = {}
    with ExitStack() as open_sockets:
        asking = [made for own in interfaces or own_addresses() if (made := _socket(own, open_sockets)) is not None]
        began_us, asked, heard = clock.monotonic_us(), 0, 0
        question = probe()
        while asking and heard < DATAGRAMS_MAX and len(found) < CAMERAS_MAX:
            elapsed_s = (clock.monotonic_us() - began_us) / US_PER_S
            if elapsed_s >= listen_s:
                break
            if asked < len(REPEAT_AFTER_S) and elapsed_s >= REPEAT_AFTER_S[asked]:
                asked += 1
                for one in asking:
                    with suppress(OSError):  # this network is down: the others are asked
                        one.sendto(question, to)
            ready, _, _ = select.select(asking, [], [], min(0.1, listen_s - elapsed_s))
            for one in ready:
                heard += 1
                answered = _receive(one)
                if answered is not None:
                    found.setdefault(answered.address, answered)
    return sorted(found.values(), key=lambda one: one.address)


def probe() -> bytes:
    """The question: who is a network video transmitter?"""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{ENVELOPE}" xmlns:a="{ADDRESSING}">'
        f'<s:Header><a:Action s:mustUnderstand="1">{DISCOVERY}/Probe</a:Action>'
        f"<a:MessageID>urn:uuid:{uuid4()}</a:MessageID>"
        '<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body>'
        f'<d:Probe xmlns:d="{DISCOVERY}"><d:Types xmlns:n="{NETWORK}">n:NetworkVideoTransmitter</d:Types></d:Probe>'
        "</s:Body></s:Envelope>"
    ).encode()


def answer_of(data: bytes, host: str) -> Found | None:
    """What a datagram from ``host`` says; None where it is no answer to the question."""
    try:
        root = parsed(data)
    except InvalidInput:
        return None
    matches = root.find(f"{{{ENVELOPE}}}Body/{{{DISCOVERY}}}ProbeMatches")
    if matches is None or len(matches) == 0:
        return None
    match = matches[0]
    scopes = _words(match, "Scopes")[:SCOPES_MAX]
    address = _address(_words(match, "XAddrs"), host)
    return None if address is None else Found(address, _scope(scopes, "name"), _scope(scopes, "hardware"))


def _address(offered: list[str], host: str) -> str | None:
    """The first HTTP address with the port it names, on the host that spoke."""
    shown = f"[{host}]" if ":" in host else host
    for text in offered[:8]:
        with suppress(ValueError):
            parts = urlsplit(text)
            if parts.scheme in ("http", "https") and text.isprintable() and len(text) < 256:
                port = f":{parts.port}" if parts.port else ""
                return f"{parts.scheme}://{shown}{port}{parts.path or '/onvif/device_service'}"
    return None


def _words(match: Element, name: str) -> list[str]:
    found = match.find(f"{{{DISCOVERY}}}{name}")
    return [] if found is None else (found.text or "").split()


def _scope(scopes: list[str], kind: str) -> str:
    mark = f"onvif://www.onvif.org/{kind}/"
    said = next((unquote(scope.removeprefix(mark)) for scope in scopes if scope.startswith(mark)), "")
    return "".join(one for one in said if one.isprintable())[:64]


def _socket(own: str, closing: ExitStack) -> socket.socket | None:
    made = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    try:
        made.bind((own, 0))
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    except OSError:
        return None
    made.setblocking(False)
    return made


def _receive(one: socket.socket) -> Found | None:
    try:
        data, (host, *_rest) = one.recvfrom(DATAGRAM_BYTES_MAX)
    except OSError:
        return None
    return answer_of(data, host)
