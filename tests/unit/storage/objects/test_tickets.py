from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from config.base.clock import US_PER_DAY
from config.base.errors import InvalidInput
from storage.objects.connection import StoreAccess
from storage.objects.signing import presign
from storage.objects.tickets import TicketOffice, checksum_of

NOW_US = 1_795_294_574_900_000
ACCESS = StoreAccess("store:9000", "nightlight-evidence", "key", "very-secret")
DIGEST = sha256(b"x").hexdigest()


class At:
    def utc_us(self) -> int:
        return NOW_US

    def monotonic_us(self) -> int:
        return 0


def test_the_signature_is_that_of_the_published_example() -> None:
    """Amazon S3 API reference, "Authenticating Requests: Using Query Parameters", example of a presigned GET."""
    example = StoreAccess(
        "s3.amazonaws.com", "", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1"
    )
    at_us = 1_369_353_600_000_000
    url = presign(
        example,
        "GET",
        "test.txt",
        {},
        base_url="https://examplebucket.s3.amazonaws.com",
        expires_s=86_400,
        now_us=at_us,
    )
    assert parse_qs(urlsplit(url).query)["X-Amz-Date"] == ["20130524T000000Z"]
    assert url.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_every_header_and_the_host_are_signed() -> None:
    ticket = TicketOffice(ACCESS, At()).mint("s/c/k.mp4", DIGEST, 1, NOW_US + US_PER_DAY, expires_s=60)
    signed = parse_qs(urlsplit(ticket.url).query)["X-Amz-SignedHeaders"][0].split(";")
    assert signed == sorted(["host", *ticket.headers])
    assert ticket.headers == {
        "content-length": "1",
        "x-amz-checksum-sha256": checksum_of(DIGEST),
        "x-amz-object-lock-legal-hold": "OFF",
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-object-lock-retain-until-date": "2026-11-22T20:56:15Z",
    }
    assert "very-secret" not in str(ticket)


def test_it_is_never_said_to_last_longer_than_it_does() -> None:
    ticket = TicketOffice(ACCESS, At()).mint("k", DIGEST, 1, NOW_US + US_PER_DAY, expires_s=60)
    assert ticket.expires_us == 1_795_294_574_000_000 + 60_000_000


def test_agents_are_sent_where_they_can_reach_the_store() -> None:
    office = TicketOffice(ACCESS, At(), public_url="https://store.example.org/")
    ticket = office.mint("s/c/小.mp4", DIGEST, 1, NOW_US + US_PER_DAY, expires_s=60)
    assert ticket.url.startswith("https://store.example.org/nightlight-evidence/s/c/%E5%B0%8F.mp4?X-Amz-Algorithm=")


@pytest.mark.parametrize(
    ("digest", "size", "until_us", "expires_s"),
    [
        ("00", 1, NOW_US + US_PER_DAY, 60),
        ("zz" * 32, 1, NOW_US + US_PER_DAY, 60),
        (DIGEST, 0, NOW_US + US_PER_DAY, 60),
        (DIGEST, 2**40, NOW_US + US_PER_DAY, 60),
        (DIGEST, 1, NOW_US, 60),
        (DIGEST, 1, NOW_US + US_PER_DAY, 0),
        (DIGEST, 1, NOW_US + US_PER_DAY, 86_400),
    ],
)
def test_what_no_store_could_accept_is_not_minted(digest: str, size: int, until_us: int, expires_s: int) -> None:
    with pytest.raises(InvalidInput):
        TicketOffice(ACCESS, At()).mint("k", digest, size, until_us, expires_s=expires_s)
