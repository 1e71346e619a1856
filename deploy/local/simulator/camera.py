"""One simulated camera: paces its pictures and hands them to whoever watches.

Invariant: without a viewer nothing is drawn or encoded; a viewer that does not read fast enough loses whole pictures
up to the next keyframe, and a queue never grows past ``VIEWER_BYTES_MAX``.
"""

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

from config.base.clock import US_PER_S, Clock
from deploy.local.simulator.rtp import CLOCK_HZ, SOUND_HZ, RtpStream, payloads, silence
from deploy.local.simulator.source import AccessUnit, Codec, Source, nal_type

if TYPE_CHECKING:
    from deploy.local.simulator.card import Card

Mode = Literal["on", "off", "stall", "garbage", "no_video", "half", "restamp", "hang", "lossy", "noise"]
"""on        as it should be
off       connections are dropped, and new ones get no answer
stall     connections stand and are answered; no packet comes
garbage   packets come, their coded pictures are random bytes
no_video  the device answers, and has sound only
half      pictures of half the width and height, with their own parameter sets, from the next one on; live pictures only
restamp   time stamps begin again at 0, once; then as "on"
hang      connections are taken and nothing is ever answered; running ones stall
lossy     every fiftieth packet of pictures never leaves
noise     random bytes come in place of RTSP and RTP
"""
LOSE_ONE_OF = 50
REPORT_EVERY_US = 5 * US_PER_S
VIEWER_BYTES_MAX = 4_000_000


class Transport(Protocol):
    """How packets get to one viewer."""

    def send(self, packets: list[bytes], *, control: bool) -> None:
        """Sends RTP packets, or RTCP where ``control``."""
        ...

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        ...

    def waiting_bytes(self) -> int:
        """Bytes that the viewer has not taken yet."""
        ...

    def close(self) -> None:
        """Cuts the viewer off."""
        ...


class Viewer:
    """One playing session."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stream = RtpStream()
        self._await_keyframe = True
        self._reported_us: int | None = None
        self._counted = 0
        self.lossy = False

    def take(self, codec: Codec, unit: AccessUnit, timestamp: int, taken_us: int) -> None:
        """Sends one picture, taken at this instant (UTC), unless the viewer must wait for a keyframe first."""
        if self._transport.waiting_bytes() > VIEWER_BYTES_MAX:
            self._await_keyframe = True
        if self._await_keyframe and not unit.keyframe:
            return
        self._await_keyframe = False
        if self._reported_us is None or taken_us - self._reported_us >= REPORT_EVERY_US:
            self._reported_us = taken_us
            self._transport.send([self._stream.sender_report(timestamp, taken_us)], control=True)
        packets = [self._stream.packet(part, timestamp) for part in payloads(codec, unit)]
        self._transport.send([packet for packet in packets if not self._loses()], control=False)

    def take_noise(self) -> None:
        """Sends what nobody can read."""
        self._transport.send_raw(os.urandom(1_000))

    def _loses(self) -> bool:
        self._counted += 1
        return self.lossy and self._counted % LOSE_ONE_OF == 0

    def take_silence(self, tick: int, duration_us: int) -> None:
        """Sends the sound of one period in place of its picture."""
        packet = self._stream.packet(silence(duration_us), tick * duration_us * SOUND_HZ // US_PER_S)
        self._transport.send([packet], control=False)

    def close(self) -> None:
        """Cuts the session off."""
        self._transport.close()


class Camera:
    """One stream under one name."""

    def __init__(self, name: str, source: Source, clock: Clock, *, phase: float = 0.0) -> None:
        """``phase`` in [0, 1) shifts the pictures within their period, so that cameras do not all work at once."""
        self.name = name
        self.source = source
        self.mode: Mode = "on"
        self.card: Card | None = None
        self._clock = clock
        self._phase = phase
        self._stamp_from: int | None = 0
        """The tick whose time stamp is 0; None: the next one."""
        self._viewers: set[Viewer] = set()
        self._loop: asyncio.Task[None] | None = None

    def add(self, viewer: Viewer) -> None:
        """Begins to send to a viewer."""
        self._viewers.add(viewer)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._run(), name=self.name)
            self._loop.add_done_callback(_raise_failure)

    def remove(self, viewer: Viewer) -> None:
        """Stops sending to a viewer; unknown ones are ignored."""
        self._viewers.discard(viewer)

    def switch(self, mode: Mode) -> None:
        """Puts the camera into another mode at once."""
        if mode == "restamp":
            mode, self._stamp_from = "on", None
        self.source.shrink(halved=mode == "half")
        self.mode = mode
        if mode in ("off", "no_video"):
            for viewer in list(self._viewers):
                viewer.close()
            self._viewers.clear()

    async def _run(self) -> None:
        period_us = int(US_PER_S / self.source.frames_per_second)
        began_us = self._clock.monotonic_us()
        began_us += int(self._phase * period_us) - began_us % period_us
        tick = self._stamp_from = 0
        self.source.start()
        try:
            while self._viewers:
                due_us = began_us + tick * period_us
                await asyncio.sleep(max(0, due_us - self._clock.monotonic_us()) / US_PER_S)
                # A picture shows and carries when it was due, also where a busy machine comes to send it later.
                late_us = max(0, self._clock.monotonic_us() - due_us)
                self._send(tick, period_us, self._clock.utc_us() - late_us)
                tick += 1
        finally:
            self.source.stop()

    def _send(self, tick: int, period_us: int, taken_us: int) -> None:
        if self.mode == "no_video":
            for viewer in list(self._viewers):
                viewer.take_silence(tick, period_us)
            return
        unit = self.source.access_unit(tick, taken_us)
        if self.mode in ("stall", "hang"):
            return
        for viewer in list(self._viewers):
            viewer.lossy = self.mode == "lossy"
            if self.mode == "noise":
                viewer.take_noise()
        if self.mode == "noise":
            return
        if self.mode == "garbage":
            unit = _spoiled(self.source.codec, unit)
        if self._stamp_from is None or self._stamp_from > tick:
            self._stamp_from = tick
        timestamp = (tick - self._stamp_from + unit.shown_later) * period_us * CLOCK_HZ // US_PER_S
        for viewer in list(self._viewers):
            viewer.take(self.source.codec, unit, timestamp, taken_us)


def _spoiled(codec: Codec, unit: AccessUnit) -> AccessUnit:
    """The same picture with random bytes in place of its coded slices; headers and parameter sets stay."""
    slices = range(1, 6) if codec == "h264" else range(32)
    header = 1 if codec == "h264" else 2
    return replace(
        unit,
        nals=tuple(
            nal[:header] + os.urandom(len(nal) - header) if nal_type(codec, nal) in slices else nal for nal in unit.nals
        ),
    )


def _raise_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        task.get_loop().call_exception_handler({"message": f"camera {task.get_name()}", "exception": task.exception()})
