"""Answers by gzip: what is compressed, what never is, and that it says the same."""

import asyncio
import gzip
import zlib

import httpx
import pytest

from server.api.compression import GZIP, LEAST_BYTES, Compression, takes_gzip
from tests.support.api import OPERATOR, PASSWORD, add_accounts

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def raw(client: httpx.Client, path: str, encoding: str = "gzip") -> tuple[httpx.Response, bytes]:
    with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
        return answer, b"".join(answer.iter_raw())


@ON_SQLITE
def test_pages_style_and_script_travel_small_and_say_the_same(api):
    client = api.client()
    for path in ("/sign-in", "/static/nightlight.css", "/static/board.mjs", "/verify"):
        answer, packed = raw(client, path)
        plain, whole = raw(client, path, "identity")
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) == len(packed) < len(whole)
        assert "content-encoding" not in plain.headers
        assert gzip.decompress(packed) == whole
        for one in (answer, plain):
            assert "accept-encoding" in one.headers["vary"].lower()
        assert answer.headers.get("etag") == plain.headers.get("etag")


@ON_SQLITE
def test_what_a_form_answers_and_a_stream_of_events_are_never_compressed(api, clock, agent):
    add_accounts(api.parts.database, clock, "sunflower")
    client = api.client()
    refused = client.post("/sign-in", data={"name": OPERATOR, "password": "x"}, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in refused.headers
    assert len(refused.content) > LEAST_BYTES
    client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
    with client.stream("GET", "/sites/sunflower/events", headers={"Accept-Encoding": "gzip"}) as stream:
        assert "content-encoding" not in stream.headers
        assert next(stream.iter_raw()).startswith(b"retry:")


def in_parts(media: bytes, accepted: bytes, *bodies: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
    """What is sent of an answer in parts: its headers, and each part."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", media)]})
        for body in bodies[:-1]:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": bodies[-1]})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", accepted)]}
    asyncio.run(Compression(app)(scope, None, send))
    return dict(sent[0]["headers"]), [message["body"] for message in sent[1:]]


def test_each_part_of_a_page_can_be_read_when_it_comes():
    headers, parts = in_parts(b"text/html", b"gzip", b"<h1>frame</h1>", b"rest" * LEAST_BYTES, b"")
    assert headers[b"content-encoding"] == b"gzip"
    assert b"content-length" not in headers
    reader = zlib.decompressobj(wbits=GZIP)
    assert [reader.decompress(part) for part in parts] == [b"<h1>frame</h1>", b"rest" * LEAST_BYTES, b""]
    assert reader.eof


@pytest.mark.parametrize(("media", "accepted"), [(b"text/html", b"br"), (b"text/event-stream", b"gzip")])
def test_other_answers_in_parts_pass_untouched(media, accepted):
    headers, parts = in_parts(media, accepted, b"a" * LEAST_BYTES, b"b")
    assert b"content-encoding" not in headers
    assert parts == [b"a" * LEAST_BYTES, b"b"]


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (["gzip, deflate, br"], True),
        (["br", "GZIP;q=0.5"], True),
        (["gzip;q=0"], False),
        (["gzip; q=0.0"], False),
        (["identity"], False),
        ([], False),
    ],
)
def test_what_a_browser_takes(said, taken):
    assert takes_gzip(said) is taken
