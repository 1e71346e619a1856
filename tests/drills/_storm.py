"""A thousand agents at a real broker that come, go and come back all at once: each hears its own topic and not a byte more.

    with storm(agents=1_000, seed=1) as running: ...      # a process of its own; figures when it is over

Light clients speak just enough MQTT v5 over mutual TLS. Each asks for its own topic, a neighbour's and everybody's; ingest goes on
writing to all; clients break off at random, and the broker is restarted under them, so that all knock at once.
"""

import asyncio
import json
import random
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.wire import topics
from deploy.local.broker import AgentIdentity, Broker
from tests.support.brokers import free_port, tls_of

AT_ONCE = 60
"""Handshakes at a time: two cores do no more."""
RESTARTS = 2
LIVES_S = (10.0, 240.0)
COME_WITHIN_S = 120.0
ROUND_S = 1.0
DRAIN_S = 3.0


@dataclass
class Figures:
    """What is told at the end."""

    agents: int = 0
    connected: int = 0
    most_at_once: int = 0
    restarts: int = 0
    own_bytes: int = 0
    foreign_bytes: int = 0
    silent_agents: int = 0


@dataclass
class Storm:
    """One event loop."""

    broker: Broker
    names: list[AgentIdentity]
    chance: random.Random
    figures: Figures = field(default_factory=Figures)
    online: int = 0
    heard: set[str] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until standard input ends."""
        self.figures.agents = len(self.names)
        places = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.create_task(self._live(place, places)) for place in range(len(self.names))]
        tasks.append(asyncio.create_task(self._write()))
        loop = asyncio.get_running_loop()
        over = loop.run_in_executor(None, sys.stdin.read)
        while not over.done() or self.figures.restarts < RESTARTS:
            await self._all_have_come()
            if self.figures.restarts < RESTARTS:
                await loop.run_in_executor(None, self.broker.stop)
                await loop.run_in_executor(None, self.broker.start)
                self.figures.restarts += 1
            elif not over.done():
                await asyncio.wait({asyncio.ensure_future(over)}, timeout=ROUND_S)
        await self._all_have_come()
        await asyncio.sleep(DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.figures.silent_agents = len(self.names) - len(self.heard)

    async def _all_have_come(self) -> None:
        """Nine of ten at the same time, the rest are between two lives; on a slow machine as many as come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(COME_WITHIN_S):
                while self.online < 0.9 * len(self.names):  # noqa: ASYNC110 - a count, polled by one waiter
                    await asyncio.sleep(0.05)

    async def _live(self, place: int, places: asyncio.Semaphore) -> None:
        me, neighbour = self.names[place], self.names[place - 1]
        context = tls_of(self.broker, me.agent_id)
        wanted = (topics.down(me.site_id, me.agent_id), topics.down(neighbour.site_id, neighbour.agent_id), "#")
        while True:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError):
                async with places:
                    reader, writer = await asyncio.wait_for(self._enter(context, me, wanted), 30)
                self.online += 1
                self.figures.connected += 1
                self.figures.most_at_once = max(self.figures.most_at_once, self.online)
                try:
                    async with asyncio.timeout(self.chance.uniform(*LIVES_S)):
                        await self._listen(reader, me)
                finally:
                    self.online -= 1
                    writer.transport.abort()
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    async def _enter(
        self, context: ssl.SSLContext, me: AgentIdentity, wanted: tuple[str, ...]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.broker.port, ssl=context, server_hostname="127.0.0.1"
        )
        writer.write(_packet(0x10, _text("MQTT") + b"\x05\x02\x00\x3c\x00" + _text(me.agent_id)))
        kind, body = await _read(reader)
        if kind >> 4 != 2 or body[1] != 0:
            raise OSError("not let in")
        asked = b"".join(_text(topic) + b"\x00" for topic in wanted)
        writer.write(_packet(0x82, b"\x00\x01\x00" + asked))
        return reader, writer

    async def _listen(self, reader: asyncio.StreamReader, me: AgentIdentity) -> None:
        mine = _word(me)
        while True:
            kind, body = await _read(reader)
            if kind >> 4 != 3:
                continue
            (length,) = struct.unpack(">H", body[:2])
            payload = body[2 + length + 1 :]
            if payload == mine:
                self.figures.own_bytes += len(payload)
                self.heard.add(me.agent_id)
            else:
                self.figures.foreign_bytes += len(payload)

    async def _write(self) -> None:
        """As ingest: a word to everybody, again and again."""
        context = tls_of(self.broker, "ingest")
        while True:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError):
                _, writer = await self._enter(context, AgentIdentity("-", "ingest"), (topics.ALL_UP,))
                while not writer.transport.is_closing():
                    for number, one in enumerate(self.names):
                        writer.write(
                            _packet(0x30, _text(topics.down(one.site_id, one.agent_id)) + b"\x00" + _word(one))
                        )
                        if number % 100 == 0:
                            await writer.drain()
                    await asyncio.sleep(ROUND_S)
            await asyncio.sleep(0.2)


def _word(agent: AgentIdentity) -> bytes:
    return f"for {agent.site_id} {agent.agent_id} alone".encode()


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, seven = size >> 7, size & 127
        length.append(seven | (128 if size else 0))
        if not size:
            return bytes([kind, *length]) + body


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        (seven,) = await reader.readexactly(1)
        size |= (seven & 127) << shift
        shift += 7
        if not seven & 128:
            return kind, await reader.readexactly(size)


@contextmanager
def storm(agents: int, seed: int) -> Iterator[list[Figures]]:
    """A process of its own; the list holds its figures afterwards."""
    found: list[Figures] = []
    words = [sys.executable, "-m", "tests.drills._storm", str(agents), str(seed)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield found
        said, _ = process.communicate("", timeout=600)
        found.append(Figures(**json.loads(said)))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main() -> int:
    agents, seed = int(sys.argv[1]), int(sys.argv[2])
    names = [AgentIdentity(f"site-{number // 2:04}", f"agent-{number:04}") for number in range(agents)]
    with tempfile.TemporaryDirectory(prefix="nl-storm-") as folder:
        broker = Broker(Path(folder) / "b", free_port(), tuple(names))
        broker.start()
        try:
            made = Storm(broker, names, random.Random(seed))
            asyncio.run(made.run())
        finally:
            broker.stop()
    print(json.dumps(vars(made.figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
