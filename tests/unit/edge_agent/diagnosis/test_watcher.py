"""What a camera's watcher learns, what it does not, and what it remembers."""

import cv2
import msgspec
import numpy as np
import pytest

from config.settings.edge import CameraSettings
from edge_agent.diagnosis.hysteresis import Rule
from edge_agent.diagnosis.measuring import measure
from edge_agent.diagnosis.memory import WatcherMemory
from edge_agent.diagnosis.watcher import Watcher

RNG = np.random.default_rng(11)
THRESHOLDS = {
    "signal_loss": 0.75,
    "too_dark": 0.9,
    "too_bright": 0.32,
    "blurred": 0.3,
    "occluded": 0.25,
    "scene_moved": 0.5,
    "frozen": 0.42,
    "colour_cast": 0.18,
    "noise": 7.0,
    "streaks": 3.5,
}
RULES = {name: Rule(threshold, 3, 4, 3) for name, threshold in THRESHOLDS.items()}
EVERY_US = 2_000_000
CAMERA = CameraSettings(id="nap-room", url="rtsp://192.0.2.10/a")


def room(seed: int = 1) -> np.ndarray:
    """Furniture: sharp-edged boxes in colours."""
    rng = np.random.default_rng(seed)
    scene = np.full((180, 320, 3), 120, np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(0, 300)), int(rng.integers(0, 165))
        cv2.rectangle(scene, (x, y), (x + 24, y + 18), [int(c) for c in rng.integers(40, 220, 3)], -1)
    return scene


def taken(scene: np.ndarray, noise: float = 2.0) -> np.ndarray:
    return np.clip(scene + RNG.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def look(watcher: Watcher, pictures, start: int = 1) -> list[tuple[str, bool]]:
    noticed = []
    for number, picture in enumerate(pictures):
        noticed += watcher.see(measure(picture), (start + number) * EVERY_US)
    return [(one.finding, one.change.raised) for one in noticed]


def taught() -> Watcher:
    watcher = Watcher(RULES)
    assert not [name for name, raised in look(watcher, [taken(room()) for _ in range(10)]) if raised]
    assert watcher.references
    return watcher


@pytest.mark.parametrize(
    ("finding", "spoilt"),
    [
        ("too_dark", lambda: taken(room() // 30)),
        ("too_bright", lambda: taken(np.clip(room().astype(int) * 4, 0, 255))),
        ("blurred", lambda: taken(cv2.GaussianBlur(room(), (0, 0), 4))),
        ("scene_moved", lambda: taken(room(seed=2))),
        ("occluded", lambda: taken(np.where(np.arange(320)[None, :, None] < 240, 90, room()))),
        ("noise", lambda: taken(room(), noise=25)),
        ("signal_loss", lambda: np.full((180, 320, 3), (200, 40, 10), np.uint8)),
        ("colour_cast", lambda: taken(room() * np.array([0.5, 1.0, 1.5]))),
    ],
)
def test_a_fault_is_found_and_teaches_nothing(finding, spoilt):
    watcher = taught()
    references = list(watcher.references)
    assert (finding, True) in look(watcher, [spoilt() for _ in range(6)], 20)
    assert finding in watcher.open_findings()
    assert watcher.references == references
    assert (finding, False) in look(watcher, [taken(room()) for _ in range(6)], 40)
    assert finding not in watcher.open_findings()


def test_the_same_picture_again_and_again_is_frozen_and_a_still_room_is_not():
    watcher = taught()
    still = taken(room())
    assert ("frozen", True) in look(watcher, [still] * 8, 20)
    assert not taught().open_findings()


def test_in_the_dark_an_open_finding_stays_open():
    watcher = taught()
    look(watcher, [taken(room(seed=2)) for _ in range(6)], 20)
    look(watcher, [taken(room() // 40) for _ in range(20)], 40)
    assert {"scene_moved", "too_dark"} <= set(watcher.open_findings())


def test_infrared_is_learned_beside_colour():
    watcher = taught()
    grey = cv2.cvtColor(cv2.cvtColor(room(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)

    def infrared() -> np.ndarray:
        return np.clip(grey * 0.7 + RNG.normal(0, 2, (180, 320, 1)), 0, 255).astype(np.uint8)

    assert not [name for name, raised in look(watcher, [infrared() for _ in range(20)], 20) if raised]
    assert sorted(reference.monochrome for reference in watcher.references) == [False, True]
    assert not [name for name, raised in look(watcher, [taken(room()) for _ in range(20)], 60) if raised]


def test_what_cannot_be_decoded_is_a_lost_signal():
    watcher = taught()
    noticed = [one for number in range(5) for one in watcher.cannot_decode((20 + number) * EVERY_US)]
    assert [(one.finding, one.change.raised) for one in noticed] == [("signal_loss", True)]


def test_a_restart_forgets_neither_the_view_nor_what_is_open(tmp_path):
    memory, watcher = WatcherMemory(tmp_path / "diagnosis"), taught()
    look(watcher, [taken(room(seed=2)) for _ in range(6)], 20)
    memory.keep(CAMERA, watcher)
    again = Watcher(RULES)
    memory.recall(CAMERA, again)
    assert again.open_findings() == ["scene_moved"]
    assert ("scene_moved", False) in look(again, [taken(room()) for _ in range(6)], 40)
    assert (tmp_path / "diagnosis").stat().st_mode & 0o077 == 0


def test_a_camera_that_was_turned_on_purpose_is_learned_anew(tmp_path):
    memory = WatcherMemory(tmp_path / "diagnosis")
    memory.keep(CAMERA, taught())
    again = Watcher(RULES)
    memory.recall(msgspec.structs.replace(CAMERA, view=2), again)
    assert not again.references
    assert not [name for name, raised in look(again, [taken(room(seed=2)) for _ in range(12)]) if raised]


@pytest.mark.parametrize("data", [b"", b"\x81", b"x" * 3_000_000])
def test_a_memory_that_cannot_be_read_is_left_aside(tmp_path, data):
    memory, watcher = WatcherMemory(tmp_path), Watcher(RULES)
    (tmp_path / "nap-room.view").write_bytes(data)
    memory.recall(CAMERA, watcher)
    assert not watcher.references
    memory.keep(CAMERA, taught())
    memory.recall(CAMERA, watcher)
    assert watcher.references


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    WatcherMemory(tmp_path / "file").keep(CAMERA, taught())
