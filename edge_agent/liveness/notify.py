"""Tells systemd that the agent is ready, alive or stopping, and what it is doing.

Invariant: without systemd, or with one that does not answer, nothing is said and nothing fails or waits.
Source: sd_notify(3), systemd.service(5) WatchdogSec=. The protocol is one datagram of ``KEY=value`` lines.
"""

import os
import socket
from collections.abc import Mapping

STATUS_CHARS_MAX = 200


class Notifier:
    """Speaks to the socket that systemd names in ``NOTIFY_SOCKET``."""

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        named = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + named[1:] if named.startswith("@") else named

    def ready(self, status: str) -> None:
        """The agent has started."""
        self._send("READY=1", f"STATUS={status[:STATUS_CHARS_MAX]}")

    def starting(self, status: str, within_s: float) -> None:
        """The start takes longer: another ``within_s`` seconds, please."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(within_s * 1_000_000)}", f"STATUS={status[:STATUS_CHARS_MAX]}")

    def alive(self) -> None:
        """Every loop turns. systemd ends a service that has not said so for WatchdogSec."""
        self._send("WATCHDOG=1")

    def status(self, status: str) -> None:
        """A line for ``systemctl status``."""
        self._send(f"STATUS={status[:STATUS_CHARS_MAX]}")

    def stopping(self) -> None:
        """The agent was told to stop and is at it."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as opened:
                opened.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            # Nobody to tell, and nobody to tell that: systemd itself notices the silence.
            return
