"""The spool's database, what waits in it, and what a start makes of a file that is damaged."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import ConfigurationError
from config.base.ids import fresh_id
from config.wire.envelope import Signer
from edge_agent.messages import Sealer
from edge_agent.reporting.closing import ClosingHeartbeats
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import CHANGES, SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from edge_agent.upload.uploader import UploadQueue
from tests.support.clock import NOON_US, SimulatedClock


def opened(folder: Path) -> SpoolDatabase:
    return SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))


def spool(database: SpoolDatabase, folder: Path) -> SegmentSpool:
    sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
    return SegmentSpool(database, folder, sealer, Outbox(database))


def begin(target: SegmentSpool, camera_id: str, start_us: int) -> OpenSegment:
    segment = OpenSegment(fresh_id(), camera_id, fresh_id(), fresh_id(), start_us, "h264", 640, 360)
    target.open(segment)
    return segment


def test_a_closing_heartbeat_is_sent_again_over_crashes_until_the_broker_has_it(tmp_path: Path) -> None:
    database = opened(tmp_path)
    closing = ClosingHeartbeats(database)
    closing.keep("t1", b"first")
    closing.keep("t2", b"second")
    closing.send(lambda _name, _body: None)  # there is no connection
    closing.look()
    closing.send(lambda _name, body: lambda: body == b"second")  # the broker refuses one
    closing.look()
    database.close()

    database = opened(tmp_path)
    sent: list[tuple[str, bytes]] = []
    again = ClosingHeartbeats(database)
    again.send(lambda name, body: sent.append((name, body)) or (lambda: True))  # type: ignore[func-returns-value]
    assert sent == [("heartbeat", b"first")]
    again.look()
    again.send(lambda name, body: sent.append((name, body)))  # type: ignore[func-returns-value,arg-type]
    assert len(sent) == 1
    database.close()


def test_a_database_of_the_first_version_is_brought_forward(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with database.transaction() as connection:
        for kind, what in re.findall(r"CREATE (TABLE|INDEX) (\w+)", "\n".join(CHANGES)):
            connection.execute(f"DROP {kind} IF EXISTS {what}")
        connection.execute("PRAGMA user_version=1")
    database.close()
    database = opened(tmp_path)
    ClosingHeartbeats(database).keep("t", b"x")
    database.close()


def test_only_a_damaged_file_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite3").write_bytes(b"not a database" * 1_000)
    with pytest.raises(ConfigurationError, match="move it away"):
        opened(tmp_path)
    (tmp_path / "spool.sqlite3").unlink()
    database = opened(tmp_path)
    with database.transaction() as connection:
        connection.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(ConfigurationError, match="newer version") as caught:
        opened(tmp_path)
    assert "move it away" not in str(caught.value)


def test_a_segment_that_waits_to_be_rescued_holds_the_promise_back(tmp_path: Path) -> None:
    database = opened(tmp_path)
    target = spool(database, tmp_path)
    left = begin(target, "cam-1", NOON_US)
    begin(target, "cam-1", NOON_US + 5)
    assert target.oldest_open() == {"cam-1": NOON_US}
    target.forget(left.segment_id)
    assert target.oldest_open() == {"cam-1": NOON_US + 5}
    database.close()


def test_a_camera_that_the_server_does_not_know_holds_up_no_other_upload(tmp_path: Path) -> None:
    database, clock = opened(tmp_path), SimulatedClock()
    target = spool(database, tmp_path)
    for number, camera_id in enumerate(["new", "new", "known"]):
        segment = begin(target, camera_id, NOON_US + number)
        end_us = NOON_US + number + 1
        target.finalise(segment, end_us=end_us, sha256="0" * 64, size_bytes=1, frames=1)
    queue = UploadQueue(target, clock)
    first = queue.next()
    assert first is not None
    assert first.camera_id == "new"
    waits_s = [queue.hold_back_camera(first)]
    other = queue.next()
    assert other is not None
    assert other.camera_id == "known"
    assert queue.next() is None
    for _ in range(12):
        clock.advance(waits_s[-1])
        again = queue.next()
        assert again == first
        waits_s.append(queue.hold_back_camera(again))
    assert waits_s[0] == 5
    assert 300 <= waits_s[-1] <= 600
    clock.advance(600)
    queue.done(first)
    assert queue.next() is not None
    database.close()
