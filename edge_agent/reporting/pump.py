"""Turns one MQTT client's wheel in one thread: whoever publishes only queues, and wakes it.

Invariant: one thread alone reads and writes the connection. Left to itself, paho writes in the thread that publishes,
beside the one that reads; two threads on one TLS connection tear it, which the broker calls a protocol error.

Source: paho-mqtt, external event loop (loop_read, loop_write, loop_misc, on_socket_register_write).
"""

import select
import socket
import ssl
from contextlib import suppress
from typing import Self

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

TURN_MS = 500
WAKES_READ = 4_096


class Pump:
    """For one client; a context around its ``connect`` and ``run``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._awake, self._wake = socket.socketpair()
        for end in (self._awake, self._wake):
            end.setblocking(False)
        client.on_socket_register_write = lambda *_: self.rouse()

    def run(self) -> None:
        """Until the connection has ended. Raises OSError where the network does."""
        while (connection := self._client.socket()) is not None:
            if not self._turn(connection):
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.on_socket_register_write = None
        self._awake.close()
        self._wake.close()

    def _turn(self, connection: socket.socket | object) -> bool:
        assert isinstance(connection, socket.socket)  # noqa: S101 - a WebSocket is never asked for
        # What TLS has taken in already shows in no select.
        held = connection.pending() if isinstance(connection, ssl.SSLSocket) else 0
        ready = select.poll()
        ready.register(self._awake, select.POLLIN)
        ready.register(connection, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        events = dict(ready.poll(0 if held else TURN_MS))
        if self._awake.fileno() in events:
            with suppress(BlockingIOError):
                self._awake.recv(WAKES_READ)
        found = events.get(connection.fileno(), 0)
        told = MQTTErrorCode.MQTT_ERR_SUCCESS
        if held or found & ~select.POLLOUT:
            told = self._client.loop_read()
        if told == MQTTErrorCode.MQTT_ERR_SUCCESS and self._client.want_write():
            told = self._client.loop_write()
        if told == MQTTErrorCode.MQTT_ERR_SUCCESS:
            told = self._client.loop_misc()
        return told == MQTTErrorCode.MQTT_ERR_SUCCESS

    def rouse(self) -> None:
        """Says that something was queued. paho's own word may be lost where the queue is just running empty."""
        with suppress(OSError):  # full: it is awake; closed: it is over
            self._wake.send(b"\0")
