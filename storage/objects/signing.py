"""Requests signed by hand, where the SDK offers none: tickets, the Date of an answer, and everything hostile.

botocore's signer is used offline; nothing here looks for credentials or configuration anywhere.

Source: AWS Signature Version 4, by query string and by header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import urllib3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from config.base.clock import to_datetime
from storage.objects.connection import StoreAccess
from storage.objects.translate import store_errors

ANSWER_BYTES_MAX = 2**20
_UNRESERVED = "-_.~"
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


@dataclass(frozen=True)
class Answer:
    """What the store said, whether it agreed or not. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def agreed(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error code in the body; empty where there is none, as for HEAD."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""


class _QueryAuthAt(S3SigV4QueryAuth):  # type: ignore[misc]
    """The signer at a given instant: botocore reads the machine's clock, and time is an argument here (I5)."""

    def __init__(self, access: StoreAccess, expires_s: int, now_us: int) -> None:
        super().__init__(Credentials(access.access_key, access.secret_key), "s3", access.region, expires=expires_s)
        self._now_us = now_us

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = to_datetime(self._now_us).strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def presign(
    access: StoreAccess,
    method: str,
    key: str,
    headers: Mapping[str, str],
    *,
    base_url: str,
    expires_s: int,
    now_us: int,
    query: Mapping[str, str] | None = None,
) -> str:
    """A URL that allows exactly this request, every one of ``headers`` and the host included, until it expires."""
    request = AWSRequest(method=method, url=_url(base_url, access.bucket, key, query or {}), headers=dict(headers))
    _QueryAuthAt(access, expires_s, now_us).add_auth(request)
    return str(request.url)


class RawStore:
    """Sends one signed request as it is told to and hands back the answer, without judging it."""

    def __init__(self, access: StoreAccess, pool: urllib3.PoolManager) -> None:
        self._access = access
        self._pool = pool

    def send(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        """Raises Unavailable where no answer comes; never for a refusal. An empty ``key`` means the bucket."""
        request = AWSRequest(
            method=method,
            url=_url(self._access.url, self._access.bucket, key, query or {}),
            headers=dict(headers or {}),
            data=body,
        )
        # Plain HTTP leaves the body unprotected unless its digest is signed, so it always is.
        request.context["payload_signing_enabled"] = True
        credentials = Credentials(self._access.access_key, self._access.secret_key)
        S3SigV4Auth(credentials, "s3", self._access.region).add_auth(request)
        with store_errors(f"{method} {key or 'bucket'}"):
            answer = self._pool.request(
                method, request.url, body=body or None, headers=dict(request.headers.items()), preload_content=False
            )
            try:
                data = answer.read(bytes_max)
            finally:
                answer.drain_conn()
                answer.release_conn()
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, data)


def _url(base_url: str, bucket: str, key: str, query: Mapping[str, str]) -> str:
    path = "".join(f"/{quote(part, safe='/' + _UNRESERVED)}" for part in (bucket, key) if part)
    # Signed as it stands: RFC 3986 escapes, and "=" also where a parameter has no value.
    tail = urlencode(sorted(query.items()), quote_via=quote, safe=_UNRESERVED)
    return f"{base_url.rstrip('/')}{path}" + (f"?{tail}" if tail else "")
