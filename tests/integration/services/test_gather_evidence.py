"""What is gathered for many days and cameras at once says of each day what would be gathered for it alone."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.ids import fresh_id
from server.domain.coverage import CAUSE_OF_CONDITION
from server.domain.verdict import day_span
from server.services.coverage.assess_day import Assessor
from server.services.registers.register import Register
from storage.database import spans
from storage.database.models import (
    AgentStatus,
    Camera,
    ConditionChange,
    CoverageSpan,
    PictureFindingRow,
    Segment,
    Site,
    Timeline,
    TrustedSpan,
)
from tests.support.sites import POLICY

FIRST, DAYS = date(2026, 3, 27), 5
ZONE = "Europe/Berlin"
BEGIN_US = day_span(FIRST, ZONE).start_us
HOUR = 3_600 * US_PER_S
HOURS = DAYS * 24
ROUNDS = 12


def span(chance: random.Random, most: int = 30) -> tuple[int, int]:
    begin = chance.randrange(-10, HOURS)
    return BEGIN_US + begin * HOUR, BEGIN_US + (begin + chance.randrange(1, most)) * HOUR


def tell(session, chance: random.Random, camera_id: str, agent_id: str, timelines: list[str]) -> None:
    """Anything at all: what the rules make of it is asked elsewhere."""
    for timeline in timelines:
        for kind in (spans.CLAIMED, spans.SECURED, spans.EVICTED, spans.BACKFILLED):
            for _ in range(chance.randrange(4)):
                start_us, end_us = span(chance)
                session.add(CoverageSpan(camera_id=camera_id, kind=kind, timeline_id=timeline, start_us=start_us, end_us=end_us))  # fmt: skip
        for _ in range(chance.randrange(5)):
            condition = chance.choice(["recording", *CAUSE_OF_CONDITION])
            session.add(ConditionChange(message_id=fresh_id(), camera_id=camera_id, timeline_id=timeline, at_us=span(chance)[0], condition=condition, detail=""))  # fmt: skip
    for _ in range(chance.randrange(3)):
        since_us, until_us = span(chance)
        cleared = chance.random() < 0.7
        session.add(
            PictureFindingRow(
                id=fresh_id(),
                camera_id=camera_id,
                finding=chance.choice(POLICY.unsound_findings),
                timeline_id=chance.choice(timelines),
                since_us=since_us,
                score=1.0,
                threshold=0.5,
                no_still="",
                cleared_timeline_id=chance.choice(timelines) if cleared else None,
                until_us=until_us if cleared else None,
                cleared_received_us=chance.choice([until_us + 5 * HOUR, until_us - HOUR]) if cleared else None,
            )
        )
    for number in range(chance.randrange(3)):
        start_us, end_us = span(chance, 3)
        session.add(
            Segment(
                id=fresh_id(),
                site_id="sunflower",
                camera_id=camera_id,
                agent_id=agent_id,
                timeline_id=timelines[0],
                chain_id=fresh_id(),
                sequence=number,
                start_us=start_us,
                end_us=end_us,
                sha256="0" * 64,
                size_bytes=1,
                payload_sha256="0" * 64,
                envelope=b"",
                received_us=end_us,
                refusal=chance.choice(["object_missing", "clock_off", "challenge_overdue", "unheard-of"]),
            )
        )


def fill(database, chance: random.Random, round_number: int) -> list[str]:
    """Two cameras of one agent with up to three timelines."""
    with database.unit_of_work() as session:
        agent_id = f"box-{round_number}"
        timelines = [fresh_id() for _ in range(chance.randrange(1, 4))]
        for timeline in timelines:
            started_us, last_us = span(chance, HOURS)
            session.add(Timeline(id=timeline, agent_id=agent_id, started_us=BEGIN_US - 12 * HOUR if chance.random() < 0.5 else started_us, last_us=last_us, first_heard_us=chance.randrange(4), vouched_until_us=0, stored=chance.random() < 0.3))  # fmt: skip
            session.flush()
            for _ in range(chance.randrange(3)):
                start_us, end_us = span(chance, HOURS)
                session.add(TrustedSpan(timeline_id=timeline, start_us=start_us, end_us=end_us))
        heard_us = BEGIN_US + DAYS * US_PER_DAY - chance.choice([0, 0, US_PER_DAY])
        session.add(AgentStatus(agent_id=agent_id, heard_us=heard_us, sent_us=heard_us, timeline_id=timelines[-1], gone=chance.random() < 0.2, heartbeat=b""))  # fmt: skip
        cameras = [f"camera-{round_number}-{number}" for number in range(2)]
        for camera_id in cameras:
            camera = session.get_one(Camera, camera_id)
            camera.activated_us, camera.settled_until_us = span(chance)[0], span(chance)[1]
            camera.retired_us = span(chance)[1] if chance.random() < 0.2 else None
            tell(session, chance, camera_id, agent_id, timelines)
        session.flush()
        for timeline in timelines:
            touch(session, timeline)
    return cameras


def touch(session, timeline: str) -> None:
    """A timeline ran wherever something was claimed or said on it: every message sees to that."""
    row = session.get_one(Timeline, timeline)
    claims = session.execute(
        select(CoverageSpan.start_us, CoverageSpan.end_us).where(CoverageSpan.timeline_id == timeline)
    )
    words = session.scalars(select(ConditionChange.at_us).where(ConditionChange.timeline_id == timeline))
    instants = [row.started_us, row.last_us, *(at for claim in claims for at in claim), *words]
    row.started_us, row.last_us = min(instants), max(instants)


@pytest.fixture
def register(database, clock):
    made = Register(database, clock)
    made.add_site("sunflower", "Sunflower", "de/berlin", ZONE)
    made.add_zone("sunflower", "hall", "Hall", "corridor")
    return made


def test_many_days_say_what_each_would(database, register):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from config.wire.envelope import Signer

    assessor, days = Assessor(POLICY), [FIRST + timedelta(days=number) for number in range(DAYS)]
    for number in range(ROUNDS):
        register.add_agent("sunflower", f"box-{number}", Signer(Ed25519PrivateKey.generate()).public_pem)
        for camera in range(2):
            register.add_camera("sunflower", f"camera-{number}-{camera}", "hall", f"box-{number}", "Hall")
        chance = random.Random(number)
        camera_ids = fill(database, chance, number)
        now_us = BEGIN_US + DAYS * US_PER_DAY - chance.choice([HOUR, 0, 30 * HOUR])
        with database.reading() as session:
            site = session.get_one(Site, "sunflower")
            cameras = [session.get_one(Camera, camera_id) for camera_id in camera_ids]
            together = assessor.judge_days(session, site, cameras, days, now_us)
            for camera in cameras:
                alone = [assessor.judge(session, site, camera, day, now_us) for day in days]
                assert together[camera.id] == alone, (number, camera.id)


def test_no_days_and_no_cameras_are_no_verdicts(database, register):
    with database.reading() as session:
        site = session.get_one(Site, "sunflower")
        assert Assessor(POLICY).judge_days(session, site, [], [FIRST], BEGIN_US) == {}
        assert Assessor(POLICY).judge_days(session, site, [Camera(id="none")], [], BEGIN_US) == {"none": []}
