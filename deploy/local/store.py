"""Finds and runs an S3 server with Object Lock on loopback: MinIO where a binary is to be had, else SeaweedFS.

Standard library only. What differs between the servers, and what their credentials may do, is in ``store_servers``.

    >>> store = LocalStore.start("seaweedfs", Path("state/store"), bucket="nightlight-evidence")
    >>> store.endpoint, store.server_access_key_file
    >>> store.stop()
"""

import fcntl
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from config.base.errors import ConfigurationError, ResourceExhausted, Unavailable
from deploy.local.leash import leashed
from deploy.local.minio_build import build_minio, minio_binary
from deploy.local.store_servers import GRPC_OFFSET, Credentials, Minio, Seaweed, Server, StoreKind, fetch

__all__ = ["LocalStore", "StoreKind", "build_minio", "find", "kind_of"]

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
START_TRIES = 3
LOG_BYTES_MAX = 16 * 2**20
_MOVED = re.compile(r"Port \d+ for (Master|Volume|Filer|S3|Admin)\b.*finding alternative port")
_PORTS = range(11_000, 22_000)
"""Below those that Linux takes for outgoing connections, the gRPC ports 10,000 higher included."""


def find(cache_dir: Path) -> dict[StoreKind, Path]:
    """The servers to be had here, the better first; empty where there is none."""
    found: dict[StoreKind, Path] = {}
    minio = shutil.which("minio") or shutil.which(minio_binary(cache_dir))
    if minio is not None:
        found["minio"] = Path(minio).absolute()
    weed = shutil.which(Path(sys.executable).parent / "weed")
    if weed is not None:
        found["seaweedfs"] = Path(weed)
    return found


def kind_of(data_dir: Path) -> StoreKind | None:
    """Which server the data in a directory belongs to; None where there is none yet. Raises ConfigurationError."""
    try:
        text = (data_dir / "kind").read_text().strip()
    except FileNotFoundError:
        return None
    known: dict[str, StoreKind] = {"minio": "minio", "seaweedfs": "seaweedfs"}
    if text not in known:
        raise ConfigurationError(f"{data_dir / 'kind'} names no store: {text[:40]!r}")
    return known[text]


class LocalStore:
    """A running server, on a leash: it ends with this process, however that ends.

    ``endpoint`` is host:port of the S3 API; ``version`` is the server's own word for it.
    """

    def __init__(self, server: Server, data_dir: Path, credentials: Credentials, lock: IO[bytes]) -> None:
        self.kind = server.kind
        self.version = server.version()
        self.data_dir = data_dir
        self.log_file = data_dir / f"{server.kind}.log"
        self.endpoint = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.root_access_key_file = credentials.file("root-access-key")
        self.root_secret_key_file = credentials.file("root-secret-key")
        self.server_access_key_file = credentials.file(f"{server.server_identity}-access-key")
        self.server_secret_key_file = credentials.file(f"{server.server_identity}-secret-key")
        self._server = server
        self._lock = lock
        self._log_from = 0

    @classmethod
    def start(cls, kind: StoreKind, data_dir: Path, *, bucket: str, cache_dir: Path = Path(".cache")) -> "LocalStore":
        """Starts a server on ``data_dir`` and waits until it wants credentials; what it held before is kept.

        Call it from a thread that lives as long as the process (see ``leash``). Raises ConfigurationError (no
        binary, another kind's data), ResourceExhausted (in use, no ports), Unavailable.
        """
        binary = find(cache_dir).get(kind)
        if binary is None:
            raise ConfigurationError(f"no {kind} binary here: run python3 dev.py setup{' --minio' * (kind == 'minio')}")
        data_dir = data_dir.resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if kind_of(data_dir) not in (None, kind):
            raise ConfigurationError(f"{data_dir} holds the data of {kind_of(data_dir)}, not of {kind}")
        credentials = Credentials(data_dir / "credentials")
        server: Server = (
            Minio(binary, data_dir, credentials) if kind == "minio" else Seaweed(binary, data_dir, credentials, bucket)
        )
        store = cls(server, data_dir, credentials, _lock(data_dir))
        try:
            (data_dir / "kind").write_text(kind)
            store._bring_up()
        except BaseException:
            store.stop()
            raise
        return store

    def stop(self) -> None:
        """Asks the server to end, and ends it where it does not; may be called twice."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._end_process()
        self._lock.close()

    def _bring_up(self) -> None:
        reason = ""
        for _ in range(START_TRIES):
            # Another process may take a port between our choice and the server's bind: then choose anew.
            ports = _choose_ports(self.data_dir / "ports.json", self._server.ports)
            self.endpoint = f"127.0.0.1:{ports[-1]}"
            self._spawn(ports)
            reason = self._wait_until_ready() or self._server.settle(ports)
            if not reason:
                return
            self._end_process()
            (self.data_dir / "ports.json").unlink(missing_ok=True)
        raise Unavailable(f"{self.kind} did not start: {reason}; its log is {self.log_file}")

    def _spawn(self, ports: list[int]) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_MAX:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            self._log_from = log.tell()
            self.process = subprocess.Popen(
                leashed(self._server.command(ports)),
                env=os.environ | self._server.environment(),
                cwd=self.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _end_process(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self) -> str:
        """Empty once the server answers and wants credentials; else why it never did."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return f"it ended at once: {(self._said() or ['(no words)'])[-1]}"
            # SeaweedFS moves to other ports without a word but in its log.
            if any(_MOVED.search(line) for line in self._said()):
                return "its ports were taken"
            healthy = fetch(self.endpoint, self._server.health_path)[0] == http.HTTPStatus.OK
            # Only a server that has loaded its identities turns a stranger away.
            if healthy and fetch(self.endpoint, "/")[0] == http.HTTPStatus.FORBIDDEN:
                return ""
            time.sleep(0.1)
        return f"it was not ready within {READY_TIMEOUT_S} s"

    def _said(self) -> list[str]:
        with self.log_file.open("rb") as log:
            log.seek(self._log_from)
            return log.read(LOG_BYTES_MAX).decode(errors="replace").strip().splitlines()


def _choose_ports(memory: Path, count: int) -> list[int]:
    """Those of the last start where they are free, so that addresses stay; else fresh ones, remembered."""
    try:
        remembered = [int(port) for port in json.loads(memory.read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        remembered = []
    if len(remembered) == count and all(map(_is_free, remembered)):
        return remembered
    chosen = [port for port in random.sample(_PORTS, 200) if _is_free(port)][:count]
    if len(chosen) < count:
        raise ResourceExhausted("no free ports on loopback")
    memory.write_text(json.dumps(chosen))
    return chosen


def _is_free(port: int) -> bool:
    for number in (port, port + GRPC_OFFSET):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                return False
    return True


def _lock(data_dir: Path) -> IO[bytes]:
    held = (data_dir / ".lock").open("wb")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        raise ResourceExhausted(f"another store is running on {data_dir}: stop it first") from error
    return held
