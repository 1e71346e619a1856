"""A ticket lets through what was announced and nothing else; on every store to be had."""

from base64 import b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock
from config.base.ids import fresh_id
from storage.objects.tickets import Ticket, TicketOffice
from tests.support.stores import ObjectStore

BODY = b"one segment of evidence " * 100


class Shifted(SystemClock):
    def __init__(self, shift_us: int) -> None:
        self._shift_us = shift_us

    def utc_us(self) -> int:
        return super().utc_us() + self._shift_us


class Announced:
    """A ticket for BODY, and what it was minted for."""

    def __init__(self, store: ObjectStore, *, expires_s: int = 300, shift_us: int = 0) -> None:
        self.key = f"site/camera/{fresh_id()}.mp4"
        self.until_us = SystemClock().utc_us() + US_PER_DAY
        self.digest = sha256(BODY).hexdigest()
        office = TicketOffice(store.server, Shifted(shift_us))
        self.ticket: Ticket = office.mint(self.key, self.digest, len(BODY), self.until_us, expires_s=expires_s)


@pytest.fixture
def announced(object_store: ObjectStore) -> Announced:
    return Announced(object_store)


def send(url: str, headers: dict[str, str], body: bytes = BODY, method: str = "PUT") -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, body=body, headers=headers, retries=False, timeout=10)


def assert_nothing_stored(store: ObjectStore, key: str) -> None:
    assert list(store.admin.list_versions(key)) == []


def test_what_was_announced_is_stored_locked(object_store: ObjectStore, announced: Announced) -> None:
    answer = send(announced.ticket.url, announced.ticket.headers)
    assert answer.status == 200
    stored = object_store.evidence.stat_version(announced.key, answer.headers["x-amz-version-id"])
    assert (stored.size_bytes, stored.sha256, stored.sha256_source) == (len(BODY), announced.digest, "store")
    assert stored.locked_until(announced.until_us)


def test_a_second_use_makes_another_locked_version_of_the_same_bytes(
    object_store: ObjectStore, announced: Announced
) -> None:
    versions = [send(announced.ticket.url, announced.ticket.headers).headers["x-amz-version-id"] for _ in range(2)]
    assert versions[0] != versions[1]
    for version_id in versions:
        assert object_store.evidence.stat_version(announced.key, version_id).sha256 == announced.digest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-sha256", b64encode(sha256(b"other").digest()).decode()),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z"),
    ],
)
@pytest.mark.parametrize("missing", [False, True], ids=["changed", "missing"])
def test_a_signed_header_cannot_be_changed_or_left_out(
    object_store: ObjectStore, announced: Announced, name: str, value: str, *, missing: bool
) -> None:
    headers = {key: text for key, text in announced.ticket.headers.items() if key != name}
    answer = send(announced.ticket.url, headers if missing else headers | {name: value})
    assert answer.status in (400, 403)
    assert_nothing_stored(object_store, announced.key)


def test_another_digest_with_its_own_body_is_refused(object_store: ObjectStore, announced: Announced) -> None:
    other = BODY[::-1]
    headers = announced.ticket.headers | {"x-amz-checksum-sha256": b64encode(sha256(other).digest()).decode()}
    assert send(announced.ticket.url, headers, other).status == 403
    assert_nothing_stored(object_store, announced.key)


@pytest.mark.parametrize(
    "body", [BODY[::-1], BODY + b"more", BODY[:-1], b""], ids=["other", "longer", "shorter", "none"]
)
def test_another_body_is_refused(object_store: ObjectStore, announced: Announced, body: bytes) -> None:
    headers = announced.ticket.headers | {"content-length": str(len(body))}
    assert send(announced.ticket.url, headers, body).status in (400, 403)
    assert_nothing_stored(object_store, announced.key)


def test_another_key_is_refused(object_store: ObjectStore, announced: Announced) -> None:
    other = announced.key.replace("site/", "other-site/")
    assert send(announced.ticket.url.replace("/site/", "/other-site/"), announced.ticket.headers).status == 403
    assert_nothing_stored(object_store, other)


