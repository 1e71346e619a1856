"""One viewer's WebSocket, written to directly.

Invariants: writing never waits; a viewer whose line is slow skips to a keyframe, and what waits for it is bounded; after
``cut`` not one byte of pictures is handed to the socket, and what the kernel holds is thrown away with the connection.
"""

import asyncio
import fcntl
import socket
import struct
import termios

from server.domain.marking import CodeWord
from server.live.wire import TEXT, frame

BEHIND_BYTES_MAX = 512 * 1024
"""More than this waiting: the line is slow. A group for a beginner may be larger, once."""
CAUGHT_UP_BYTES = 32 * 1024
KERNEL_BYTES = 256 * 1024
LAST_WORD_S = 0.25
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing throws away what was not sent (socket(7))."""


class Viewer:
    """Used by the event loop alone."""

    def __init__(self, transport: asyncio.Transport, word: CodeWord | None = None) -> None:
        """``word``: which of two variants it is sent, where the site marks its live view."""
        self._transport = transport
        self.word = word
        self._skips = True
        self.gone = False
        self.sent_bytes = 0
        self.skipped = 0
        found = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        transport.set_write_buffer_limits(high=BEHIND_BYTES_MAX)

    def begin(self, stream: bytes, group: bytes) -> None:
        """What the stream is, and the group that lasts: framed, as they are.

        Where a stream begins again and again and the line takes nothing, the connection ends; its player comes back.
        """
        if self.gone or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > 2 * BEHIND_BYTES_MAX:
            abort(self._transport)
            return
        self._skips = not group
        self._transport.write(stream + group)
        self.sent_bytes += len(group)

    def send(self, framed: bytes, *, is_key: bool) -> None:
        """One frame of the stream, or nothing where the line is slow."""
        transport = self._transport
        if self.gone or transport.is_closing():
            return
        waiting = transport.get_write_buffer_size()
        if self._skips:
            if not is_key or waiting > CAUGHT_UP_BYTES:
                self.skipped += 1
                return
            self._skips = False
        elif waiting > BEHIND_BYTES_MAX:
            self._skips = True
            self.skipped += 1
            return
        transport.write(framed)
        self.sent_bytes += len(framed)

    def cut(self, last_word: bytes) -> None:
        """No byte of pictures from here on. Who keeps up is told why; where anything waits, it is thrown away."""
        if self.gone:
            return
        self.gone = True
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() == 0:
            self._transport.write(frame(last_word, TEXT))
            asyncio.get_running_loop().call_later(LAST_WORD_S, abort, self._transport)
        else:
            abort(self._transport)


def unsent_bytes(transport: asyncio.Transport) -> int:
    """What the other end has not acknowledged yet, in this process and in the kernel (tcp(7), SIOCOUTQ)."""
    found, waiting = transport.get_extra_info("socket"), transport.get_write_buffer_size()
    if waiting or found is None or found.fileno() < 0:
        return waiting
    (queued,) = struct.unpack("i", fcntl.ioctl(found.fileno(), termios.TIOCOUTQ, b"\0" * 4))
    return int(queued)


def abort(transport: asyncio.Transport) -> None:
    """Ends a connection with nothing more on the wire than what has left already."""
    found = transport.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
