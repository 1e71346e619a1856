#!/usr/bin/env python3
"""Sets Nightlight up on this machine and runs it; needs Python 3.11 and nothing else.

python3 dev.py demo     the whole system on this machine, with simulated cameras
python3 dev.py test     everything that is tested
python3 dev.py check    format, lint, types, import contracts and tests
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (the message is for whoever has an older one)
    sys.exit("Nightlight needs Python 3.11 or newer, this is %d.%d / 需要 Python 3.11 以上" % sys.version_info[:2])

import argparse
import os

from config.base.errors import ConfigurationError, NightlightError
from deploy.local import checks, environment, experiments, own_camera, packages
from deploy.local.commands import CACHE, REPOSITORY
from deploy.local.say import Told, line, step, text


def main(argv: list[str]) -> int:
    """Entry point; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may know no Chinese
    options, rest = _parser().parse_known_args(argv)
    if rest and options.command not in ("test", "sim", "panel", "bundle", "page", "bench", "drill"):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    os.chdir(REPOSITORY)
    try:
        return COMMANDS[options.command](options, rest)
    except Told as told:
        print(f"\n{told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _setup(options: argparse.Namespace, _rest: list[str]) -> int:
    line("Setting up everything that running and testing need", "正在准备运行和测试所需的一切")
    environment.ensure("dev")
    packages.ensure_mosquitto()
    reason = packages.ensure_browser()
    if reason:
        line(reason, reason)
    if options.minio:
        _build_minio()
    line("Ready", "准备就绪")
    return 0


def _build_minio() -> None:
    from deploy.local import store

    with step(
        "Building a MinIO server with Go (minutes, once)", "正在用 Go 编译 MinIO 服务器（需几分钟，仅首次）"
    ) as note:
        try:
            CACHE.mkdir(exist_ok=True)
            store.build_minio(CACHE, note)
        except NightlightError as error:
            raise Told(str(error)) from error


def _demo(options: argparse.Namespace, _rest: list[str]) -> int:
    if options.camera and options.camera != own_camera.FORGET:
        try:
            own_camera.split(options.camera)
        except ConfigurationError as error:
            raise Told(str(error)) from error
    line("Starting the demonstration", "正在启动演示")
    environment.ensure("local")
    packages.ensure_mosquitto()
    # A camera's address may hold a password: the environment is the owner's alone, an argument list is everybody's.
    camera = {"NIGHTLIGHT_DEMO_CAMERA": options.camera} if options.camera else {}
    flags = ["--smoke"] if options.smoke else []
    flags += ["--minutes", str(options.minutes)] if options.minutes else []
    return experiments.become(["-m", "deploy.local.demo", *flags], camera)


def _test(_options: argparse.Namespace, rest: list[str]) -> int:
    line("Preparing the tests", "正在准备测试")
    checks.prepare()
    return checks.run_tests(rest)


def _check(_options: argparse.Namespace, _rest: list[str]) -> int:
    line("Checking format, lint, types, imports and tests", "正在检查格式、规范、类型、导入规则并运行测试")
    checks.prepare()
    return checks.run_all()


def _bench(options: argparse.Namespace, rest: list[str]) -> int:
    return experiments.run("bench", options.name, as_json=options.json, rest=rest)


def _drill(options: argparse.Namespace, rest: list[str]) -> int:
    return experiments.run("drill", options.name, as_json=options.json, rest=rest)


def _panel(_options: argparse.Namespace, rest: list[str]) -> int:
    environment.ensure("local")
    return experiments.become(["-m", "deploy.local.panels", *rest])


def _sim(_options: argparse.Namespace, rest: list[str]) -> int:
    line("Starting the simulated cameras", "正在启动模拟摄像头")
    environment.ensure("local")
    return experiments.become(["-m", "deploy.local.simulator", *rest])


def _bundle(_options: argparse.Namespace, rest: list[str]) -> int:
    line("Making the agent's installation file", "正在制作园内主机安装包")
    environment.ensure("dev")
    return experiments.become(["-m", "deploy.systemd.bundle", *rest])


def _page(_options: argparse.Namespace, rest: list[str]) -> int:
    line("Building the page that checks evidence packages", "正在构建证据包验证页面")
    environment.ensure("dev")
    return experiments.become(["-m", "deploy.local.evidence_page", *rest])


COMMANDS = {
    "setup": _setup,
    "demo": _demo,
    "test": _test,
    "check": _check,
    "bench": _bench,
    "drill": _drill,
    "sim": _sim,
    "panel": _panel,
    "bundle": _bundle,
    "page": _page,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev.py",
        description=text(
            __doc__,
            "在本机安装并运行小夜灯；只需要 Python 3.11。\n\n先运行：python3 dev.py demo（整套系统，含模拟摄像头）",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    setup = commands.add_parser("setup", help=text("install everything", "安装一切所需"))
    setup.add_argument("--minio", action="store_true", help=text("also build MinIO with Go", "并用 Go 编译 MinIO"))
    demo = commands.add_parser("demo", help=text("run the whole system here", "在本机运行整套系统"))
    demo.add_argument(
        "--smoke", action="store_true", help=text("without a person; JSON at the end", "无人值守，末行输出 JSON")
    )
    demo.add_argument(
        "--camera",
        metavar="URL",
        help=text(
            "add a camera of yours: rtsp://…; it is remembered, and none forgets it",
            "加入自己的摄像头：rtsp://…；以后启动会记住它，none 表示忘掉",
        ),
    )
    demo.add_argument(
        "--minutes", type=float, metavar="N", help=text("stop by itself after N minutes", "运行 N 分钟后自行停止")
    )
    commands.add_parser(
        "test", help=text("run the tests; further arguments go to pytest", "运行测试，其余参数传给 pytest")
    )
    commands.add_parser("check", help=text("format, lint, types, imports, tests", "格式、规范、类型、导入规则、测试"))
    for name, what in (
        ("bench", text("measure something", "性能测量")),
        ("drill", text("break something", "故障演练")),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("name", nargs="?", default="")
        command.add_argument(
            "--json", action="store_true", help=text("one JSON object on the last line", "末行输出 JSON")
        )
    commands.add_parser("sim", help=text("only the simulated cameras", "仅运行模拟摄像头"), add_help=False)
    commands.add_parser(
        "panel",
        help=text("press a button of the demonstration's alarm panel", "按下演示报警主机的按钮"),
        add_help=False,
    )
    commands.add_parser(
        "bundle",
        help=text("one file that installs the agent without a network", "制作可离线安装园内主机的单个文件"),
        add_help=False,
    )
    commands.add_parser(
        "page",
        help=text("build the page that checks evidence packages (needs Node)", "构建证据包验证页面（需要 Node）"),
        add_help=False,
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
