"""An agent whose disk is full when it starts gets going by itself, says what to do, and drains by uploading."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.base.errors import ResourceExhausted
from config.base.ids import fresh_id
from deploy.local.simulator.launch import Simulator
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from tests.support.edge import EdgeBox, StandInServer, wait_for

DISK = "96m"


@pytest.fixture
def small_disk(edge_box: EdgeBox) -> Iterator[Path]:
    """A disk of its own under the agent's state directory."""
    state = edge_box.folder / "state"
    kept = {file: file.read_bytes() for file in state.iterdir()}
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()[:80]}")
    try:
        for file, data in kept.items():
            file.write_bytes(data)
            file.chmod(0o600)
        yield state
    finally:
        edge_box.kill()
        subprocess.run(["umount", "-l", str(state)], check=True)


def fill(folder: Path) -> Path:
    """Somebody else's file that takes the last byte."""
    file = folder / "somebody-elses"
    with file.open("wb", buffering=0) as opened:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    opened.write(bytes(size))
            except OSError:
                continue
    return file


def test_it_drains_with_its_ballast_and_without_it_waits_for_room(
    small_disk: Path, edge_box: EdgeBox, stand_in: StandInServer, tmp_path: Path
) -> None:
    stand_in.store_is_up = False
    with Simulator.start(tmp_path / "camera") as camera:
        edge_box.configure({"cam-1": camera.url("cam1")}, mqtt=stand_in.mqtt(), server={"url": stand_in.url})
        edge_box.start()
        wait_for("a segment", lambda: edge_box.segments("waiting"))
        wait_for("the ballast", (edge_box.spool / "ballast").exists)
        edge_box.kill()
    waiting = [row["segment_id"] for row in edge_box.segments("waiting")]
    part = next(edge_box.spool.glob("*/*.part"), None)

    elses = fill(small_disk)
    stand_in.store_is_up = True
    edge_box.start()
    wait_for("receipts", lambda: not [s for s in waiting if list(edge_box.spool.glob(f"*/{s}*"))])
    assert edge_box.stop() == 0
    assert "ballast_dropped" in edge_box.log()
    assert "worker_failed" not in edge_box.log()
    assert part is None or not part.exists()

    elses.unlink()
    elses = fill(small_disk)  # now without a ballast to drop
    for leftover in edge_box.spool.glob("spool.sqlite3-*"):
        leftover.unlink()
    edge_box.start()
    wait_for("the advice", lambda: "disk_full_at_start" in edge_box.log())
    assert "nothing recorded is lost" in edge_box.log()
    assert "move it away" not in edge_box.log()
    elses.unlink()
    starts = edge_box.log().count("agent_started")
    wait_for("the start", lambda: edge_box.log().count("agent_started") > starts)
    assert edge_box.stop() == 0


def test_a_disk_that_is_full_is_not_called_damaged(small_disk: Path, edge_box: EdgeBox) -> None:
    fill(small_disk)
    with pytest.raises(ResourceExhausted, match="free 16 MB; nothing recorded is lost"):
        SpoolDatabase(small_disk / f"{fresh_id()}.sqlite3", Ballast(small_disk))
