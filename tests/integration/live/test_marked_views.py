"""Viewers of a site that marks: each gets the variants of its own code word, over both transports, and nothing that is not marked."""

import io
import json
import re
import time
from contextlib import suppress

import av
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from config.base.errors import InvalidInput
from config.wire.live import BUSY, FRAME, IS_VARIANT_B, MARKED, MARKED_HEADER_BYTES
from edge_agent.live.sending import Sending
from server.domain.marking import CodeWord
from server.live.hub import Hub
from server.live.parts import PART_BYTES_MAX, SEGMENT_BYTES_MAX
from server.live.variants import FRAGMENT_BYTES_MAX
from server.live.viewer import Viewer
from storage.database.models import SiteLive
from tests.support.edge import wait_for
from tests.support.nursery import SITE
from tests.unit.edge_agent.test_live import packets
from tests.unit.live.test_fan_out import Pipe

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
KEY = bytes(range(32))


class Seen:
    """What was pushed: from a fragment to its variant and group."""

    def __init__(self, monkeypatch) -> None:
        self.of: dict[bytes, tuple[int, int]] = {}
        take = Hub.take

        def taking(hub, message):
            if message[:1] == MARKED:
                group = int.from_bytes(message[2:MARKED_HEADER_BYTES], "big")
                self.of[message[MARKED_HEADER_BYTES:]] = (message[1] & IS_VARIANT_B, group)
            take(hub, message)

        monkeypatch.setattr(Hub, "take", taking)


@pytest.fixture(autouse=True)
def _patient(monkeypatch) -> None:
    """The encoders run in this very process: how soon a view is cut is measured elsewhere."""
    monkeypatch.setattr("server.live.watching.KNOWN_US_MAX", 10_000_000)


@pytest.fixture
def seen(live, monkeypatch) -> Seen:
    live.nursery.change(SiteLive, SiteLive.site_id == SITE, marked=True)
    return Seen(monkeypatch)


def fragments(link, many: int) -> list[bytes]:
    found, deadline = [], time.monotonic() + 20
    while len(found) < many:
        message = link.recv(timeout=max(0.1, deadline - time.monotonic()))
        if isinstance(message, bytes) and message[4:8] == b"moof":
            found.append(message)
    return found


def until_over(link, within_s: float) -> list[str | bytes]:
    found, deadline = [], time.monotonic() + within_s
    with suppress(ConnectionClosed, TimeoutError):
        while (left := deadline - time.monotonic()) > 0:
            found.append(link.recv(timeout=left))
    return found


def word_of(live, name: str) -> CodeWord:
    (running,) = [one for one in live.server.watch.running.values() if one.view.permit.person == name]
    return CodeWord(KEY, running.view.view_id)


def test_each_viewer_gets_its_own_variants_and_they_play(live, seen):
    with live.view("mum") as one, live.view("dad") as other:
        other.recv(timeout=20)
        told = [one.recv(timeout=20) for _ in range(3)]
        words = {"mum": word_of(live, "mum"), "dad": word_of(live, "dad")}
        found = {"mum": fragments(one, 60), "dad": fragments(other, 60)}
    for name, word in words.items():
        pushed = [seen.of[fragment] for fragment in found[name]]
        assert all(variant == word.bit(group) for variant, group in pushed)
        assert len({group for _, group in pushed}) >= 4
    assert {variant for name in found for variant, _ in (seen.of[one] for one in found[name])} == {0, 1}
    initialisation = next(one for one in told if isinstance(one, bytes))
    with av.open(io.BytesIO(initialisation + b"".join(found["mum"]))) as container:
        assert len(list(container.decode(video=0))) >= 58
    assert all(len(one.marking) == 32 for one in live.agent.asked)


