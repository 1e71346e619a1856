"""The process as it ships, and what it does where something it needs is not there."""

import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from config.settings.server import load_server
from storage.database.unit_of_work import Database
from tests.support.api import OPERATOR, PASSWORD, add_accounts, api_process, serving, settings_for
from tests.support.brokers import free_port

PATIENCE_S = 20.0


def test_not_healthy_without_the_database(tmp_path, clock):
    nowhere = Database(f"sqlite:///{tmp_path}/no/such/folder/n.db")
    with serving(load_server(settings_for(nowhere, tmp_path)), clock) as api:
        answer = api.client().get("/healthz")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
        page = api.client(cookies={"nightlight": "x"}).get("/sites/sunflower")
        assert page.status_code == 503
        assert "Recording at the sites does not depend on it" in page.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_process_stops_while_streams_are_open(database, agent, clock, tmp_path):
    add_accounts(database, clock, agent.site_id)
    port = free_port()
    with api_process(settings_for(database, tmp_path, port=port), port) as (url, process):
        client = httpx.Client(base_url=url, trust_env=False, headers={"Sec-Fetch-Site": "same-origin"})
        client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
        began = threading.Event()
        seen: list[str] = []

        def listen() -> None:
            with client.stream("GET", "/sites/sunflower/events", timeout=PATIENCE_S) as answer:
                for line in answer.iter_lines():
                    seen.append(line)
                    began.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert began.wait(PATIENCE_S)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        took_s = time.monotonic() - asked
        listener.join(PATIENCE_S)
        client.close()
        assert any("changed" in line for line in seen)
        assert took_s < 10, "it should take three seconds at most; ten leave room for a busy machine"


def test_a_wrong_setting_is_named(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text("[api]\nprot = 1\n")
    ended = subprocess.run(
        [sys.executable, "-m", "server.api", "--settings", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "api.prot" in ended.stderr
    assert str(file) in ended.stderr
    assert load_server(None).api.port == 8080
