"""Puts one file to the address that a ticket names, and reads back what lies in the site's own cell.

Invariant: the ticket's headers go out unchanged: they are signed, and carry digest, lock mode and retain-until. The
agent knows nothing else of the store and holds no credentials for it.
"""

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from socket import IPPROTO_TCP, TCP_USER_TIMEOUT

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from config.base.clock import Clock, SystemClock, from_datetime
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput, NotFound, Unavailable
from config.wire.cells import SeenInCell
from config.wire.segments import UploadTicket
from edge_agent.upload.throttle import Throttle

CONNECT_WITHIN_S = 10.0
STALL_WITHIN_S = 30.0
UNHEARD_WITHIN_MS = 20_000
"""So long sent bytes may go unacknowledged: a connection that stands half open is given up (RFC 5482)."""
BLOCK_BYTES = 1 << 16
ANSWER_BYTES_MAX = 65_536
OBJECT_BYTES_MAX = 2**32
VERSION_HEADER = "x-amz-version-id"


class ObjectStore:
    """Thread-safe."""

    def __init__(
        self, connections: int, throttle: Throttle, *, cell_ca_file: str = "", clock: Clock | None = None
    ) -> None:
        """``cell_ca_file`` vouches for the site's own cell. Raises ConfigurationError."""
        self._throttle = throttle
        self._clock = clock or SystemClock()
        options = [*HTTPConnection.default_socket_options, (IPPROTO_TCP, TCP_USER_TIMEOUT, UNHEARD_WITHIN_MS)]
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            retries=False,
            block=True,
            socket_options=options,
            ssl_context=_trust(cell_ca_file) if cell_ca_file else None,
        )

    def put(self, ticket: UploadTicket, path: Path, size_bytes: int) -> str:
        """The id of the version made.

        Raises IntegrityViolation where the file is not there as recorded, Unavailable where the store does not
        answer, InvalidInput where it refuses.
        """
        headers = dict(ticket.headers)
        if not any(name.lower() == "content-length" for name in headers):
            headers["Content-Length"] = str(size_bytes)
        try:
            found_bytes = path.stat().st_size
        except FileNotFoundError as error:
            raise IntegrityViolation(f"{path.name} is gone", code="file_missing") from error
        if found_bytes != size_bytes:
            raise IntegrityViolation(f"{path.name} has {found_bytes} bytes, not {size_bytes}", code="file_changed")
        try:
            answer = self._pool.request(
                "PUT",
                ticket.url,
                # The throttle is for the line to the centre: a cell stands in the same house.
                body=_blocks(path, None if ticket.look_url else self._throttle),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_WITHIN_S, read=STALL_WITHIN_S),
                redirect=False,
                preload_content=False,
            )
            try:
                answer.read(ANSWER_BYTES_MAX)
            finally:
                answer.drain_conn()
                answer.release_conn()
        except (HTTPError, OSError) as error:
            self._pool.clear()  # the others that wait there were made on the same path: none of them is to be trusted
            raise Unavailable(f"the store does not answer ({type(error).__name__})") from error
        if answer.status in (200, 201):
            version_id = answer.headers.get(VERSION_HEADER, "")
            if not version_id or len(version_id) > 256:
                raise Unavailable("the store named no version: is versioning on?", code="no_version")
            return version_id
        text = f"the store answered {answer.status}"
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
            raise InvalidInput(text, code=f"store_{answer.status}")
        raise Unavailable(text)

    def look(self, url: str) -> SeenInCell:
        """Reads a whole object of the cell back: its bytes, version and lock. Raises as ``open``."""
        with self.open(url) as reading:
            digest = hashlib.sha256()
            for block in reading.blocks():
                digest.update(block)
            return reading.seen(digest.hexdigest(), self._clock.utc_us())

    @contextmanager
    def open(self, url: str) -> "Iterator[Reading]":
        """One object of the cell, to be read once. Raises NotFound, InvalidInput where it refuses, Unavailable."""
        timeout = urllib3.Timeout(connect=CONNECT_WITHIN_S, read=STALL_WITHIN_S)
        try:
            answer = self._pool.request("GET", url, timeout=timeout, redirect=False, preload_content=False)
            try:
                if answer.status != 200:
                    raise _refusal(answer.status, answer.headers.get("x-amz-delete-marker", ""))
                yield Reading(answer)
            finally:
                answer.close()  # half read it cannot be used again
                answer.release_conn()
        except (HTTPError, OSError) as error:
            raise Unavailable(f"the cell does not answer ({type(error).__name__})") from error

    def pass_on(self, reading: "Reading", put_url: str, headers: dict[str, str]) -> str:
        """Puts what is being read to the centre's store; the id of the version made. Raises as ``put``."""

        def blocks() -> Iterator[bytes]:
            for block in reading.blocks():
                self._throttle.take(len(block))
                yield block

        timeout = urllib3.Timeout(connect=CONNECT_WITHIN_S, read=STALL_WITHIN_S)
        try:
            answer = self._pool.request(
                "PUT", put_url, body=blocks(), headers=headers, timeout=timeout, redirect=False, preload_content=True
            )
        except (HTTPError, OSError) as error:
            raise Unavailable(f"the store does not answer ({type(error).__name__})") from error
        if answer.status not in (200, 201) or not answer.headers.get(VERSION_HEADER):
            raise InvalidInput(f"the store answered {answer.status}", code=f"store_{answer.status}")
        return str(answer.headers[VERSION_HEADER])[:256]

    @property
    def pool(self) -> urllib3.PoolManager:
        """Connections to the stores, for what is neither an upload nor a recording."""
        return self._pool

    def close(self) -> None:
        self._throttle.close()
        self._pool.clear()


