"""How RTP reaches a viewer: interleaved in the RTSP connection, or as UDP datagrams.

Source: RFC 2326, 10.12 (interleaving) and 12.39 (Transport).
"""

import asyncio
import struct
from typing import Self

from config.base.errors import InvalidInput


class Interleaved:
    """RTP and RTCP between the RTSP answers on one TCP connection."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int) -> None:
        """RTP goes on ``channel``, RTCP on the next one."""
        self._writer = writer
        self._channel = channel

    def send(self, packets: list[bytes], *, control: bool) -> None:
        if self._writer.is_closing():
            return
        channel = self._channel + control
        self._writer.writelines(
            part for packet in packets for part in (struct.pack(">cBH", b"$", channel, len(packet)), packet)
        )

    def send_raw(self, data: bytes) -> None:
        """Bytes that are neither."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def waiting_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    def close(self) -> None:
        self._writer.transport.abort()


class Datagrams:
    """RTP and RTCP from two UDP ports to the two that the viewer named."""

    def __init__(
        self, writer: asyncio.StreamWriter, rtp: asyncio.DatagramTransport, rtcp: asyncio.DatagramTransport
    ) -> None:
        self._writer = writer
        self._rtp = rtp
        self._rtcp = rtcp

    @classmethod
    async def open(cls, writer: asyncio.StreamWriter, rtp_port: int, rtcp_port: int) -> Self:
        """Sends to these ports of the viewer's own address. Raises InvalidInput where that is impossible."""
        host = writer.get_extra_info("peername")[0]
        loop = asyncio.get_running_loop()
        transports: list[asyncio.DatagramTransport] = []
        for port in (rtp_port, rtcp_port):
            try:
                made, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, port))
            except OSError as error:
                for transport in transports:
                    transport.close()
                raise InvalidInput(f"no datagrams to port {port}") from error
            transports.append(made)
        return cls(writer, *transports)

    @property
    def server_ports(self) -> tuple[int, int]:
        return self._rtp.get_extra_info("sockname")[1], self._rtcp.get_extra_info("sockname")[1]

    def send(self, packets: list[bytes], *, control: bool) -> None:
        transport = self._rtcp if control else self._rtp
        if not transport.is_closing():
            for packet in packets:
                transport.sendto(packet)

    def send_raw(self, data: bytes) -> None:
        """A datagram that is neither."""
        if not self._rtp.is_closing():
            self._rtp.sendto(data)

    def waiting_bytes(self) -> int:
        return 0  # the kernel drops what a viewer does not read

    def release(self) -> None:
        """Gives the two ports back."""
        self._rtp.close()
        self._rtcp.close()

    def close(self) -> None:
        self.release()
        self._writer.transport.abort()
