"""A room with people in it, its camera's stream in two variants as an agent makes them, and what a screen capture leaves of them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from edge_agent.cameras.feed import FeedPacket, StreamFormat
from edge_agent.live.marking import MarkingTranscoder
from server.domain.marking import CodeWord

WIDTH, HEIGHT, FPS = 640, 360, 25
MICROS = Fraction(1, 1_000_000)
Luma = NDArray[np.uint8]


@dataclass(frozen=True)
class Capture:
    """What a person does to the picture on the way into a file. ``crop``: taken off each side, of width and height."""

    scale: float = 0.5
    crf: int = 35
    crop: float = 0.0
    brighter: int = 8
    from_s: float = 0.0
    seconds: float = 1e9


@dataclass
class Marked:
    """``frames[variant]``: decoded pictures; ``groups``: of each frame."""

    frames: tuple[list[Luma], list[Luma]]
    groups: list[int]
    bytes_each: int
    cpu_s: float


def room(seconds: float, seed: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), fps: int = FPS) -> Iterator[Luma]:
    """Walls with texture, furniture, six people who walk about, a lamp that sways, a sensor's noise."""
    width, height = size
    rng = np.random.default_rng(seed)
    rate = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.fftfreq(width)[None] ** 2
    rate[0, 0] = 1
    wall = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) / rate**0.55))
    wall = ((wall - wall.mean()) / wall.std() * 28 + 120).astype(np.float32)
    for _ in range(14):
        left, top = int(rng.integers(0, width * 7 // 8)), int(rng.integers(0, height * 5 // 6))
        across, down = rng.integers(width // 32, width // 4), rng.integers(height // 24, height // 4)
        piece = wall[top : top + down, left : left + across]
        piece[:] = piece * 0.5 + rng.integers(20, 230) * 0.5
    noise = [rng.normal(0, 2, (height, width)).astype(np.float32) for _ in range(8)]
    unit = height / 360
    people = [
        (rng.uniform(0, width), rng.uniform(0.3, 1) * height, rng.uniform(-60, 60) * unit, rng.uniform(15, 45) * unit)
        for _ in range(6)
    ]
    for number in range(int(seconds * fps)):
        at = number / fps
        picture = wall.copy()
        for shade, (x, y, speed, radius) in enumerate(people):
            place = (int((x + speed * at) % width), int(y + 10 * unit * np.sin(at * 2 + x)) % height)
            cv2.ellipse(picture, place, (int(radius), int(radius * 1.8)), 0, 0, 360, 30.0 + 35 * shade, -1)
            cv2.circle(picture, (place[0], int(place[1] - radius * 2)), int(radius * 0.7), 220.0 - 30 * shade, -1)
        picture += noise[number % 8] + 1.5 * np.float32(np.sin(at * 0.7))
        yield np.clip(picture, 0, 255).astype(np.uint8)


def camera(pictures: Iterator[Luma], fps: int = FPS) -> Iterator[FeedPacket]:
    """The camera's own H.264 sub-stream."""
    encoder, at = None, StreamFormat("h264", b"", MICROS)
    for number, picture in enumerate(pictures):
        encoder = encoder or _encoder(picture, 26, "ultrafast", fps, tune="zerolatency")
        frame = _frame(picture)
        frame.pts = number
        us = number * 1_000_000 // fps
        for one in encoder.encode(frame):
            yield FeedPacket(bytes(one), one.is_keyframe, us, us, us, us, 1, at, 0)


def marked(seed: str, packets: Iterator[FeedPacket], begin_us: int) -> Marked:
    """Both variants as viewers' decoders show them, and what the agent's work cost."""
    marking = MarkingTranscoder(1, "h264", seed, lambda us: begin_us + us)
    decoders = [av.CodecContext.create("h264", "r") for _ in range(2)]
    found = Marked(([], []), [], 0, 0.0)
    for packet in packets:
        before = time.thread_time()
        made = marking.take(packet, behind=False)
        found.cpu_s += time.thread_time() - before
        for frame in made:
            found.groups.append(frame.group)
            for variant, one in enumerate(frame.variants):
                found.bytes_each += len(one.data) // 2
                _decode(decoders[variant], av.Packet(one.data), found.frames[variant])
    for variant, decoder in enumerate(decoders):
        _decode(decoder, None, found.frames[variant])
    return found


def seen(source: Marked, word: CodeWord) -> list[Luma]:
    """What a viewer is sent."""
    return [source.frames[word.bit(group)][number] for number, group in enumerate(source.groups)]


def captured(pictures: Sequence[Luma], how: Capture, file: Path, fps: int = FPS) -> Path:
    """Cropped, made smaller and brighter, encoded again."""
    first, many = int(how.from_s * fps), int(min(how.seconds, 1e6) * fps)
    with av.open(str(file), "w") as output:
        stream = None
        for number, picture in enumerate(pictures[first : first + many]):
            down, across = (int(side * how.crop) for side in picture.shape)
            cut = picture[down : picture.shape[0] - down, across : picture.shape[1] - across]
            size = tuple(max(16, round(side * how.scale / 2) * 2) for side in (cut.shape[1], cut.shape[0]))
            shrunk = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.int16)
            small: Luma = np.clip(shrunk * 19 // 20 + how.brighter, 0, 255).astype(np.uint8)
            if stream is None:
                stream = output.add_stream("libx264", rate=fps)
                stream.width, stream.height, stream.pix_fmt = small.shape[1], small.shape[0], "yuv420p"
                stream.options = {"preset": "veryfast", "crf": str(how.crf)}
            frame = _frame(small)
            frame.pts = number
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode(None))
    return file


def _decode(decoder: VideoCodecContext, packet: "av.Packet[Any] | None", into: list[Luma]) -> None:
    into.extend(frame.to_ndarray()[: frame.height].astype(np.uint8) for frame in decoder.decode(packet))


def _frame(picture: Luma) -> av.VideoFrame:
    height, width = picture.shape
    planes = np.concatenate([picture, np.full((height // 2, width), 128, np.uint8)])
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def _encoder(picture: Luma, crf: int, preset: str, fps: int, tune: str) -> VideoCodecContext:
    made: VideoCodecContext = av.CodecContext.create("libx264", "w")
    made.height, made.width = picture.shape
    made.pix_fmt, made.time_base, made.framerate = "yuv420p", Fraction(1, fps), Fraction(fps)
    made.gop_size, made.thread_count = 2 * fps, 1
    made.options = {"preset": preset, "crf": str(crf), "tune": tune}
    return made
