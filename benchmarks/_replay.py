"""An RTSP source that costs next to nothing: RTP packets made once, sent in a loop with their numbers written anew.

    python -m benchmarks._replay CLIP CAMERAS LOG     says {"port": …} when it listens

Each of ``/cam1`` … plays the clip at its pace, over the RTSP connection, shifted so that not all keyframes come at
once. ``LOG`` gets a line for each viewer (``play camera utc_us``) and for each keyframe (``key camera utc_us frames_so_far
late_us``): the instant at which a camera would have taken it, which is when it was due, and by how much later it was
handed to the kernel. SIGUSR1 cuts every connection.

Invariant: whatever a viewer does, the others are served on time; one that does not read is cut off.
Source: RFC 2326 (interleaving), RFC 3550, RFC 6184 (FU-A).
"""

import contextlib
import copy
import heapq
import json
import re
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np

from benchmarks._clip import FPS, access_units
from deploy.local.simulator.rtp import RtpStream, describe, payloads
from deploy.local.simulator.source import AccessUnit, parameter_sets, split

SEND_BUFFER_BYTES = 4_000_000
BEHIND_BYTES_MAX = 8_000_000
REPORT_EVERY_FRAMES = 5 * FPS
TICKS = 90_000 // FPS


class Loop:
    """One camera's packets: a blob, where its frames end, and where its numbers stand."""

    def __init__(self, units: list[tuple[bytes, bool]]) -> None:
        blob, self.ends, numbers, self.keys = bytearray(), [0], [], [key for _, key in units]
        stream = RtpStream(ssrc=1, sequence=0)
        for unit, key in units:
            for payload in payloads("h264", AccessUnit(tuple(split(unit)), key)):
                packet = stream.packet(payload, 0)
                numbers.append((len(blob) + 4, len(self.ends) - 1))
                blob += struct.pack(">cBH", b"$", 0, len(packet)) + packet
            self.ends.append(len(blob))
        self.frames = len(units)
        self.packets = len(numbers)
        self.blob = np.frombuffer(bytes(blob), dtype=np.uint8).copy()
        self._at = np.array([at for at, _ in numbers])
        self._frame = np.array([frame for _, frame in numbers])

    def copy(self) -> "Loop":
        """The same for another viewer, with numbers of its own."""
        made = copy.copy(self)
        made.blob = self.blob.copy()
        return made

    def number(self, sequence: int, timestamp: int) -> None:
        """Writes sequence numbers and time stamps of the next round into the packets."""
        counted = (sequence + np.arange(self.packets)) & 0xFFFF
        stamped = (timestamp + self._frame * TICKS) & 0xFFFF_FFFF
        for offset, values, shift in ((2, counted, 8), (3, counted, 0)):
            self.blob[self._at + offset] = (values >> shift) & 0xFF
        for offset, shift in ((4, 24), (5, 16), (6, 8), (7, 0)):
            self.blob[self._at + offset] = (stamped >> shift) & 0xFF


