"""Picture findings at the server: what they do to coverage, in which order they may come, and who sees a still."""

import hashlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select

from config.base.errors import IntegrityViolation, NotFound, Unavailable
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire import topics
from config.wire.findings import FindingStill, PictureFinding
from config.wire.sealing import finding_still, seal_to
from server.domain.verdict import day_of
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_findings import FindingReader, delete_old_stills, open_findings
from storage.database import evidence, spans
from storage.database.models import AccessRecord, Camera, FindingStillRow, PictureFindingRow, Site
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.sites import POLICY, seconds

POLICE = Scope("police", AUDITOR, EVERY_REGION)
STRANGER = Scope("stranger", AUDITOR, "cn/beijing")
KEY = X25519PrivateKey.generate()
JPEG = b"\xff\xd8\xff a small picture"
DAY_US = 86_400_000_000


def raised(agent, since_us, *, finding="occluded", still=JPEG, **changed) -> PictureFinding:
    made = PictureFinding(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.agent_id,
        camera_id=agent.camera_id,
        timeline_id=agent.timeline_id,
        finding_id=fresh_id(),
        finding=finding,
        state="raised",
        at_us=since_us + seconds(20),
        since_us=since_us,
        score=0.6,
        threshold=0.25,
        still_sha256=hashlib.sha256(still).hexdigest() if still is not None else None,
        no_still="" if still is not None else "no_key",
    )
    return msgspec.structs.replace(made, **changed)


def cleared(agent, was: PictureFinding, until_us: int, **changed) -> PictureFinding:
    return msgspec.structs.replace(
        was,
        message_id=fresh_id(),
        timeline_id=agent.timeline_id,
        state="cleared",
        at_us=until_us + seconds(10),
        until_us=until_us,
        still_sha256=None,
        **changed,
    )


def gave_up(agent, said):
    """Delivers what our own fault keeps us from handling."""
    where = topics.up(agent.site_id, agent.agent_id, "picture-finding")
    return agent.inbox.give_up(where, agent.signer.seal(said), RuntimeError("a fault of ours"))


def still_of(agent, finding: PictureFinding, jpeg: bytes = JPEG, **changed) -> FindingStill:
    made = FindingStill(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.agent_id,
        camera_id=finding.camera_id,
        finding_id=finding.finding_id,
        taken_us=finding.at_us,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        size_bytes=len(jpeg),
        sealed=seal_to(KEY.public_key(), jpeg, finding_still(agent.agent_id, finding.camera_id, finding.finding_id)),
    )
    return msgspec.structs.replace(made, **changed)


@pytest.fixture
def ready(agent, clock, database):
    """A camera whose first ten minutes are secured and rightly timed; they end now."""
    start_us = clock.utc_us()
    agent.say(agent.heartbeat())
    clock.advance(600)
    agent.say(agent.heartbeat(settled_until_us=clock.utc_us()))
    with database.unit_of_work() as session:
        spans.add_coverage(
            session, agent.camera_id, spans.SECURED, agent.timeline_id, Span(start_us, start_us + seconds(600))
        )
        evidence.activate(session, agent.camera_id, start_us)
    return start_us


def judge(database, agent, clock):
    with database.reading() as session:
        site, camera = session.get_one(Site, agent.site_id), session.get_one(Camera, agent.camera_id)
        today = day_of(clock.utc_us(), site.timezone)
        return Assessor(POLICY).judge(session, site, camera, today, clock.utc_us())


def gaps(database, agent, clock, start_us):
    return [
        (gap.start_us - start_us, gap.end_us and gap.end_us - start_us, str(gap.cause))
        for gap in judge(database, agent, clock).gaps
    ]


