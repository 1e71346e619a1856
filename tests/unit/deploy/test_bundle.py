"""The bundle takes what the lock names for one Python and one machine, and says so where a copy is damaged."""

import subprocess
import tarfile

from deploy.systemd import bundle

LOCK = """\
# made by uv
av==18.1.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via nightlight (pyproject.toml)
av==19.0.2 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via nightlight (pyproject.toml)
cffi==2.1.1 ; platform_python_implementation != 'PyPy' \\
    --hash=sha256:dd
only-arm==1.0 ; platform_machine == 'aarch64' \\
    --hash=sha256:ee
urllib3==2.8.0 \\
    --hash=sha256:ff
winonly==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""


def names(python: str, arch: str) -> list[str]:
    lines = bundle.requirements_for(LOCK, python, arch).splitlines()
    return [line.rstrip(" \\") for line in lines if not line.startswith(" ")]


def test_markers_are_judged_for_the_machine_that_the_bundle_is_for():
    assert names("3.11", "amd64") == ["av==18.1.0", "cffi==2.1.1", "urllib3==2.8.0"]
    assert names("3.13", "arm64") == ["av==19.0.2", "cffi==2.1.1", "only-arm==1.0", "urllib3==2.8.0"]


def test_every_hash_stays_with_its_package():
    text = bundle.requirements_for(LOCK, "3.11", "amd64")
    assert text.startswith("av==18.1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\ncffi==2.1.1 \\\n")


def test_the_real_lock_leaves_one_version_of_each_package():
    for python in bundle.PYTHONS:
        text = bundle.requirements_for(bundle.REQUIREMENTS.read_text(), python, "arm64")
        found = [line.partition("==")[0] for line in text.splitlines() if not line.startswith(" ")]
        assert len(found) == len(set(found)) > 5
        assert "--hash=sha256:" in text


def _packed(tmp_path):
    """A bundle whose installer only says with what it was called."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "install.sh").write_text('#!/bin/sh\necho "installer: $*"\nexit 7\n')
    return bundle._pack(folder, tmp_path / "nightlight-agent-1.0-amd64.run", "1.0", "amd64")


def test_the_file_unpacks_itself_and_hands_arguments_and_status_on(tmp_path):
    done = subprocess.run(["sh", _packed(tmp_path), "--language", "en"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "installer: --language en\n")


def test_a_damaged_copy_is_found_out_before_anything_runs(tmp_path):
    made = _packed(tmp_path)
    data = bytearray(made.read_bytes())
    data[-20] ^= 1
    made.write_bytes(data)
    done = subprocess.run(["sh", made], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "已损坏" in done.stderr
    assert not done.stdout


def test_the_archive_names_nobody(tmp_path):
    made = _packed(tmp_path)
    header_lines = bundle.HEADER.count("\n")
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(made.read_bytes().split(b"\n", header_lines)[-1])
    with tarfile.open(archive) as packed:
        assert {(entry.uid, entry.gid, entry.uname) for entry in packed} == {(0, 0, "root")}
