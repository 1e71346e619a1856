"""A newcomer's camera: its password goes nowhere but into its file."""

from pathlib import Path

import pytest

from config.base.errors import ConfigurationError
from deploy.local import own_camera
from deploy.local.own_camera import OwnCamera, recall, remember, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://192.0.2.10/stream1", ("rtsp://192.0.2.10/stream1", "", "")),
        ("rtsp://admin:s%40cret@cam.example:8554/a?b=c", ("rtsp://cam.example:8554/a?b=c", "admin", "s@cret")),
        ("rtsp://admin@[2001:db8::1]:554/", ("rtsp://[2001:db8::1]:554/", "admin", "")),
        ("  rtsp://192.0.2.10  ", ("rtsp://192.0.2.10", "", "")),
    ],
)
def test_an_address_is_taken_apart(text: str, expected: tuple[str, str, str]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    "text", ["", "cam", "http://u:hunter2@192.0.2.10/", "rtsp://", "rtsp://u:hunter2@h:port/", "rtsp://u:hunter2@h/a@b"]
)
def test_a_wrong_address_is_refused_without_repeating_its_password(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--camera") as refused:
        split(text)
    assert "hunter2" not in str(refused.value)


def test_it_is_kept_for_the_next_start_until_it_is_forgotten(tmp_path: Path) -> None:
    assert recall(tmp_path) is None
    remember(tmp_path, "rtsp://admin:hunter2@192.0.2.10/s")
    password_file = tmp_path / "own-camera-password"
    assert recall(tmp_path) == OwnCamera("rtsp://192.0.2.10/s", "admin", str(password_file))
    assert password_file.read_text() == "hunter2"
    assert password_file.stat().st_mode & 0o077 == 0
    assert "hunter2" not in (tmp_path / "own-camera.json").read_text()
    remember(tmp_path, own_camera.FORGET)
    assert recall(tmp_path) is None
    assert not password_file.exists()
