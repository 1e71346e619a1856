"""Opens one RTSP stream with PyAV and hands out its video packets with their arrival times.

Invariant: user and password are joined into the URL here, at the moment of opening, and nowhere kept or logged, and
only of a camera with ``allow_basic``. Every wait is bounded: ``connect_timeout_s`` to open, ``stall_s`` for the next packet.

Source: RFC 2326 (RTSP); FFmpeg's rtsp demuxer. With its default probing the first second of a stream is mislabelled,
hence ``probesize`` and ``analyzeduration``. Only video is set up: an audio stream that goes on would hide a video
stream that has stopped.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import cast
from urllib.parse import quote

import av
import av.error
import av.logging
from av.container import InputContainer
from av.video.stream import VideoStream

from config.settings.edge import CameraSettings, RecordingSettings
from edge_agent.cameras.faults import ended_fault, ffmpeg_basic_fault, no_video_fault, opening_fault, reading_fault
from edge_agent.cameras.feed import Codec, StreamFormat
from edge_agent.cameras.source import PacketSource, VideoPacket

RTP_VIDEO = Fraction(1, 90_000)

av.logging.set_level(None)  # FFmpeg's own lines would carry the URL with its password


class RtspStream(PacketSource):
    """An open stream. Use it from one thread; ``close`` it always."""

    def __init__(self, container: InputContainer, video: VideoStream, stall_s: int) -> None:
        self._container = container
        self._video = video
        self._stall_s = stall_s
        self.format = StreamFormat(
            cast(Codec, video.codec_context.name),
            bytes(video.codec_context.extradata or b""),
            video.time_base or RTP_VIDEO,
        )

    def packets(self) -> Iterator[VideoPacket]:
        """Video packets until the stream ends, which it does with a CameraFault, never by running out."""
        try:
            for packet in self._container.demux(self._video):
                if packet.size == 0:
                    break
                yield packet
        except (av.error.FFmpegError, OSError) as error:
            raise reading_fault(error, self._stall_s) from error
        raise ended_fault()

    def close(self) -> None:
        self._container.close()


def open_rtsp(url: str, camera: CameraSettings, password: str, recording: RecordingSettings) -> RtspStream:
    """Raises CameraFault saying why there is no video."""
    if camera.username and not camera.allow_basic:
        # FFmpeg answers Basic whenever it is asked to, and takes no word against it.
        raise ffmpeg_basic_fault(camera.id)
    began_s = time.monotonic()
    try:
        container = _open(url, camera, password, recording, {"allowed_media_types": "video"})
    except (av.error.FFmpegError, OSError) as error:
        elapsed_s = time.monotonic() - began_s
        if isinstance(error, av.error.HTTPOtherClientError):
            _look_for_video(url, camera, password, recording)
        raise opening_fault(error, elapsed_s, recording.connect_timeout_s, has_user=bool(camera.username)) from error
    video = _recordable(container)
    if video is None:
        codecs = _codecs(container)
        container.close()
        raise no_video_fault(codecs)
    return RtspStream(container, video, recording.stall_s)


def _open(
    url: str, camera: CameraSettings, password: str, recording: RecordingSettings, more: dict[str, str]
) -> InputContainer:
    options = {
        "rtsp_transport": camera.transport,
        "probesize": "32",
        "analyzeduration": "0",
        "timeout": str(max(recording.connect_timeout_s, recording.stall_s) * 1_000_000),
        **more,
    }
    timeouts = (recording.connect_timeout_s, recording.stall_s)
    return av.open(_joined(url, camera, password), "r", options=options, timeout=timeouts)


def _look_for_video(url: str, camera: CameraSettings, password: str, recording: RecordingSettings) -> None:
    """Some devices with sound only refuse to play nothing: asks for everything, and raises CameraFault if that is so."""
    try:
        container = _open(url, camera, password, recording, {})
    except (av.error.FFmpegError, OSError):
        return  # the first error stands
    codecs, video = _codecs(container), _recordable(container)
    container.close()
    if video is None:
        raise no_video_fault(codecs)


def _recordable(container: InputContainer) -> VideoStream | None:
    for video in container.streams.video:
        if video.codec_context is not None and video.codec_context.name in ("h264", "hevc"):
            return video
    return None


def _codecs(container: InputContainer) -> list[str]:
    return [video.codec_context.name for video in container.streams.video if video.codec_context is not None]


def _joined(url: str, camera: CameraSettings, password: str) -> str:
    if not camera.username:
        return url
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{quote(camera.username, safe='')}:{quote(password, safe='')}@{rest}"
