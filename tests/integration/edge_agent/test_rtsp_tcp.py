"""What is read of an RTSP connection: a few pictures at a time, and none lost, late for ever or made up."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from config.settings.edge import CameraSettings, RecordingSettings
from deploy.local.simulator.rtp import RtpStream, describe, payloads
from deploy.local.simulator.source import AccessUnit
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.rtsp import source as rtsp_source
from edge_agent.cameras.rtsp import ways
from edge_agent.cameras.rtsp.source import RtspSource, open_rtsp

RECORDING = RecordingSettings(
    segment_s=60,
    connect_timeout_s=5,
    stall_s=2,
    frame_gap_s=1,
    reconnect_first_s=0.5,
    reconnect_limit_s=30,
    shard_cameras=8,
)
SETS = (bytes([0x67, 66, 0, 30, 1]), bytes([0x68, 1, 2]))
PICTURES = 30
LEFT_S = 60.0

Play = Callable[[bytes, bytes], RtspSource]
"""Opens a camera that sends the one with its answer to PLAY and the other after it, and then holds its peace."""


def pictures(count: int, *, first: int = 0) -> bytes:
    """Interleaved packets of small pictures, the first one a keyframe."""
    stream, sent = RtpStream(ssrc=1, sequence=first), b""
    for number in range(first, first + count):
        unit = AccessUnit((bytes([0x65 if number == 0 else 0x41, number]) * 20,), number == 0)
        for payload in payloads("h264", unit):
            packet = stream.packet(payload, number * 3_600)
            sent += struct.pack(">cBH", b"$", 0, len(packet)) + packet
    return sent


@pytest.fixture
def play() -> Iterator[Play]:
    listening = socket.create_server(("127.0.0.1", 0))
    over, opened = threading.Event(), list[RtspSource]()

    def serve(with_answer: bytes, after: bytes) -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as reader:
            described = describe("camera", "h264", SETS)
            while True:
                method, sequence = reader.readline().split(b" ")[0], b""
                while (line := reader.readline().strip()) != b"":
                    sequence = line.partition(b":")[2] if line.lower().startswith(b"cseq") else sequence
                body = described if method == b"DESCRIBE" else b""
                head = b"RTSP/1.0 200 OK\r\nCSeq:%s\r\nSession: 1\r\nContent-Length: %d\r\n\r\n" % (sequence, len(body))
                connection.sendall(head + body + (with_answer if method == b"PLAY" else b""))
                if method == b"PLAY":
                    connection.sendall(after)
                    over.wait(LEFT_S)
                    return

    def start(with_answer: bytes, after: bytes) -> RtspSource:
        threading.Thread(target=serve, args=(with_answer, after), daemon=True).start()
        url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/cam"
        opened.append(open_rtsp(url, CameraSettings(id="gate", url=url), "", RECORDING))
        return opened[-1]

    yield start
    over.set()
    listening.close()
    for source in opened:
        source.close()


def steady(source: RtspSource, monkeypatch: pytest.MonkeyPatch) -> RtspSource:
    """As one that has been played for long enough to be read a few pictures at a time."""
    monkeypatch.setattr(rtsp_source, "PROMPT_FOR_S", 0.0)
    return source


def test_pictures_that_come_with_the_answer_are_not_lost(play: Play) -> None:
    source = play(pictures(20), pictures(10, first=20))
    found = list(islice(source.packets(), PICTURES))
    assert found[0].is_keyframe
    assert [packet.pts for packet in found] == [number * 3_600 for number in range(PICTURES)]


def test_a_quiet_camera_is_not_waited_for(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far less than a read waits for, and nothing after it: the connection stands."""
    sent = pictures(PICTURES)
    assert len(sent) * 10 < ways.GATHERED_BYTES
    source = steady(play(b"", sent), monkeypatch)
    source.be_prompt(prompt=False)
    assert len(list(islice(source.packets(), PICTURES))) == PICTURES


@pytest.mark.parametrize("begins", [True, False])
def test_whoever_looks_on_is_given_each_picture_at_once_and_so_is_a_beginning(
    play: Play, monkeypatch: pytest.MonkeyPatch, begins: bool
) -> None:
    monkeypatch.setattr(ways, "GATHERED_WITHIN_S", LEFT_S)
    began_s = time.monotonic()
    source = play(b"", pictures(PICTURES))
    if not begins:
        steady(source, monkeypatch)
    source.be_prompt(prompt=not begins)
    assert len(list(islice(source.packets(), PICTURES))) == PICTURES
    assert time.monotonic() - began_s < LEFT_S / 2


def test_what_came_before_nonsense_counts(play: Play) -> None:
    packets = play(b"", pictures(PICTURES) + b"no RTSP at all").packets()
    assert len(list(islice(packets, PICTURES))) == PICTURES
    with pytest.raises(CameraFault, match="not RTSP"):
        next(packets)


def test_a_camera_that_falls_silent_has_stalled(play: Play) -> None:
    packets = play(b"", pictures(PICTURES)).packets()
    assert len(list(islice(packets, PICTURES))) == PICTURES
    with pytest.raises(CameraFault, match="no frame for 2 s") as stalled:
        next(packets)
    assert stalled.value.condition == "stalled"


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "127.0.0.1:rtsp", "a..b", "\u3002"])
def test_an_address_that_is_none_is_said_to_be_none(address: str) -> None:
    url = f"rtsp://{address}/cam"
    with pytest.raises(CameraFault, match="check the name or address") as unreachable:
        open_rtsp(url, CameraSettings(id="gate", url=url), "", RECORDING)
    assert unreachable.value.condition == "unreachable"
