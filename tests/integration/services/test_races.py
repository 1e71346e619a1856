"""Writers that collide: on PostgreSQL for real, on SQLite one after another anyway."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from config.base.errors import Conflict, Unavailable
from config.base.timespan import Span, SpanSet
from server.jobs.app import assess_all
from server.services.coverage.assess_day import Assessor
from storage.database import evidence, spans
from storage.database.models import Verdict
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.sites import POLICY, SigningAgent, seconds

MINUTE = seconds(60)


def secured(database: Database, agent: SigningAgent) -> SpanSet:
    with database.reading() as session:
        series = spans.coverage_of(session, agent.camera_id, Span(0, 2 * NOON_US)).get(spans.SECURED, {})
        return series.get(agent.timeline_id, SpanSet())


def test_no_secured_minute_is_lost_between_parallel_writers(agent: SigningAgent, database: Database) -> None:
    minutes = list(range(48))
    random.Random(1).shuffle(minutes)

    def add(minute: int) -> None:
        while True:
            try:
                with database.unit_of_work() as session:
                    span = Span(NOON_US + minute * MINUTE, NOON_US + (minute + 1) * MINUTE)
                    spans.add_coverage(session, agent.camera_id, spans.SECURED, agent.timeline_id, span)
            except (Conflict, Unavailable):
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, minutes))
    assert secured(database, agent) == SpanSet.of((NOON_US, NOON_US + 48 * MINUTE))


def test_trust_that_ended_does_not_come_back_with_a_heartbeat_under_way(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    clock.advance(60)
    beat = agent.heartbeat()
    lie = agent.manifest(clock.utc_us() + seconds(3_590), clock.utc_us() + seconds(3_600))
    both = threading.Barrier(2)

    def say(message) -> None:
        both.wait()
        while True:
            try:
                agent.say(message)
            except (Conflict, Unavailable):
                continue
            return

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(say, (beat, lie)))
    with database.reading() as session:
        assert not spans.trusted_of(session, agent.timeline_id)


def test_two_jobs_processes_write_each_entry_once(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    clock.advance(60)
    with database.unit_of_work() as session:
        evidence.activate(session, agent.camera_id, NOON_US)
        evidence.assess_again(session, [agent.camera_id], "2026-11-21")
    both = threading.Barrier(2)

    def assess(_: int) -> None:
        both.wait()
        assess_all(database, Assessor(POLICY), clock)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(assess, range(2)))
    with database.reading() as session:
        assert session.query(Verdict).count() == 1
