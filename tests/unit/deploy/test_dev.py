"""What dev.py makes of its arguments, and that it needs nothing but Python."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import checks, environment, experiments, say
from deploy.local.commands import REPOSITORY, cannot_write, run_logged
from deploy.local.say import Told

BEFORE_THE_ENVIRONMENT = (
    "say",
    "commands",
    "environment",
    "packages",
    "checks",
    "experiments",
    "broker",
    "own_camera",
    "store",
    "leash",
    "minio_build",
    "store_servers",
)


def dev(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LC_MESSAGES", "LANG")}
    return subprocess.run(
        [sys.executable, "-E", "-S", str(REPOSITORY / "dev.py"), *arguments],
        capture_output=True, text=True, check=False, timeout=60, cwd="/", env=env | extra,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["", "fly", "demo --fly", "demo --minutes soon", "check now"])
def test_a_wrong_command_is_told_what_there_is(command: str) -> None:
    done = dev(*command.split())
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("sort", "there"), [("bench", "simulator"), ("drill", "")])
def test_an_unknown_experiment_lists_what_there_is(sort: str, there: str) -> None:
    done = dev(sort, "no-such-thing")
    assert done.returncode == 1
    assert "no-such-thing" in done.stderr
    assert there in done.stderr


@pytest.mark.parametrize("sort", ["bench", "drill"])
def test_an_experiment_without_a_name_says_how_it_is_called(sort: str) -> None:
    done = dev(sort)
    assert done.returncode == 1
    assert f"python3 dev.py {sort} NAME" in done.stderr
    told = json.loads(dev(sort, "nonsense", "--json").stdout.splitlines()[-1])
    assert "nonsense" in told["error"]


def test_a_cameras_address_is_judged_before_anything_else() -> None:
    done = dev("demo", "--camera", "http://viewer:secret@192.0.2.1", LANG="zh_CN.UTF-8")
    assert (done.returncode, done.stdout) == (1, "")
    assert "rtsp://" in done.stderr
    assert "形如" in done.stderr
    assert "secret" not in done.stderr


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = NotADirectoryError(20, "Not a directory")
    assert f"cannot write to {tmp_path}: Not a directory" in str(cannot_write(tmp_path, error))
    with pytest.raises(Told, match="where you may write"):
        run_logged([sys.executable, "-c", ""], str(tmp_path / "file" / "log"))


def test_no_network_ends_with_what_to_do(tmp_path: Path) -> None:
    command = [*environment._pip(), "--isolated", "--retries", "1", "install", "--target", tmp_path]
    command += [
        "--index-url",
        "http://127.0.0.1:9/simple",
        "--require-hashes",
        "-r",
        environment.REQUIREMENTS / "uv.txt",
    ]
    with pytest.raises(Told) as told:
        run_logged(command, "test-of-no-network")
    assert "PIP_INDEX_URL" in environment.advice(str(told.value))
    assert not environment.advice("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")


def test_it_speaks_chinese_where_the_language_is_chinese() -> None:
    assert "运行测试" in dev("--help", LANG="zh_CN.UTF-8").stdout
    assert "run the tests" in dev("--help", LANG="en_US.UTF-8").stdout
    assert "run the tests" in dev("--help", LANG="zh_CN.UTF-8", LC_ALL="C.UTF-8").stdout


def test_what_runs_before_the_environment_imports_the_standard_library_only() -> None:
    own = {"deploy", "config"}
    files = [REPOSITORY / "dev.py", REPOSITORY / "config" / "base" / "errors.py"]
    files += [REPOSITORY / "deploy" / "local" / f"{name}.py" for name in BEFORE_THE_ENVIRONMENT]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in own | sys.stdlib_module_names, f"{file.name} imports {name}"


def test_experiments_are_found_by_file_name(tmp_path: Path) -> None:
    (tmp_path / "benchmarks" / "drills").mkdir(parents=True)
    (tmp_path / "tests" / "drills").mkdir(parents=True)
    for name in ("benchmarks/__init__", "benchmarks/report", "benchmarks/cold_start", "benchmarks/drills/kill_agent",
                 "tests/drills/lose_disk"):  # fmt: skip
        (tmp_path / f"{name}.py").touch()
    assert experiments.discover("bench", tmp_path) == {"cold-start": "benchmarks.cold_start"}
    assert experiments.discover("drill", tmp_path) == {
        "kill-agent": "benchmarks.drills.kill_agent",
        "lose-disk": "tests.drills.lose_disk",
    }


@pytest.mark.parametrize("sort", ["bench", "drill"])
def test_whatever_is_offered_as_an_experiment_can_be_run(sort: experiments.Sort) -> None:
    for module in experiments.discover(sort).values():
        assert '__name__ == "__main__"' in (REPOSITORY / f"{module.replace('.', '/')}.py").read_text(), module


def test_the_matrix_is_told_even_where_nothing_ran(tmp_path: Path) -> None:
    file = tmp_path / "matrix.json"
    assert all(line.endswith(("none", "无")) for line in checks.matrix_lines(file))
    file.write_text(json.dumps({"store": ["MinIO", "SeaweedFS"], "broker": ["mosquitto 2"]}))
    assert any("MinIO, SeaweedFS" in line for line in checks.matrix_lines(file))


def test_a_failed_command_shows_the_end_of_its_log() -> None:
    with pytest.raises(Told, match=r"(?s)3.*the reason"):
        run_logged([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], "test-of-a-failure")
    with pytest.raises(Told, match="/no/such/program"):
        run_logged(["/no/such/program"], "test-of-a-failure")


def test_steps_are_plain_lines_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with say.step("Washing up", "洗碗") as note:
        note("a plate")
    with pytest.raises(Told), say.step("Drying", "擦碗"):
        raise Told("the towel is gone")
    said = capsys.readouterr().out
    assert "a plate" not in said
    assert said.count("✓") == said.count("✗") == 1
