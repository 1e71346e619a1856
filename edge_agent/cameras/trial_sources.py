"""Sources for trials, where there is no IP camera: a file that is played in a loop, and a camera on USB.

Invariant: they behave like a camera: packets come at the pace of their time stamps, which never go back.

Source: FFmpeg's ``h264_mp4toannexb`` and ``hevc_mp4toannexb`` filters; Linux' Video4Linux2 through FFmpeg's v4l2 demuxer.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.error
from av.bitstream import BitStreamFilterContext
from av.codec.context import ThreadType
from av.container import InputContainer
from av.rational import AVRational
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from edge_agent.cameras.faults import CameraFault, no_video_fault
from edge_agent.cameras.feed import Codec, StreamFormat
from edge_agent.cameras.source import PacketSource, VideoPacket

CLOCK_RATE = Fraction(1, 90_000)
RTP_RATE = AVRational(1, 90_000)
KEYFRAME_EVERY_S = 2
USB_FORMATS = ("h264", "mjpeg", "")
"""Asked for in this order; the last is whatever the camera gives by itself."""
AHEAD_S_MAX = 0.5
"""A reader that fell behind by more than this does not hurry after."""


class FileSource(PacketSource):
    """A file, played again and again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        container, video = self._opened()
        self.format = StreamFormat(cast(Codec, video.codec_context.name), b"", CLOCK_RATE)
        container.close()
        self._closed = False

    def packets(self) -> Iterator[VideoPacket]:
        began_s, shift, step = time.monotonic(), 0, 3_600
        while True:
            container, video = self._opened()
            to_annex_b = BitStreamFilterContext(f"{self.format.codec}_mp4toannexb", video)
            first: int | None = None
            last = -step
            try:
                for read in container.demux(video):
                    if not read.size:
                        continue
                    for packet in to_annex_b.filter(read):
                        packet.rescale_ts(RTP_RATE)
                        decoded = packet.dts if packet.dts is not None else last + step
                        first = decoded if first is None else first
                        step, last = max(1, decoded - first - last), decoded - first
                        presented = packet.pts if packet.pts is not None else decoded
                        packet.pts, packet.dts = presented - first + shift, last + shift
                        wait_s = began_s + packet.dts / 90_000 - time.monotonic()
                        if wait_s > 0:
                            time.sleep(wait_s)
                        elif wait_s < -AHEAD_S_MAX:
                            began_s -= wait_s
                        yield packet
            except (av.error.FFmpegError, OSError) as error:
                raise CameraFault("unreachable", f"the file cannot be read ({type(error).__name__})") from error
            finally:
                container.close()
            shift += last + step

    def _opened(self) -> tuple[InputContainer, VideoStream]:
        try:
            container = av.open(str(self._path), "r")
        except (av.error.FFmpegError, OSError) as error:
            raise CameraFault(
                "unreachable", "the file cannot be opened: is its path right, and is it a video?"
            ) from error
        for video in container.streams.video:
            if video.codec_context is not None and video.codec_context.name in ("h264", "hevc"):
                return container, video
        codecs = [video.codec_context.name for video in container.streams.video if video.codec_context is not None]
        container.close()
        raise no_video_fault(codecs)


class CopiedDevice(PacketSource):
    """A device that gives H.264 by itself."""

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self._container, self._video = container, video
        self.format = StreamFormat("h264", bytes(video.codec_context.extradata or b""), video.time_base or CLOCK_RATE)

    def packets(self) -> Iterator[VideoPacket]:
        try:
            for packet in self._container.demux(self._video):
                if packet.size:
                    yield packet
        except (av.error.FFmpegError, OSError) as error:
            raise _gone(error) from error
        raise CameraFault("unreachable", "the USB camera was taken away")

    def close(self) -> None:
        self._container.close()


class EncodedDevice(CopiedDevice):
    """A device that gives pictures only: they are encoded here, which costs a good part of a core."""

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        super().__init__(container, video)
        rate = Fraction(video.average_rate or video.guessed_rate or 25)
        self._encoder = encoder = VideoCodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = video.width // 2 * 2, video.height // 2 * 2, "yuv420p"
        encoder.framerate, encoder.time_base = rate, CLOCK_RATE
        encoder.gop_size = max(1, round(rate * KEYFRAME_EVERY_S))
        encoder.thread_count, encoder.thread_type = 1, ThreadType.NONE
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26", "forced-idr": "1"}
        self.format = StreamFormat("h264", b"", CLOCK_RATE)

    def packets(self) -> Iterator[VideoPacket]:
        try:
            for read in self._container.demux(self._video):
                for picture in read.decode():
                    reformed = picture.reformat(self._encoder.width, self._encoder.height, "yuv420p")
                    for packet in self._encoder.encode(reformed):
                        packet.rescale_ts(RTP_RATE)
                        yield packet
        except (av.error.FFmpegError, OSError) as error:
            raise _gone(error) from error
        raise CameraFault("unreachable", "the USB camera was taken away")


def open_file(path: str) -> PacketSource:
    """Raises CameraFault."""
    return FileSource(Path(path))


def open_usb(device: str) -> PacketSource:
    """A Video4Linux2 device, e.g. ``/dev/video0``. Raises CameraFault."""
    failed: OSError | av.error.FFmpegError | None = None
    for wanted in USB_FORMATS:
        try:
            container = av.open(device, "r", format="v4l2", options={"input_format": wanted} if wanted else {})
        except (av.error.FFmpegError, OSError) as error:
            failed = error
            continue
        return device_source(container)
    raise _gone(failed or OSError()) from failed


def device_source(container: InputContainer) -> CopiedDevice:
    """What an open device gives, as H.264. Raises CameraFault where it gives no pictures."""
    for video in container.streams.video:
        if video.codec_context is not None:
            kind = CopiedDevice if video.codec_context.name == "h264" else EncodedDevice
            return kind(container, video)
    container.close()
    raise no_video_fault([])


def _gone(error: OSError | av.error.FFmpegError) -> CameraFault:
    return CameraFault(
        "unreachable",
        f"the USB camera cannot be read ({type(error).__name__}): is it plugged in, and may this user read it?",
    )
