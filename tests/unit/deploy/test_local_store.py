import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.base.errors import ConfigurationError, ResourceExhausted
from deploy.local.leash import leashed
from deploy.local.minio_build import MINIO_MODULE, build_minio, built_version
from deploy.local.store import LocalStore, find, kind_of
from deploy.local.store_servers import Credentials, server_policy

ROOT = Path(__file__).resolve().parents[3]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_credentials_are_made_once_and_are_nobody_elses_to_read(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials")
    assert credentials.pair("root") == credentials.pair("root")
    assert len(set(credentials.pair("root") + credentials.pair("server"))) == 4
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "credentials").iterdir()}
    assert (modes, (tmp_path / "credentials").stat().st_mode & 0o777) == ({0o600}, 0o700)


def test_the_lesser_credential_may_neither_bypass_nor_remove_the_bucket() -> None:
    granted = str(server_policy("b"))
    for action in ("*'", "Bypass", "DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycle"):
        assert f"s3:{action}" not in granted


def test_another_kinds_data_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kind").write_text("minio")
    assert kind_of(tmp_path) == "minio"
    with pytest.raises(ConfigurationError, match="holds the data of minio"):
        LocalStore.start("seaweedfs", tmp_path, bucket="b")
    (tmp_path / "kind").write_text("tape")
    with pytest.raises(ConfigurationError, match="names no store"):
        kind_of(tmp_path)


def test_a_missing_binary_names_the_command_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "minio" not in find(tmp_path)
    with pytest.raises(ConfigurationError, match=r"dev\.py setup --minio"):
        LocalStore.start("minio", tmp_path / "data", bucket="b", cache_dir=tmp_path)
    with pytest.raises(ConfigurationError, match="needs Go"):
        build_minio(tmp_path, lambda _: None)


def test_a_minio_that_was_built_is_found_and_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    binary = tmp_path / "bin" / "minio"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    binary.with_name("minio.module").write_text(MINIO_MODULE)
    assert find(tmp_path)["minio"] == binary
    assert build_minio(tmp_path, lambda _: pytest.fail("built again")) == binary
    assert built_version(binary) == MINIO_MODULE.partition("@")[2]


def test_a_store_listens_on_loopback_alone_and_a_second_start_on_its_data_is_refused(tmp_path: Path) -> None:
    store = LocalStore.start("seaweedfs", tmp_path / "data", bucket="b")
    try:
        with pytest.raises(ResourceExhausted, match="another store is running"):
            LocalStore.start("seaweedfs", tmp_path / "data", bucket="b")
        assert store.process is not None
        assert listeners(store.process.pid) <= {"127.0.0.1", "::1"}
        private = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "data").glob("*.json")}
        assert private["s3.json"] == 0
        port = int(store.endpoint.rpartition(":")[2])
    finally:
        store.stop()
        store.stop()
    assert not alive(store.process.pid)
    # Whoever took the old port in between keeps it; the store moves, and its data with it.
    with socket.create_server(("127.0.0.1", port)):
        moved = LocalStore.start("seaweedfs", tmp_path / "data", bucket="b")
        try:
            assert moved.endpoint != store.endpoint
        finally:
            if moved.process is not None:
                moved.process.kill()  # its orderly end was seen above, and takes seconds
            moved.stop()


def listeners(pid: int) -> set[str]:
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] != "0A" or f"socket:[{columns[9]}]" not in inodes:
                continue
            raw = bytes.fromhex(columns[1].partition(":")[0])
            words = [raw[at : at + 4][::-1] for at in range(0, len(raw), 4)]
            found.add(socket.inet_ntop(family, b"".join(words)))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's leash is Linux's")
def test_a_leashed_process_does_not_outlive_a_killed_parent() -> None:
    program = (
        "import subprocess, sys, time; from deploy.local.leash import leashed; "
        "child = subprocess.Popen(leashed(['/bin/sleep', '60'])); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_leashed_command_keeps_its_arguments_and_its_exit_status() -> None:
    done = subprocess.run(
        leashed(["/bin/sh", "-c", 'echo "$1"; exit 3', "sh", "a b"]), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("a b\n", 3)
