"""The live process in a thread of this one, over a furnished nursery, and an agent that pushes real H.264 when asked.

def test_something(live):
    ticket = live.ticket("mum")
    with live.view("mum", ticket) as seen: ...
"""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from config.base.ids import fresh_id
from config.settings.server import load_server
from config.wire.envelope import Signer
from config.wire.live import LivePush, LiveWanted
from edge_agent.cameras.feed import FeedPacket, StreamFormat
from edge_agent.live.sending import Sending
from server.live.app import LiveServer, config_of, origin_of
from storage.database.models import Agent
from tests.support.api import settings_for
from tests.support.brokers import free_port
from tests.support.nursery import MONDAY_US, Nursery

FRAME_S = 0.04
GROUP = 25


class RunningClock:
    """Begins on the nursery's Monday and goes on; ``jump`` sets the wall clock alone."""

    def __init__(self) -> None:
        self._shift_us = MONDAY_US - time.monotonic_ns() // 1_000

    def utc_us(self) -> int:
        return self.monotonic_us() + self._shift_us

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def advance(self, seconds: float) -> None:
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        self._shift_us += round(seconds * 1_000_000)


def coded(frames: int = 2 * GROUP, size: tuple[int, int] = (320, 192), bits: int = 400_000) -> list[tuple[bytes, bool]]:
    """Access units of noise, a keyframe each second."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.bit_rate = Fraction(1, 25), Fraction(25), bits
    encoder.gop_size = GROUP
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"keyint={GROUP}:scenecut=0"}
    rng = np.random.default_rng(1)
    units = []
    for number in range(frames):
        picture = rng.integers(0, 255, (size[1], size[0], 3), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts = number
        units += encoder.encode(frame)
    units += encoder.encode(None)
    return [(bytes(one), one.is_keyframe) for one in units]


class PushingAgent:
    """Stands in for the agent: pushes a clip in a loop to whoever asks with a signed word."""

    def __init__(self, units: list[tuple[bytes, bool]]) -> None:
        self.signer = Signer(Ed25519PrivateKey.generate())
        self.connected = True
        self.asked: list[LiveWanted] = []
        self.pushing = threading.Event()
        self.silent = False
        self.tls: ssl.SSLContext | None = None
        self._units = units
        self._threads: dict[str, threading.Thread] = {}
        self._stop = threading.Event()

    def say(self, wanted: LiveWanted) -> bool:
        """What the live process calls instead of the broker."""
        self.asked.append(wanted)
        running = self._threads.get(wanted.camera_id)
        if not self.silent and (running is None or not running.is_alive()):
            made = threading.Thread(target=self._push, args=(wanted,), daemon=True)
            self._threads[wanted.camera_id] = made
            made.start()
        return True

    def hello(self, wanted: LiveWanted, **changed: str) -> bytes:
        where = {name: getattr(wanted, name) for name in ("site_id", "agent_id", "camera_id", "push_token")}
        return self.signer.seal(LivePush(message_id=fresh_id(), **{**where, **changed}))

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads.values():
            thread.join(5)

    def _push(self, wanted: LiveWanted) -> None:
        sending = Sending(marking=wanted.marking, utc_us=lambda at_us: MONDAY_US + at_us)
        at = StreamFormat("h264", b"", Fraction(1, 1_000_000))
        with (
            suppress(ConnectionClosed, OSError),
            connect(wanted.push_url, compression=None, proxy=None, close_timeout=0.2, ssl=self.tls) as link,
        ):
            link.send(self.hello(wanted))
            self.pushing.set()
            begin = time.monotonic()
            number = 0
            while not self._stop.is_set():
                data, is_key = self._units[number % len(self._units)]
                at_us = round(number * FRAME_S * 1_000_000)
                for message in sending.take(
                    FeedPacket(data, is_key, at_us, at_us, at_us, at_us, 1, at, 0), behind=False
                ):
                    link.send(message)
                number += 1
                time.sleep(max(0.0, begin + number * FRAME_S - time.monotonic()))
        self.pushing.clear()


@dataclass
class RunningLive:
    """The process, and what tests do with it."""

    nursery: Nursery
    server: LiveServer
    agent: PushingAgent
    port: int
    origin: str
    settings_file: Path
    _clients: list[httpx.Client] = field(default_factory=list)

    def cookie(self, name: str) -> dict[str, str]:
        self.nursery.session(name)
        prefix = "__Host-" if self.agent.tls is not None else ""
        return {"Cookie": f"{prefix}nightlight={self.nursery.tokens[name]}"}

    def ticket(self, name: str, camera: str = "cam-a", reason: str = "a child was hurt") -> str:
        self.nursery.session(name)
        made = self.server.watch.tickets.issue(self.nursery.tokens[name], camera, reason)
        assert isinstance(made, str), made
        return made

    @contextmanager
    def view(self, name: str, ticket: str | None = None, origin: str | None = None) -> Iterator[ClientConnection]:
        """A viewer's WebSocket whose first message is the ticket."""
        scheme = "ws" if self.agent.tls is None else "wss"
        url = f"{scheme}://127.0.0.1:{self.port}/stream/ws"
        headers = self.cookie(name) if name else {}
        with connect(
            url,
            compression=None,
            proxy=None,
            origin=origin or self.origin,
            additional_headers=headers,
            max_size=None,
            close_timeout=0.3,
            ssl=self.agent.tls,
        ) as link:
            link.send(json.dumps({"ticket": ticket if ticket is not None else self.ticket(name)}))
            yield link

    def http(self, name: str) -> httpx.Client:
        tls = self.agent.tls
        made = httpx.Client(
            base_url=f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}",
            verify=tls if tls is not None else True,
            headers={**(self.cookie(name) if name else {}), "Origin": self.origin},
            trust_env=False,
            timeout=10,
        )
        self._clients.append(made)
        return made

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture(scope="session")
def pushed_clip() -> list[tuple[bytes, bool]]:
    return coded(bits=2_000_000)


