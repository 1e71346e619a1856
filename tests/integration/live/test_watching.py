"""Who sees pictures and who does not a byte of them, measured on the socket (I6)."""

import io
import json
import re
import socket
import ssl
import threading
import time
from contextlib import ExitStack, suppress

import av
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from config.base.clock import US_PER_DAY, SystemClock
from storage.database.models import Agent, LeaseRow, ViewRow
from tests.support.cuts import ALL, CAUSES
from tests.support.edge import wait_for
from tests.support.enrolment import authority
from tests.support.live import PushingAgent, RunningClock, serving_live
from tests.support.nursery import SITE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def patient(monkeypatch) -> None:
    """For what does not ask how soon: a machine under load answers late, and then views are cut for that."""
    monkeypatch.setattr("server.live.watching.KNOWN_US_MAX", 10_000_000)


def pictures(link, many: int, within_s: float = 15) -> tuple[list[dict], list[bytes]]:
    """What was told, and the first binary messages."""
    told, found = [], []
    deadline = time.monotonic() + within_s
    while len(found) < many:
        message = link.recv(timeout=max(0.1, deadline - time.monotonic()))
        if isinstance(message, str):
            told.append(json.loads(message))
        else:
            found.append(message)
    return told, found


def until_end(link) -> tuple[list[dict], int, float]:
    """What is told until the connection ends, how many binary bytes come, and when the last of them did."""
    told, size, last = [], 0, 0.0
    try:
        while True:
            message = link.recv(timeout=10)
            if isinstance(message, str):
                told.append(json.loads(message))
            else:
                size, last = size + len(message), time.monotonic()
    except ConnectionClosed:
        return told, size, last


def view_rows(live) -> list[ViewRow]:
    with live.nursery.database.reading() as session:
        return list(session.query(ViewRow).order_by(ViewRow.opened_us))


def revoke(live) -> float:
    live.nursery.change(
        LeaseRow,
        LeaseRow.guardian_id == "g1",
        LeaseRow.site_id == SITE,
        revoked_us=live.nursery.now_us,
        revoked_by="boss",
    )
    return time.monotonic()


def test_a_guardian_sees_the_room_and_the_record_names_the_view(live):
    with live.view("mum") as link:
        told, found = pictures(link, 40)
    assert [one["type"] for one in told] == ["view", "stream"]
    assert told[0]["mark"] == "g1"
    with av.open(io.BytesIO(b"".join(found))) as container:
        assert len(list(container.decode(video=0))) >= 38
    (row,) = wait_for("the record", lambda: [one for one in view_rows(live) if one.closed_us])
    assert (row.code, row.account_name, row.camera_id, row.why_closed) == (told[0]["code"], "mum", "cam-a", "left")
    assert row.lease_id


def test_whoever_comes_second_sees_a_picture_at_once_and_there_is_one_push(live):
    with live.view("mum") as first:
        pictures(first, 30)
        with live.view("dad") as second:
            told, found = pictures(second, 2, within_s=1)
            assert told[0]["warm"]
            assert found[0][4:8] == b"ftyp"
    wait_for("the push to end", lambda: not live.agent.pushing.is_set())
    assert len({wanted.push_token for wanted in live.agent.asked}) == len(live.agent.asked)


@pytest.mark.parametrize("trick", ["replayed", "copied", "expired", "forged", "nobody", "none"])
def test_a_ticket_that_is_not_good_shows_not_a_byte(live, trick):
    ticket, name = live.ticket("mum"), "mum"
    if trick == "replayed":
        with live.view("mum", ticket) as link:
            pictures(link, 1)
    elif trick == "copied":
        name = "dad"
    elif trick == "expired":
        live.nursery.clock.jump(31)
    elif trick == "forged":
        ticket = "A" * 43
    elif trick == "nobody":
        name = ""
    else:
        ticket = ""
    with live.view(name, ticket) as link:
        told, size, _ = until_end(link)
    assert size == 0
    assert told == [{"type": "ended", "reason": "bad_ticket", "next_us": None}]
    if trick == "copied":  # whoever shows a ticket spends it
        with live.view("mum", ticket) as link:
            assert until_end(link)[1] == 0


