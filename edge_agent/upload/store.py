"""Puts one file to the address that a ticket names.

Invariant: the ticket's headers go out unchanged: they are signed, and carry digest, lock mode and retain-until. The
agent knows nothing else of the store and holds no credentials for it.
"""

from collections.abc import Iterator
from pathlib import Path
from socket import IPPROTO_TCP, TCP_USER_TIMEOUT

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from config.base.errors import IntegrityViolation, InvalidInput, Unavailable
from config.wire.segments import UploadTicket
from edge_agent.upload.throttle import Throttle

CONNECT_WITHIN_S = 10.0
STALL_WITHIN_S = 30.0
UNHEARD_WITHIN_MS = 20_000
"""So long sent bytes may go unacknowledged: a connection that stands half open is given up (RFC 5482)."""
BLOCK_BYTES = 1 << 16
ANSWER_BYTES_MAX = 65_536
VERSION_HEADER = "x-amz-version-id"


class ObjectStore:
    """Thread-safe."""

    def __init__(self, connections: int, throttle: Throttle) -> None:
        self._throttle = throttle
        options = [*HTTPConnection.default_socket_options, (IPPROTO_TCP, TCP_USER_TIMEOUT, UNHEARD_WITHIN_MS)]
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, block=True, socket_options=options)

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
                body=_blocks(path, self._throttle),
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

    def close(self) -> None:
        self._throttle.close()
        self._pool.clear()


def _blocks(path: Path, throttle: Throttle) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while block := opened.read(BLOCK_BYTES):
            throttle.take(len(block))
            yield block
