"""The peer: a fan-out of the same bytes that does nothing else, on asyncio streams; run as a process of its own.

python -m benchmarks._live_plain PORT BITS_PER_SECOND
"""

import asyncio
import selectors
import socket
import subprocess
import sys
import time

from benchmarks._processes import use_of
from tests.support.brokers import free_port

FPS = 25


async def _serve(port: int, bits_per_second: int) -> None:
    writers: set[asyncio.StreamWriter] = set()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)

    server = await asyncio.start_server(take, "127.0.0.1", port)
    frame, due = bytes(bits_per_second // 8 // FPS), time.monotonic()
    async with server:
        while True:
            due += 1 / FPS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for writer in list(writers):
                if writer.is_closing():
                    writers.discard(writer)
                else:
                    writer.write(frame)


def cpu_a_viewer_of_plain(viewers: int, seconds: float, bits_per_second: int) -> float:
    """The share of a core that one viewer costs it."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks._live_plain", str(port), str(bits_per_second)])
    selector, links = selectors.DefaultSelector(), []
    try:
        for _ in range(viewers):
            links.append(_connect(port))
            selector.register(links[-1], selectors.EVENT_READ)
        buffer = bytearray(1 << 20)
        _read(selector, buffer, 1.0)
        before, began = use_of([process.pid]).cpu_s, time.monotonic()
        _read(selector, buffer, seconds)
        return (use_of([process.pid]).cpu_s - before) / (time.monotonic() - began) / viewers
    finally:
        for link in links:
            link.close()
        process.terminate()
        process.wait()


def _connect(port: int) -> socket.socket:
    for _ in range(200):
        try:
            link = socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
            continue
        link.setblocking(False)
        return link
    raise TimeoutError("the plain fan-out did not start")


def _read(selector: selectors.BaseSelector, buffer: bytearray, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for event, _ in selector.select(0.1):
            event.fileobj.recv_into(buffer)  # type: ignore[union-attr]


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
