"""Viewers by the hundred: sockets that read and throw away, and note when the last byte of pictures came."""

import base64
import hashlib
import json
import os
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from config.base.clock import US_PER_DAY, US_PER_S
from storage.database.models import LiveTicket, LoginSession
from storage.database.unit_of_work import Database
from tests.support.live_rig import LiveRig
from tests.support.nursery import Nursery

READ_BYTES = 1 << 20
PING, PONG = 0x89, 0x8A
LENGTH_BYTES = {126: 2, 127: 8}
"""How many bytes say how long a frame is, where its second byte does not (RFC 6455, 5.2)."""
HLS_SHOWN, HLS_TURNS = 3, 400
"""So many parts are seen before a view is ended, and so often is asked."""
LAST_WORD_BYTES_MAX = 300
"""What a socket brings after its view has ended: the reason, and a closing frame."""


def sessions_of(nursery: Nursery, name: str, many: int) -> list[tuple[str, str]]:
    """So many sessions of one person who may have many views: token and digest."""
    made = [
        (token, hashlib.sha256(token.encode()).hexdigest()) for token in (secrets.token_hex(16) for _ in range(many))
    ]
    now_us = nursery.now_us
    nursery.add(
        *(
            LoginSession(
                token_sha256=digest,
                account_name=name,
                created_us=now_us,
                expires_us=now_us + US_PER_DAY,
                proof="passkey",
                source="",
                device="",
            )
            for _, digest in made
        )
    )
    return made


def tickets_of(database: Database, session: tuple[str, str], camera: str) -> tuple[str, str]:
    """The session's token and a ticket, as ``TicketDesk`` would have minted it."""
    ticket = secrets.token_urlsafe(32)
    with database.unit_of_work() as writing:
        writing.add(
            LiveTicket(
                ticket_sha256=hashlib.sha256(ticket.encode()).hexdigest(),
                session_sha256=session[1],
                camera_id=camera,
                lease_id=None,
                reason="",
                expires_us=time.time_ns() // 1_000 + 30 * US_PER_S,
                used_us=None,
            )
        )
    return session[0], ticket


class Pings:
    """The payloads of a stream's pings; everything else is passed over."""

    def __init__(self) -> None:
        self._left = 0
        self._begun = b""

    def take(self, data: bytes | memoryview) -> list[bytes]:
        passed = min(self._left, len(data))
        self._left -= passed
        rest, at, found = self._begun + bytes(data[passed:]), 0, []
        while len(rest) - at >= 2:
            length = rest[at + 1] & 0x7F
            begin = at + 2 + LENGTH_BYTES.get(length, 0)
            if length in LENGTH_BYTES:
                length = int.from_bytes(rest[at + 2 : begin], "big")
            if begin > len(rest) or (rest[at] == PING and begin + length > len(rest)):
                break
            if rest[at] == PING:
                found.append(rest[begin : begin + length])
            at = min(begin + length, len(rest))
            self._left = begin + length - at
        self._begun = rest[at:]
        return found


@dataclass
class Member:
    """One viewer."""

    token: str
    link: socket.socket
    pings: Pings | None = None
    """Where the stream is a WebSocket's: who answers none is taken for gone."""
    last_s: float = 0.0

    def answer(self, data: bytes | memoryview) -> None:
        for payload in self.pings.take(data) if self.pings is not None else ():
            self.link.send(bytes((PONG, 0x80 | len(payload))) + bytes(4) + payload)