def test_a_clock_that_steps_back_makes_no_ticket_good_again(live):
    ticket = live.ticket("mum")
    live.nursery.clock.jump(40)
    live.ticket("dad")
    live.nursery.clock.jump(-40)
    with live.view("mum", ticket) as link:
        assert until_end(link)[1] == 0


def test_another_sites_page_and_no_ticket_at_all_get_nothing(live):
    with pytest.raises(InvalidStatus), live.view("mum", origin="http://evil.example"):
        pass
    with connect(
        f"ws://127.0.0.1:{live.port}/stream/ws", proxy=None, origin=live.origin, additional_headers=live.cookie("mum")
    ) as link:
        link.send("{}")
        assert until_end(link)[1] == 0


BY_HLS = "dad"


@pytest.mark.usefixtures("patient")
def test_whatever_ends_a_look_ends_its_bytes_on_both_transports_and_nobody_elses(live):
    """One rig; how fast is measured by ``bench live``, here it is only that the end comes, and stays."""
    with ExitStack() as kept:
        watching: dict[str, object] = {}
        for why, who, come, go in CAUSES:
            for name in ALL:
                if name == BY_HLS:
                    watching[name] = hls(live, name)
                elif name not in watching:
                    watching[name] = kept.enter_context(live.view(name))
                    pictures(watching[name], 1)
            client, address = watching[BY_HLS]
            wait_for("parts", lambda: "#EXT-X-PART:" in client.get(address).text)  # noqa: B023 - called at once
            come(live.nursery)
            for name in who:
                if name == BY_HLS:
                    gone(client, address)
                    continue
                until_end(watching.pop(name))
            for name in set(ALL) - set(who):
                if name == BY_HLS:
                    assert client.get(address).status_code == 200, (why, name)
                else:
                    pictures(watching[name], 3)
            assert wait_for("the record", lambda: newest_ends(live, who)) == {why}  # noqa: B023 - called at once
            go(live.nursery)
            client.close()


def newest_ends(live, who) -> set[str]:
    """Why the newest view of each ended; empty while one has not."""
    newest = {one.account_name: one for one in view_rows(live)}
    ends = [newest[name].why_closed for name in who]
    return set(ends) if all(ends) else set()


def gone(client: httpx.Client, address: str) -> None:
    """Until it is cut: in the middle of an answer, or by an answer that it is not there any more."""
    deadline = time.monotonic() + 10
    with suppress(httpx.TransportError):
        while client.get(address, params={"_HLS_msn": "999"}).status_code == 200:
            assert time.monotonic() < deadline, "nothing cut it"
    with suppress(httpx.TransportError):
        assert client.get(address).status_code == 404


def test_a_database_that_does_not_answer_ends_every_view_within_a_second(live, monkeypatch):
    with live.view("mum") as link:
        pictures(link, 10)
        hanging = threading.Event()
        monkeypatch.setattr(live.server.watch, "_ask", lambda _views: hanging.wait(5) and ([], set()))
        ended_at = time.monotonic()
        told, _, last = until_end(link)
        hanging.set()
    assert last - ended_at <= 1.0
    assert told[-1]["reason"] == "unavailable"


def test_a_guardian_has_one_view_and_the_older_is_told(live):
    with live.view("mum") as first:
        pictures(first, 5)
        with live.view("mum") as second:
            told, _, _ = until_end(first)
            assert told[-1]["reason"] == "replaced"
            pictures(second, 5)


