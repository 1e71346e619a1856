"""What goes out stays in order, also where the connection does not take a message at once."""

from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.ids import fresh_id
from config.wire.envelope import Signer
from edge_agent.messages import Sealer
from edge_agent.reporting.link import MqttLink
from edge_agent.reporting.publisher import OutboxPublisher
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from tests.support.clock import NOON_US, SimulatedClock


class FullLink:
    """A connection whose window is full at one message."""

    number = 1
    connected = True

    def __init__(self, refuses: int) -> None:
        self.sent: list[bytes] = []
        self._refuses = refuses

    def publish(self, _name: str, body: bytes) -> bool:
        self._refuses -= 1
        if self._refuses == 0:
            return False
        self.sent.append(body)
        return True


def test_those_after_a_message_that_was_not_taken_wait_for_it(tmp_path: Path) -> None:
    database = SpoolDatabase(tmp_path / "spool.sqlite3", Ballast(tmp_path))
    outbox, link = Outbox(database), FullLink(refuses=2)
    spool = SegmentSpool(database, tmp_path, Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate())), outbox)
    for number in range(3):
        segment = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), NOON_US + number, "h264", 160, 96)
        spool.open(segment)
        spool.finalise(segment, end_us=NOON_US + number + 1, sha256="0" * 64, size_bytes=1, frames=1)
    publisher = OutboxPublisher(outbox, cast(MqttLink, link), SimulatedClock(), resend_s=30)
    publisher._round()
    publisher._round()
    assert link.sent == [row.body for row in outbox.between(0, None, 10)]
    database.close()
