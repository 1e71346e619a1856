"""HEAD requests for one version at a time, many a second: the audit asks one of every version every day.

The SDK spends a millisecond of processor on each; this spends a seventh. Invariant: only a plain ``200`` is taken from
here. Whatever else comes, or does not come, is for the SDK to ask again and to judge, so that there is one place that
knows the store's errors.

Source: RFC 9112; AWS Signature Version 4, by header.
"""

import hashlib
import hmac
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import quote

import certifi

from config.base.clock import US_PER_S, Clock, to_datetime
from storage.objects.connection import CONNECT_TIMEOUT_S_MAX, CONNECTIONS_MAX, StoreAccess

HEAD_BYTES_MAX = 65_536
_NOTHING = hashlib.sha256(b"").hexdigest()
_SIGNED = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date"
_UNRESERVED = "-_.~"
_PLAIN = re.compile(r"[A-Za-z0-9\-_.~/]*")


@dataclass
class _Wire:
    """One connection, and what came over it beyond the last answer."""

    socket: socket.socket
    rest: bytes = b""


@dataclass(frozen=True)
class _Scope:
    """What a signature of one day is made with."""

    day: str
    text: str
    credential: str
    key: bytes = field(repr=False)


@dataclass
class HeadReader:
    """Safe to share between threads; connections are kept and used again."""

    access: StoreAccess
    clock: Clock
    _idle: list[_Wire] = field(default_factory=list)
    _now: tuple[int, str, _Scope] | None = field(default=None, repr=False)
    _tls: ssl.SSLContext | None = None

    def read(self, key: str, version_id: str) -> dict[str, str] | None:
        """The headers of the answer, names in lower case; None for anything but a plain yes.

        Raises TimeoutError where the store takes longer than it may.
        """
        request = self._request(key, version_id)
        # One that was kept may have been closed by the store meanwhile: then a new connection says more.
        for wire in (self._kept(), None):
            try:
                return self._ask(wire or self._connect(), request)
            except TimeoutError:
                raise
            except OSError:
                continue
        return None

    def _kept(self) -> "_Wire | None":
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _ask(self, wire: _Wire, request: bytes) -> dict[str, str] | None:
        keep = False
        until_us = self.clock.monotonic_us() + round(self.access.timeout_s * US_PER_S)
        try:
            wire.socket.sendall(request)
            while b"\r\n\r\n" not in wire.rest:
                if self.clock.monotonic_us() > until_us:
                    raise TimeoutError("the answer drips in")
                data = wire.socket.recv(HEAD_BYTES_MAX)
                if not data or len(wire.rest) > HEAD_BYTES_MAX:
                    raise ConnectionResetError("the answer ended early")
                wire.rest += data
            head, _, wire.rest = wire.rest.partition(b"\r\n\r\n")
            status, headers = _parse(head)
            # An error may carry a body even for HEAD, from a store that errs: nothing after it could be told apart.
            keep = status == "200" and not wire.rest and headers.get("connection", "").lower() != "close"
            return headers if status == "200" else None
        finally:
            if keep and len(self._idle) < CONNECTIONS_MAX:
                self._idle.append(wire)
            else:
                wire.socket.close()

    def _connect(self) -> _Wire:
        host, _, port = self.access.endpoint.rpartition(":")
        if not host or not port.isdigit():
            host, port = self.access.endpoint, "443" if self.access.tls else "80"
        host = host.strip("[]")
        made = socket.create_connection((host, int(port)), min(self.access.timeout_s, CONNECT_TIMEOUT_S_MAX))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(self.access.timeout_s)
        if self.access.tls:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
            made = self._tls.wrap_socket(made, server_hostname=host)
        return _Wire(made)

    def _request(self, key: str, version_id: str) -> bytes:
        access = self.access
        path = f"/{access.bucket}/{key}"
        if not _PLAIN.fullmatch(path):
            path = quote(path, safe="/" + _UNRESERVED)
        query = f"versionId={version_id if version_id.isalnum() and version_id.isascii() else quote(version_id, safe=_UNRESERVED)}"
        now, scope = self._time()
        fields = (
            f"host:{access.endpoint}\nx-amz-checksum-mode:ENABLED\nx-amz-content-sha256:{_NOTHING}\nx-amz-date:{now}\n"
        )
        canonical = f"HEAD\n{path}\n{query}\n{fields}\n{_SIGNED}\n{_NOTHING}"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope.text}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(scope.key, to_sign.encode(), "sha256").hex()
        lines = fields.replace("\n", "\r\n")
        return (
            f"HEAD {path}?{query} HTTP/1.1\r\n{lines}authorization: {scope.credential}, Signature={signature}\r\n\r\n"
        ).encode()

    def _time(self) -> tuple[str, _Scope]:
        """The date as it is signed, and what it is signed with; made once a second and once a day."""
        second = self.clock.utc_us() // US_PER_S
        known = self._now
        if known is not None and known[0] == second:
            return known[1], known[2]
        now = to_datetime(second * US_PER_S).strftime("%Y%m%dT%H%M%SZ")
        scope = known[2] if known is not None and known[2].day == now[:8] else self._scope(now[:8])
        self._now = (second, now, scope)
        return now, scope

    def _scope(self, day: str) -> _Scope:
        access = self.access
        key = f"AWS4{access.secret_key}".encode()
        for part in (day, access.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"{day}/{access.region}/s3/aws4_request"
        return _Scope(
            day, text, f"AWS4-HMAC-SHA256 Credential={access.access_key}/{text}, SignedHeaders={_SIGNED}", key
        )


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    status, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return status.split(" ")[1] if " " in status else "", headers
