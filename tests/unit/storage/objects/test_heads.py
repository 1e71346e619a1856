"""HEAD by hand: a plain yes and nothing else is taken from it."""

import pytest

from config.base.clock import US_PER_S, SystemClock, to_datetime
from config.base.errors import PermissionDenied, Unavailable
from storage.objects.connection import StoreAccess
from storage.objects.heads import HEAD_BYTES_MAX, HeadReader
from storage.objects.s3 import S3EvidenceStore
from tests.support.hostile import Hostile

YES = b"HTTP/1.1 200 OK\r\nX-Amz-Version-Id: v1\r\nContent-Length: 7\r\n\r\n"


def reader(address: str) -> HeadReader:
    return HeadReader(access(address), SystemClock())


def access(address: str) -> StoreAccess:
    return StoreAccess(address.split("/")[2], "nightlight-evidence", "key", "secret", timeout_s=0.3)


def test_a_plain_yes_is_taken(hostile: Hostile) -> None:
    found = reader(hostile(YES)).read("a/b.mp4", "v1")
    assert found == {"x-amz-version-id": "v1", "content-length": "7"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\n\r\nwith a body that HEAD may not have",
        b"HTTP/1.1 206 Partial Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nhalf",
        b"no HTTP\r\n\r\n",
        b"",
        b"x" * (3 * HEAD_BYTES_MAX),
    ],
)
def test_anything_else_is_for_the_sdk_to_judge(hostile: Hostile, answer: bytes) -> None:
    assert reader(hostile(answer)).read("a/b.mp4", "v1") is None


def test_an_answer_that_drips_in_is_given_up(hostile: Hostile) -> None:
    with pytest.raises(TimeoutError):
        reader(hostile(YES * 10, drip_s=0.05)).read("a/b.mp4", "v1")


def test_what_follows_an_answer_is_never_taken_for_the_next_one(hostile: Hostile) -> None:
    asked = reader(hostile(YES + YES.replace(b"v1", b"v2")))
    assert asked.read("a/b.mp4", "v1") == {"x-amz-version-id": "v1", "content-length": "7"}
    assert asked.read("a/b.mp4", "v1") == {"x-amz-version-id": "v1", "content-length": "7"}


@pytest.mark.parametrize(("apart_s", "kind"), [(365 * 86_400, Unavailable), (0, PermissionDenied)])
def test_a_refusal_between_clocks_that_are_far_apart_says_nothing_of_the_object(
    hostile: Hostile, apart_s: int, kind: type[Exception]
) -> None:
    store_us = SystemClock().utc_us() + apart_s * US_PER_S
    date = to_datetime(store_us).strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
    refused = b"HTTP/1.1 403 Forbidden\r\nDate: " + date + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with pytest.raises(kind):
        S3EvidenceStore(access(hostile(refused)), SystemClock()).stat_version("a/b.mp4", "v1")
