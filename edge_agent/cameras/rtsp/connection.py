"""The TCP connection to a camera: requests and their answers, with RTP in between.

Invariants: every wait is bounded by the socket's own timeout; what the camera sends can fill no more than one buffer;
a ``memoryview`` that is handed out is good until the next call of ``more``.

Source: RFC 2326 10.12 (interleaved binary data).
"""

import socket
import struct
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from config.base.errors import InvalidInput
from edge_agent.cameras.rtsp.asking import HEAD_BYTES_MAX, Answer, Credentials, read_head, request

RTSP_PORT = 554
BUFFER_BYTES = 256 * 1024
ROOM_BYTES = 65_536 + 4
"""The largest interleaved packet must fit behind what is there."""
KERNEL_BUFFER_BYTES = 1 << 20
DOLLAR = 0x24
ASKED_AGAIN_MAX = 3

Interleaved = Callable[[int, int, int], None]
"""``(channel, begin, end)`` in the buffer."""
Shortcut = Callable[[int, int], int]
"""Takes packets from ``begin`` on as far as it can, and says where it stopped."""


class RtspConnection:
    """Use it from one thread; ``close`` may come from any."""

    def __init__(self, url: str, credentials: Credentials, connect_within_s: float) -> None:
        """``url`` without user and password. Raises OSError."""
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or ""
        self._credentials = credentials
        try:
            self._socket = socket.create_connection((self.host, parts.port or RTSP_PORT), connect_within_s)
        except ValueError as error:  # a port past 65535, a name that is none
            raise socket.gaierror(socket.EAI_NONAME, "no such address") from error
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER_BYTES)
        self.patience(connect_within_s)
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)
        self.begin = self.end = 0
        self._sequence = 0
        self.session = ""
        self._answers: list[Answer] = []

    @property
    def local_address(self) -> str:
        """The address of this machine that the camera sees."""
        return str(self._socket.getsockname()[0])

    @property
    def peer_address(self) -> str:
        return str(self._socket.getpeername()[0])

    @property
    def family(self) -> int:
        return self._socket.family

    def fileno(self) -> int:
        return self._socket.fileno()

    def patience(self, wait_s: float) -> None:
        """How long one read or write may wait. By the kernel, not by ``settimeout``: that asks before each read."""
        self._socket.setblocking(True)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _timeval(wait_s))

    def gather(self, size_bytes: int, within_s: float) -> None:
        """From now on a read waits for so many bytes, and no longer than this for what there is."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(within_s))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size_bytes)

    def ask(self, method: str, url: str, headers: dict[str, str], within_s: float) -> Answer:
        """A request and its answer; proves the user where the camera asks. Raises OSError, InvalidInput."""
        deadline_s = time.monotonic() + within_s
        for _ in range(ASKED_AGAIN_MAX):
            self.say(method, url, headers)
            while not self._answers:
                if time.monotonic() > deadline_s:
                    raise TimeoutError("no answer")
                self.more()
                self.sift(lambda *_: None, until_answer=True)
            answer = self._answers.pop(0)
            if answer.status != 401 or not self._credentials.challenged(answer.challenges):
                break
        session = answer.headers.get("session", "")
        self.session = session.partition(";")[0].strip() or self.session
        return answer

    def say(self, method: str, url: str, headers: dict[str, str]) -> None:
        """A request whose answer nobody waits for. Raises OSError."""
        self._sequence += 1
        more = {"Session": self.session} if self.session else {}
        self._socket.sendall(
            request(method, url, self._sequence, {**more, **headers, **self._credentials.header(method, url)})
        )

    def send_interleaved(self, channel: int, packet: bytes) -> None:
        self._socket.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)

    def more(self) -> None:
        """Waits for bytes and takes them in. Raises ConnectionResetError at the end, BlockingIOError after too long."""
        size = self._socket.recv_into(self.view[self.end :])
        if not size:
            raise ConnectionResetError(0, "the camera closed the connection")
        self.end += size

    def make_room(self) -> None:
        """Moves what is left to the front; views that were handed out are no longer good."""
        if self.begin == self.end:
            self.begin = self.end = 0
        elif BUFFER_BYTES - self.end < ROOM_BYTES:
            rest = bytes(self.view[self.begin : self.end])
            self.buffer[: len(rest)] = rest
            self.begin, self.end = 0, len(rest)

    def sift(self, interleaved: Interleaved, shortcut: Shortcut | None = None, *, until_answer: bool = False) -> None:
        """Hands on every whole packet in the buffer and keeps every whole answer. Raises InvalidInput for nonsense.

        ``until_answer``: what follows the first answer stays in the buffer; with the answer to PLAY may come pictures.
        """
        buffer, begin, end = self.buffer, self.begin, self.end
        while end - begin >= 4:
            if buffer[begin] == DOLLAR:
                after = begin + 4 + (buffer[begin + 2] << 8 | buffer[begin + 3])
                if after > end:
                    break
                interleaved(buffer[begin + 1], begin + 4, after)
                begin = shortcut(after, end) if shortcut is not None else after
                continue
            length = self._answer_length(begin, end)
            if not length:
                break
            begin += length
            if until_answer and self._answers:
                break
        self.begin = begin

    def asks_again(self) -> bool:
        """Looks at answers to requests that nobody waited for: whether the camera wants to be shown the user anew."""
        if not self._answers:
            return False
        answers, self._answers = self._answers, []
        return any(one.status == 401 and self._credentials.challenged(one.challenges) for one in answers)

    def close(self) -> None:
        self._socket.close()

    def interrupt(self) -> None:
        """From another thread: whoever reads wakes up with an error."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _answer_length(self, begin: int, end: int) -> int:
        """Takes in the answer at ``begin``; its length, 0 where it is not whole yet."""
        if not self.buffer.startswith((b"RTSP", b"OPTI", b"GET_", b"SET_", b"ANNO", b"REDI"), begin):
            raise InvalidInput("neither an answer nor a packet")
        at = self.buffer.find(b"\r\n\r\n", begin, end)
        if at < 0:
            if end - begin > HEAD_BYTES_MAX:
                raise InvalidInput("an answer without an end")
            return 0
        head = bytes(self.buffer[begin:at])
        if not head.startswith(b"RTSP"):
            return at + 4 - begin  # a request of the camera's own: nothing that matters to a recorder
        answer, length = read_head(head)
        if length > BUFFER_BYTES - ROOM_BYTES:
            raise InvalidInput("an answer that is too long")
        if at + 4 + length > end:
            return 0
        if answer.status > 100:
            body = bytes(self.buffer[at + 4 : at + 4 + length])
            self._answers.append(Answer(answer.status, answer.headers, answer.challenges, body))
            del self._answers[:-16]
        return at + 4 + length - begin


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