def test_ll_hls_carries_the_same_marking(live, seen):
    client = live.http("mum")
    playlist = "/stream/" + client.post("/stream/hls", content=live.ticket("mum")).json()["playlist"]
    folder, word = playlist.rpartition("/")[0], word_of(live, "mum")
    names: set[str] = set()
    bodies: list[bytes] = []
    deadline = time.monotonic() + 20
    while len(bodies) < 12 and time.monotonic() < deadline:
        for name in re.findall(r'part-\d+-\d+\.m4s(?=")', client.get(playlist).text):
            if name not in names and (answer := client.get(f"{folder}/{name}")).status_code == 200:
                names.add(name)
                bodies.append(answer.content)
        time.sleep(0.1)
    pushed = [where for body in bodies for fragment, where in list(seen.of.items()) if fragment in body]
    assert len(pushed) >= 24
    assert all(variant == word.bit(group) for variant, group in pushed)


def test_a_push_that_is_not_marked_shows_nothing(live, seen, monkeypatch):
    monkeypatch.setattr("tests.support.live.Sending", lambda **_: Sending())
    with live.view("mum") as link:
        found = until_over(link, 2.5)
    assert not any(one[4:8] == b"moof" for one in found if isinstance(one, bytes))
    assert seen.of == {}
    assert all(hub.hub.frames == 0 for hub in live.server.demand.cameras.values())


def test_a_choice_to_mark_ends_the_views_that_run(live):
    with live.view("mum") as link:
        fragments(link, 5)
        live.nursery.change(SiteLive, SiteLive.site_id == SITE, marked=True)
        told = [json.loads(one) for one in until_over(link, 10) if isinstance(one, str)]
    assert told[-1]["reason"] == "lease_changed"
    with live.view("mum") as link:
        fragments(link, 5)


def test_a_busy_box_is_told_to_who_waits(live):
    live.agent.silent = True
    with live.view("mum") as link:
        wanted = wait_for("the agent to be asked", lambda: live.agent.asked[-1] if live.agent.asked else None)
        with connect(wanted.push_url, compression=None, proxy=None) as push:
            push.send(live.agent.hello(wanted))
            wait_for("the push", lambda: live.server.doors.pushing)
            push.close(BUSY, "busy")
        told = [json.loads(one) for one in until_over(link, 10)]
    assert told[-1] == {"type": "ended", "reason": "busy", "next_us": None}


def marked_messages(frames: int = 3) -> list[bytes]:
    sending = Sending(marking="5e" * 16)
    return [message for one in packets("h264", frames) for message in sending.take(one, behind=False)]


@pytest.mark.parametrize("order", [(2,), (1, 1), (1, 3), (1, 2, 4)])
def test_variants_out_of_order_are_no_stream(database, order):
    del database
    hub, messages = Hub("cam-a"), marked_messages()
    hub.mark(wanted=True)
    hub.take(messages[0])
    for number in order[:-1]:
        hub.take(messages[number])
    with pytest.raises(InvalidInput, match="A and then B"):
        hub.take(messages[order[-1]])


def test_a_fragment_that_would_end_a_part_of_one_variant_alone_is_refused(database):
    del database
    hub, messages = Hub("cam-a"), marked_messages()
    hub.mark(wanted=True)
    hub.take(messages[0])
    hub.take(messages[1])
    with pytest.raises(InvalidInput, match="larger"):
        hub.take(messages[2] + bytes(FRAGMENT_BYTES_MAX))
    assert PART_BYTES_MAX >= 16 * FRAGMENT_BYTES_MAX, "of 75 pictures a second"
    assert SEGMENT_BYTES_MAX >= 48 * FRAGMENT_BYTES_MAX, "half a second of them"


def test_who_comes_between_a_stream_and_its_first_group_sees_it_begin(database):
    del database
    hub, messages, pipe = Hub("cam-a"), marked_messages(), Pipe()
    hub.mark(wanted=True)
    hub.take(messages[0])
    hub.join(Viewer(pipe, CodeWord(KEY, "view")))
    for one in messages[1:]:
        hub.take(one)
    assert len(pipe.written) == 1 + (len(messages) - 1) // 2


def test_a_hub_that_does_not_mark_takes_nothing_marked(database):
    del database
    hub, messages = Hub("cam-a"), marked_messages()
    for message in messages[:1]:
        hub.take(message)
    with pytest.raises(InvalidInput, match="differ"):
        hub.take(messages[1])
    hub.mark(wanted=True)
    with pytest.raises(InvalidInput, match="first"):
        hub.take(FRAME + b"x")
    assert np.array_equal(hub.parts.segments, [])
