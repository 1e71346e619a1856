"""Attacks on the tickets of a live view that runs: what a stranger gets of it, in bytes, over both transports.

with under_attack(folder) as figures: ...     # goes on for as long as the block lasts
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from server.services.live.tickets import digest
from storage.database.migrate import migrate
from storage.database.models import Agent, LiveTicket
from storage.database.unit_of_work import Database
from tests.support.live import PushingAgent, RunningClock, RunningLive, coded, serving_live
from tests.support.nursery import Nursery

TRICKS = ("forged", "replayed", "copied", "another camera", "nobody", "expired", "address")
THIEVES = ("aunt", "sailor", "carer", "fitter", "root", "captain")


@dataclass
class Attacks:
    """``seen_bytes`` is what the one who may look got meanwhile: that the pictures ran."""

    tried: int = 0
    foreign_bytes: int = 0
    seen_bytes: int = 0


@contextmanager
def under_attack(folder: Path, seed: int) -> Iterator[Attacks]:
    database = Database(f"sqlite:///{folder / 'live.db'}")
    migrate(database)
    nursery = Nursery(database, clock=RunningClock()).furnish()
    agent = PushingAgent(coded())
    nursery.change(Agent, Agent.id == "sunflower-box", public_key=agent.signer.public_raw)
    figures, stop = Attacks(), threading.Event()
    with serving_live(nursery, agent, folder) as live:
        work = [
            threading.Thread(target=_watch, args=(live, figures, stop)),
            threading.Thread(target=_attack, args=(live, figures, stop, random.Random(seed))),
        ]
        for one in work:
            one.start()
        try:
            yield figures
        finally:
            stop.set()
            for one in work:
                one.join(30)
    database.close()


def _watch(live: RunningLive, figures: Attacks, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(ConnectionClosed, OSError, TimeoutError), live.view("mum") as link:
            while not stop.is_set():
                message = link.recv(timeout=5)
                figures.seen_bytes += len(message) if isinstance(message, bytes) else 0


def _attack(live: RunningLive, figures: Attacks, stop: threading.Event, chance: random.Random) -> None:
    while not stop.is_set():
        trick, thief = chance.choice(TRICKS), chance.choice(THIEVES)
        with suppress(ConnectionClosed, InvalidHandshake, OSError, httpx.TransportError, TimeoutError):
            figures.foreign_bytes += _one(live, trick, thief)
            figures.tried += 1
        time.sleep(0.02)


def _one(live: RunningLive, trick: str, thief: str) -> int:
    if trick == "address":
        return _by_address(live, thief)
    ticket = "A" * 43 if trick == "forged" else live.ticket("dad")
    name = "" if trick == "nobody" else thief
    if trick == "expired":
        live.nursery.change(LiveTicket, LiveTicket.ticket_sha256 == digest(ticket), expires_us=1)
        name = "dad"
    elif trick == "another camera":
        live.nursery.change(LiveTicket, LiveTicket.ticket_sha256 == digest(ticket), camera_id="cam-b")
        name = "dad"
    got = _by_socket(live, name, ticket)
    return got + (_by_socket(live, name, ticket) if trick == "replayed" else 0)


def _by_socket(live: RunningLive, name: str, ticket: str) -> int:
    headers = live.cookie(name) if name else {}
    size = 0
    url = f"ws://127.0.0.1:{live.port}/stream/ws"
    with connect(url, compression=None, proxy=None, origin=live.origin, additional_headers=headers) as link:
        link.send(json.dumps({"ticket": ticket}))
        with suppress(ConnectionClosed):
            while True:
                message = link.recv(timeout=2)
                size += len(message) if isinstance(message, bytes) else 0
    return size


def _by_address(live: RunningLive, thief: str) -> int:
    """The address of somebody's own playlist, and what it names, in a stranger's session."""
    owner, stranger = live.http("police"), live.http(thief)
    try:
        told = owner.post("/stream/hls", content=live.ticket("police")).json()
        if "playlist" not in told:
            return 0
        address = f"/stream/{told['playlist']}"
        folder = address.rpartition("/")[0]
        names = ("index.m3u8", "init-1.mp4", "seg-0.m4s", "part-0-0.m4s")
        found = [stranger.get(f"{folder}/{name}") for name in names]
        return sum(len(one.content) for one in found if one.status_code == 200)
    finally:
        owner.close()
        stranger.close()
