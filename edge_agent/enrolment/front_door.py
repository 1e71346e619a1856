"""The server before it is trusted: only what can be checked by other means goes over an unproved connection.

Invariant: over such a connection nothing is sent but two questions, for the authority's certificate, which the code's
fingerprint proves, and for the time, which only decides whether the person is told to set the clock.
"""

import json
import ssl
from types import TracebackType
from typing import Self

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, SSLError

from config.base.decoding import decode_json
from config.base.errors import Unavailable
from config.wire.enrolment import EnrolmentAnswer
from edge_agent.centre import refusal

WITHIN_S = 15.0
ANSWER_BYTES_MAX = 65_536


class FrontDoor:
    """A context manager: closes its connections."""

    def __init__(self, server_url: str) -> None:
        self._url = server_url
        # urllib3 would warn the person of what is meant: see this module's invariant.
        urllib3.disable_warnings(InsecureRequestWarning)
        unproved = ssl.create_default_context()
        unproved.check_hostname = False
        unproved.verify_mode = ssl.CERT_NONE
        self._unproved = urllib3.PoolManager(retries=False, ssl_context=unproved)
        self._proved: urllib3.PoolManager | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unproved.clear()
        if self._proved is not None:
            self._proved.clear()

    def authority_pem(self) -> str:
        """Raises Unavailable."""
        return self._ask(self._unproved, "GET", "/agent/v1/authority").decode(errors="replace")

    def time_us(self) -> int:
        """The server's clock. Raises Unavailable."""
        try:
            return int(json.loads(self._ask(self._unproved, "GET", "/agent/v1/time"))["utc_us"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the server's answer to a question for the time makes no sense") from error

    def trust(self, authority_pem: str) -> bool:
        """Makes the proved connection: True where the server's own authority vouches for it, else the system's do.

        Raises Unavailable (``tls_untrusted``) where neither does.
        """
        for own in (True, False):
            context = ssl.create_default_context(cadata=authority_pem if own else None)
            pool = urllib3.PoolManager(retries=False, ssl_context=context)
            try:
                self._ask(pool, "GET", "/agent/v1/time")
            except _Untrusted:
                pool.clear()
                continue
            self._proved = pool
            return own
        raise Unavailable(f"nobody whom this machine trusts vouches for {self._url}", code="tls_untrusted")

    def enrol(self, sealed: bytes) -> EnrolmentAnswer:
        """Raises Unavailable; InvalidInput or PermissionDenied where the server refuses. After ``trust`` only."""
        if self._proved is None:
            raise Unavailable("the server has not proved itself")
        try:
            return decode_json(self._ask(self._proved, "POST", "/agent/v1/enrolments", sealed), EnrolmentAnswer)
        except msgspec.MsgspecError as error:
            raise Unavailable("the server's answer makes no sense") from error

    def _ask(self, pool: urllib3.PoolManager, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            answer = pool.request(
                method, f"{self._url}{path}", body=body, timeout=urllib3.Timeout(total=WITHIN_S),
                redirect=False, preload_content=False,
            )  # fmt: skip
            try:
                content = answer.read(ANSWER_BYTES_MAX + 1)
            finally:
                answer.drain_conn()
                answer.release_conn()
        except SSLError as error:
            raise _Untrusted(f"{self._url} does not prove itself: {error}", code="tls_untrusted") from error
        except (HTTPError, OSError) as error:
            raise Unavailable(f"{self._url} does not answer ({type(error).__name__})") from error
        if len(content) > ANSWER_BYTES_MAX:
            raise Unavailable("the server's answer is too long")
        if answer.status != 200:
            raise refusal(answer.status, content)
        return content


class _Untrusted(Unavailable):
    """TLS did not come about."""
