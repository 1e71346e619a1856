"""Writes one segment: packets in, a durable fragmented MP4 file out.

Invariant: no frame is re-encoded or dropped; each fragment is on the disk before the next keyframe's is begun; the
final name appears only when the file is whole.

Source: FFmpeg's mov muxer, ``frag_keyframe+empty_moov+default_base_moof``.
"""

import io
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from config.base.errors import InvalidInput, NightlightError
from edge_agent.cameras.feed import Codec
from edge_agent.recording.continuity import Frame
from edge_agent.recording.sink import HashingSink, disk_fault, sync_folder

MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof"
WRITE_BYTES = 1 << 16
SIDE_MAX = 16_384
"""The widest and the highest picture that the wire contract takes."""
CLOCK_RATE = Fraction(1, 90_000)


@dataclass(frozen=True)
class WrittenSegment:
    """What was written, for the manifest."""

    sha256: str
    size_bytes: int
    frames: int


class Header:
    """What stands at the head of a run's segments, read from its first keyframe. Close it with the run."""

    def __init__(self, keyframe: bytes, codec: Codec, time_base: Fraction) -> None:
        """``keyframe``: Annex B, its parameter sets included; ``time_base``: of the packets that will come.

        Raises InvalidInput where it cannot be read.
        """
        try:
            self._container: InputContainer = av.open(io.BytesIO(keyframe), "r", format=codec)
        except (av.error.FFmpegError, OSError) as error:
            raise InvalidInput("the key frame cannot be read", code="bad_keyframe") from error
        self.stream: VideoStream = self._container.streams.video[0]
        self.codec = codec
        self.time_base = time_base
        self.width, self.height = self.stream.codec_context.width, self.stream.codec_context.height
        sound = 0 < self.width <= SIDE_MAX and 0 < self.height <= SIDE_MAX
        if not sound or not self.stream.codec_context.extradata:
            self.close()
            raise InvalidInput("the key frame has no usable parameter sets", code="bad_keyframe")

    def close(self) -> None:
        self._container.close()


class SegmentWriter:
    """One segment file while it grows. ``abandon`` it after any failure to write.

    Raises ResourceExhausted where there is no room on the disk, Unavailable where it fails otherwise.
    """

    def __init__(self, part: Path, final: Path, header: Header) -> None:
        self._final = final
        self._scale = (header.time_base.denominator, header.time_base.numerator * 1_000_000)
        self.frames = 0
        self._base_us: int | None = None
        self._closed = False
        try:
            self._sink = HashingSink(part)
        except OSError as error:
            why = f"cannot create a segment file ({error.strerror}): check the disk and the rights of {part.parent}"
            raise disk_fault(error.errno, why) from error
        self._output = av.open(
            self._sink, "w", format="mp4", options={"movflags": MOVFLAGS, "flush_packets": "1"}, buffer_size=WRITE_BYTES
        )
        self._stream = self._output.add_stream_from_template(header.stream)
        self._stream.time_base = CLOCK_RATE

    @property
    def size_bytes(self) -> int:
        return self._sink.size_bytes

    def add(self, frame: Frame) -> None:
        """Appends a frame; a keyframe ends the fragment before it, which is durable on return."""
        packet = frame.packet
        if packet is None:
            raise ValueError("a frame without its packet cannot be written")
        if self._base_us is None:
            self._base_us = frame.decoded_us
        # The first frame's time becomes 0, in the packet's own units: exact, no rounding through microseconds.
        base = self._ticks(self._base_us)
        packet.pts = self._ticks(frame.presented_us) - base
        packet.dts = self._ticks(frame.decoded_us) - base
        packet.stream = self._stream
        try:
            self._output.mux(packet)
            if frame.is_key:
                self._sink.sync()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        self.frames += 1

    def finish(self) -> WrittenSegment:
        """Ends the last fragment, makes the file durable and gives it its final name."""
        self._closed = True
        try:
            self._output.close()
            if self._sink.fault:
                raise self._sink.fault
            digest = self._sink.finish()
            self._sink.path.rename(self._final)
            sync_folder(self._final.parent)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        return WrittenSegment(digest, self._sink.size_bytes, self.frames)

    def abandon(self) -> None:
        """Leaves the file as it is, for recovery to look at."""
        if not self._closed:
            self._closed = True
            with suppress(av.error.FFmpegError, OSError):  # the fault that led here has been told already
                self._output.close()
        self._sink.abandon()

    def _ticks(self, instant_us: int) -> int:
        rate, divisor = self._scale
        return (instant_us * rate + divisor // 2) // divisor

    def _failed(self, error: OSError | av.error.FFmpegError) -> NightlightError:
        fault = self._sink.fault or error
        why = fault.strerror or type(fault).__name__
        return disk_fault(fault.errno, f"cannot write {self._sink.path.name} ({why}): check the disk")
