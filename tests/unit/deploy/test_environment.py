"""What counts as installed."""

import json
from pathlib import Path

import pytest

from deploy.local.environment import digest, is_current


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    for level in ("local", "dev"):
        (tmp_path / f"{level}.txt").write_text(f"{level}==1\n")
    return tmp_path


def test_without_a_stamp_nothing_is_current(requirements: Path) -> None:
    assert not is_current("local", requirements / "stamp", requirements)


@pytest.mark.parametrize("text", ["", "{", "[]", '"dev"', "{}", '{"local": "0"}'])
def test_a_stamp_that_says_nothing_useful_is_none(requirements: Path, text: str) -> None:
    (requirements / "stamp").write_text(text)
    assert not is_current("local", requirements / "stamp", requirements)


def test_a_changed_requirement_file_is_installed_again(requirements: Path) -> None:
    stamp = requirements / "stamp"
    stamp.write_text(json.dumps({"local": digest(requirements / "local.txt")}))
    assert is_current("local", stamp, requirements)
    assert not is_current("dev", stamp, requirements)
    (requirements / "local.txt").write_text("local==2\n")
    assert not is_current("local", stamp, requirements)


def test_what_tests_need_holds_what_the_demonstration_needs(requirements: Path) -> None:
    stamp = requirements / "stamp"
    stamp.write_text(json.dumps({"dev": digest(requirements / "dev.txt")}))
    assert is_current("dev", stamp, requirements)
    assert is_current("local", stamp, requirements)
