"""Simulated cameras for tests: real RTSP on a free loopback port, one process a server.

def test_something(camera_server):
    cameras = camera_server(cameras=2)
    cameras.url("cam1")
    cameras.switch("cam1", "off")
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.simulator.launch import Simulator

StartCameras = Callable[..., Simulator]
"""Takes the keyword arguments of ``Simulator.start``."""


@pytest.fixture
def camera_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartCameras]:
    """Starts simulators; all of them stop at the end of the test."""
    numbers = itertools.count()
    # A Unix socket's path may have 107 bytes: pytest's own directories can be too deep for it.
    root: Path = tmp_path_factory.mktemp("cam")
    with ExitStack() as started:

        def start(**options: object) -> Simulator:
            return started.enter_context(Simulator.start(root / str(next(numbers)), **options))  # type: ignore[arg-type]

        yield start
