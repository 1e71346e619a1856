"""A throw-away machine for drills: this system's files under an overlay in memory, and a systemd of its own as PID 1.

Needs root, overlayfs and namespaces; ``why_not`` says where one of them is missing. The network is this machine's own, so
that simulated cameras can be reached. Whatever happens inside is gone when it ends; nothing of it reaches the disk.

    with Machine(shared=folder) as machine:
        machine.run("systemctl", "is-system-running")

Source: namespaces(7), systemd "container interface" (systemd.io/CONTAINER_INTERFACE).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

BOOT_WITHIN_S = 60.0
MEMORY = "6g"
SHARED = "/mnt/shared"
QUIET = (
    "systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service systemd-networkd.service"
    " systemd-resolved.service systemd-modules-load.service systemd-sysctl.service systemd-remount-fs.service"
    " getty.target console-getty.service systemd-logind.service dbus.service dbus.socket systemd-binfmt.service"
    " systemd-random-seed.service systemd-journal-flush.service"
)
BOOT = f"""\
set -eu
mount --make-rprivate /
mount -t tmpfs -o size={MEMORY},mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
root=$1/root
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$root/var/tmp"
mkdir -p "$root{SHARED}"
mount --bind "$2" "$root{SHARED}"
if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
        mkdir "$root/sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "$root/sys/fs/cgroup/$controller" || true
    done
    mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
else
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
rm -rf "$root"/etc/systemd/system/*.wants
for unit in {QUIET}; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
: >"$root/etc/fstab"
mkdir -p "$root/mnt/old"
cd "$root"
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=drill PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=multi-user.target
"""


def why_not() -> str:
    """What is missing on this machine; empty where nothing is."""
    if os.geteuid() != 0:
        return "it takes root"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlayfs"
    for program in ("unshare", "nsenter", "pivot_root", "systemctl"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{program} is missing"
    return ""


class Machine:
    """A machine with ``shared`` of this one under ``/mnt/shared``."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared
        self._folder = tempfile.TemporaryDirectory(prefix="machine-")
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["unshare", "-m", "-p", "-f", "-u", "-i", "-C", "sh", "-c", BOOT, "boot", self._folder.name, self._shared],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline_s = time.monotonic() + BOOT_WITHIN_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            self._first = self._child()
            if self._first and self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                return self
            time.sleep(0.3)
        self.__exit__(None, None, None)
        raise RuntimeError("the machine did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._first:
            os.kill(self._first, signal.SIGKILL)  # PID 1 of its namespace: everything in it ends with it
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def run(self, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        enter = ["nsenter", "-t", str(self._first), "-m", "-p", "-u", "-i", "-C", "-r", "-w"]
        clean = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return subprocess.run(
            [*enter, *clean, *command], input=typed, capture_output=True, text=True, check=False, timeout=300
        )

    def property(self, unit: str, name: str) -> str:
        """What systemd says of a unit."""
        return self.run("systemctl", "show", "-p", name, "--value", unit).stdout.strip()

    def _child(self) -> int:
        """PID 1 of the machine, as this one numbers it; 0 where systemd has not begun."""
        pid = self._process.pid if self._process is not None else 0
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return next((int(one) for one in children if "systemd" in Path(f"/proc/{one}/comm").read_text()), 0)
        except OSError:
            return 0
