"""Viewers through a site's own MediaMTX: let in by ticket, on record, kicked when their leave ends.

A stand-in speaks MediaMTX's documented words over real HTTP: its hook's body, its control API's lists and kicks. No real MediaMTX.
"""

import base64
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from config.base.errors import NotFound
from config.base.roles import Role
from server.live import mediamtx
from server.services.live.marking import Marker, MarkingDesk
from storage.database.models import LeaseRow, SiteLive, ViewRow
from storage.database.scope import Scope
from tests.support.edge import wait_for
from tests.support.live import PushingAgent, RunningClock, serving_live
from tests.support.nursery import SITE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
CONFIGURATION = Path(__file__).parents[3] / "deploy" / "mediamtx" / "mediamtx.yml"
ADDRESS = "192.0.2.7"
KNOWN_SLACK_S = 1.0
"""A machine with eight testers on two cores; what is measured on a quiet one stands in the benchmark."""


class StandIn:
    """MediaMTX as its documentation has it: asks the hook about everything, its own API too."""

    def __init__(self) -> None:
        self.hook = ""
        self.sessions: dict[str, dict[str, str]] = {}
        self.kicked: dict[str, float] = {}
        self.broken = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind = urlsplit(self.path).path.split("/")[2]
                items = [one for one in outer.sessions.values() if one["kind"] == kind]
                self._answer(200, {"itemCount": len(items), "pageCount": 1, "items": items})

            def do_POST(self) -> None:
                found = outer.sessions.pop(self.path.rsplit("/", 1)[1], None)
                if found is not None:
                    outer.kicked[found["id"]] = time.monotonic()
                self._answer(200 if found else 404, {})

            def _answer(self, status: int, body: dict) -> None:
                status = 500 if outer.broken else status if outer.api_may(self.headers) else 401
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def api_may(self, headers) -> bool:
        given = base64.b64decode(headers.get("Authorization", "Basic Og==")[6:]).decode()
        user, _, password = given.partition(":")
        return self.ask("api", "", user=user, password=password, ip="127.0.0.1")

    def ask(self, action: str, path: str, **more) -> bool:
        """The hook's answer to a body as MediaMTX makes it."""
        names = ("ip", "user", "password", "token", "protocol", "query")
        body = {"action": action, "path": path, "id": None} | dict.fromkeys(names, "") | more
        answer = httpx.post(self.hook, json=body, trust_env=False, timeout=10)
        assert answer.content == b""
        return answer.status_code == 204

    def read(self, ticket: str, path: str = "cam-a", protocol: str = "webrtc", ip: str = ADDRESS, **more) -> str:
        """A session that reads, or empty where it was refused."""
        session = str(uuid.uuid4())
        if not self.ask("read", path, protocol=protocol, ip=ip, id=session, **({"password": ticket} | more)):
            return ""
        kind = {"webrtc": "webrtcsessions", "rtsp": "rtspsessions"}[protocol]
        self.sessions[session] = {"id": session, "kind": kind, "state": "read", "path": path}
        return session

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Relayed:
    """The live process beside a MediaMTX."""

    def __init__(self, live, relay: StandIn) -> None:
        self.live, self.relay = live, relay

    def ticket(self, name: str = "mum", camera: str = "cam-a", source: str | None = ADDRESS) -> str:
        self.live.nursery.session(name)
        made = self.live.server.watch.tickets.issue(
            self.live.nursery.tokens[name], camera, "a child was hurt", relay_source=source
        )
        assert isinstance(made, str), made
        return made

    def row(self) -> ViewRow:
        with self.live.nursery.database.reading() as session:
            return session.query(ViewRow).order_by(ViewRow.opened_us.desc()).first()


@pytest.fixture
def relayed(database, tmp_path, monkeypatch):
    monkeypatch.setattr(
        mediamtx, "ANSWER_S", 5.0
    )  # this machine may be slow; what is late is refused, and tested as such
    monkeypatch.setattr("server.live.watching.KNOWN_US_MAX", 10_000_000)
    nursery, relay = Nursery(database, clock=RunningClock()).furnish(), StandIn()
    agent = PushingAgent([])
    with serving_live(nursery, agent, tmp_path, more=f'mediamtx_api = "{relay.url}"\n') as live:
        relay.hook = f"http://127.0.0.1:{live.port}/mediamtx/auth"
        wait_for("the API to answer", lambda: live.server.relay._known_us > 0)
        yield Relayed(live, relay)
    relay.close()


@pytest.mark.parametrize("protocol", ["webrtc", "rtsp"])
def test_a_ticket_lets_in_once_is_on_record_and_its_end_is_a_kick(relayed, protocol):
    ticket, nursery = relayed.ticket(), relayed.live.nursery
    session = relayed.relay.read(ticket, protocol=protocol)
    assert session
    row = relayed.row()
    assert (row.account_name, row.camera_id, row.source, row.closed_us) == ("mum", "cam-a", ADDRESS, None)
    assert row.lease_id
    assert relayed.relay.ask(
        "read", "cam-a", protocol=protocol, ip=ADDRESS, id=session, token=ticket
    )  # RTSP asks again
    assert not relayed.relay.read(ticket, protocol=protocol, ip="192.0.2.8")
    other = {"webrtc": "rtsp", "rtsp": "webrtc"}[protocol]
    assert not relayed.relay.read(ticket, protocol=other), "it would be kicked where it is not"
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss")
    ended = time.monotonic()
    kicked = wait_for("the kick", lambda: relayed.relay.kicked.get(session))
    assert kicked - ended <= 1.0 + KNOWN_SLACK_S
    assert not relayed.relay.read(ticket, protocol=protocol)
    assert wait_for("the record", lambda: relayed.row().why_closed) == "revoked"


