"""The installer's decisions, in a staging directory: what it refuses, what it keeps, and what it asks before it deletes.

That a real systemd runs what it installs is the drill ``install``'s business.
"""

import grp
import os
import pty
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
SYSTEMD = REPOSITORY / "deploy" / "systemd"
SCRIPTS = ("install.sh", "speech.sh", "uninstall.sh", "nightlight-agent")
DEBIAN = 'ID=debian\nVERSION_ID="12"\n'
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="the installer wants root, for a staging directory as well")
ON_DEBIAN = pytest.mark.skipif(shutil.which("dpkg") is None, reason="the installer asks dpkg for the architecture")


@pytest.fixture
def stage(tmp_path):
    """A machine's files, as far as the installer looks at them."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "os-release").write_text(DEBIAN)
    (root / "etc" / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\nnightlight:x:{os.getuid()}:{os.getgid()}:::\n")
    (root / "etc" / "group").write_text("root:x:0:\nnightlight:x:999:\n")
    return root


def install(root, *arguments, script=SYSTEMD / "install.sh", typed=None, **options):
    """Runs the installer; ``typed``: what a person at a terminal types."""
    command = ["sh", str(script), "--root", str(root), "--language", "en", *arguments]
    if typed is None:
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=theirs, timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)


def with_recordings(root, count=3):
    folder = root / "var" / "lib" / "nightlight" / "spool" / "nap-room"
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.mp4").write_bytes(b"x" * 1_000)
    (root / "opt" / "nightlight" / "1.0-abc-py311").mkdir(parents=True)
    (root / "etc" / "nightlight").mkdir()
    (root / "etc" / "nightlight" / "agent.toml").write_text("# mine\n")
    return folder


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_scripts_are_clean():
    done = subprocess.run(["shellcheck", "-x", *SCRIPTS], cwd=SYSTEMD, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_are_posix(script):
    assert subprocess.run(["sh", "-n", SYSTEMD / script], check=False).returncode == 0


def test_everything_is_said_in_both_languages():
    for script in SCRIPTS[:3]:
        text = (SYSTEMD / script).read_text().replace("\\\n", " ")
        for call in re.findall(r"^\s*(?:say|next|good|warn|die) (.*)$", text, re.MULTILINE):
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', call)
            if len(words) >= 2 and "$1" not in call and not re.fullmatch(r"[$\w ,.]*", words[0]):
                assert re.search(r"[\u4e00-\u9fff]|Python", words[1]), call


@AS_ROOT
@ON_DEBIAN
def test_a_dry_run_tells_everything_and_changes_nothing(stage):
    before = sorted(stage.rglob("*"))
    done = install(stage, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert sorted(stage.rglob("*")) == before
    for told in ("[7/7]", "current", "nightlight-agent.service", "agent.toml"):
        assert told in done.stdout


@AS_ROOT
@pytest.mark.parametrize("release", ["ID=fedora\n", "", 'ID=arch\nID_LIKE="archlinux"\n'])
def test_another_system_is_refused_and_nothing_is_touched(stage, release):
    (stage / "etc" / "os-release").write_text(release)
    done = install(stage)
    assert done.returncode == 1
    assert "Debian" in done.stderr
    assert not (stage / "opt").exists()


@AS_ROOT
@ON_DEBIAN
def test_a_bundle_for_another_machine_or_with_a_damaged_file_is_refused(stage, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(SYSTEMD, bundle)
    (bundle / "ARCH").write_text("riscv64\n")
    done = install(stage, script=bundle / "install.sh")
    assert done.returncode == 1
    assert "riscv64" in done.stderr
    (bundle / "ARCH").unlink()
    (bundle / "SHA256SUMS").write_text(f"{'0' * 64}  install.sh\n")
    done = install(stage, script=bundle / "install.sh")
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert not (stage / "opt").exists()


@AS_ROOT
@ON_DEBIAN
def test_a_bundle_without_wheels_for_this_python_says_which_would_do(stage, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(SYSTEMD, bundle)
    (bundle / "PYTHONS").write_text("3.99\n")
    (bundle / "wheels").mkdir()
    done = install(stage, script=bundle / "install.sh")
    assert done.returncode == 1
    assert "Python" in done.stderr


@AS_ROOT
def test_removal_without_a_person_keeps_everything_and_says_so(stage):
    folder = with_recordings(stage)
    refused = install(stage, "--uninstall")
    assert refused.returncode == 1
    assert (stage / "opt" / "nightlight").exists()
    done = install(stage, "--uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert "3 recordings" in done.stdout
    assert not (stage / "opt" / "nightlight").exists()
    assert len(list(folder.iterdir())) == 3
    assert (stage / "etc" / "nightlight" / "agent.toml").read_text() == "# mine\n"


@AS_ROOT
@pytest.mark.parametrize("typed", ["y\n\n", "y\ny\n", "y\nDELETE\n", "y\nDELETE 2\n", "y\ndelete 3\n"])
def test_recordings_stay_unless_the_very_sentence_is_typed(stage, typed):
    folder = with_recordings(stage)
    done = install(stage, "--uninstall", typed=typed)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.iterdir())) == 3
    assert not (stage / "opt" / "nightlight").exists()


@AS_ROOT
def test_recordings_are_counted_where_the_settings_keep_them(stage):
    with_recordings(stage)
    elsewhere = stage / "srv" / "spool"
    elsewhere.mkdir(parents=True)
    for number in range(5):
        (elsewhere / f"{number}.mp4").touch()
    (stage / "srv" / "theirs").touch()
    (stage / "etc" / "nightlight" / "agent.toml").write_text('[agent]\nstate_dir = "/srv"  # a large disk\n')
    done = install(stage, "--uninstall", typed="y\nDELETE 5\n")
    assert done.returncode == 0, done.stderr
    assert not elsewhere.exists()
    assert (stage / "srv" / "theirs").exists()


@pytest.fixture
def wrapper(tmp_path):
    """The command in PATH with its places moved: runs a script in place of the agent, as nobody."""
    for name in ("release/venv/bin", "etc", "state", "bin", "here"):
        (tmp_path / name).mkdir(parents=True)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "state").chmod(0o777)
    (tmp_path / "etc" / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    text = (SYSTEMD / "nightlight-agent").read_text().replace("member=nightlight", "member=nobody")
    text = text.replace("/opt/nightlight/current", f"{tmp_path}/release").replace("/etc/nightlight", f"{tmp_path}/etc")
    text = text.replace('-g "$member"', f"-g {group}").replace('regid="$member"', f"regid={group}")
    (tmp_path / "command").write_text(text)
    (tmp_path / "bin" / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/started\n')
    (tmp_path / "bin" / "systemctl").chmod(0o755)

    def run(agent, *arguments):
        python = tmp_path / "release" / "venv" / "bin" / "python"
        python.write_text(f"#!/bin/sh\n{agent}\n")
        python.chmod(0o755)
        command = ["sh", tmp_path / "command", *arguments]
        path = f"{tmp_path}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(command, env={"PATH": path}, cwd=tmp_path / "here", capture_output=True, check=True)

    return run


@AS_ROOT
def test_cameras_that_discover_wrote_are_taken_up_at_once(wrapper, tmp_path):
    started = tmp_path / "started"
    wrapper("exit 0", "discover")
    assert not started.exists()
    for content in ("one", "two"):
        wrapper(f"echo {content} >{tmp_path}/state/cameras.toml", "--language", "en", "discover")
    assert started.read_text().split() == ["try-restart", "nightlight-agent.service"] * 2
    wrapper(f"echo two >{tmp_path}/state/cameras.toml", "discover")
    assert len(started.read_text().splitlines()) == 2


LAST_ARGUMENT = "for folder; do :; done; "


@AS_ROOT
def test_root_hands_over_no_file_that_a_link_names(wrapper, tmp_path):
    secret, mine, here = tmp_path / "secret", tmp_path / "mine", tmp_path / "here"
    for file in (secret, mine):
        file.write_text("theirs")
        file.chmod(0o600)
    (here / "report.html").symlink_to(mine)
    wrapper(f'{LAST_ARGUMENT}echo fine >"$folder/report.html"; ln -s {secret} "$folder/other.html"', "accept")
    assert sorted(file.name for file in here.iterdir()) == ["report.html"]
    assert (here / "report.html").read_text() == "fine\n"
    assert mine.read_text() == "theirs"
    wrapper(f'{LAST_ARGUMENT}rmdir "$folder" && ln -s {tmp_path} "$folder"; exit 0', "accept")
    assert not (here / "secret").exists()


@AS_ROOT
def test_owning_follows_no_link(stage, tmp_path):
    (stage / "etc" / "passwd").write_text("nightlight:x:4711:4712:::\n")
    secret, link = tmp_path / "secret", tmp_path / "link"
    secret.touch()
    link.symlink_to(secret)
    script = f'ROOT={stage} DRY="" MEMBER=nightlight; . {SYSTEMD}/speech.sh; own {link}'
    subprocess.run(["sh", "-euc", script], check=True)
    assert (secret.stat().st_uid, link.lstat().st_uid, link.lstat().st_gid) == (os.getuid(), 4_711, 4_712)


@AS_ROOT
def test_a_no_changes_nothing(stage):
    with_recordings(stage)
    done = install(stage, "--uninstall", typed="n\n")
    assert done.returncode == 1
    assert (stage / "opt" / "nightlight").exists()


@AS_ROOT
def test_the_sentence_names_how_many_are_lost_and_then_they_go(stage):
    folder = with_recordings(stage)
    done = install(stage, "--uninstall", typed="y\nDELETE 3\n")
    assert done.returncode == 0, done.stderr
    assert "DELETE 3" in done.stdout
    assert not folder.exists()
    assert not (stage / "etc" / "nightlight").exists()
    assert "nightlight" not in (stage / "etc" / "passwd").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_valid_and_as_closed_as_it_can_be(tmp_path):
    unit = SYSTEMD / "nightlight-agent.service"
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "nightlight-agent.service" not in verified.stderr, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=False
    )
    level = re.search(r"exposure level for nightlight-agent\.service: ([0-9.]+)", judged.stdout)
    if level is None:
        pytest.skip("this systemd-analyze judges no files")
    assert float(level[1]) <= 1.5


def test_the_template_is_valid_settings(tmp_path):
    from config.settings.edge import load_edge

    filled = (SYSTEMD / "agent.toml").read_text() + 'site_id = "sunflower"\nagent_id = "sunflower-box"\n'
    (tmp_path / "agent.toml").write_text(filled)
    settings = load_edge(tmp_path / "agent.toml")
    assert settings.agent.state_dir == "/var/lib/nightlight"
    assert sys.version_info >= (3, 11)