@pytest.mark.usefixtures("patient")
def test_a_slow_viewer_holds_nobody_up_and_skips_to_a_keyframe(live, monkeypatch):
    monkeypatch.setattr("server.live.viewer.KERNEL_BYTES", 8_192)
    monkeypatch.setattr("server.live.viewer.BEHIND_BYTES_MAX", 32_768)
    ticket = live.ticket("dad")
    with live.view("mum") as link:
        pictures(link, 5)
        slow = socket.create_connection(("127.0.0.1", live.port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with connect(
            f"ws://127.0.0.1:{live.port}/stream/ws",
            sock=slow,
            compression=None,
            proxy=None,
            origin=live.origin,
            additional_headers=live.cookie("dad"),
            max_queue=1,
            close_timeout=0.3,
        ) as stuck:
            stuck.send(json.dumps({"ticket": ticket}))
            wait_for(
                "the slow one to be dropped",
                lambda: any(one.viewer and one.viewer.skipped for one in live.server.watch.running.values()),
            )
            began = time.monotonic()
            pictures(link, 50)
            assert time.monotonic() - began < 4


def hls(live, name: str = "mum") -> tuple[httpx.Client, str]:
    client = live.http(name)
    answer = client.post("/stream/hls", content=live.ticket(name))
    assert answer.status_code == 200, answer.text
    return client, f"/stream/{answer.json()['playlist']}"


@pytest.mark.usefixtures("patient")
def test_hls_brings_the_same_pictures_to_the_same_session_alone(live):
    """Who is slow finds that the window has moved on, and reads the playlist again: so does this test."""
    client, address = hls(live)
    folder = address.rpartition("/")[0]
    assert client.get(address).headers["cache-control"] == "no-store"

    def numbers() -> list[tuple[str, str]]:
        return re.findall(r'#EXT-X-PART:.*URI="part-([0-9]+)-([0-9]+)[.]m4s"', client.get(address).text)

    def fetched() -> list[bytes]:
        known = numbers()
        newest = [f"part-{segment}-{part}.m4s" for segment, part in known if segment == known[-1][0]]
        answers = [client.get(f"{folder}/{name}") for name in ("init-1.mp4", *newest)]
        return [one.content for one in answers] if {one.status_code for one in answers[1:]} == {200} else []

    with av.open(io.BytesIO(b"".join(wait_for("the parts of a segment", fetched)))) as container:
        assert len(list(container.decode(video=0))) >= 4
    for stranger in ("dad", ""):
        other = live.http(stranger)
        segment, part = numbers()[-1]
        for path in (address, f"{folder}/init-1.mp4", f"{folder}/part-{segment}-{part}.m4s"):
            assert other.get(path).status_code == 404

    def is_next_waited_for() -> bool:
        ahead = str(int(numbers()[-1][0]) + 1)
        return f"part-{ahead}-0" in client.get(address, params={"_HLS_msn": ahead, "_HLS_part": "0"}).text

    wait_for("a request that waits for the next segment", is_next_waited_for)


def test_hls_ends_within_a_second_and_stays_ended(live):
    client, address = hls(live)
    wait_for("parts", lambda: "#EXT-X-PART:" in client.get(address).text)
    ended_at, last = revoke(live), 0.0
    try:
        while client.get(address, params={"_HLS_msn": "99"}).status_code == 200:
            last = time.monotonic()
    except httpx.TransportError:
        pass  # it was cut while it waited
    assert time.monotonic() - ended_at <= 1.0
    assert last - ended_at <= 1.0
    assert live.http("mum").get(address).status_code == 404


def test_over_tls_pictures_come_and_a_cut_ends_them_on_both_transports(database, tmp_path, pushed_clip):
    """The server's own certificate: the cookie of ``https``, an agent's push, a WebSocket and LL-HLS."""
    vouching, now_us = authority(), SystemClock().utc_us()
    (tmp_path / "https.pem").write_text(vouching.issue_server(["127.0.0.1"], now_us, now_us + US_PER_DAY))
    agent = PushingAgent(pushed_clip)
    agent.tls = ssl.create_default_context(cadata=vouching.pem)
    nursery = Nursery(database, clock=RunningClock()).furnish()
    nursery.change(Agent, Agent.id == "sunflower-box", public_key=agent.signer.public_raw)
    with serving_live(nursery, agent, tmp_path, certificate=str(tmp_path / "https.pem")) as live:
        client, address = hls(live, "dad")
        wait_for("parts", lambda: "#EXT-X-PART:" in client.get(address).text)
        plain = {"Cookie": client.headers["cookie"].replace("__Host-", "")}
        assert client.get(address, headers=plain).status_code == 404, "a cookie that any sibling host could set is none"
        with live.view("mum") as link:
            pictures(link, 5)
            nursery.change(LeaseRow, LeaseRow.site_id == SITE, revoked_us=nursery.now_us, revoked_by="boss")
            ended_at = time.monotonic()
            told, _, last = until_end(link)
        assert told[-1]["reason"] == "revoked"
        assert last - ended_at <= 1.0
        wait_for("the other cut", lambda: not live.server.watch.running)
        assert live.http("dad").get(address).status_code == 404


def test_what_a_slow_player_has_not_fetched_yet_is_thrown_away_by_a_cut(live):
    client, address = hls(live)
    folder = address.rpartition("/")[0]
    wait_for("a segment", lambda: "\nseg-0.m4s" in client.get(address).text)
    size = len(client.get(f"{folder}/seg-0.m4s").content)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", live.port))
        cookie = live.cookie("mum")["Cookie"]
        slow.sendall(f"GET {folder}/seg-0.m4s HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        assert slow.recv(1_000).startswith(b"HTTP/1.1 200")
        until = time.monotonic() + 3.5  # longer than a waiting request may last
        while time.monotonic() < until:
            client.get(address, params={"_HLS_msn": "99"})
        revoke(live)
        wait_for("the cut", lambda: not live.server.watch.running)
        slow.settimeout(3)
        got = 0
        with suppress(ConnectionResetError):
            while data := slow.recv(65_536):
                got += len(data)
    assert got < size / 2


def test_a_body_that_is_no_ticket_is_not_read_to_its_end(live):
    with socket.create_connection(("127.0.0.1", live.port), timeout=5) as sender:
        head = f"POST /stream/hls HTTP/1.1\r\nHost: x\r\nOrigin: {live.origin}\r\nContent-Length: 99999999\r\n\r\n"
        sender.sendall(head.encode() + b"A" * 10_000)
        assert b" 403 " in sender.recv(1_000)


@pytest.mark.parametrize("lie", ["no token", "another camera", "another key", "a second time"])
def test_a_push_that_nobody_asked_for_is_refused(live, lie):
    live.agent.silent = lie != "a second time"
    with live.view("mum") as link:
        wanted = wait_for("a word to the agent", lambda: live.agent.asked)[0]
        if lie == "a second time":
            pictures(link, 3)
        hello = {
            "no token": lambda: live.agent.hello(wanted, push_token="A" * 43),
            "another camera": lambda: live.agent.hello(wanted, camera_id="boat-cam-a"),
            "another key": lambda: type(live.agent)([]).hello(wanted),
            "a second time": lambda: live.agent.hello(wanted),
        }[lie]()
        with connect(wanted.push_url, proxy=None) as push:
            push.send(hello)
            with pytest.raises(ConnectionClosed) as closed:
                push.recv(timeout=5)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 4403
        if lie == "a second time":
            pictures(link, 3)


def test_a_revoked_agents_push_ends(live):
    with live.view("mum") as link:
        pictures(link, 3)
        live.agent.silent = True
        live.nursery.change(Agent, Agent.id == "sunflower-box", revoked_us=1)
        wait_for("the push to end", lambda: not live.agent.pushing.is_set(), within_s=5)


def test_health_says_how_it_is_without_anything_personal(live):
    found = wait_for("health", lambda: live.http("").get("/healthz").json()["status"] == "ok")
    assert found
    assert set(live.http("").get("/healthz").json()) == {"status", "broker", "views", "pushes"}