def test_a_session_that_reads_by_one_leave_is_not_taken_over_by_another(relayed):
    hers, nursery = relayed.relay.read(relayed.ticket()), relayed.live.nursery
    assert hers
    again = {"protocol": "webrtc", "ip": ADDRESS, "id": hers}
    assert not relayed.relay.ask("read", "cam-a", password=relayed.ticket("police"), **again)
    his = relayed.ticket("police")
    assert relayed.relay.read(his)
    assert not relayed.relay.ask("read", "cam-a", password=his, **again)
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss")
    wait_for("the kick", lambda: relayed.relay.kicked.get(hers))


def test_what_is_not_a_good_ticket_of_this_address_and_camera_is_refused(relayed):
    relay = relayed.relay
    assert not relay.read("")
    assert not relay.read("A" * 43)
    assert not relay.read(relayed.ticket(source=None))  # one for our own pages
    assert not relay.read(relayed.ticket(source="192.0.2.99"))
    assert not relay.read(relayed.ticket("dad"), path="cam-b")
    assert not relay.read(relayed.ticket("dad"), path="cam-b\0")
    for protocol in ("hls", "rtmp", "srt", ""):
        assert not relay.ask(
            "read", "cam-a", protocol=protocol, ip=ADDRESS, id=str(uuid.uuid4()), password=relayed.ticket()
        )
    assert not relay.ask("read", "cam-a", protocol="webrtc", ip=ADDRESS, password=relayed.ticket())
    assert not relay.ask("read", "cam-a", protocol="webrtc", ip=ADDRESS, id="../../x", password=relayed.ticket())
    for action in ("playback", "metrics", "pprof", "api", "anything"):
        assert not relay.ask(action, "cam-a", user="nightlight", password="guess")
    for body in (b"", b"[]", b"{" * 4_000, b"x" * 20_000):
        assert httpx.post(relay.hook, content=body, trust_env=False).status_code == 401
    # a ticket for the relay opens none of our own doors
    with relayed.live.view("mum", relayed.ticket()) as link:
        assert json.loads(link.recv(timeout=10))["reason"] == "bad_ticket"
    assert relayed.live.server.watch.running == {}


def test_a_camera_is_published_with_its_own_word_alone(relayed):
    boss, nursery = Scope("boss", Role.FACILITY_MANAGER), relayed.live.nursery
    desk = MarkingDesk(nursery.database, nursery.clock, Marker(bytes(range(32))))
    word = desk.publish_word(boss, SITE, "cam-a")
    with pytest.raises(NotFound):
        desk.publish_word(boss, SITE, "no-such")
    assert relayed.relay.ask("publish", "cam-a", password=word)
    assert not relayed.relay.ask("publish", "cam-b", password=word)
    assert not relayed.relay.ask("publish", "no-such", password=word)
    assert not relayed.relay.ask("publish", "../x", password=word)


def test_a_reader_that_is_no_view_is_kicked_and_who_goes_is_closed(relayed, monkeypatch):
    monkeypatch.setattr("server.live.watching.HLS_IDLE_US", 2_000_000)
    stranger = str(uuid.uuid4())
    publisher = str(uuid.uuid4())
    relayed.relay.sessions[publisher] = {"id": publisher, "kind": "rtspsessions", "state": "publish", "path": "cam-a"}
    relayed.relay.sessions[stranger] = {"id": stranger, "kind": "rtspsessions", "state": "read", "path": "cam-a"}
    wait_for("the stranger to be kicked", lambda: stranger in relayed.relay.kicked)
    assert publisher in relayed.relay.sessions
    session = relayed.relay.read(relayed.ticket())
    time.sleep(2.5)
    assert relayed.row().closed_us is None  # as long as it reads
    del relayed.relay.sessions[session]
    assert wait_for("the record", lambda: relayed.row().why_closed) == "left"


def test_nobody_is_let_in_while_a_view_could_not_be_ended_and_a_site_that_marks_is_refused(relayed):
    relayed.live.nursery.change(SiteLive, SiteLive.site_id == SITE, marked=True)
    assert not relayed.relay.read(relayed.ticket())
    relayed.live.nursery.change(SiteLive, SiteLive.site_id == SITE, marked=False)
    relayed.relay.broken = True
    wait_for("the API to be missed", lambda: not relayed.relay.read(relayed.ticket("dad")))
    relayed.relay.broken = False
    wait_for("the API to answer", lambda: relayed.relay.read(relayed.ticket("dad")))


def test_without_an_api_everybody_is_refused(live):
    live.nursery.session("mum")
    ticket = live.server.watch.tickets.issue(live.nursery.tokens["mum"], "cam-a", "", relay_source=ADDRESS)
    body = {"action": "read", "path": "cam-a", "protocol": "webrtc", "id": str(uuid.uuid4()), "password": ticket}
    answer = live.http("").post("/mediamtx/auth", json=body | {"ip": ADDRESS})
    assert answer.status_code == 401


def test_the_configuration_leaves_nothing_open_beside_the_hook(database):
    del database
    found = yaml.safe_load(CONFIGURATION.read_text())
    assert found["authMethod"] == "http"
    assert found["authHTTPAddress"].endswith("/mediamtx/auth")
    assert found["authHTTPExclude"] == []
    assert found["apiAddress"].startswith("127.0.0.1:")
    assert found["api"] is True
    for off in ("hls", "rtmp", "srt", "playback", "metrics", "pprof"):
        assert found[off] is False, off
    assert found["pathDefaults"]["record"] is False
    assert list(found["paths"]) == ["~^[a-z0-9][a-z0-9-]*$"]
