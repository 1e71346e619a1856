"""Listens for alarm panels: DC-09 over TCP and UDP on one port of the site's own network.

Invariants: this is the one thing of the agent that listens beyond loopback, and it never does so on an address that the
internet could reach (I8). Everything is bounded: frame, connections, the time that half a frame may take, the time that
a connection may say nothing. One thread does all of it, so that a slow panel costs a place and holds up nobody.
"""

import ipaddress
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from config.base.backoff import Backoff
from config.base.clock import US_PER_S, Clock
from config.base.errors import ConfigurationError
from config.base.logs import get_logger
from edge_agent.alarms.dc09 import CR, FRAME_BYTES_MAX, LF
from edge_agent.lifecycle import Worker

CONNECTIONS_MAX = 32
HALF_A_FRAME_US = 10 * US_PER_S
IDLE_US = 600 * US_PER_S
"""Panels that keep their connection open say something at least every few minutes."""
GARBAGE_BYTES_MAX = 4 * FRAME_BYTES_MAX
"""What a connection may send outside of frames before it is closed."""
DATAGRAMS_PER_TURN = 32
BACKLOG = 16
WAIT_S = 0.5

log = get_logger("alarms")


@dataclass
class _Connection:
    """One panel's TCP connection; instants are monotonic."""

    socket: socket.socket
    heard_us: int
    begun_us: int | None = None
    """Since when half a frame has been waiting."""
    buffer: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    garbage_bytes: int = 0
    """Since the last frame that was answered."""
    proven: bool = False
    """A frame of it was acknowledged."""


def frames_in(buffer: bytearray) -> tuple[list[bytes], int]:
    """Takes whole frames out of what a connection sent; and how many bytes belonged to none."""
    found: list[bytes] = []
    before = len(buffer)
    while (start := buffer.find(LF)) >= 0 and (end := buffer.find(CR, start)) >= 0:
        # A line feed within is the beginning of another try: the last one before the end counts.
        begin = buffer.rfind(LF, start, end)
        found.append(bytes(buffer[begin : end + 1]))
        del buffer[: end + 1]
    start = buffer.find(LF)
    del buffer[: len(buffer) if start < 0 else start]
    if len(buffer) > FRAME_BYTES_MAX:
        buffer.clear()
    return found, before - len(buffer) - sum(len(frame) for frame in found)


