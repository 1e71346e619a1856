"""A store that is not there, or is not one: bounded waits and Unavailable, never a foreign exception."""

import socket
import time
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import ConfigurationError, Unavailable
from storage.objects.canary import prove_worm
from storage.objects.connection import StoreAccess
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore
from tests.support.hostile import Hostile


def access(address: str) -> StoreAccess:
    return StoreAccess(urlsplit(address).netloc, "nightlight-evidence", "key", "secret", timeout_s=0.1)


@pytest.fixture
def nobody() -> StoreAccess:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return access(f"http://127.0.0.1:{closed.getsockname()[1]}")


@pytest.fixture
def silent(hostile: Hostile) -> StoreAccess:
    return access(hostile(b"  ", drip_s=60))


@pytest.fixture
def web_server(hostile: Hostile) -> StoreAccess:
    return access(hostile(b"HTTP/1.1 418 No\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello"))


@pytest.fixture
def broken(hostile: Hostile) -> StoreAccess:
    return access(hostile(b"HTTP/1.1 400 Bad\r\ncontent-type: application/xml\r\ncontent-length: 5\r\n\r\n<oops"))


@pytest.mark.parametrize("who", ["nobody", "silent", "web_server", "broken"])
def test_every_call_ends_and_says_unavailable(who: str, request: pytest.FixtureRequest) -> None:
    found: StoreAccess = request.getfixturevalue(who)
    store, begun = S3EvidenceStore(found, SystemClock()), time.monotonic()
    until_us = SystemClock().utc_us() + US_PER_DAY
    for call in (
        lambda: store.put_locked("k", b"x", sha256(b"x").hexdigest(), until_us),
        lambda: store.read("k", "v", 0, 1),
        lambda: list(store.list_versions("k")),
        lambda: prove_worm(store),
    ):
        with pytest.raises(Unavailable):
            call()
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("who", ["nobody", "silent"])
def test_a_store_that_is_down_is_never_a_missing_object(who: str, request: pytest.FixtureRequest) -> None:
    found: StoreAccess = request.getfixturevalue(who)
    store = S3EvidenceStore(found, SystemClock())
    for call in (lambda: store.stat_version("k", "v"), store.clock_offset, lambda: provision(found, 1)):
        with pytest.raises(Unavailable):
            call()


def test_an_endpoint_that_is_no_address_is_a_setting_to_correct() -> None:
    bad = StoreAccess("not an address/at all", "nightlight-evidence", "key", "secret")
    with pytest.raises(ConfigurationError, match=r"store\.endpoint"):
        S3EvidenceStore(bad, SystemClock())


def test_the_secret_stays_out_of_the_repr(nobody: StoreAccess) -> None:
    assert "secret'" not in repr(nobody)
