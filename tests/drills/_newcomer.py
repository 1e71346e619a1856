"""Somebody who has never seen the system installs the verifier alone and checks a package with it."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Report
from deploy.local.commands import REPOSITORY
from deploy.local.evidence_page import PAGE
from tests.support.verifiers import PEM

SERVER_ONLY = ("sqlalchemy", "fastapi", "starlette", "uvicorn", "minio", "botocore", "jinja2", "av", "cv2", "numpy")
PARTS = ("config", "storage", "edge_agent", "server", "deploy", "pyproject.toml", "README.md")
PACKAGES_MAX = 10
MEGABYTES_MAX = 60.0


class Newcomer:
    """An empty environment, ``pip install .`` with the base dependencies, and what the command then says."""

    def __init__(self, folder: Path, report: Report) -> None:
        self._folder, self._report = folder, report
        self._python = folder / "env" / "bin" / "python"

    def run(self, genuine: bytes) -> None:
        began = time.monotonic()
        self._install()
        listed = json.loads(self._said("-m", "pip", "list", "--format=json"))
        packages = [each["name"] for each in listed if each["name"] not in ("pip", "setuptools")]
        site = next((self._folder / "env" / "lib").glob("python*/site-packages"))
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file() and "pip" not in file.parts[-3:-1])
        self._report.figures |= {
            "install_s": round(time.monotonic() - began, 1),
            "installed_packages": len(packages),
            "installed_mb": round(size / 1e6, 1),
        }
        self._report.expect("packages that the verifier needs, itself included", len(packages), at_most=PACKAGES_MAX)
        self._report.expect("MB installed", round(size / 1e6, 1), at_most=MEGABYTES_MAX)
        page = site / PAGE.relative_to(REPOSITORY)
        self._report.expect_true(
            "the page comes with it", value=page.is_file() and page.read_bytes() == PAGE.read_bytes()
        )
        lacking = f"import importlib.util as u; print(*(n for n in {SERVER_ONLY!r} if u.find_spec(n)))"
        self._report.expect_true("nothing of the server's libraries", value=not self._said("-c", lacking).strip())
        self._check(genuine)

    def _install(self) -> None:
        """From a copy: building leaves files beside the sources."""
        source = self._folder / "source"
        source.mkdir()
        for name in PARTS:
            part = REPOSITORY / name
            copy = shutil.copytree if part.is_dir() else shutil.copy
            options = {"ignore": shutil.ignore_patterns("__pycache__")} if part.is_dir() else {}
            copy(part, source / name, **options)
        subprocess.run([sys.executable, "-m", "venv", self._folder / "env"], check=True)
        command = [self._python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(source)]
        subprocess.run(command, check=True, cwd=self._folder, stdout=sys.stderr)
        shutil.rmtree(source)

    def _said(self, *arguments: str) -> str:
        ended = subprocess.run([self._python, *arguments], cwd=self._folder, capture_output=True, text=True, check=True)
        return ended.stdout

    def _check(self, genuine: bytes) -> None:
        spoiled = bytearray(genuine)
        spoiled[genuine.index(b"footage of")] ^= 1
        for name, data in (("good.zip", genuine), ("bad.zip", bytes(spoiled)), ("centre.pem", PEM.encode())):
            (self._folder / name).write_bytes(data)
        told = {
            "good": self._verify("good.zip", LANG="zh_CN.UTF-8"),
            "good, English": self._verify("good.zip", LANG="en_GB.UTF-8"),
            "bad": self._verify("bad.zip", LANG="zh_CN.UTF-8"),
            "bad, English": self._verify("bad.zip", "--language", "en"),
            "absent": self._verify("absent.zip", "--language", "en"),
        }
        expected = {
            "good": (0, "真实"),
            "good, English": (0, "Genuine"),
            "bad": (1, "不真实：segments/"),
            "bad, English": (1, "Not genuine: segments/"),
            "absent": (2, "Cannot open absent.zip"),
        }
        for name, (status, words) in expected.items():
            ended = told[name]
            met = ended.returncode == status and words in ended.stdout + ended.stderr
            self._report.expect_true(f"nightlight-verify, {name}: exit status {status}, {words}", value=met)
        facts = [json.loads(self._verify(name, "--json").stdout) for name in ("good.zip", "bad.zip")]
        met = [fact["genuine"] for fact in facts] == [True, False] and facts[1]["item"].startswith("segments/")
        self._report.expect_true("nightlight-verify --json", value=met)

    def _verify(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        command = self._folder / "env" / "bin" / "nightlight-verify"
        return subprocess.run(
            [command, *arguments, "--key", "centre.pem"],
            cwd=self._folder,
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
