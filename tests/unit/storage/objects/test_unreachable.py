"""A store that is not there, or is not one: bounded waits and Unavailable, never a foreign exception."""

import socket
import threading
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import ConfigurationError, Unavailable
from storage.objects.canary import prove_worm
from storage.objects.connection import StoreAccess
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore


def access(port: int) -> StoreAccess:
    return StoreAccess(f"127.0.0.1:{port}", "nightlight-evidence", "key", "secret", timeout_s=0.1)


@pytest.fixture
def nobody() -> StoreAccess:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return access(closed.getsockname()[1])


def serving(answer: bytes) -> Iterator[StoreAccess]:
    """A listener that gives ``answer`` to whoever comes, or keeps still where it is empty."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            held.append(peer)
            if answer:
                peer.recv(65_536)
                peer.sendall(answer)
                peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield access(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for peer in held:
        peer.close()


@pytest.fixture
def silent() -> Iterator[StoreAccess]:
    yield from serving(b"")


@pytest.fixture
def web_server() -> Iterator[StoreAccess]:
    yield from serving(b"HTTP/1.1 418 No\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello")


@pytest.fixture
def broken() -> Iterator[StoreAccess]:
    yield from serving(b"HTTP/1.1 400 Bad\r\ncontent-type: application/xml\r\ncontent-length: 5\r\n\r\n<oops")


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
