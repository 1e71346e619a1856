"""The nursery: a small process that has loaded everything a shard needs, and forks one whenever it is asked.

    python -m edge_agent.shards.nursery FD

Invariants: it has one thread, so that a fork copies a whole world; it never sees a camera, a key or a stream; it ends
with the main process from its first instruction on, also while it loads, and its shards with it. A shard begun by fork
is ready in milliseconds and shares its code's memory with the others.

Requests are datagrams on ``FD``: ``fork`` with the shard's socket as ancillary data is answered by ``forked PID``;
``kill PID`` ends a shard that is its child. When one has ended it says ``ended PID STATUS`` (as ``waitpid`` has it).
"""

import ctypes
import faulthandler
import gc
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import NoReturn

REQUEST_BYTES_MAX = 64
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
FAILED = 71


def main(descriptor: int) -> NoReturn:
    """Serves until the main process is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the main process decides when to end
    connection = socket.socket(fileno=descriptor)
    _die_with_parent()
    if _is_alone(connection):
        os._exit(0)
    _load()
    _outlive_thread()
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody is left to answer
        _serve_all(connection)
    sys.stderr.flush()
    os._exit(0)  # at once, and its shards with it: to take apart all that it has loaded would take a while


def _die_with_parent() -> None:
    """While it loads it listens to nobody, and that takes seconds on a small, busy box: see prctl(2)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _outlive_thread() -> None:
    """For the kernel the parent is the thread that began it, which waits for it to load but may end before the process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)


def _is_alone(connection: socket.socket) -> bool:
    """The main process was gone before its death could be heard of."""
    polled = select.poll()
    polled.register(connection, 0)
    return bool(polled.poll(0))


def _load() -> None:
    """Everything that a shard needs; so nothing of it is imported at this module's head."""
    import edge_agent.shards.process  # noqa: F401 - loaded for its children

    faulthandler.enable()  # what a shard was doing when native code killed it goes to the log
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold pictures of children
    gc.collect()
    gc.freeze()


def _serve_all(connection: socket.socket) -> None:
    """Until the end of file on the socket. Raises BrokenPipeError where the main process went while it was being answered."""
    reaping, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([connection.fileno(), reaping], [], [])
        if reaping in ready:
            os.read(reaping, 4096)
            _reap(connection, children)
        if connection.fileno() in ready and not _serve(connection, children, (reaping, woken)):
            return


def _serve(connection: socket.socket, children: set[int], own: tuple[int, int]) -> bool:
    data, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES_MAX, 1)
    if not data:
        return False
    word, _, number = data.decode().partition(" ")
    if word == "kill" and int(number) in children:
        os.kill(int(number), signal.SIGKILL)
    if word == "fork" and descriptors:
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in own:
                os.close(descriptor)
            connection.close()
            _be_a_shard(descriptors[0], nursery)
        os.close(descriptors[0])
        children.add(pid)
        connection.send(f"forked {pid}".encode())
    return True


def _be_a_shard(descriptor: int, parent: int) -> None:
    """Never returns."""
    from edge_agent.shards import process
    from edge_agent.shards.messages import SHARD_NAME

    status = FAILED
    try:
        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(PR_SET_NAME, SHARD_NAME.encode(), 0, 0, 0)
        if os.getppid() == parent:
            process.serve(socket.socket(fileno=descriptor))
        status = 0
    except BaseException:  # noqa: BLE001 - the top of a process: what nobody expected is shown, and the main process begins another
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _reap(connection: socket.socket, children: set[int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        children.discard(pid)
        connection.send(f"ended {pid} {status}".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
