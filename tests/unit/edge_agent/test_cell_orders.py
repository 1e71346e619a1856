"""Orders at the agent, against a store that answers whatever it is told to: what is no plain answer is told as none."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from config.base.errors import InvalidInput, NotFound, Unavailable
from config.base.ids import fresh_id
from config.wire.cells import CellOrder, SignedRequest
from edge_agent.cells.orders import ANSWER_BYTES_MAX, LEFT_MAX, carry_out, left_under, stands

KEY = "site/cam/a.mp4"
LIST = '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListVersionsResult>'
Say = Callable[[int, dict[str, str], bytes], None]


@pytest.fixture
def store() -> Iterator[tuple[str, Say, list[tuple[str, str, bytes]]]]:
    """Its address, what it is to say, and what it was asked."""
    said: dict[str, object] = {}
    asked: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked.append((self.command, self.path, self.rfile.read(int(self.headers.get("content-length", 0)))))
            body = said["body"] if self.command != "HEAD" else b""
            self.send_response(said["status"])
            for name, value in {**said["headers"], "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield (
        f"http://127.0.0.1:{server.server_port}/cell/{KEY}",
        lambda status, headers, body: said.update(status=status, headers=headers, body=body),
        asked,
    )
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    made = urllib3.PoolManager(retries=False)
    yield made
    made.clear()


def test_what_was_signed_goes_out_as_it_stands(store, pool) -> None:
    url, say, asked = store
    say(403, {}, b"<Error/>")
    requests = [
        SignedRequest(method="PUT", url=f"{url}?legal-hold=", headers={"x-amz-date": "now"}, body="<LegalHold/>"),
        SignedRequest(method="DELETE", url=f"{url}?versionId=v", headers={}),
    ]
    who = {"message_id": fresh_id(), "site_id": "s", "agent_id": "a", "order_id": fresh_id(), "segment_id": fresh_id()}
    order = CellOrder(**who, action="hold", object_key=KEY, version_id="v", requests=requests, look_url=url)
    assert carry_out(pool, order) == [403, 403]
    assert [(method, body) for method, _, body in asked] == [("PUT", b"<LegalHold/>"), ("DELETE", b"")]


def test_how_a_version_stands(store, pool) -> None:
    url, say, _ = store
    until = {"x-amz-object-lock-mode": "compliance", "x-amz-object-lock-retain-until-date": "2027-01-01T00:00:00Z"}
    say(200, {"x-amz-version-id": "v", "x-amz-object-lock-legal-hold": "ON", **until}, b"")
    found = stands(pool, url, 7)
    assert (found.version_id, found.held, found.lock_mode, found.read_us) == ("v", True, "COMPLIANCE", 7)
    assert found.retain_until_us == 1_798_761_600_000_000
    say(200, {"x-amz-version-id": "v", "x-amz-object-lock-retain-until-date": "soon"}, b"")
    bare = stands(pool, url, 7)
    assert (bare.held, bare.lock_mode, bare.retain_until_us) == (False, "", None)


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_plain_no_is_told_as_missing(store, pool, status: int) -> None:
    url, say, _ = store
    say(status, {}, b"")
    with pytest.raises(NotFound):
        stands(pool, url, 7)


@pytest.mark.parametrize(
    ("status", "error"), [(400, InvalidInput), (403, InvalidInput), (429, Unavailable), (503, Unavailable)]
)
def test_a_refusal_is_never_taken_for_missing(store, pool, status: int, error: type[Exception]) -> None:
    url, say, _ = store
    say(status, {}, b"")
    with pytest.raises(error):
        stands(pool, url, 7)
    with pytest.raises(error):
        left_under(pool, url, KEY)


def test_a_store_without_versions_or_without_an_answer_says_nothing(store, pool) -> None:
    url, say, _ = store
    say(200, {}, b"")
    with pytest.raises(Unavailable):
        stands(pool, url, 7)
    with pytest.raises(Unavailable):
        stands(pool, "http://127.0.0.1:9/", 7)


def test_what_is_left_under_a_key_and_nothing_of_its_neighbours(store, pool) -> None:
    url, say, _ = store
    entry = "<{0}><Key>{1}</Key><VersionId>{2}</VersionId></{0}>"
    inside = entry.format("Version", KEY, "v-1") + entry.format("DeleteMarker", KEY, "v-2")
    inside += entry.format("Version", f"{KEY}.other", "v-3") + "<Name>cell</Name>"
    say(200, {}, LIST.format(inside).encode())
    assert left_under(pool, url, KEY) == ["v-1", "v-2"]
    say(200, {}, LIST.format("".join(entry.format("Version", KEY, n) for n in range(40))).encode())
    assert len(left_under(pool, url, KEY)) == LEFT_MAX


@pytest.mark.parametrize(
    "body",
    [b"", b"no list", b"<Error/>", b'<!DOCTYPE x [<!ENTITY a "b">]><ListVersionsResult/>', b"x" * ANSWER_BYTES_MAX],
    ids=["nothing", "no XML", "an error", "a document type", "no end"],
)
def test_a_list_that_is_none_is_told_as_no_answer(store, pool, body: bytes) -> None:
    url, say, _ = store
    say(200, {}, body)
    with pytest.raises(Unavailable):
        left_under(pool, url, KEY)
