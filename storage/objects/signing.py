"""Requests signed by hand, where the SDK offers none: tickets, the Date of an answer, and everything hostile.

botocore's signer is used offline; nothing here looks for credentials or configuration anywhere.

Source: AWS Signature Version 4, by query string and by header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
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


def _sign(signer: Any, request: AWSRequest, now_us: int) -> None:
    """As ``add_auth`` of botocore's signer, which reads the machine's clock: time is an argument here (I5)."""
    request.context["timestamp"] = to_datetime(now_us).strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)  # noqa: SLF001
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))  # noqa: SLF001


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
    _sign(S3SigV4QueryAuth(_credentials(access), "s3", access.region, expires=expires_s), request, now_us)
    return str(request.url)


def signed_request(
    access: StoreAccess,
    method: str,
    key: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    now_us: int,
) -> AWSRequest:
    """A request signed by its headers, the digest of its body among them."""
    url = _url(access.url, access.bucket, key, query)
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    # Plain HTTP leaves the body unprotected unless its digest is signed, so it always is.
    request.context["payload_signing_enabled"] = True
    _sign(S3SigV4Auth(_credentials(access), "s3", access.region), request, now_us)
    return request


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
        S3SigV4Auth(_credentials(self._access), "s3", self._access.region).add_auth(request)
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


def _credentials(access: StoreAccess) -> Credentials:
    return Credentials(access.access_key, access.secret_key)


def _url(base_url: str, bucket: str, key: str, query: Mapping[str, str]) -> str:
    path = "".join(f"/{quote(part, safe='/' + _UNRESERVED)}" for part in (bucket, key) if part)
    # Signed as it stands: RFC 3986 escapes, and "=" also where a parameter has no value.
    tail = urlencode(sorted(query.items()), quote_via=quote, safe=_UNRESERVED)
    return f"{base_url.rstrip('/')}{path}" + (f"?{tail}" if tail else "")
