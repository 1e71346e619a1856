"""Answers an installer's acceptance test: what the server itself has seen of an agent's cameras since it began.

Invariants: an agent learns of its own cameras alone; nothing here writes to the database; the early deletion is tried
on a canary that the server locks for it, never on footage, and at most once a while for each agent; an agent has one
request at a time answered, and none right after another.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, Clock
from config.base.errors import (
    ConfigurationError,
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from config.base.timespan import Span, SpanSet
from config.wire.acceptance import (
    ALARM_TESTS_MAX,
    CAMERAS_MAX,
    GAPS_MAX,
    AcceptanceAnswer,
    AcceptanceRequest,
    AlarmTestSeen,
    CameraSeen,
    CanarySeen,
    FirstMinute,
    GapSeen,
    Refusal,
    SecuredSegment,
)
from config.wire.envelope import decode_payload, open_envelope
from server.domain.coverage import Gap
from server.domain.retention import retain_until_us
from server.domain.verdict import day_of
from server.services.compliance.rule_books import retain_days_of
from server.services.coverage.assess_day import Assessor
from storage.database import evidence
from storage.database.models import Agent, AlarmEventRow, Camera, Segment, Site, Zone
from storage.database.unit_of_work import Database
from storage.objects.canary import prove_worm
from storage.objects.s3 import S3EvidenceStore

SOFTWARE = "nightlight-server/0.1.0"
FRESH_US = 300 * US_PER_S
SINCE_US_MAX = US_PER_DAY
ASK_EVERY_US = 1_500_000
"""A judgement of days takes the database a while; the agent's command asks every 2 s."""
CANARY_EVERY_US = 20 * US_PER_S
AGENTS_REMEMBERED_MAX = 1_024
FIRST_MINUTE_WITHIN_DAYS = 7
"""How long after its activation a camera's first minute is looked for."""


