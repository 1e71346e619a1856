"""The server's HTTPS interface for agents: the time, leave to upload, the next certificate.

Invariant: every call is bounded in time and size, and every failure is one of the project's own errors.
"""

import json
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from config.base.decoding import decode_json
from config.base.errors import ConfigurationError, InvalidInput, PermissionDenied, Unavailable
from config.settings.edge import ServerLinkSettings
from config.wire.acceptance import AcceptanceAnswer
from config.wire.enrolment import CertificateAnswer
from config.wire.segments import UploadTicket

ANSWER_BYTES_MAX = 65_536
TIME_WITHIN_S = 1.0
ACCEPTANCE_WITHIN_S = 60.0
"""The server locks an object and attacks it before it answers."""
CELL_WITHIN_S = 30.0
ACCEPTANCE_BYTES_MAX = 262_144


class Centre:
    """Thread-safe."""

    def __init__(
        self,
        settings: ServerLinkSettings,
        connections: int,
        forgive_clock: Callable[[ssl.SSLContext], None] | None = None,
    ) -> None:
        """``forgive_clock`` lets dates of certificates be, where this box's own clock is surely wrong."""
        self._base = settings.url.rstrip("/")
        self._timeout_s = float(settings.timeout_s)
        try:
            context = ssl.create_default_context(cafile=settings.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"'server.ca_file': {settings.ca_file}: {error}") from error
        if forgive_clock is not None:
            forgive_clock(context)
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, block=True, ssl_context=context)

    def time_us(self) -> int:
        """The server's clock now. Raises Unavailable."""
        answer = self._request("GET", "/agent/v1/time", None, min(TIME_WITHIN_S, self._timeout_s))
        try:
            found = json.loads(answer)["utc_us"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the server's answer to a question for the time makes no sense") from error
        if not isinstance(found, int) or not 0 <= found < 2**53:
            raise Unavailable("the server's time makes no sense")
        return found

    def upload_ticket(self, request: bytes) -> UploadTicket:
        """Leave to put one segment. Raises Unavailable; InvalidInput or PermissionDenied where the server says no."""
        answer = self._request("POST", "/agent/v1/upload-tickets", request, self._timeout_s)
        try:
            ticket = decode_json(answer, UploadTicket)
        except msgspec.MsgspecError as error:
            raise Unavailable("the server's upload ticket makes no sense") from error
        if urlsplit(ticket.url).scheme not in ("http", "https"):
            raise Unavailable("the server's upload ticket names no HTTP address")
        return ticket

    def acceptance(self, request: bytes) -> AcceptanceAnswer:
        """What the server has seen, for an acceptance test. Raises as ``upload_ticket``; Unavailable if asked too often."""
        answer = self._request("POST", "/agent/v1/acceptance", request, ACCEPTANCE_WITHIN_S, ACCEPTANCE_BYTES_MAX)
        try:
            return decode_json(answer, AcceptanceAnswer)
        except msgspec.MsgspecError as error:
            raise Unavailable("the server's answer to the acceptance test makes no sense") from error

    def cell_answer(self, sealed: bytes, leaf: bytes) -> None:
        """The answer to a challenge, with the bytes of the leaf behind it. Raises as ``upload_ticket``."""
        self._request("POST", "/agent/v1/cell-answers", sealed + b"\n" + leaf, CELL_WITHIN_S)

    def cell_fetched(self, sealed: bytes) -> None:
        """What came of a fetch. Raises as ``upload_ticket``."""
        self._request("POST", "/agent/v1/cell-fetches", sealed, CELL_WITHIN_S)

    def cell_ordered(self, sealed: bytes) -> None:
        """What stands in the cell after an order. Raises as ``upload_ticket``."""
        self._request("POST", "/agent/v1/cell-orders", sealed, CELL_WITHIN_S)

    def certificate(self, request: bytes) -> CertificateAnswer:
        """The next certificate. Raises as ``upload_ticket``."""
        answer = self._request("POST", "/agent/v1/certificates", request, self._timeout_s)
        try:
            return decode_json(answer, CertificateAnswer)
        except msgspec.MsgspecError as error:
            raise Unavailable("the server's answer to a certificate request makes no sense") from error

    def close(self) -> None:
        self._pool.clear()

    def _request(
        self, method: str, path: str, body: bytes | None, timeout_s: float, bytes_max: int = ANSWER_BYTES_MAX
    ) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            answer = self._pool.request(
                method,
                f"{self._base}{path}",
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout_s),
                redirect=False,
                preload_content=False,
            )
            try:
                content = answer.read(bytes_max + 1)
            finally:
                answer.drain_conn()
                answer.release_conn()
        except (HTTPError, OSError) as error:
            raise Unavailable(f"the server at {self._base} does not answer ({type(error).__name__})") from error
        if len(content) > bytes_max:
            raise Unavailable("the server's answer is too long")
        if answer.status == 200:
            return content
        raise refusal(answer.status, content)


def refusal(status: int, content: bytes) -> InvalidInput | PermissionDenied | Unavailable:
    """A problem+json answer as an error."""
    try:
        problem = json.loads(content)
        code, detail = str(problem["code"])[:64], str(problem.get("detail") or problem.get("title") or "")[:200]
    except (ValueError, KeyError, TypeError, AttributeError):
        code, detail = f"http_{status}", ""
    text = f"the server answered {status} ({code}) {detail}".strip()
    if status in (408, 425, 429) or status >= 500:
        return Unavailable(text, code=code)
    return PermissionDenied(text, code=code) if status in (401, 403) else InvalidInput(text, code=code)
