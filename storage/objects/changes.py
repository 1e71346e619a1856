"""Leave to change one version and nothing else: a hold, a longer lock, its deletion; for a store that the centre cannot reach.

Invariant: everything is signed, the body too: whoever carries a request out can neither turn it round nor send it to another
version. A store takes a deletion for ``DELETE_S`` and everything else for 15 minutes (its clock against ours). None of them can
shorten a lock: a store refuses that under COMPLIANCE, whoever signed.

Source: AWS Signature Version 4, by header, and of a deletion, which has no body, by query string, where a life can be named; S3
PutObjectLegalHold, PutObjectRetention, DeleteObject.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from config.base.clock import to_datetime
from storage.objects.connection import StoreAccess
from storage.objects.retention import to_header
from storage.objects.signing import presign

DELETE_S = 120
"""A hold that comes after a deletion was signed waits as long before it is believed."""
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Change:
    """Send it as it stands."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


class _HeaderAuthAt(S3SigV4Auth):  # type: ignore[misc]
    """The signer at a given instant: botocore reads the machine's clock, and time is an argument here (I5)."""

    def __init__(self, access: StoreAccess, now_us: int) -> None:
        super().__init__(Credentials(access.access_key, access.secret_key), "s3", access.region)
        self._now_us = now_us

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = to_datetime(self._now_us).strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


@dataclass(frozen=True)
class ChangeOffice:
    """Signs with the store's credential; no network."""

    access: StoreAccess
    now_us: int

    def hold(self, key: str, version_id: str, *, on: bool) -> Change:
        """The store's own legal hold, put on or taken off."""
        body = f'<LegalHold xmlns="{_NAMESPACE}"><Status>{"ON" if on else "OFF"}</Status></LegalHold>'
        return self._signed("PUT", key, {"legal-hold": "", "versionId": version_id}, body)

    def extend(self, key: str, version_id: str, until_us: int) -> Change:
        """COMPLIANCE until then at least."""
        until = f"<Mode>COMPLIANCE</Mode><RetainUntilDate>{to_header(until_us)}</RetainUntilDate>"
        body = f'<Retention xmlns="{_NAMESPACE}">{until}</Retention>'
        return self._signed("PUT", key, {"retention": "", "versionId": version_id}, body)

    def delete(self, key: str, version_id: str) -> Change:
        """One version for good; without any leave to go round a lock."""
        url = presign(
            self.access,
            "DELETE",
            key,
            {},
            base_url=self.access.url,
            expires_s=DELETE_S,
            now_us=self.now_us,
            query={"versionId": version_id},
        )
        return Change("DELETE", url, {}, "")

    def _signed(self, method: str, key: str, query: Mapping[str, str], body: str) -> Change:
        path = quote(f"/{self.access.bucket}/{key}", safe="/" + _UNRESERVED)
        tail = urlencode(sorted(query.items()), quote_via=quote, safe=_UNRESERVED)
        headers = {"Content-MD5": b64encode(hashlib.md5(body.encode()).digest()).decode()} if body else {}  # noqa: S324 - S3 asks for it; the signature covers SHA-256
        request = AWSRequest(
            method=method, url=f"{self.access.url.rstrip('/')}{path}?{tail}", headers=headers, data=body.encode()
        )
        request.context["payload_signing_enabled"] = True
        _HeaderAuthAt(self.access, self.now_us).add_auth(request)
        return Change(method, str(request.url), {name: str(value) for name, value in request.headers.items()}, body)
