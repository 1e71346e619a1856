"""One HTTP exchange with a device that nobody vouches for.

Invariant: the exchange is over within its deadline, connect, TLS, headers and body together, however slowly the bytes
drip, and takes in no more than its limit, headers included. ``http.client`` bounds single reads only, hence the reader
underneath it, which knows the deadline and counts.
"""

import http.client
import io
import socket
import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from config.base.clock import US_PER_S, Clock
from config.base.errors import NightlightError
from edge_agent.onvif.errors import nonsense, silent

LEAST_WAIT_S = 0.001


@dataclass(frozen=True)
class Answer:
    """``headers`` by lower-case name, every value of a name that came more than once."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    asked_us: int
    """When the request went out; monotonic, like ``answered_us``: when its answer was whole."""
    answered_us: int


@dataclass(frozen=True)
class Limits:
    """Of one exchange."""

    within_s: float = 5.0
    bytes_max: int = 1 << 20


class Deadline:
    """Until when something must be done."""

    def __init__(self, clock: Clock, within_s: float) -> None:
        self._clock = clock
        self._end_us = clock.monotonic_us() + int(within_s * US_PER_S)
        self.within_s = within_s

    def left_s(self) -> float:
        """Seconds that are left. Raises Unavailable where there are none."""
        left_us = self._end_us - self._clock.monotonic_us()
        if left_us <= 0:
            raise silent(f"no whole answer within {self.within_s:.0f} s")
        return max(LEAST_WAIT_S, left_us / US_PER_S)


class BoundedReader(io.RawIOBase):
    """Reads a socket until a deadline and up to a number of bytes. Raises NightlightError past either."""

    def __init__(self, connection: socket.socket, deadline: Deadline, bytes_max: int) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._left_bytes = bytes_max

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left_s())
        found = self._connection.recv_into(buffer)
        self._left_bytes -= found
        if self._left_bytes < 0:
            raise nonsense("it is too large")
        return found


class _Capped(io.BufferedReader):
    """``io`` makes room for all that is asked for before the first byte comes: no stranger's number gets that far."""

    def __init__(self, raw: BoundedReader, bytes_max: int) -> None:
        super().__init__(raw)
        self._bytes_max = bytes_max

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._bytes_max:
            raise nonsense("it is too large")
        return super().read(size)


class _Wire:
    """What ``http.client`` takes for a socket."""

    def __init__(self, connection: socket.socket, deadline: Deadline, bytes_max: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._bytes_max = bytes_max

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(self._deadline.left_s())
        self._connection.sendall(data)

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return _Capped(BoundedReader(self._connection, self._deadline, self._bytes_max), self._bytes_max)

    def close(self) -> None:
        """The exchange closes the connection itself."""


def exchange(
    clock: Clock, method: str, url: str, *, headers: dict[str, str], body: bytes | None, limits: Limits
) -> Answer:
    """One request over a connection of its own. Raises Unavailable, or InvalidInput for an answer that is no HTTP."""
    deadline = Deadline(clock, limits.within_s)
    try:
        connection = _connected(url, deadline)
    except (OSError, ValueError) as error:
        raise silent(_reason(error)) from error
    try:
        parts = urlsplit(url)
        client = http.client.HTTPConnection(cast(str, parts.hostname), parts.port or 80)
        client.sock = cast(Any, _Wire(connection, deadline, limits.bytes_max))
        asked_us = clock.monotonic_us()
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        client.request(method, path, body=body, headers={"Connection": "close", **headers})
        answer = client.getresponse()
        read = answer.read()
        answered_us = clock.monotonic_us()
        found: dict[str, list[str]] = {}
        for name, value in answer.getheaders():
            found.setdefault(name.lower(), []).append(value)
        return Answer(answer.status, found, read, asked_us, answered_us)
    except NightlightError:
        raise
    except OSError as error:
        raise silent(_reason(error)) from error
    except (http.client.HTTPException, ValueError) as error:
        raise nonsense(f"no HTTP as expected ({type(error).__name__})") from error
    finally:
        connection.close()


def _connected(url: str, deadline: Deadline) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no HTTP address")
    secure = parts.scheme == "https"
    connection = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), deadline.left_s())
    if not secure:
        return connection
    try:
        connection.settimeout(deadline.left_s())
        return _camera_tls().wrap_socket(connection, server_hostname=parts.hostname)
    except OSError:
        connection.close()
        raise


def _camera_tls() -> ssl.SSLContext:
    """Cameras sign their certificates themselves, for no name: TLS here hides what is said and proves nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or type(error).__name__