def test_the_time_of_a_finding_is_a_gap_with_its_name(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    assert agent.say(was).result == "committed"
    assert gaps(database, agent, clock, ready) == [(seconds(100), None, "picture_occluded")]
    assert agent.say(cleared(agent, was, ready + seconds(400))).result == "committed"
    assert gaps(database, agent, clock, ready) == [(seconds(100), seconds(400), "picture_occluded")]
    assert judge(database, agent, clock).covered_us == seconds(300)


def test_a_finding_outlives_its_agent(agent, clock, database, ready):
    agent.say(raised(agent, ready + seconds(100)))
    agent.restart()
    clock.advance(600)
    agent.say(agent.heartbeat(settled_until_us=clock.utc_us()))
    with database.unit_of_work() as session:
        later = Span(agent.started_us, agent.started_us + seconds(600))
        spans.add_coverage(session, agent.camera_id, spans.SECURED, agent.timeline_id, later)
    assert gaps(database, agent, clock, ready) == [(seconds(100), None, "picture_occluded")]


def test_what_does_not_spoil_is_told_and_covered(agent, clock, database, ready):
    agent.say(raised(agent, ready + seconds(100), finding="noise"))
    assert not gaps(database, agent, clock, ready)
    with database.reading() as session:
        (found,) = open_findings(session, [agent.camera_id], POLICY.unsound_findings)[agent.camera_id]
    assert (found.finding, found.spoils) == ("noise", False)


def test_messages_come_twice_and_in_any_order(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    over = cleared(agent, was, ready + seconds(400))
    assert agent.say(over).result == "committed"
    assert agent.say(was).result == "committed"
    assert agent.say(over).result == "duplicate"
    assert agent.say(was).result == "duplicate"
    assert gaps(database, agent, clock, ready) == [(seconds(100), seconds(400), "picture_occluded")]


def test_a_late_clearing_does_not_end_what_was_raised_since(agent, clock, database, ready):
    first, second = raised(agent, ready + seconds(100)), raised(agent, ready + seconds(300))
    agent.say(first)
    agent.say(second)
    agent.say(cleared(agent, first, ready + seconds(200)))
    assert gaps(database, agent, clock, ready) == [
        (seconds(100), seconds(200), "picture_occluded"),
        (seconds(300), None, "picture_occluded"),
    ]


def test_an_agent_without_memory_clears_what_an_earlier_one_left_open(agent, clock, database, ready):
    agent.say(raised(agent, ready + seconds(100)))
    fresh = raised(agent, ready + seconds(500), still=None)
    assert agent.say(cleared(agent, fresh, ready + seconds(500))).result == "committed"
    assert gaps(database, agent, clock, ready) == [(seconds(100), seconds(500), "picture_occluded")]
    again = raised(agent, ready + seconds(550), still=None, finding="blurred")
    assert agent.say(cleared(agent, again, ready + seconds(550))).result == "noted"


def test_the_days_it_touches_are_judged_again(agent, clock, database, ready):
    with database.unit_of_work() as session:
        session.get_one(Camera, agent.camera_id).assess_from_day = "2999-01-01"
    agent.say(raised(agent, ready + seconds(100)))
    with database.reading() as session:
        site = session.get_one(Site, agent.site_id)
        assert session.get_one(Camera, agent.camera_id).assess_from_day == day_of(ready, site.timezone).isoformat()


def test_a_still_waits_for_its_finding_and_must_be_the_one_it_names(agent, ready):
    was = raised(agent, ready + seconds(100))
    kept = still_of(agent, was)
    assert agent.say(kept).result == "deferred"
    agent.say(was)
    assert agent.say(still_of(agent, was, b"another")).result == "quarantined:foreign_finding"
    assert agent.say(kept).result == "committed"
    assert agent.say(kept).result == "duplicate"


def test_a_still_is_shown_within_reach_and_on_record(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    agent.say(was)
    agent.say(still_of(agent, was))
    reader = FindingReader(database, clock, KEY, POLICY.unsound_findings)
    assert [found.has_still for found in reader.of_site(POLICE, agent.site_id)] == [True]
    assert reader.still(POLICE, agent.site_id, was.finding_id) == JPEG
    with database.reading() as session:
        (record,) = session.scalars(select(AccessRecord)).all()
        assert (record.account_name, record.subject, record.subject_id) == ("police", "finding_still", was.finding_id)
    for scope, site, finding in (
        (STRANGER, agent.site_id, was.finding_id),
        (POLICE, "elsewhere", was.finding_id),
        (POLICE, agent.site_id, fresh_id()),
        (POLICE, agent.site_id, "no\0id"),
    ):
        with pytest.raises(NotFound):
            reader.still(scope, site, finding)
    with pytest.raises(NotFound):
        reader.of_site(STRANGER, agent.site_id)
    with database.reading() as session:
        assert len(session.scalars(select(AccessRecord)).all()) == 1


def test_a_still_that_cannot_be_opened_is_not_shown(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    agent.say(was)
    agent.say(still_of(agent, was))
    with pytest.raises(Unavailable):
        FindingReader(database, clock, None, []).still(POLICE, agent.site_id, was.finding_id)
    with pytest.raises(IntegrityViolation):
        FindingReader(database, clock, X25519PrivateKey.generate(), []).still(POLICE, agent.site_id, was.finding_id)


def test_stills_go_when_their_footage_may_go_and_findings_stay(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    agent.say(was)
    agent.say(still_of(agent, was))
    clock.advance(90 * 86_400)
    assert delete_old_stills(database, clock, 90) == 0
    clock.advance(2 * 86_400)
    assert delete_old_stills(database, clock, 90) == 1
    with database.reading() as session:
        assert session.get(FindingStillRow, was.finding_id) is None
        assert session.get_one(PictureFindingRow, was.finding_id).until_us is None


def test_a_finding_that_began_before_its_timeline_spoils_the_end_of_the_one_before(agent, clock, database, ready):
    bad_us = ready + seconds(580)
    agent.restart()
    clock.advance(30)
    agent.say(agent.heartbeat(settled_until_us=clock.utc_us()))
    agent.say(raised(agent, bad_us, at_us=clock.utc_us()))
    assert gaps(database, agent, clock, ready)[0][::2] == (seconds(580), "picture_occluded")
    assert judge(database, agent, clock).covered_us == seconds(580)


def test_a_finding_that_cannot_be_handled_spoils_its_time_until_a_good_picture(agent, clock, database, ready):
    was = raised(agent, ready + seconds(100))
    for _ in range(2):
        assert gave_up(agent, was).result == "quarantined:internal_error"
    assert gaps(database, agent, clock, ready) == [(seconds(100), None, "picture_occluded")]
    assert gave_up(agent, cleared(agent, was, ready + seconds(300))).result == "quarantined:internal_error"
    assert gaps(database, agent, clock, ready) == [(seconds(100), None, "picture_occluded")]
    assert agent.say(cleared(agent, was, ready + seconds(400))).result == "committed"
    assert gaps(database, agent, clock, ready) == [(seconds(100), seconds(400), "picture_occluded")]


def test_a_finding_of_a_strange_timeline_is_refused_and_spoils_its_time(agent, clock, database, ready):
    strange = fresh_id()
    with database.unit_of_work() as session:
        ran = (ready, ready + seconds(1))
        evidence.touch_timeline(session, strange, agent.agent_id, ran, clock.utc_us()).stored = True
    was = raised(agent, ready + seconds(100), timeline_id=strange)
    assert agent.say(was).result == "quarantined:foreign_timeline"
    assert gaps(database, agent, clock, ready) == [(seconds(100), None, "picture_occluded")]
    again = raised(agent, ready + seconds(50), finding_id="nonsense")
    assert agent.say(again).result.startswith("quarantined:")
