"""``python3 dev.py demo``: the whole system on this machine until Ctrl-C.

What it records lies in ``.nightlight`` in the checkout; the next start goes on with it.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.errors import NightlightError, Unavailable
from deploy.local import own_camera, smoke
from deploy.local.commands import CACHE, REPOSITORY, cannot_write
from deploy.local.facilities import SITES
from deploy.local.say import line, step, text
from deploy.local.stack import AlreadyRunning, Stack
from deploy.local.watch import SiteView, Watcher

CAMERA_VARIABLE = "NIGHTLIGHT_DEMO_CAMERA"
LOOK_EVERY_S = 1.0
FIRST_MINUTE_WITHIN_S = 600.0


class _TimeIsUp(Exception):
    """``--minutes`` are over."""


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--minutes", type=float, default=0.0)
    options = parser.parse_args(argv)
    # Out of the environment before anything is started that would inherit it.
    camera = os.environ.pop(CAMERA_VARIABLE, "")
    signal.signal(signal.SIGTERM, _interrupt)
    if options.smoke:
        return smoke.run(Stack(CACHE / "smoke"))
    return _run(Stack(REPOSITORY / ".nightlight"), camera, options.minutes)


def _run(stack: Stack, camera: str, minutes: float) -> int:
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    try:
        stack.claim()
    except AlreadyRunning as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        print(f"\n{cannot_write(stack.layout.root, error)}", file=sys.stderr, flush=True)
        return 1
    try:
        if camera:
            own_camera.remember(stack.layout.cameras, camera)
        with step(
            "Starting broker, store, server, cameras and agents",
            "正在启动消息代理、存储、服务器、摄像头和园内主机（边缘代理）",
        ) as note:
            stack.start(note)
        _tell(stack)
        _await_first_minute(stack, until)
        if time.monotonic() < until:
            line("Ctrl-C stops it; what it recorded is kept.", "按 Ctrl-C 停止；已录制的内容会保留。")
        while time.monotonic() < until:
            _raise_if_crashed(stack)
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        print(flush=True)
    except NightlightError as error:
        print(f"\n{error}\n{_advice(stack.layout.logs)}", file=sys.stderr, flush=True)
        return 1
    finally:
        _stop(stack)
    return 0


def _tell(stack: Stack) -> None:
    line(f"  address    {stack.address}", f"  地址    {stack.address}")
    sees = {
        "auditor": text("sees every facility", "可查看所有园所"),
        "operator": text("sees this facility", "仅可查看本园所"),
    }
    for account in stack.accounts:
        who = f"{account.name:<12} {account.password}   {sees[account.role]}"
        line(f"  account    {who}", f"  账号    {who}")
    cameras = f"{stack.simulator.url(stack.simulator.cameras[0])} … {stack.simulator.cameras[-1]}"
    line(f"  cameras    {cameras}", f"  摄像头  {cameras}")
    line(
        f"  store      {stack.store.kind} {stack.store.version}", f"  存储    {stack.store.kind} {stack.store.version}"
    )
    button = "python3 dev.py panel panic --point 3"
    line(f"  panel      {button}", f"  报警主机  {button}")
    line(f"  kept in    {stack.layout.root}", f"  数据    {stack.layout.root}")


def _await_first_minute(stack: Stack, until: float) -> None:
    try:
        with step("Waiting for the first verified minute", "等待第一个核实的分钟") as note:
            _watch_for_it(stack, until, note)
    except _TimeIsUp:
        line("The time given was too short for a first verified minute.", "给定的时间太短，还没有任何一分钟得到核实。")
        return
    seconds = round(time.monotonic() - stack.ready_at)
    line(f"first verified minute after {seconds} s", f"{seconds} 秒后得到第一个核实的分钟")


def _watch_for_it(stack: Stack, until: float, note: Callable[[str], None]) -> None:
    watcher = Watcher(stack.address, stack.auditor.name, stack.auditor.password)
    give_up = time.monotonic() + FIRST_MINUTE_WITHIN_S
    # Minutes of an earlier start would prove nothing of this one.
    begun_us = time.time_ns() // 1_000
    while True:
        if time.monotonic() >= until:
            raise _TimeIsUp
        if time.monotonic() >= give_up:
            raise Unavailable(text("no minute was verified within ten minutes", "十分钟内没有任何一分钟得到核实"))
        _raise_if_crashed(stack)
        longest_us = max(longest_since(watcher.site(site.site_id), begun_us) for site in SITES)
        note(f"{longest_us // US_PER_S} s")
        if longest_us >= US_PER_MINUTE:
            return
        time.sleep(LOOK_EVERY_S)


def longest_since(view: SiteView, begun_us: int) -> int:
    """The longest unbroken covered stretch of any camera of a site after ``begun_us``, in microseconds."""
    clipped = [camera.covered.clip(begun_us, view.now_us) for camera in view.cameras.values()]
    return max((span.duration_us for spans in clipped for span in spans), default=0)


def _raise_if_crashed(stack: Stack) -> None:
    dead = stack.crashed()
    if dead:
        raise Unavailable("\n".join([text("A process has ended by itself:", "有进程意外退出："), *dead]))


def _advice(logs: Path) -> str:
    return text(
        f"The logs are in {logs}. Start it again with: python3 dev.py demo",
        f"日志在 {logs}。重新启动：python3 dev.py demo",
    )


def _stop(stack: Stack) -> None:
    # A second Ctrl-C would leave the order half done; everything here is bounded in time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with step("Stopping", "正在停止"):
        stack.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
