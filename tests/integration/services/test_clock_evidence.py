"""Which stretches of an agent's clock the server comes to trust."""

from config.base.timespan import SpanSet
from storage.database import spans
from storage.database.models import Timeline
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent, seconds


def trusted(database: Database, agent: SigningAgent) -> SpanSet:
    with database.reading() as session:
        return spans.trusted_of(session, agent.timeline_id)


def test_a_good_comparison_vouches_for_the_whole_timeline_so_far(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    clock.advance(600)
    agent.say(agent.heartbeat(offset_us=20_000))
    assert agent.started_us in trusted(database, agent)
    assert clock.utc_us() in trusted(database, agent)


def test_without_a_comparison_nothing_is_trusted(agent: SigningAgent, database: Database) -> None:
    agent.say(agent.heartbeat(offset_us=None))
    assert not trusted(database, agent)


def test_a_clock_that_went_wrong_is_trusted_only_up_to_the_last_good_comparison(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    good_us = clock.utc_us()
    clock.advance(300)
    agent.say(agent.heartbeat(offset_us=seconds(30)))
    assert clock.utc_us() not in trusted(database, agent)
    assert good_us + 1 not in trusted(database, agent)
    clock.advance(60)
    agent.say(agent.heartbeat())
    assert good_us + 1 not in trusted(database, agent)


def test_a_message_from_the_future_ends_all_trust_for_good(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    now_us = clock.utc_us()
    agent.say(agent.manifest(now_us + seconds(3_590), now_us + seconds(3_600)))
    assert not trusted(database, agent)
    clock.advance(60)
    agent.say(agent.heartbeat())
    assert not trusted(database, agent)
    with database.reading() as session:
        assert session.get_one(Timeline, agent.timeline_id).distrusted_from_us == agent.started_us


def test_a_new_timeline_starts_without_the_old_ones_trust(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    agent.say(agent.heartbeat())
    clock.advance(5)
    agent.restart()
    agent.say(agent.heartbeat(offset_us=None))
    assert not trusted(database, agent)
