"""The two S3 servers that the local stack can run: their command lines, environments and least privileges.

Standard library only. WORM holds at the S3 port alone: SeaweedFS has further ports (master, volume, filer), which
stay on loopback; keys made at random here guard their data, but the master gives such keys out to whoever asks on
loopback. So whoever may run programs on this machine is trusted.

On SeaweedFS the server's credential may use one bucket, and may neither bypass governance nor delete the bucket. On
MinIO a lesser credential could be made through its admin API only, which Nightlight never uses: there the server
holds the root credential, which COMPLIANCE binds all the same.
"""

import http.client
import json
import os
import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from deploy.local.minio_build import built_version

StoreKind = Literal["minio", "seaweedfs"]

GRPC_OFFSET = 10_000
"""SeaweedFS takes for each port a second one that much higher."""
_SHELL_TIMEOUT_S = 30
_PLACES_TIMEOUT_S = 45
_ANSWER_BYTES_MAX = 65_536


@dataclass(frozen=True)
class Credentials:
    """Secrets as files of mode 0600, because that is how the server's settings take them."""

    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / name

    def value(self, name: str, length_bytes: int) -> str:
        """The secret of that name, made at its first use."""
        path = self.file(name)
        if not path.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, secrets.token_hex(length_bytes))
        return path.read_text().strip()

    def pair(self, who: str) -> tuple[str, str]:
        """Access key and secret key of an identity."""
        return self.value(f"{who}-access-key", 8), self.value(f"{who}-secret-key", 20)


class Server(Protocol):
    """What differs between the two."""

    kind: StoreKind
    server_identity: Literal["root", "server"]
    ports: int
    """How many it needs; the last is the S3 API's."""
    health_path: str

    def command(self, ports: list[int]) -> list[str]: ...

    def environment(self) -> dict[str, str]: ...

    def settle(self, ports: list[int]) -> str:
        """What is left to do once it answers; empty, or why that failed."""
        ...

    def version(self) -> str: ...


class Minio:
    """One process, one port."""

    kind: StoreKind = "minio"
    server_identity: Literal["root", "server"] = "root"
    ports = 1
    health_path = "/minio/health/cluster"

    def __init__(self, binary: Path, data_dir: Path, credentials: Credentials) -> None:
        self._binary = binary
        self._data_dir = data_dir
        self._credentials = credentials

    def command(self, ports: list[int]) -> list[str]:
        return [
            *(str(self._binary), "server", "--quiet", "--address", f"127.0.0.1:{ports[-1]}"),
            str(self._data_dir / "data"),
        ]

    def environment(self) -> dict[str, str]:
        user, password = self._credentials.pair("root")
        return {
            "MINIO_ROOT_USER": user,
            "MINIO_ROOT_PASSWORD": password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def settle(self, ports: list[int]) -> str:  # noqa: ARG002 — MinIO syncs every write by itself
        return ""

    def version(self) -> str:
        return (
            built_version(self._binary)
            or _first_line(self._binary, "--version").removeprefix("minio version ").partition(" (")[0]
        )


class Seaweed:
    """Master, volume, filer, worker and S3 gateway in one process."""

    kind: StoreKind = "seaweedfs"
    server_identity: Literal["root", "server"] = "server"
    ports = 5
    health_path = "/healthz"

    def __init__(self, binary: Path, data_dir: Path, credentials: Credentials, bucket: str) -> None:
        self._binary = binary
        self._data_dir = data_dir
        self._credentials = credentials
        self._bucket = bucket

    def command(self, ports: list[int]) -> list[str]:
        master, volume, filer, admin, s3 = ports
        data, logs = self._data_dir / "data", self._data_dir / "logs"
        for folder in (data, logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        # SeaweedFS keeps an earlier start's flags there and would take up those that are not given now.
        (data / "mini.options").unlink(missing_ok=True)
        config, iam = self._data_dir / "s3.json", self._data_dir / "iam.json"
        write_private(config, json.dumps(self._identities(), indent=1))
        write_private(iam, json.dumps({"sts": {}, "policy": {"defaultEffect": "Deny"}}))
        return [
            *(str(self._binary), f"-logdir={logs}", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-master.telemetry=false", "-webdav=false", "-admin.ui=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam.readOnly=true"),
            *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"),
            *(f"-s3.config={config}", f"-s3.iam.config={iam}"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"),
            *(f"-s3.port={s3}", "-master.volumeSizeLimitMB=256"),
            *(f"-filer.localSocket={self._data_dir}/filer.sock", f"-s3.localSocket={self._data_dir}/s3.sock"),
        ]

    def environment(self) -> dict[str, str]:
        names = ("SIGNING_KEY", "SIGNING_READ_KEY", "FILER_SIGNING_KEY", "FILER_SIGNING_READ_KEY")
        return {
            f"WEED_JWT_{name}": self._credentials.value(f"jwt-{name.lower().replace('_', '-')}", 32) for name in names
        }

    def settle(self, ports: list[int]) -> str:
        """Has every upload written through to the disk, and waits until the master gives out places for new bytes.

        A receipt lets the agent free its copy, so what the store has confirmed must survive a power cut.
        """
        return self._write_through(ports) or self._wait_for_places(ports[0])

    def _wait_for_places(self, master_port: int) -> str:
        """After a restart the master may refuse new bytes for 15 s, while everything else says that it is ready."""
        deadline = time.monotonic() + _PLACES_TIMEOUT_S
        while time.monotonic() < deadline:
            if b'"fid"' in fetch(f"127.0.0.1:{master_port}", "/dir/assign")[1]:
                return ""
            time.sleep(0.2)
        return "it takes no uploads"

    def _write_through(self, ports: list[int]) -> str:
        master, _, filer = (f"127.0.0.1:{port}.{port + GRPC_OFFSET}" for port in ports[:3])
        try:
            done = subprocess.run(
                [str(self._binary), "shell", f"-master={master}", f"-filer={filer}"],
                input=b"fs.configure -locationPrefix=/buckets/ -fsync -apply\n",
                env=os.environ | self.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_SHELL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "its shell did not answer"
        return "" if re.search(rb'"fsync":\s*true', done.stdout) else "it would not write through to the disk"

    def version(self) -> str:
        return _first_line(self._binary, "version").removeprefix("version ")

    def _identities(self) -> dict[str, object]:
        def keys(who: str) -> list[dict[str, str]]:
            access, secret = self._credentials.pair(who)
            return [{"accessKey": access, "secretKey": secret}]

        return {
            "identities": [
                {"name": "root", "credentials": keys("root"), "actions": ["Admin"]},
                {"name": "server", "credentials": keys("server"), "policyNames": ["server"]},
            ],
            "policies": [{"name": "server", "content": json.dumps(server_policy(self._bucket))}],
        }


def server_policy(bucket: str) -> dict[str, object]:
    """What the server's credential may do, and no more; also what to grant on any other S3 store."""
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


def fetch(endpoint: str, path: str) -> tuple[int, bytes]:
    """Status and body of one GET on loopback; 0 where nobody answers."""
    connection = http.client.HTTPConnection(endpoint, timeout=3)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def write_private(path: Path, text: str) -> None:
    """Replaces a file as a whole, readable by its owner alone."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    part.replace(path)


def _first_line(binary: Path, argument: str) -> str:
    said = subprocess.run([str(binary), argument], capture_output=True, timeout=30, check=False, text=True).stdout
    return (said.splitlines() or ["unknown"])[0].strip()
