"""The event stream of a board."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from server.api.feed import STREAMS_PER_ACCOUNT_MAX
from tests.support.api import add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PATIENCE_S = 20.0


@pytest.fixture
def board(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    agent.say(agent.heartbeat())
    return api


@contextmanager
def listening(client: httpx.Client) -> Iterator[Iterator[tuple[str, str]]]:
    """(event, data) pairs of the board's stream as they come."""
    with client.stream("GET", "/sites/sunflower/events", timeout=PATIENCE_S) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield pairs(answer.iter_lines())


def pairs(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


def test_a_change_is_told_with_the_digest_of_the_new_fragment(board, agent):
    client = board.signed_in()
    with listening(client) as events:
        shown = client.get("/sites/sunflower/board").headers["etag"].strip('"')
        assert next(events) == ("changed", shown)
        agent.clock.advance(1)
        agent.say(agent.heartbeat(condition="unreachable"))
        name, digest = next(events)
        assert name == "changed"
        assert digest != shown
        fragment = client.get("/sites/sunflower/board")
        assert fragment.headers["etag"].strip('"') == digest
        assert "cannot be reached" in fragment.text


def test_silence_of_the_agent_shows_without_any_message(board, clock):
    client = board.signed_in()
    with listening(client) as events:
        next(events)
        clock.advance(46)
        assert next(events)[0] == "changed"
        assert "no word from the site agent" in client.get("/sites/sunflower/board").text


def test_the_last_word_of_a_session_is_over(board):
    client = board.signed_in()
    with client.stream("GET", "/sites/sunflower/events", timeout=PATIENCE_S) as answer:
        lines = answer.iter_lines()
        for line in lines:
            if line.startswith("data:"):
                break
        client.post("/sign-out")
        assert "event: over" in list(lines)


def test_open_streams_are_bounded_and_their_places_come_back(board):
    client = board.signed_in()
    streams = [client.stream("GET", "/sites/sunflower/events") for _ in range(STREAMS_PER_ACCOUNT_MAX)]
    for stream in streams:
        assert stream.__enter__().status_code == 200
    refused = client.get("/sites/sunflower/events", headers={"Sec-Fetch-Mode": "cors"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    for stream in streams:
        stream.__exit__(None, None, None)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and board.parts.streams._open:
        time.sleep(0.05)
    assert not board.parts.streams._open
