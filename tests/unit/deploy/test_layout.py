"""What the local stack writes for its processes is what their settings loaders read."""

import socket
from pathlib import Path

import pytest

from config.settings.edge import load_edge
from config.settings.server import load_server
from deploy.local.agents import write_agent_settings
from deploy.local.facilities import SITES, ZONES
from deploy.local.layout import Layout, write_settings


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.make()
    return made


def test_everything_is_the_owners_alone(layout: Layout) -> None:
    assert layout.root.stat().st_mode & 0o777 == 0o700
    secret = layout.secret(layout.accounts, "auditor")
    assert len(secret) >= 12
    assert layout.secret(layout.accounts, "auditor") == secret
    assert (layout.accounts / "auditor").stat().st_mode & 0o777 == 0o600


def test_a_port_is_kept_until_somebody_else_has_it(layout: Layout) -> None:
    port = layout.port("api")
    assert layout.port("api", wanted=1) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert layout.port("api") != port


def test_settings_survive_every_character(layout: Layout) -> None:
    awkward = 'a"b\\c\n向日葵 #=['
    write_settings(layout.server_settings, {"server": {"state_dir": awkward}, "api": {"port": 81}})
    settings = load_server(layout.server_settings)
    assert settings.server.state_dir == awkward
    assert settings.api.port == 81


def test_an_agent_hears_of_its_cameras_from_the_server_alone(layout: Layout) -> None:
    folder = layout.agent(SITES[0].agent_id)
    write_agent_settings(folder)
    assert load_edge(folder / "settings.toml", enrolled=False).cameras == []


def test_the_facilities_share_out_every_camera_once() -> None:
    streams = [camera.stream for site in SITES for camera in site.cameras]
    assert streams == [f"cam{number}" for number in range(1, 9)]
    ids = [camera.camera_id for site in SITES for camera in site.cameras]
    assert len(set(ids)) == len(ids)
    assert {camera.zone_id for site in SITES for camera in site.cameras} == {zone_id for zone_id, _, _ in ZONES}