@dataclass
class AcceptanceOffice:
    """Thread-safe."""

    database: Database
    store: S3EvidenceStore
    clock: Clock
    assessor: Assessor
    retain_days: int
    _proved_us: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _asked_us: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _asking: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, data: bytes) -> AcceptanceAnswer:
        """The answer to a sealed AcceptanceRequest.

        Raises InvalidInput (``stale_request``), IntegrityViolation (``bad_signature``), NotFound, ResourceExhausted
        (``too_soon``), Unavailable where the store does not answer.
        """
        opened = open_envelope(data)
        request = decode_payload(opened)
        if not isinstance(request, AcceptanceRequest):
            raise InvalidInput("an acceptance test is asked for with an acceptance-request", code="unknown_kind")
        with self.database.reading() as session:
            agent = session.get(Agent, request.agent_id)
            site = session.get(Site, request.site_id)
        if agent is None or site is None or agent.site_id != site.id:
            raise NotFound("no such agent at this site", code="unknown_agent")
        opened.verify(Ed25519PublicKey.from_public_bytes(agent.public_key))
        if agent.revoked_us is not None:
            raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
        with self._turn(agent.id):
            return self._answer(request, agent, site)

    def _answer(self, request: AcceptanceRequest, agent: Agent, site: Site) -> AcceptanceAnswer:
        now_us = self.clock.utc_us()
        if abs(now_us - request.sent_us) > FRESH_US or not -FRESH_US <= now_us - request.since_us <= SINCE_US_MAX:
            raise InvalidInput("the request is not of now: is the agent's clock right?", code="stale_request")
        canary = self._prove(agent.id) if request.canary else None
        with self.database.reading() as session:
            cameras = evidence.cameras_of_agent(session, agent.id)[:CAMERAS_MAX]
            seen = [self._camera(session, site, camera, request.since_us, now_us) for camera in cameras]
            tests = _alarm_tests(session, agent, request.since_us)
        return AcceptanceAnswer(
            now_us=self.clock.utc_us(),
            software=SOFTWARE,
            site_name=site.name,
            timezone=site.timezone,
            enrolled_us=agent.created_us,
            cameras=[self._locked(camera, segment) for camera, segment in seen],
            canary=canary,
            alarm_tests=tests,
        )

    @contextmanager
    def _turn(self, agent_id: str) -> Iterator[None]:
        """An agent's one place. Raises ResourceExhausted where it is asking already, or asked a moment ago."""
        now_us = self.clock.monotonic_us()
        with self._lock:
            before_us = self._asked_us.get(agent_id)
            if agent_id in self._asking or (before_us is not None and now_us - before_us < ASK_EVERY_US):
                raise ResourceExhausted("it was asked a moment ago: ask again in a few seconds", code="too_soon")
            self._asking.add(agent_id)
        try:
            yield
        finally:
            with self._lock:
                self._asking.discard(agent_id)
                _remember(self._asked_us, agent_id, self.clock.monotonic_us())

    def _camera(
        self, session: Session, site: Site, camera: Camera, since_us: int, now_us: int
    ) -> tuple[CameraSeen, Segment | None]:
        """What is known of a camera, and its newest secured segment of the test: the lock is asked for afterwards."""
        days = sorted({day_of(since_us, site.timezone), day_of(now_us, site.timezone)})
        verdicts = self.assessor.judge_days(session, site, [camera], days, now_us)[camera.id]
        gaps = [gap for verdict in verdicts for gap in verdict.gaps if gap.end_us is None or gap.end_us > since_us]
        covered = verdicts[-1].coverage.covered
        zone = session.get(Zone, (site.id, camera.zone_id))
        newest = select(Segment).where(
            Segment.camera_id == camera.id,
            Segment.start_us >= since_us,
            Segment.retain_until_us.is_not(None),
            Segment.secured_us.is_not(None),
        )
        seen = CameraSeen(
            camera_id=camera.id,
            name=camera.name,
            zone_name=zone.name if zone is not None else "",
            covered_until_us=max((span.end_us for span in covered), default=None),
            first_minute=self._first_minute(session, site, camera, now_us),
            secured=None,
            gaps=[_gap(gap) for gap in gaps[-GAPS_MAX:]],
        )
        return seen, session.scalar(newest.order_by(Segment.end_us.desc()).limit(1))

    def _first_minute(self, session: Session, site: Site, camera: Camera, now_us: int) -> FirstMinute | None:
        """By the same judgement as every verdict: secured, timed, and with no finding that spoils it (I1)."""
        if camera.activated_us is None:
            return None
        first, last = day_of(camera.activated_us, site.timezone), day_of(now_us, site.timezone)
        for number in range(min((last - first).days + 1, FIRST_MINUTE_WITHIN_DAYS)):
            verdict = self.assessor.judge(session, site, camera, first + timedelta(days=number), now_us)
            found = first_minute_in(verdict.coverage.covered)
            arrived = evidence.arrival_of(session, camera.id, found) if found is not None else None
            if found is not None and arrived is not None:
                return FirstMinute(start_us=found.start_us, end_us=found.end_us, verified_us=arrived[1])
        return None

    def _locked(self, camera: CameraSeen, segment: Segment | None) -> CameraSeen:
        """With the lock of its segment as the store tells it now. Raises Unavailable."""
        if segment is None:
            return camera
        with self.database.reading() as session:
            days = retain_days_of(session, segment.site_id, self.retain_days)
        # The day it was read back counts, as it counted when the lock was set.
        required_us = retain_until_us(segment.end_us, segment.secured_us or 0, days)
        detail, locked = "", False
        try:
            found = self.store.stat_version(segment.object_key or "", segment.version_id or "")
            locked = found.locked_until(required_us)
        except (NotFound, InvalidInput, IntegrityViolation) as error:
            detail = str(error)[:200]
        return CameraSeen(
            **{name: getattr(camera, name) for name in camera.__struct_fields__ if name != "secured"},
            secured=SecuredSegment(
                segment_id=segment.id,
                start_us=segment.start_us,
                end_us=segment.end_us,
                verified_us=segment.secured_us or 0,
                retain_until_us=segment.retain_until_us or 0,
                required_until_us=required_us,
                locked=locked,
                detail=detail,
            ),
        )

    def _prove(self, agent_id: str) -> CanarySeen:
        """Locks a canary and attacks it. Raises ResourceExhausted where this agent asked a moment ago, Unavailable."""
        now_us = self.clock.monotonic_us()
        with self._lock:
            before_us = self._proved_us.get(agent_id)
            if before_us is not None and now_us - before_us < CANARY_EVERY_US:
                raise ResourceExhausted("the deletion was tried a moment ago: ask again in 20 s", code="too_soon")
            _remember(self._proved_us, agent_id, now_us)
        try:
            refusals = prove_worm(self.store)
        except (IntegrityViolation, ConfigurationError) as error:
            return CanarySeen(refusals=[], failure=_short(error))
        return CanarySeen(
            refusals=[Refusal(attack=one.attack, status=one.status, code=one.code[:64]) for one in refusals]
        )


def _remember(book: OrderedDict[str, int], agent_id: str, now_us: int) -> None:
    book[agent_id] = now_us
    book.move_to_end(agent_id)
    while len(book) > AGENTS_REMEMBERED_MAX:
        book.popitem(last=False)


def first_minute_in(covered: SpanSet) -> Span | None:
    """The first whole minute of what is covered."""
    for span in covered:
        if span.duration_us >= US_PER_MINUTE:
            return Span(span.start_us, span.start_us + US_PER_MINUTE)
    return None


def _alarm_tests(session: Session, agent: Agent, since_us: int) -> list[AlarmTestSeen]:
    """The newest tests of the agent's panels, oldest first."""
    tests = select(AlarmEventRow).where(
        AlarmEventRow.site_id == agent.site_id,
        AlarmEventRow.agent_id == agent.id,
        AlarmEventRow.received_us >= since_us,
        (AlarmEventRow.kind == "test") | (AlarmEventRow.state == "test"),
    )
    rows = session.scalars(tests.order_by(AlarmEventRow.received_us.desc()).limit(ALARM_TESTS_MAX)).all()
    return [
        AlarmTestSeen(
            at_us=row.at_us, received_us=row.received_us, detail=f"{row.panel_id} {row.code} {row.detail}"[:200]
        )
        for row in reversed(rows)
    ]


def _gap(gap: Gap) -> GapSeen:
    return GapSeen(start_us=gap.start_us, end_us=gap.end_us, cause=str(gap.cause), certainty=str(gap.certainty))


def _short(error: NightlightError) -> str:
    return str(error)[:200]