def place(text: str) -> tuple[str, int]:
    """``192.168.1.5:12340`` as host and port. Raises ConfigurationError for what the internet could reach."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(host)
        number = int(port)
    except ValueError as error:
        raise ConfigurationError(f"'alarms.listen' is {text!r}: write it as \"192.168.1.5:12340\"") from error
    if address.is_unspecified or not (address.is_private or address.is_loopback or address.is_link_local):
        raise ConfigurationError(
            f"'alarms.listen' is {text!r}: name the agent's own address on the site's network. Panels report from"
            " there; nothing may reach this port from the internet"
        )
    if not 0 < number < 65_536:
        raise ConfigurationError(f"'alarms.listen' is {text!r}: a port is a number from 1 to 65535")
    return host, number


class Receiver(Worker):
    """``answer`` gets one frame and returns what to say, empty for nothing; it is called in this thread alone."""

    def __init__(self, listen: str, answer: Callable[[bytes], bytes], clock: Clock) -> None:
        """Raises ConfigurationError where the address cannot serve."""
        super().__init__("alarm-receiver")
        self.host, self.port = place(listen)
        self._answer = answer
        self._clock = clock
        self._connections: dict[socket.socket, _Connection] = {}
        self._backoff = Backoff(1.0, 30.0)

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._listen()
            except OSError as error:
                log.error(  # noqa: TRY400 - the address may come with the network
                    "alarm_receiver_cannot_listen",
                    port=self.port,
                    why=error.strerror,
                    advice="check alarms.listen: is it an address of this machine, and is the port free?",
                )
                self.stopping.wait(self._backoff.next_s())

    def _listen(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagrams,
            selectors.DefaultSelector() as selector,
        ):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for one in (stream, datagrams):
                one.setblocking(False)
                one.bind((self.host, self.port))
            stream.listen(BACKLOG)
            for one in (stream, datagrams):
                selector.register(one, selectors.EVENT_READ)
            self._backoff.reset()
            log.info("alarm_receiver_listening", port=self.port)
            try:
                while not self.stopping.is_set():
                    self.pulse()
                    self._turn(selector, stream, datagrams)
            finally:
                for connection in [*self._connections.values()]:
                    self._drop(selector, connection, "")

    def _turn(self, selector: selectors.BaseSelector, stream: socket.socket, datagrams: socket.socket) -> None:
        for key, events in selector.select(WAIT_S):
            if key.fileobj is datagrams:
                self._take_datagrams(datagrams)
            elif key.fileobj is stream:
                self._accept(selector, stream)
            elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._connections:
                self._serve(selector, self._connections[key.fileobj], events)
        now_us = self._clock.monotonic_us()
        for connection in [*self._connections.values()]:
            if connection.begun_us is not None and now_us - connection.begun_us > HALF_A_FRAME_US:
                self._drop(selector, connection, "half a frame")
            elif now_us - connection.heard_us > IDLE_US:
                self._drop(selector, connection, "idle")

    def _take_datagrams(self, datagrams: socket.socket) -> None:
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data, sender = datagrams.recvfrom(FRAME_BYTES_MAX + 1)
            except OSError:  # nothing more, or the answer before this one found nobody
                return
            answer = self._answer(data.strip(b"\0"))
            if answer:
                with suppress(OSError):
                    datagrams.sendto(answer, sender)

    def _accept(self, selector: selectors.BaseSelector, stream: socket.socket) -> None:
        try:
            opened, _ = stream.accept()
        except OSError:  # it was gone again
            return
        if len(self._connections) >= CONNECTIONS_MAX:
            least = min(self._connections.values(), key=lambda connection: (connection.proven, connection.heard_us))
            self._drop(selector, least, "another took its place")
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._connections[opened] = _Connection(opened, self._clock.monotonic_us())
        selector.register(opened, selectors.EVENT_READ)

    def _serve(self, selector: selectors.BaseSelector, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = connection.socket.recv(FRAME_BYTES_MAX)
                if not data:
                    self._drop(selector, connection, "")
                    return
                self._take(connection, data)
            if connection.outgoing:
                del connection.outgoing[: connection.socket.send(connection.outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(selector, connection, "")
            return
        if connection.garbage_bytes > GARBAGE_BYTES_MAX or len(connection.outgoing) > GARBAGE_BYTES_MAX:
            self._drop(selector, connection, "nonsense")
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0)
        selector.modify(connection.socket, wanted)

    def _take(self, connection: _Connection, data: bytes) -> None:
        now_us = self._clock.monotonic_us()
        connection.buffer += data
        frames, garbage_bytes = frames_in(connection.buffer)
        connection.garbage_bytes += garbage_bytes
        if not connection.buffer:
            connection.begun_us = None
        elif connection.begun_us is None or frames:
            connection.begun_us = now_us
        for frame in frames:
            answer = self._answer(frame)
            connection.outgoing += answer
            if answer:
                connection.heard_us, connection.garbage_bytes = self._clock.monotonic_us(), 0
                connection.proven |= b'ACK"' in answer[:16]
            else:
                connection.garbage_bytes += len(frame)

    def _drop(self, selector: selectors.BaseSelector, connection: _Connection, why: str) -> None:
        if why:
            log.info("panel_connection_closed", why=why)
        with suppress(KeyError, ValueError):
            selector.unregister(connection.socket)
        self._connections.pop(connection.socket, None)
        connection.socket.close()
