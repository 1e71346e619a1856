"""The whole system on this machine starts, is watched, and leaves nothing behind."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from config.base.errors import Unavailable
from deploy.local.broker import version
from deploy.local.facilities import SITES
from deploy.local.stack import AlreadyRunning, Stack
from deploy.local.watch import Watcher
from tests.support.matrix import ran_on


def processes_of(root: Path) -> list[str]:
    """Process id and arguments of whatever was told of ``root``."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(root) in line]


@pytest.mark.timeout(180)
def test_it_starts_is_watched_and_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("stack")
    stack = Stack(root)
    try:
        stack.start(lambda _part: None)
        ran_on("broker", version())
        ran_on("store", f"{stack.store.kind} {stack.store.version}")
        assert stack.crashed() == []

        with pytest.raises(AlreadyRunning, match=f"{stack.address}.*kill {os.getpid()}"):
            Stack(root).start(lambda _part: None)
        assert stack.crashed() == []

        watcher = Watcher(stack.address, stack.auditor.name, stack.auditor.password)
        view = watcher.site(SITES[0].site_id)
        assert set(view.cameras) == {camera.camera_id for camera in SITES[0].cameras}
        with pytest.raises(Unavailable, match="401"):
            Watcher(stack.address, stack.auditor.name, "wrong password").site(SITES[0].site_id)

        stack.kill_agent(SITES[0].site_id)
        assert stack.crashed() == []  # it was meant to die
        jobs = next(line for line in processes_of(root) if "server.jobs" in line)
        subprocess.run(["kill", "-9", jobs.split()[0]], check=True)
        deadline = time.monotonic() + 20
        while not stack.crashed() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [told for told in stack.crashed() if told.startswith("jobs: exit status -9")]
    finally:
        stack.stop()
    stack.stop()
    assert processes_of(root) == []
    assert all(file.stat().st_mode & 0o077 == 0 for file in (root / "accounts").iterdir())