@contextmanager
def serving_live(
    nursery: Nursery, agent: PushingAgent, folder: Path, page_port: int = 0, more: str = "", certificate: str = ""
) -> Iterator[RunningLive]:
    """The process on a free port; ``more``: further lines of its settings, in ``[live]``; ``certificate``: for TLS, a file."""
    port, scheme = free_port(), "https" if certificate else "http"
    page = page_port or free_port()
    file = settings_for(
        nursery.database, folder, port=page, public_origin=f"https://127.0.0.1:{page}" if certificate else ""
    )
    with file.open("a") as opened:
        opened.write(f'[live]\nport = {port}\npublic_url = "{scheme}://127.0.0.1:{port}"\n')
        opened.write(more)
        opened.write(f'marking_key_file = "{folder / "marking-key"}"\n')
    (folder / "marking-key").write_text(bytes(range(32)).hex())
    settings = load_server(file)
    live = LiveServer(settings, nursery.database, agent, nursery.clock)  # type: ignore[arg-type]
    server = uvicorn.Server(config_of(live, "127.0.0.1", port, certificate))
    thread = threading.Thread(target=server.run, name="live")
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started, "the live process did not start"
    running = RunningLive(nursery, live, agent, port, origin_of(settings), file)
    try:
        yield running
    finally:
        running.close()
        agent.close()
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def live(database, tmp_path, pushed_clip) -> Iterator[RunningLive]:
    """Real clock, real sockets, real database; the agent's side is ``PushingAgent``."""
    nursery = Nursery(database, clock=RunningClock()).furnish()  # type: ignore[arg-type]
    agent = PushingAgent(pushed_clip)
    nursery.change(Agent, Agent.id == "sunflower-box", public_key=agent.signer.public_raw)
    with serving_live(nursery, agent, tmp_path) as running:
        yield running
