"""A camera's own memory card: what it recorded by itself, replayed over RTSP as ONVIF Profile G says.

The past is drawn again at the moment of replay, the burned-in clock included, so a viewer can check every frame's time.

Source: ONVIF Streaming Specification 6.3 (RTP header extension 0xABAC), 6.4 and 6.5 (RTSP feature tag, Range, Rate-Control).
"""

import asyncio
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from config.base.clock import US_PER_S, from_datetime
from deploy.local.simulator.camera import Transport
from deploy.local.simulator.rtp import CLOCK_HZ, NTP_EPOCH_S, RtpStream, payloads
from deploy.local.simulator.source import Source

EXTENSION = 0xABAC
CLEAN, DISCONTINUITY, TERMINAL = 0x80, 0x20, 0x10
WAITING_BYTES_MAX = 1_000_000
_CLOCK = re.compile(r"clock=(\d{8}T\d{6}(?:\.\d{1,6})?Z)-(\d{8}T\d{6}(?:\.\d{1,6})?Z)?")


@dataclass
class Card:
    """``spans`` are true instants; the camera tells all of them by its own, perhaps wrong, clock."""

    make_source: Callable[[], Source]
    spans: list[tuple[int, int]] = field(default_factory=list)
    clock_error_us: int = 0
    marks_time: bool = True
    """False: a camera that sends no header extension."""
    loses_every: int = 0
    """Every so many packets one is lost on the way."""

    def held(self) -> tuple[int, int] | None:
        """From when to when, by the camera's clock."""
        if not self.spans:
            return None
        return self.spans[0][0] + self.clock_error_us, self.spans[-1][1] + self.clock_error_us

    async def play(self, transport: Transport, wanted: tuple[int, int | None], sequence: int) -> None:
        """Sends what lies within the range as fast as it is taken."""
        source, stream = self.make_source(), RtpStream()
        period_us = int(US_PER_S / source.frames_per_second)
        low, high = wanted
        times = [
            at
            for start, end in self.spans
            for at in range(start, end, period_us)
            if low <= at + self.clock_error_us and (high is None or at + self.clock_error_us < high)
        ]
        source.start()
        sent = 0
        for tick, at_us in enumerate(times):
            broken = tick > 0 and at_us - times[tick - 1] > period_us
            if broken:
                source.stop()
                source.start()
            unit = source.access_unit(tick, at_us)
            flags = (CLEAN if unit.keyframe else 0) | (DISCONTINUITY if broken else 0)
            flags |= TERMINAL if tick == len(times) - 1 else 0
            stamp = tick * period_us * CLOCK_HZ // US_PER_S
            for index, part in enumerate(payloads(source.codec, unit)):
                first = index == 0 and self.marks_time
                extension = _extension(at_us + self.clock_error_us, flags, sequence) if first else b""
                packet = stream.packet(part, stamp, extension)
                sent += 1
                if self.loses_every == 0 or sent % self.loses_every:
                    transport.send([packet], control=False)
            while transport.waiting_bytes() > WAITING_BYTES_MAX:  # noqa: ASYNC110 - the transport tells no event
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
        source.stop()


def asked_range(text: str) -> tuple[int, int | None] | None:
    """``clock=…-…`` as instants; None for anything else."""
    found = _CLOCK.match(text.strip())
    if found is None:
        return None
    start, end = (None if part is None else _instant(part) for part in found.groups())
    return (start or 0, end)


def _instant(text: str) -> int:
    shape = "%Y%m%dT%H%M%S.%fZ" if "." in text else "%Y%m%dT%H%M%SZ"
    return from_datetime(datetime.strptime(text, shape).replace(tzinfo=UTC))


def _extension(utc_us: int, flags: int, sequence: int) -> bytes:
    seconds, micros = divmod(utc_us, US_PER_S)
    ntp = seconds + NTP_EPOCH_S << 32 | (micros << 32) // US_PER_S
    return struct.pack(">HHQBBH", EXTENSION, 3, ntp, flags, sequence & 0xFF, 0)
