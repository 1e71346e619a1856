"""The nursery ends with the main process: while it still loads, and while it tells of a shard that ended."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.edge import wait_for

SLOW = """
import importlib.abc, pathlib, sys, time
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "edge_agent.shards.process":
            pathlib.Path({mark!r}).touch()
            time.sleep(30)
sys.meta_path.insert(0, Slow())
"""
MAIN = """
import os, time
from edge_agent.shards.birth import Nursery
nursery = Nursery(os.open(os.devnull, os.O_RDONLY))
nursery.start()
print(nursery._process.pid, flush=True)
time.sleep(60)
"""
COMMAND = [sys.executable, "-P", "-m", "edge_agent.shards.nursery"]
ROOT = str(Path(__file__).parents[3])


def gone(pid: int) -> bool:
    """Nothing of it runs any more; nobody may be there to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_nursery_that_still_loads_ends_with_the_main_process(tmp_path: Path) -> None:
    loading = tmp_path / "loading"
    (tmp_path / "sitecustomize.py").write_text(SLOW.format(mark=str(loading)))
    main = subprocess.Popen(
        [sys.executable, "-c", MAIN],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), ROOT))},
    )
    nursery = 0
    try:
        assert main.stdout is not None
        nursery = int(main.stdout.readline())
        wait_for("the nursery to be loading", loading.exists, 20)
        main.kill()
        wait_for("the nursery to end", lambda: gone(nursery), 10)
    finally:
        main.kill()
        main.wait()
        if nursery and not gone(nursery):
            os.kill(nursery, signal.SIGKILL)


def test_a_nursery_begun_by_a_process_that_is_gone_never_loads(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW.format(mark=str(tmp_path / "loading")))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), ROOT))}
    with theirs:
        command = [*COMMAND, str(theirs.fileno())]
        ended = subprocess.run(command, pass_fds=[theirs.fileno()], env=env, timeout=20, check=False)
    assert ended.returncode == 0
    assert not (tmp_path / "loading").exists()


def test_a_nursery_that_has_nobody_to_answer_ends_at_once() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    shard_ours, shard_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command, env = [*COMMAND, str(theirs.fileno())], {**os.environ, "PYTHONPATH": ROOT}
    with (
        theirs,
        subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True, env=env) as nursery,
    ):
        try:
            socket.send_fds(ours, [b"fork"], [shard_theirs.fileno()])
            assert select.select([ours], [], [], 20)[0]
            shard = int(ours.recv(64).removeprefix(b"forked "))
            nursery.send_signal(signal.SIGSTOP)
            shard_theirs.close()
            shard_ours.close()  # the shard ends: that is to be told
            wait_for("the shard to end", lambda: gone(shard), 10)
            ours.close()
            nursery.send_signal(signal.SIGCONT)
            _, said = nursery.communicate(timeout=20)
        finally:
            nursery.kill()
    assert nursery.returncode == 0
    assert "Traceback" not in said