class Viewer:
    """One playing connection."""

    def __init__(self, connection: socket.socket, camera: int, loop: Loop, log: IO[str]) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self._camera, self._loop, self._log = camera, loop, log
        self._frame = self._sequence = self._sent = 0
        self._timestamp = 0
        self._behind = bytearray()
        self._report = RtpStream(ssrc=1)
        loop.number(0, 0)

    def turn(self, due_s: float) -> bool:
        """Sends the next frame, which was due at this (monotonic) instant; False where the viewer is gone."""
        loop, frame = self._loop, self._frame
        data: memoryview | bytes = loop.blob[loop.ends[frame] : loop.ends[frame + 1]].data
        stamp = self._timestamp + frame * TICKS
        late_us = int((time.monotonic() - due_s) * 1e6)
        due_us = time.time_ns() // 1_000 - late_us
        if loop.keys[frame]:
            print("key", self._camera, due_us, self._sent, late_us, file=self._log, flush=True)
        if self._sent % REPORT_EVERY_FRAMES == 0:
            report = self._report.sender_report(stamp, due_us)
            data = struct.pack(">cBH", b"$", 1, len(report)) + report + bytes(data)
        self._sent += 1
        self._frame += 1
        if not self.send(data):
            return False
        if self._frame == loop.frames:
            self._frame = 0
            self._sequence += loop.packets
            self._timestamp += loop.frames * TICKS
            loop.number(self._sequence, self._timestamp)
        return True

    def send(self, data: memoryview | bytes) -> bool:
        """Hands bytes to the kernel, or keeps them for later."""
        with self.lock:
            try:
                if self._behind:
                    self._behind += data
                    del self._behind[: self.connection.send(self._behind, socket.MSG_DONTWAIT)]
                else:
                    sent = self.connection.send(data, socket.MSG_DONTWAIT)
                    self._behind += data[sent:]
            except BlockingIOError:
                if not self._behind:
                    self._behind += data
            except OSError:
                return False
            return len(self._behind) < BEHIND_BYTES_MAX


def main(clip: Path, cameras: int, log: Path) -> None:
    """Serves until it is killed."""
    units = access_units(clip)
    described = describe("replay", "h264", parameter_sets("h264", tuple(split(units[0][0]))))
    loop, viewers = Loop(units), set[Viewer]()
    due: list[tuple[float, int, Viewer]] = []
    arrived = threading.Condition()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    with log.open("a") as lines:

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=greet, args=(connection,), daemon=True).start()

        def greet(connection: socket.socket) -> None:
            viewer: Viewer | None = None
            with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as reader:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
                while (request := _request(reader)) is not None:
                    method, camera, headers = request
                    answer = _answer(method, headers, described)
                    if viewer is not None:
                        viewer.send(answer)
                        continue
                    connection.sendall(answer)
                    if method == "PLAY":
                        viewer = Viewer(connection, camera, loop.copy(), lines)
                        print("play", camera, time.time_ns() // 1_000, file=lines, flush=True)
                        viewers.add(viewer)
                        with arrived:
                            first_s = time.monotonic() + (camera - 1) % max(1, cameras) * 2.0 / max(1, cameras)
                            heapq.heappush(due, (first_s, id(viewer), viewer))
                            arrived.notify()

        def cut(*_: object) -> None:
            for playing in list(viewers):
                viewers.discard(playing)
                with contextlib.suppress(OSError):
                    playing.connection.shutdown(socket.SHUT_RDWR)

        signal.signal(signal.SIGUSR1, cut)
        threading.Thread(target=accept, daemon=True).start()
        while True:
            with arrived:
                while not due:
                    arrived.wait()
                at_s, number, viewer = heapq.heappop(due)
            time.sleep(max(0.0, at_s - time.monotonic()))
            if viewer.turn(at_s):
                with arrived:
                    heapq.heappush(due, (at_s + 1 / FPS, number, viewer))
            else:
                viewer.connection.close()


def _request(reader: IO[bytes]) -> tuple[str, int, dict[str, str]] | None:
    """Method, camera and headers of the next request; what is interleaved is skipped."""
    while (first := reader.read(1)) == b"$":
        reader.read(int.from_bytes(reader.read(3)[1:], "big"))
    line = (first + reader.readline()).decode()
    if not first or not line.strip():
        return None
    headers: dict[str, str] = {}
    while (header := reader.readline().decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    method, uri, _ = line.split(" ", 2)
    found = re.search(r"/cam(\d+)", uri)
    return method, int(found[1]) if found else 1, headers


def _answer(method: str, headers: dict[str, str], described: bytes) -> bytes:
    more, body = "", b""
    if method == "OPTIONS":
        more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
    elif method == "DESCRIBE":
        more, body = f"Content-Type: application/sdp\r\nContent-Length: {len(described)}\r\n", described
    elif method == "SETUP":
        more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
    return f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq', '0')}\r\nSession: 1;timeout=60\r\n{more}\r\n".encode() + body


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
