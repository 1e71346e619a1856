"""What a heartbeat tells of the machine, and the figures that are made on the way."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from edge_agent.reporting import box
from edge_agent.reporting.box import BoxReader, certificate_left_s, processor_temperature_c


def test_this_machine_can_be_read_and_what_is_told_keeps_the_contract() -> None:
    told = BoxReader(lambda: 90_000_000).read(30_000_000)
    assert told.certificate_left_s == 60
    assert told.memory_total_bytes > told.agent_memory_bytes > 1_000_000
    assert told.uptime_s > 0
    assert told.python
    assert told.system


def test_the_time_left_to_a_certificate_is_negative_after_its_end() -> None:
    assert certificate_left_s(None, 5) is None
    assert certificate_left_s(10_000_000, 70_000_000) == -60


def sensors(**found: list[float]) -> dict[str, list[SimpleNamespace]]:
    return {name: [SimpleNamespace(current=current) for current in values] for name, values in found.items()}


@pytest.mark.parametrize(
    ("found", "degrees"),
    [
        (sensors(coretemp=[48.0, 61.4], nvme=[70.0]), 61),
        (sensors(nvme=[39.6]), 40),
        (sensors(acpitz=[-273.2, 255.0]), None),
        ({}, None),
    ],
    ids=["the processor's hottest core", "any sensor where the processor has none", "a broken sensor", "none"],
)
def test_the_temperature_is_the_processors(monkeypatch, found, degrees) -> None:
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: found, raising=False)
    assert processor_temperature_c() == degrees


def test_a_machine_without_sensors_tells_none(monkeypatch) -> None:
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)
    assert processor_temperature_c() is None


@pytest.mark.parametrize("text", [None, "", "not-a-boot-id", "zz" * 16])
def test_a_boot_id_that_makes_no_sense_is_left_out(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "boot_id"
    if text is not None:
        file.write_text(text)
    assert box._boot_id(file) == ""
    file.write_text("12345678-9abc-def0-1234-56789abcdef0\n")
    assert box._boot_id(file) == "123456789abcdef0123456789abcdef0"