class Crowd:
    """Used by one thread."""

    def __init__(self, host: str, origin: str) -> None:
        self._host, self._origin = host, origin
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(READ_BYTES)
        self.open: set[socket.socket] = set()
        self._members: list[Member] = []
        self.bytes = 0

    def join(self, token: str, ticket: str) -> None:
        """Shakes hands and shows the ticket; what comes is read by ``read_for``."""
        name, _, port = self._host.partition(":")
        link = socket.create_connection((name, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        link.sendall(
            f"GET /stream/ws HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {self._origin}\r\n"
            f"Cookie: nightlight={token}\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += link.recv(1)
        payload = json.dumps({"ticket": ticket}).encode()
        link.sendall(struct.pack(">BBI", 0x81, 0x80 | len(payload), 0) + payload)
        member = Member(token, link, Pings())
        member.answer(link.recv(64))  # the view is on record when the first word comes
        self.take_in(member)
        self.read_for(0.0)

    def take_in(self, member: Member) -> None:
        """One more connection that is read."""
        link = member.link
        link.setblocking(False)
        self._members.append(member)
        self.open.add(link)
        self._selector.register(link, selectors.EVENT_READ, member)

    def read_for(self, seconds: float) -> None:
        """Reads whatever comes."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            for event, _ in self._selector.select(max(0.0, min(0.2, left))):
                self._read(event.data)
            if left <= 0:
                return

    def read_until_over(self, token: str, at_most_s: float) -> None:
        """Reads on until every view of a session has ended."""
        until = time.monotonic() + at_most_s
        while time.monotonic() < until and any(one.link in self.open for one in self._members if one.token == token):
            self.read_for(0.02)

    def last_of(self, token: str) -> list[float]:
        """When pictures came last to the views of a session."""
        return [member.last_s for member in self._members if member.token == token]

    def revoke_hls(self, live: LiveRig, sessions: list[tuple[str, str]]) -> list[float]:
        """Milliseconds from the end of a session to the last byte over HLS, one after the other."""
        return [self.cut_hls(live, session, _expiry_of(session)) for session in sessions]

    def cut_hls(self, live: LiveRig, session: tuple[str, str], end: Callable[[Any], None], ticket: str = "") -> float:
        """Milliseconds from ``end`` to the last byte over HLS. ``ticket``: where the session's role needs one of its lease."""
        shown = ticket or tickets_of(live.nursery.database, session, "cam-a")[1]
        return _last_hls(live, self._origin, session[0], shown, end)

    def _read(self, member: Member) -> None:
        try:
            size = member.link.recv_into(self._buffer)
        except OSError:
            size = 0
        if size == 0:
            self._selector.unregister(member.link)
            self.open.discard(member.link)
            member.link.close()
            return
        self.bytes += size
        with suppress(OSError):
            member.answer(memoryview(self._buffer)[:size])
        if size > LAST_WORD_BYTES_MAX:
            member.last_s = time.monotonic()


def _expiry_of(session: tuple[str, str]) -> Callable[[Any], None]:
    def end(nursery: Any) -> None:
        nursery.change(LoginSession, LoginSession.token_sha256 == session[1], expires_us=1)

    return end


def _last_hls(live: LiveRig, origin: str, token: str, ticket: str, end: Callable[[Any], None]) -> float:
    headers = {"Origin": origin, "Cookie": f"nightlight={token}"}
    with httpx.Client(base_url=live.live_url, headers=headers, trust_env=False, timeout=10) as client:
        address = "/stream/" + client.post("/stream/hls", content=ticket).json()["playlist"]
        ended_s, last_s, shown = 0.0, 0.0, 0
        try:
            for _ in range(HLS_TURNS):
                if shown == HLS_SHOWN and not ended_s:
                    end(live.nursery)
                    ended_s = time.monotonic()
                playlist = client.get(address)
                parts = [line for line in playlist.text.splitlines() if line.startswith("#EXT-X-PART:")]
                if playlist.status_code != 200:
                    break
                if parts:
                    uri = parts[-1].split('URI="')[1].split('"')[0]
                    if client.get(f"{urlsplit(address).path.rpartition('/')[0]}/{uri}").status_code == 200:
                        last_s, shown = time.monotonic(), shown + 1
                time.sleep(0.05)
        except httpx.TransportError:
            pass  # it was cut in the middle
    if not ended_s:
        raise RuntimeError("the view ended before it was ended")
    return max(0.0, last_s - ended_s) * 1_000
