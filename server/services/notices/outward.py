"""POST to an address that somebody else chose, and to nowhere inside: the guard against server-side request forgery.

Invariants: the address that is checked is the address that is connected to; no redirect is followed; what comes back is
read only as far as its status; everything has a time limit.
Source: OWASP SSRF Prevention; RFC 6890.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from config.base.errors import InvalidInput
from server.domain.notices import Result

URL_CHARS_MAX = 1_000
_NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for the IPv4 address in its last 32 bits (RFC 6052)."""
_UNICAST = IPv6Network("2000::/3")
"""All that is given out of IPv6 (RFC 4291, 2.4); the library takes site-local and IPv4-compatible addresses for global."""


@dataclass(frozen=True)
class Target:
    """Where a checked address leads."""

    scheme: str
    host: str
    port: int
    address: str
    path: str


@dataclass(frozen=True)
class Outward:
    """``allow_private``: by the settings, also private and loopback addresses and plain HTTP."""

    timeout_s: float
    allow_private: bool = False

    def check(self, url: str) -> Target:
        """Resolves an address. Raises InvalidInput where it leads inside or nowhere."""
        parts = _split(url)
        schemes = ("https", "http") if self.allow_private else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username is not None:
            raise InvalidInput("an address begins with https:// and holds no user or password", code="target_scheme")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError, ValueError) as error:
            raise InvalidInput("the address leads nowhere: check the host's name", code="target_unknown") from error
        # One public name among private ones is no public host.
        if not self.allow_private and not all(_is_public(str(one)) for one in found):
            raise InvalidInput("the address leads into a private network", code="target_private")
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        return Target(parts.scheme, parts.hostname, port, str(min(found)), path)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Result, str]:
        """How it ended, and why; the why names no address."""
        try:
            target = self.check(url)
        except InvalidInput as error:
            gone = error.code == "target_unknown"
            return (Result.NOT_TAKEN if gone else Result.REFUSED), error.code
        pool = self._pool(target)
        standard = {80: "http", 443: "https"}.get(target.port) == target.scheme
        host = f"[{target.host}]" if ":" in target.host else target.host
        named = {"Host": host if standard else f"{host}:{target.port}", **headers}
        try:
            answer = pool.request("POST", target.path, body=body, headers=named, preload_content=False)
            status = answer.status
            answer.release_conn()
        except NewConnectionError:
            return Result.NOT_TAKEN, "no_connection"
        except ProtocolError:
            return Result.PERHAPS, "cut_off"
        except HTTPError as error:
            known_not = isinstance(error, (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.SSLError))
            return (Result.NOT_TAKEN if known_not else Result.PERHAPS), type(error).__name__
        finally:
            pool.close()
        return _result(status), f"http_{status}"

    def _pool(self, target: Target) -> HTTPConnectionPool:
        timeout = urllib3.Timeout(connect=self.timeout_s, read=self.timeout_s, total=self.timeout_s)
        pool: HTTPConnectionPool
        if target.scheme == "http":
            pool = HTTPConnectionPool(target.address, target.port, timeout=timeout, retries=False)
            pool.ConnectionCls = _Plain
        else:
            pool = urllib3.HTTPSConnectionPool(
                target.address,
                target.port,
                timeout=timeout,
                retries=False,
                server_hostname=target.host,
                assert_hostname=target.host,
                cert_reqs="CERT_REQUIRED",
            )
            pool.ConnectionCls = _Encrypted
        return pool


class _Limited(HTTPConnection):
    """Cut off when its time is over. The library limits each read: byte by byte a receiver could hold its sender for days."""

    _spare: socket.socket | None = None
    _over: Timer | None = None

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        # Of its own: encryption takes the first one's place.
        spare = made.dup()
        self._spare, self._over = spare, Timer(float(self.timeout or 0), _shut, (spare,))
        self._over.daemon = True
        self._over.start()
        return made

    def close(self) -> None:
        if self._over is not None and self._spare is not None:
            self._over.cancel()
            self._spare.close()
        super().close()


class _Plain(_Limited):
    """Without encryption."""


class _Encrypted(_Limited, HTTPSConnection):
    """With it, from the handshake on."""


def _shut(spare: socket.socket) -> None:
    with suppress(OSError):
        spare.shutdown(socket.SHUT_RDWR)


def _split(url: str) -> SplitResult:
    plain = len(url) <= URL_CHARS_MAX and url.isascii() and not any(char.isspace() for char in url)
    try:
        return urlsplit(url if plain else "")
    except ValueError as error:
        raise InvalidInput("that is no address", code="target_scheme") from error


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            found = inner
        elif found not in _UNICAST:
            return False
    return found.is_global and not found.is_multicast


def _result(status: int) -> Result:
    if 200 <= status < 300:
        return Result.TAKEN
    if status in (408, 425, 429) or status >= 500:
        return Result.NOT_TAKEN if status in (425, 429, 503) else Result.PERHAPS
    return Result.REFUSED
