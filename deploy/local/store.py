"""Finds and runs an S3 server with Object Lock on loopback: MinIO where a binary is to be had, else SeaweedFS.

Standard library only. WORM holds at the S3 port alone: SeaweedFS has further ports (master, volume, filer), which
stay on loopback and want keys that are made at random here, so whoever is root on this machine remains trusted. On
SeaweedFS the server's credential may use one bucket and may neither bypass governance nor delete the bucket. On MinIO
a lesser credential could be made through its admin API only, which Nightlight never uses: there the server holds the
root credential, which COMPLIANCE binds all the same.

    >>> store = LocalStore.start("seaweedfs", Path("state/store"), bucket="nightlight-evidence")
    >>> store.endpoint, store.server_access_key_file
    >>> store.stop()
"""

import ctypes
import fcntl
import http.client
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from config.base.errors import ConfigurationError, ResourceExhausted, Unavailable

StoreKind = Literal["minio", "seaweedfs"]

MINIO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit before upstream was archived."""
BUILD_TIMEOUT_S = 1_800
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
START_TRIES = 3
LOG_BYTES_MAX = 16 * 2**20
# Below the range from which Linux takes ports for outgoing connections, its ports for gRPC (+ 10,000) included.
_PORTS = range(11_000, 22_000)
_GRPC_OFFSET = 10_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def find(cache_dir: Path) -> dict[StoreKind, Path]:
    """The servers to be had here, the better first; empty where there is none."""
    found: dict[StoreKind, Path] = {}
    minio = shutil.which("minio") or shutil.which(cache_dir / "bin" / "minio")
    if minio is not None:
        found["minio"] = Path(minio)
    weed = shutil.which(Path(sys.executable).parent / "weed")
    if weed is not None:
        found["seaweedfs"] = Path(weed)
    return found


def kind_of(data_dir: Path) -> StoreKind | None:
    """Which server the data in a directory belongs to; None where there is none yet."""
    try:
        text = (data_dir / "kind").read_text().strip()
    except FileNotFoundError:
        return None
    if text == "minio":
        return "minio"
    if text == "seaweedfs":
        return "seaweedfs"
    raise ConfigurationError(f"{data_dir / 'kind'} names no store: {text[:40]!r}")


def build_minio(cache_dir: Path, report: Callable[[str], None]) -> Path:
    """Builds a MinIO server with Go into the cache, once; ``report`` gets a line for each step. Takes minutes.

    Raises ConfigurationError where Go is missing, Unavailable where the build failed.
    """
    binary, pin = cache_dir / "bin" / "minio", cache_dir / "bin" / "minio.module"
    if binary.exists() and pin.exists() and pin.read_text() == MINIO_MODULE:
        return binary
    go = shutil.which("go")
    if go is None:
        raise ConfigurationError("building MinIO needs Go on the PATH; install it, or put a minio binary on the PATH")
    binary.parent.mkdir(parents=True, exist_ok=True)
    report(f"building {MINIO_MODULE} (some minutes, once)")
    environment = os.environ | {"GOBIN": str(binary.parent.resolve()), "CGO_ENABLED": "0"}
    build = subprocess.Popen(
        [go, "install", "-v", "-ldflags", "-s -w", MINIO_MODULE],
        env=environment,
        cwd=cache_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_die_with_parent,
    )
    deadline, last = time.monotonic() + BUILD_TIMEOUT_S, ""
    with build:
        for line in build.stdout or ():
            last = line.strip() or last
            report(last)
            if time.monotonic() > deadline:
                build.kill()
    if build.returncode != 0 or not binary.exists():
        raise Unavailable(f"go install {MINIO_MODULE} failed: {last}")
    pin.write_text(MINIO_MODULE)
    return binary


@dataclass(frozen=True)
class _Credentials:
    """Kept as files of mode 0600, because that is how the server's settings take them."""

    folder: Path

    def value(self, name: str, length: int = 20) -> str:
        """The secret of that name, made at its first use."""
        path = self.file(name)
        if not path.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(path, secrets.token_hex(length))
        return path.read_text().strip()

    def file(self, name: str) -> Path:
        return self.folder / name


