"""What a camera is to its reader: an open source of packets; and which kind a URL means.

Invariant: a source ends with a CameraFault that says why, never by running out. Each kind bounds its own waits.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from av.packet import Packet
from av.video.stream import VideoStream

from config.base.logs import get_logger
from config.settings.edge import CameraSettings, RecordingSettings, StreamName
from edge_agent.cameras.feed import StreamFormat
from edge_agent.cameras.figures import Meter

if TYPE_CHECKING:
    VideoPacket: TypeAlias = Packet[VideoStream]
else:  # the compiled class cannot be subscripted
    VideoPacket = Packet

log = get_logger("cameras")


class PacketSource(ABC):
    """An open stream. Use it from one thread; ``close`` it always."""

    format: StreamFormat

    @abstractmethod
    def packets(self) -> Iterator[VideoPacket]:
        """Access units, Annex B, in decoding order, as they come. Raises CameraFault."""

    def note(self, meter: Meter, packet: VideoPacket, arrival_utc_us: int) -> None:  # noqa: B027 - most know nothing
        """Called with each keyframe, which arrived at this instant: puts what the source alone knows into ``meter``."""

    def be_prompt(self, *, prompt: bool) -> None:  # noqa: B027 - most read each packet as it comes
        """Whether somebody waits for each packet, so that none may be held back to save work."""

    def interrupt(self) -> None:  # noqa: B027 - the waits of most are short
        """From another thread: has ``packets`` end soon, where that can be done."""

    def close(self) -> None:  # noqa: B027 - not all hold anything between packets
        """Lets go of what is held."""


def open_source(
    camera: CameraSettings, stream: StreamName, password: str, recording: RecordingSettings
) -> PacketSource:
    """Opens one stream of a camera. Raises CameraFault saying why there is no video."""
    url = camera.source_url(stream)
    if url.startswith("rtsp:"):
        from edge_agent.cameras.rtsp.source import Unsupported, open_rtsp

        try:
            return open_rtsp(url, camera, password, recording)
        except Unsupported as unsupported:
            from edge_agent.cameras import rtsp_ffmpeg

            log.info("rtsp_left_to_ffmpeg", camera=camera.id, why=str(unsupported))
            return rtsp_ffmpeg.open_rtsp(url, camera, password, recording)
    from edge_agent.cameras.trial_sources import open_file, open_usb

    return open_usb(url.removeprefix("usb:")) if url.startswith("usb:") else open_file(url.removeprefix("file:"))
