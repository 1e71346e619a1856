"""A peer on a loopback port that answers whatever a test wants, at whatever speed.

def test_something(hostile):
    address = hostile(b"HTTP/1.1 200 OK\r\n…", drip_s=0.1)
"""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

Hostile = Callable[..., str]
"""Takes what to send (bytes, sent again and again where ``endless``), and the pause between bytes; gives an address."""


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """Starts such peers; all of them are gone at the end of the test."""
    stopping = threading.Event()
    opened: list[socket.socket] = []

    def start(data: bytes, *, drip_s: float = 0.0, endless: bool = False) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)

        pieces = [data[at : at + 1] for at in range(len(data))] if drip_s else [data]

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):  # the client has had enough
                connection.recv(65_536)
                for piece in itertools.cycle(pieces) if endless else pieces:
                    connection.sendall(piece)
                    if stopping.wait(drip_s):
                        return

        def serve() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/onvif/device_service"

    yield start
    stopping.set()
    for one in opened:
        one.close()