class LocalStore:
    """A running server. Start it from a thread that lives as long as the process: the kernel ends it with its thread.

    ``endpoint`` is host:port of the S3 API; ``version`` is the server's own word for it.
    """

    def __init__(self, kind: StoreKind, version: str, data_dir: Path, resources: ExitStack) -> None:
        self.kind: StoreKind = kind
        self.version = version
        self.data_dir = data_dir
        self.log_file = data_dir / f"{kind}.log"
        self.endpoint = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._credentials = _Credentials(data_dir / "credentials")
        self._resources = resources

    @classmethod
    def start(cls, kind: StoreKind, data_dir: Path, *, bucket: str, cache_dir: Path = Path(".cache")) -> "LocalStore":
        """Starts a server on ``data_dir`` and waits until it wants credentials; what it held before is kept.

        Raises ConfigurationError (no binary, another kind's data), ResourceExhausted (in use), Unavailable.
        """
        binary = find(cache_dir).get(kind)
        if binary is None:
            raise ConfigurationError(f"no {kind} binary here: run python3 dev.py setup{' --minio' * (kind == 'minio')}")
        data_dir = data_dir.resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if kind_of(data_dir) not in (None, kind):
            raise ConfigurationError(f"{data_dir} holds the data of {kind_of(data_dir)}, not of {kind}")
        with ExitStack() as resources:
            _lock(data_dir, resources)
            (data_dir / "kind").write_text(kind)
            store = cls(kind, _version(kind, binary), data_dir, resources)
            store._bring_up(binary, bucket)
            store._resources = resources.pop_all()
        return store

    @property
    def root_access_key_file(self) -> Path:
        return self._credentials.file("root-access-key")

    @property
    def root_secret_key_file(self) -> Path:
        return self._credentials.file("root-secret-key")

    @property
    def server_access_key_file(self) -> Path:
        """For ``store.access_key_file``: the lesser credential on SeaweedFS, root on MinIO."""
        return self.root_access_key_file if self.kind == "minio" else self._credentials.file("server-access-key")

    @property
    def server_secret_key_file(self) -> Path:
        return self.root_secret_key_file if self.kind == "minio" else self._credentials.file("server-secret-key")

    def stop(self) -> None:
        """Asks the server to end, and ends it where it does not; may be called twice."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._resources.close()

    def _bring_up(self, binary: Path, bucket: str) -> None:
        reason = ""
        for _ in range(START_TRIES):
            # Another process may take a port between our choice and the server's bind: then choose anew.
            ports = _choose_ports(self.data_dir / "ports.json", 1 if self.kind == "minio" else 5)
            if self.kind == "minio":
                self._spawn(self._minio_command(binary, ports), self._minio_environment())
            else:
                self._spawn(self._weed_command(binary, ports, bucket), self._weed_environment())
            self.endpoint = f"127.0.0.1:{ports[-1]}"
            try:
                reason = self._wait_until_ready()
                if not reason and self.kind == "seaweedfs":
                    reason = self._sync_every_write(binary, ports)
            except BaseException:
                self.stop()
                raise
            if not reason:
                return
            self._end_process()
            (self.data_dir / "ports.json").unlink(missing_ok=True)
        raise Unavailable(f"{self.kind} did not start: {reason}; its log is {self.log_file}")

    def _end_process(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _spawn(self, command: list[str], environment: dict[str, str]) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_MAX:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        log: IO[bytes]
        with open(self.log_file, "ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment,
                cwd=self.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
            )

    def _wait_until_ready(self) -> str:
        """Empty once the server answers and wants credentials; else why it never did."""
        health = "/minio/health/cluster" if self.kind == "minio" else "/healthz"
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return f"it ended at once: {self._log_tail()[-1:] or ['(no words)']}"
            # SeaweedFS moves to other ports without a word on its exit code; only its log says so.
            if any("finding alternative port" in line for line in self._log_tail()):
                return "its ports were taken"
            if _status(self.endpoint, health) == http.HTTPStatus.OK:
                # Only a server that has loaded its identities turns a stranger away.
                if _status(self.endpoint, "/") == http.HTTPStatus.FORBIDDEN:
                    return ""
            time.sleep(0.1)
        return f"it was not ready within {READY_TIMEOUT_S} s"

    def _log_tail(self) -> list[str]:
        with open(self.log_file, "rb") as log:
            log.seek(self._log_start)
            return log.read(LOG_BYTES_MAX).decode(errors="replace").strip().splitlines()

    def _minio_command(self, binary: Path, ports: list[int]) -> list[str]:
        return [str(binary), "server", "--quiet", "--address", f"127.0.0.1:{ports[0]}", str(self.data_dir / "data")]

    def _minio_environment(self) -> dict[str, str]:
        return {
            "MINIO_ROOT_USER": self._credentials.value("root-access-key", 8),
            "MINIO_ROOT_PASSWORD": self._credentials.value("root-secret-key"),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
        }

    def _weed_command(self, binary: Path, ports: list[int], bucket: str) -> list[str]:
        master, volume, filer, admin, s3 = ports
        data, logs = self.data_dir / "data", self.data_dir / "logs"
        for folder in (data, logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        # An earlier start's choices would otherwise be read back from here and win over nothing being said now.
        (data / "mini.options").unlink(missing_ok=True)
        config, iam = self.data_dir / "s3.json", self.data_dir / "iam.json"
        _write_private(config, json.dumps(self._weed_identities(bucket), indent=1))
        _write_private(iam, json.dumps({"sts": {}, "policy": {"defaultEffect": "Deny"}}))
        return [
            *(str(binary), f"-logdir={logs}", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-master.telemetry=false", "-webdav=false", "-admin.ui=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam.readOnly=true"),
            *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"),
            *(f"-s3.config={config}", f"-s3.iam.config={iam}"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"),
            *(f"-s3.port={s3}", "-master.volumeSizeLimitMB=256"),
            *(f"-filer.localSocket={self.data_dir / 'filer.sock'}", f"-s3.localSocket={self.data_dir / 's3.sock'}"),
        ]

    def _weed_environment(self) -> dict[str, str]:
        return {
            f"WEED_JWT_{name}": self._credentials.value(f"jwt-{name.lower().replace('_', '-')}", 32)
            for name in ("SIGNING_KEY", "SIGNING_READ_KEY", "FILER_SIGNING_KEY", "FILER_SIGNING_READ_KEY")
        }

    def _weed_identities(self, bucket: str) -> dict[str, object]:
        def keys(who: str) -> list[dict[str, str]]:
            access, secret = (
                self._credentials.value(f"{who}-access-key", 8),
                self._credentials.value(f"{who}-secret-key"),
            )
            return [{"accessKey": access, "secretKey": secret}]

        policy = json.dumps(server_policy(bucket))
        return {
            "identities": [
                {"name": "root", "credentials": keys("root"), "actions": ["Admin"]},
                {"name": "server", "credentials": keys("server"), "policyNames": ["server"]},
            ],
            "policies": [{"name": "server", "content": policy}],
        }

    def _sync_every_write(self, binary: Path, ports: list[int]) -> str:
        """Has every upload written through to the disk before it is confirmed: a receipt lets the agent free its copy."""
        master, _, filer = (f"127.0.0.1:{port}.{port + _GRPC_OFFSET}" for port in ports[:3])
        try:
            done = subprocess.run(
                [str(binary), "shell", f"-master={master}", f"-filer={filer}"],
                input=b"fs.configure -locationPrefix=/buckets/ -fsync -apply\n",
                env=os.environ | self._weed_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=READY_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "its shell did not answer"
        return "" if re.search(rb'"fsync":\s*true', done.stdout) else "it does not write through to the disk"


def server_policy(bucket: str) -> dict[str, object]:
    """What the server's credential may do, and no more; also what to grant on another S3 store."""
    actions = {
        f"arn:aws:s3:::{bucket}": (
            "CreateBucket ListBucket ListBucketVersions GetBucketLocation GetBucketVersioning "
            "GetBucketObjectLockConfiguration PutBucketObjectLockConfiguration"
        ),
        f"arn:aws:s3:::{bucket}/*": (
            "GetObject GetObjectVersion GetObjectRetention GetObjectLegalHold PutObject PutObjectRetention "
            "PutObjectLegalHold DeleteObject DeleteObjectVersion"
        ),
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"s3:{name}" for name in names.split()], "Resource": [resource]}
            for resource, names in actions.items()
        ],
    }


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
    for number in (port, port + _GRPC_OFFSET):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                return False
    return True


def _status(endpoint: str, path: str) -> int:
    connection = http.client.HTTPConnection(endpoint, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _version(kind: StoreKind, binary: Path) -> str:
    pin = binary.with_name("minio.module")
    if kind == "minio" and pin.exists():
        return pin.read_text().rpartition("@")[2]
    command = [str(binary), "--version" if kind == "minio" else "version"]
    said = subprocess.run(command, capture_output=True, timeout=30, check=False, text=True).stdout.splitlines()
    return said[0].removeprefix("minio version ").removeprefix("version ").strip() if said else "unknown"


def _lock(data_dir: Path, resources: ExitStack) -> None:
    held = resources.enter_context(open(data_dir / ".lock", "wb"))
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ResourceExhausted(f"another store is running on {data_dir}: stop it first") from error


def _write_private(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    part.replace(path)


def _die_with_parent() -> None:
    """In the child, before it becomes the server: where the parent is killed, the kernel kills the server.

    SIGKILL, since nothing must be left behind; both servers lose nothing that they had confirmed.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
