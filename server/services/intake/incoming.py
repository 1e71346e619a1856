"""What passes between the inbox and the handlers of the kinds of message."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from server.domain.clock_trust import ClockRule


@dataclass(frozen=True)
class Incoming:
    """A message that was signed by the agent it names; ``envelope`` is its bytes as received."""

    message: Any
    envelope: bytes
    payload_sha256: str
    received_us: int


Effect = tuple[str, list[msgspec.Struct]]
"""What a handler did, as a counter label, and what is to be answered besides the acknowledgement."""

Handler = Callable[[Session, Incoming, ClockRule], Effect]
