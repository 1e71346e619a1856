"""An alarm does not stand in line behind a backlog: it has a way in of its own."""

import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.base.clock import SystemClock
from deploy.local.broker import AgentIdentity
from storage.database.models import AlarmEventRow, Segment
from storage.database.unit_of_work import Database
from tests.integration.ingest.test_ingest import Ingest, Wire
from tests.integration.services.test_alarms import said
from tests.support.brokers import StartBroker
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent, seconds
from tests.support.stores import ObjectStore

BACKLOG = 600


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_alarm_overtakes_the_manifests_of_an_outage(
    tmp_path: Path, database: Database, start_broker: StartBroker, object_store: ObjectStore
) -> None:
    now_us = SystemClock().utc_us()
    agent = SigningAgent(database, SimulatedClock(now_us)).register()
    broker = start_broker(AgentIdentity(agent.site_id, agent.agent_id))
    ingest = Ingest(tmp_path, database, broker, object_store)
    wire = Wire(agent, broker, ingest.public_key_file)
    ingest.start()
    try:
        start_us = now_us - seconds(60 * BACKLOG)
        manifests = [
            agent.manifest(start_us + seconds(60 * i), start_us + seconds(60 * i + 60)) for i in range(BACKLOG)
        ]
        sealed = [agent.signer.seal(manifest) for manifest in manifests]
        deadline = time.monotonic() + 60
        while not count(database, Segment):  # until it listens
            wire.say_bytes("segment-recorded", sealed[0])
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for body in sealed[1:]:
            wire.say_bytes("segment-recorded", body)
        event = said(agent, at_us=now_us)
        wire.say(event)
        while not count(database, AlarmEventRow):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert count(database, Segment) < BACKLOG
    finally:
        wire.close()
        ingest.stop()