class Reading:
    """An object that is being read; what of it was read is counted."""

    def __init__(self, answer: BaseHTTPResponse) -> None:
        self._answer = answer
        self.size_bytes = 0

    def blocks(self) -> Iterator[bytes]:
        """The bytes in blocks. Raises HTTPError where they break off, Unavailable where they do not end."""
        for block in self._answer.stream(BLOCK_BYTES):
            self.size_bytes += len(block)
            if self.size_bytes > OBJECT_BYTES_MAX:
                raise Unavailable("the cell gives more than any recording has", code="cell_endless")
            yield block

    def seen(self, sha256: str, now_us: int) -> SeenInCell:
        """What was read to its end. Raises Unavailable where the cell names no version."""
        headers = self._answer.headers
        version_id = headers.get(VERSION_HEADER, "")
        if not 0 < len(version_id) <= 256:
            raise Unavailable("the cell named no version: is versioning on?", code="no_version")
        return SeenInCell(
            version_id=version_id,
            size_bytes=self.size_bytes,
            sha256=sha256,
            lock_mode=headers.get("x-amz-object-lock-mode", "")[:16].upper(),
            retain_until_us=instant(headers.get("x-amz-object-lock-retain-until-date", "")),
            read_us=now_us,
        )


def _blocks(path: Path, throttle: Throttle | None) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while block := opened.read(BLOCK_BYTES):
            if throttle is not None:
                throttle.take(len(block))
            yield block


def _trust(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"'cell.ca_file': {ca_file}: {error}") from error
    return context


def _refusal(status: int, marker: str) -> NotFound | InvalidInput | Unavailable:
    """404 and its like say that it is not there; a store that cannot make a version id answers 400."""
    if status in (400, 404, 405, 410) or marker.lower() == "true":
        return NotFound(f"the cell has no such version ({status})")
    if status in (408, 425, 429) or status >= 500:
        return Unavailable(f"the cell answered {status}")
    return InvalidInput(f"the cell answered {status}", code=f"store_{status}")


def instant(text: str) -> int | None:
    """A date as stores write it; None for what is none."""
    try:
        return max(0, from_datetime(datetime.fromisoformat(text)))
    except ValueError:
        return None