def test_another_bucket_is_refused(object_store: ObjectStore, announced: Announced) -> None:
    url = announced.ticket.url.replace(f"/{object_store.server.bucket}/", "/elsewhere/")
    assert send(url, announced.ticket.headers).status in (403, 404)


def test_a_ticket_that_has_expired_is_refused(object_store: ObjectStore) -> None:
    late = Announced(object_store, expires_s=60, shift_us=-120 * US_PER_S)
    assert late.ticket.expires_us < SystemClock().utc_us()
    assert send(late.ticket.url, late.ticket.headers).status == 403
    assert_nothing_stored(object_store, late.key)


@pytest.mark.parametrize("parameter", ["X-Amz-Expires", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"])
def test_no_part_of_the_signature_can_be_changed(
    object_store: ObjectStore, announced: Announced, parameter: str
) -> None:
    value = parse_qs(urlsplit(announced.ticket.url).query)[parameter][0]
    other = {"X-Amz-Expires": "3599", "X-Amz-SignedHeaders": "host"}.get(parameter, value[::-1])
    quoted = value.replace(";", "%3B")
    assert f"{parameter}={quoted}" in announced.ticket.url
    url = announced.ticket.url.replace(f"{parameter}={quoted}", f"{parameter}={other}")
    assert send(url, announced.ticket.headers).status in (400, 403)
    assert_nothing_stored(object_store, announced.key)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
def test_a_ticket_is_for_putting_alone(object_store: ObjectStore, announced: Announced, method: str) -> None:
    stored = send(announced.ticket.url, announced.ticket.headers)
    assert send(announced.ticket.url, announced.ticket.headers, method=method).status in (400, 403, 405)
    assert object_store.evidence.read(announced.key, stored.headers["x-amz-version-id"], 0, len(BODY)) == BODY


@pytest.mark.parametrize("query", ["&versionId=x", "&uploads=", "&partNumber=1&uploadId=x", "&retention="])
def test_nothing_can_be_added_to_the_address(object_store: ObjectStore, announced: Announced, query: str) -> None:
    assert send(announced.ticket.url + query, announced.ticket.headers).status in (400, 403)
    assert_nothing_stored(object_store, announced.key)


def test_a_copy_that_rides_on_a_ticket_is_told_by_its_digest(object_store: ObjectStore, announced: Announced) -> None:
    """MinIO takes an unsigned x-amz-copy-source; then the read-back says what is really there, not what was announced."""
    source, data = f"site/camera/{fresh_id()}.mp4", b"another's"
    until_us = SystemClock().utc_us() + US_PER_DAY
    object_store.evidence.put_locked(source, data, sha256(data).hexdigest(), until_us)
    headers = announced.ticket.headers | {"x-amz-copy-source": f"/{object_store.server.bucket}/{source}"}
    answer = send(announced.ticket.url, headers)
    stored = [
        object_store.evidence.stat_version(each.key, each.version_id)
        for each in object_store.evidence.list_versions(announced.key)
    ]
    assert len(stored) == (1 if answer.status == 200 else 0)
    assert all(each.sha256 == sha256(data).hexdigest() for each in stored)


@pytest.mark.parametrize("status", ["ON", None])
def test_an_agent_cannot_put_its_evidence_under_hold(
    object_store: ObjectStore, announced: Announced, status: str | None
) -> None:
    headers = {name: value for name, value in announced.ticket.headers.items() if not name.endswith("legal-hold")}
    extra = {"x-amz-object-lock-legal-hold": status} if status else {}
    assert send(announced.ticket.url, headers | extra).status in (400, 403)
    assert_nothing_stored(object_store, announced.key)


def test_a_ticket_holds_no_secret(object_store: ObjectStore, announced: Announced) -> None:
    assert object_store.server.secret_key not in announced.ticket.url + str(announced.ticket.headers)
