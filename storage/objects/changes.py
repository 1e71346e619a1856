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

from storage.objects.connection import StoreAccess
from storage.objects.retention import to_header
from storage.objects.signing import presign, signed_request

DELETE_S = 120
"""A hold that comes after a deletion was signed waits as long before it is believed."""
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class Change:
    """Send it as it stands."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


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
        headers = {"Content-MD5": b64encode(hashlib.md5(body.encode()).digest()).decode()} if body else {}  # noqa: S324 - S3 asks for it; the signature covers SHA-256
        request = signed_request(self.access, method, key, query, headers, body.encode(), self.now_us)
        return Change(method, str(request.url), {name: str(value) for name, value in request.headers.items()}, body)
