"""Answers WS-Discovery's question for the simulated cameras, as cameras on a network do.

Source: WS-Discovery (April 2005), ONVIF Core 7.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Collection
from uuid import uuid4
from xml.sax.saxutils import escape

from deploy.local.simulator.onvif import Device

GROUP, PORT = "239.255.255.250", 3702
_MESSAGE = re.compile(rb"<(?:\w+:)?MessageID[^>]*>([^<]{1,128})</")


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, devices: Collection[Device], host: str) -> None:
        self._devices = devices
        self._host = host
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = _MESSAGE.search(data)
        if b"Probe>" not in data or asked is None or self._transport is None:
            return
        for device in self._devices:
            if device.camera.mode != "off":
                self._transport.sendto(_match(device, self._host, asked[1].decode("latin-1")), addr)


async def announce(devices: Collection[Device], host: str) -> asyncio.DatagramTransport:
    """Listens for the question on the network of ``host``, this machine's own address there."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("", PORT))
    group = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(host))
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(devices, host), sock=listening)
    return transport


def _match(device: Device, host: str, asked: str) -> bytes:
    scopes = f"onvif://www.onvif.org/name/{device.camera.name} onvif://www.onvif.org/hardware/Simulator"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
        f"<a:MessageID>urn:uuid:{uuid4()}</a:MessageID><a:RelatesTo>{escape(asked)}</a:RelatesTo>"
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body>"
        "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference>"
        f"<a:Address>urn:uuid:{uuid4()}</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
        f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>http://{host}:{device.port}/onvif/device_service</d:XAddrs>"
        "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()
