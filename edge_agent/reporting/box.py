"""The machine that the agent runs on: how it does, as the heartbeat tells it.

Invariant: reading it never fails and never waits; what a machine does not have is told as not there.
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from config.wire.health import BoxHealth

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_SINCE_START: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
PROCESSOR_SENSORS = ("coretemp", "k10temp", "cpu_thermal", "cpu-thermal", "soc_thermal", "acpitz")
"""Of psutil's sensors, those that tell how hot the processor is; where none of them is there, any sensor."""


def certificate_left_s(ends_us: int | None, now_us: int) -> int | None:
    """Seconds until a certificate ends; None where there is none."""
    return None if ends_us is None else (ends_us - now_us) // 1_000_000


class BoxReader:
    """``certificate_ends_us`` gives the end of the agent's certificate in UTC, or None where it has none."""

    def __init__(self, certificate_ends_us: Callable[[], int | None] = lambda: None) -> None:
        self._certificate_ends_us = certificate_ends_us
        self._process = psutil.Process()
        self._boot_id = _boot_id(BOOT_ID_FILE)
        self._system = _system()
        psutil.cpu_percent()  # the first call only sets the mark that the next one measures from

    def read(self, now_us: int) -> BoxHealth:
        """How the machine does now; ``now_us`` is UTC. Shares are since the last call."""
        memory = psutil.virtual_memory()
        return BoxHealth(
            boot_id=self._boot_id,
            uptime_s=int(time.clock_gettime(_SINCE_START)),
            cpu_percent=min(100, max(0, round(psutil.cpu_percent()))),
            memory_used_percent=min(100, max(0, round(memory.percent))),
            memory_total_bytes=memory.total,
            agent_memory_bytes=self._own_memory_bytes(),
            temperature_c=processor_temperature_c(),
            certificate_left_s=certificate_left_s(self._certificate_ends_us(), now_us),
            system=self._system,
            python=platform.python_version()[:32],
        )

    def _own_memory_bytes(self) -> int:
        total = 0
        for process in (self._process, *self._children()):
            try:
                total += process.memory_info().rss
            except psutil.Error:  # it has just ended
                continue
        return total

    def _children(self) -> list[psutil.Process]:
        try:
            return self._process.children(recursive=True)
        except psutil.Error:
            return []


def processor_temperature_c() -> int | None:
    """Degrees Celsius of the hottest sensor of the processor; None where there is no sensor."""
    if not hasattr(psutil, "sensors_temperatures"):  # Linux and FreeBSD only
        return None
    found = psutil.sensors_temperatures()
    chosen = [entry for name in PROCESSOR_SENSORS for entry in found.get(name, [])]
    every = chosen or [entry for entries in found.values() for entry in entries]
    plausible = [entry.current for entry in every if -50 < entry.current < 200]
    return round(max(plausible)) if plausible else None


def _boot_id(file: Path) -> str:
    try:
        text = file.read_text().strip().replace("-", "")
    except OSError:
        return ""
    return text if len(text) == 32 and set(text) <= set("0123456789abcdef") else ""


def _system() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return f"{platform.system()} {platform.release()}"[:32]
    return f"{release.get('NAME', 'Linux')} {release.get('VERSION_ID', '')}".replace("GNU/Linux ", "").strip()[:32]
