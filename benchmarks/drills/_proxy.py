"""A TCP relay that can fail as networks do: refuse, or swallow what is sent while connections stand half open.

``freeze`` keeps every connection and forwards nothing, in either direction, and new ones are accepted into silence;
``thaw`` lets new connections through again, and those of before stay silent for ever, as after a NAT's restart.
"""

import selectors
import socket
import threading
from contextlib import suppress

BLOCK = 65_536
CONNECT_WITHIN_S = 5.0


class Relay(threading.Thread):
    """Listens on ``port`` of loopback for ``target_port``. ``close`` ends it."""

    def __init__(self, port: int, target_port: int) -> None:
        super().__init__(name=f"relay-{port}", daemon=True)
        self.port = port
        self.target_port = target_port
        self._selector = selectors.DefaultSelector()
        self._peer: dict[socket.socket, socket.socket] = {}
        self._silent: list[socket.socket] = []
        self._lock = threading.Lock()
        self._frozen = False
        self._listener: socket.socket | None = None
        self._ending = False
        self.listen()
        self.start()

    def listen(self) -> None:
        """Takes connections again."""
        with self._lock:
            if self._listener is None:
                made = socket.socket()
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(("127.0.0.1", self.port))
                made.listen(64)
                self._selector.register(made, selectors.EVENT_READ)
                self._listener = made

    def refuse(self) -> None:
        """Ends every connection and takes no new one."""
        with self._lock:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
            for one in list(self._peer):
                self._drop(one)

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told."""
        with self._lock:
            self._frozen = True
            for one in list(self._peer):
                with suppress(KeyError, ValueError):
                    self._selector.unregister(one)
            self._silent += list(self._peer)
            self._peer.clear()

    def thaw(self) -> None:
        """New connections pass again."""
        with self._lock:
            self._frozen = False

    def close(self) -> None:
        self._ending = True
        self.refuse()
        self.join(2)
        for one in self._silent:
            one.close()

    def run(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select(0.2):
                with self._lock:
                    self._serve(key.fileobj)

    def _serve(self, ready: object) -> None:
        if ready is self._listener and self._listener is not None:
            with suppress(OSError):
                self._pair(self._listener.accept()[0])
            return
        if not isinstance(ready, socket.socket) or ready not in self._peer:
            return
        try:
            data = ready.recv(BLOCK)
            if not data:
                self._drop(ready)
                return
            self._peer[ready].settimeout(CONNECT_WITHIN_S)
            self._peer[ready].sendall(data)
        except OSError:
            self._drop(ready)

    def _pair(self, client: socket.socket) -> None:
        if self._frozen:
            self._silent.append(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), CONNECT_WITHIN_S)
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peer[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _drop(self, one: socket.socket) -> None:
        other = self._peer.pop(one, None)
        if other is not None:
            self._peer.pop(other, None)
        for ended in (one, other):
            if ended is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(ended)
                ended.close()
