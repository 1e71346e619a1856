"""A store that lies, made of one that does not: an HTTP relay that changes what is asked and what is answered.

It holds an administrator's credential of the real store, because who controls a store can also store something else than
what was signed. Without lies it passes every byte on.
"""

import hashlib
import http.client
import re
import socketserver
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from config.base.clock import US_PER_S, SystemClock
from config.base.ids import fresh_id
from storage.objects.retention import to_header
from storage.objects.s3 import S3EvidenceStore

Told = Literal[
    "gone", "short", "unlocked", "governance", "other_bytes", "truncated", "other_version", "denied", "failing"
]
Taken = Literal["", "dropped", "truncated", "changed", "short_lock", "no_word"]
UNSOUND: dict[Told, str] = {
    "gone": "object_missing",
    "short": "lock_short",
    "unlocked": "lock_short",
    "governance": "lock_short",
    "other_bytes": "object_corrupt",
    "truncated": "object_corrupt",
    "other_version": "object_missing",
    "denied": "object_missing",
    "failing": "object_missing",
}
"""What an audit has to make of each."""
SHORT_US = 60 * US_PER_S
LOCK, UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
CHECKSUM = "x-amz-checksum-sha256"
ORDERS = {"retention", "legal-hold", "versioning", "object-lock", "lifecycle", "uploadId"}
"""What a PUT may be that stores no object."""
BODY_BYTES_MAX = 64 * 2**20
WITHIN_S = 20
YEAR_S = 365 * 86_400


@dataclass
class Lies:
    """What is wrong now; empty is the truth."""

    about: dict[str, Told] = field(default_factory=dict)
    """By object key: what whoever asks is told."""
    uploads: Taken = ""
    """What becomes of an upload, which is always agreed to (``no_word``: once, it is stored and the answer lost)."""
    down: bool = False
    slow_s: float = 0.0
    ahead_s: int = 0
    """How far the Date of every answer is ahead."""
    keeps_locks_short: bool = False
    """Agrees to lengthen a lock, and does not."""
    listings_too: bool = True
    """Whether listings say the same as answers about a version, where they say anything of it."""
    asked: int = 0
    first_told: dict[str, float] = field(default_factory=dict)
    """By object key: when the first lie about it was told, by the monotonic clock."""


class Liar(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on a port of loopback. ``close`` ends it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, endpoint: str, admin: S3EvidenceStore, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Relay)
        self.store_endpoint = endpoint
        self.admin = admin
        self.lies = Lies()
        self._thread = Thread(target=self.serve_forever, args=(0.1,), name="liar", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    def handle_error(self, _request: object, _address: object) -> None:
        """Clients that are killed in the middle of a request are what this is for."""


def _listing_with(lies: Lies, data: bytes) -> bytes:
    """A listing that agrees with what is told of each version."""

    def told(found: re.Match[bytes]) -> bytes:
        version = found[0]
        key = unquote(version.partition(b"<Key>")[2].partition(b"</Key>")[0].decode())
        lie = lies.about.get(key)
        if lie is None:
            return version
        if lie == "gone":
            return b""
        if lie in ("denied", "failing", "unlocked"):
            return re.sub(rb"<UserMetadata>.*?</UserMetadata>", b"", version, flags=re.DOTALL)
        if lie == "short":
            until = to_header(SystemClock().utc_us() + SHORT_US).encode()
            return re.sub(rb"(<x-amz-object-lock-retain-until-date>)[^<]*", rb"\g<1>" + until, version)
        if lie == "governance":
            return version.replace(b">COMPLIANCE<", b">GOVERNANCE<")
        if lie == "other_version":
            return re.sub(rb"(<VersionId>)[^<]*", rb"\g<1>" + fresh_id().encode(), version)
        if lie == "truncated":
            return re.sub(rb"<Size>(\d+)", lambda size: b"<Size>%d" % (int(size[1]) // 2), version)
        return re.sub(rb"(<ETag>[^<]*?)[0-9a-f]{8}", rb"\g<1>00000000", version)

    return re.sub(rb"<Version>.*?</Version>", told, data, flags=re.DOTALL)


class _Relay(BaseHTTPRequestHandler):
    server: Liar
    protocol_version = "HTTP/1.1"
    timeout = WITHIN_S
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        return True

    def do_GET(self) -> None:
        lies = self.server.lies
        lies.asked += 1
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), BODY_BYTES_MAX))
        if lies.slow_s:
            time.sleep(lies.slow_s)
        if lies.down:
            self.close_connection = True
            return
        split = urlsplit(self.path)
        key = unquote(split.path).split("/", 2)[-1]
        query = parse_qs(split.query, keep_blank_values=True)
        if self.command == "PUT" and "retention" in query and (lies.keeps_locks_short or key in lies.about):
            self._say(200, {}, b"")
        elif self.command == "PUT" and not ORDERS & set(query) and lies.uploads and self.headers.get(CHECKSUM):
            self._take(lies.uploads, key, body)
        elif key in lies.about and self.command in ("GET", "HEAD") and "versionId" in query:
            lies.first_told.setdefault(key, time.monotonic())
            self._tell(lies.about[key], body)
        elif lies.about and lies.listings_too and self.command == "GET" and "versions" in query:
            status, headers, data = self._ask(body)
            self._say(status, headers, _listing_with(lies, data))
        else:
            self._pass(body)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - names that http.server looks for

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(self.server.store_endpoint, timeout=WITHIN_S)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            upstream.close()

    def _pass(self, body: bytes) -> None:
        self._say(*self._ask(body))

    def _take(self, lie: Taken, key: str, body: bytes) -> None:
        """An upload that is agreed to."""
        admin, until_us = self.server.admin, SystemClock().utc_us() + SHORT_US
        if lie == "no_word":
            self._ask(body)
            self.server.lies.uploads = ""
            self.close_connection = True
            return
        version_id = fresh_id()
        if lie != "dropped":
            data = {"truncated": body[: len(body) // 2], "changed": bytes(len(body))}.get(lie, body)
            long_us = until_us if lie == "short_lock" else until_us + 3 * 86_400 * US_PER_S
            version_id = admin.put_locked(key, data, hashlib.sha256(data).hexdigest(), long_us)
        self._say(200, {"x-amz-version-id": version_id, "etag": '"0"'}, b"")

    def _tell(self, lie: Told, body: bytes) -> None:
        codes = {"gone": (404, b"NoSuchVersion"), "denied": (403, b"AccessDenied"), "failing": (500, b"InternalError")}
        if lie in codes:
            status, code = codes[lie]
            self._say(status, {}, b"" if self.command == "HEAD" else b"<Error><Code>" + code + b"</Code></Error>")
            return
        status, headers, data = self._ask(body)
        if lie == "short":
            headers[UNTIL] = to_header(SystemClock().utc_us() + SHORT_US)
        elif lie == "unlocked":
            headers.pop(LOCK, None)
            headers.pop(UNTIL, None)
        elif lie == "governance":
            headers[LOCK] = "GOVERNANCE"
        elif lie == "other_version":
            headers["x-amz-version-id"] = fresh_id()
        elif lie == "other_bytes":
            headers.pop(CHECKSUM, None)
            data = bytes(len(data))
        elif lie == "truncated":
            headers.pop(CHECKSUM, None)
            headers["content-length"] = str(int(headers.get("content-length", "2")) // 2)
            data = data[: len(data) // 2]
        self._say(status, headers, data)

    def _say(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name in ("connection", "transfer-encoding", "date") or (
                name == "content-length" and self.command != "HEAD"
            ):
                continue
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string(int(time.time()) + self.server.lies.ahead_s))
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        elif "content-length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
