"""Brings together what is known of cameras in a window, as the rules of coverage want it.

However many cameras and days are asked about, each table is asked once; what is gathered for many days says of each of
them exactly what would be gathered for it alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.timespan import Span, SpanSet
from config.settings.server import PolicySettings
from server.domain.cells import unproven_from_us
from server.domain.coverage import Cause, ConditionChange, Evidence, Timeline
from server.domain.maintenance import windows_of
from server.domain.soundness import Moment, PictureFinding
from server.services.compliance.rule_books import retain_days_of
from server.services.docket.follow_gaps import window_of
from storage.database import cells, docket, models, spans, windows
from storage.database.models import AgentStatus, Camera

_REFUSALS = {
    "object_missing": Cause.OBJECT_MISSING,
    "object_corrupt": Cause.OBJECT_CORRUPT,
    "lock_refused": Cause.LOCK_TOO_SHORT,
    "undecodable": Cause.OBJECT_CORRUPT,
    "picture_frozen": Cause.PICTURE_FROZEN,
    "picture_too_dark": Cause.PICTURE_TOO_DARK,
    "clock_off": Cause.CLOCK_ERROR,
    "challenge_overdue": Cause.CHALLENGE_OVERDUE,
}
_REFUSED_IN_ORDER = (*(cause for cause in Cause if cause is not Cause.CHALLENGE_OVERDUE), Cause.CHALLENGE_OVERDUE)
"""Where several hold at once, whatever else the window holds: what is known comes before what nobody answered for."""


def gather(
    session: Session, cameras: Sequence[Camera], window: Span, now_us: int, policy: PolicySettings
) -> dict[str, Evidence]:
    """Camera → everything known of it in a window."""
    if not cameras:
        return {}
    known = _Known(session, cameras, window, policy)
    return {camera.id: known.of(camera, now_us) for camera in cameras}


def is_alive(policy: PolicySettings, status: AgentStatus | None, now_us: int) -> bool:
    """Whether the agent was heard lately and its last will was not published since."""
    if status is None or status.gone:
        return False
    return now_us - status.heard_us <= policy.agent_silent_s * US_PER_S


@dataclass
class _Known:
    """The rows of one window, by camera."""

    session: Session
    cameras: Sequence[Camera]
    window: Span
    policy: PolicySettings

    def __post_init__(self) -> None:
        session, window = self.session, self.window
        self._standings: dict[str, tuple[int, int]] | None = None
        camera_ids = [camera.id for camera in self.cameras]
        agent_ids = sorted({camera.agent_id for camera in self.cameras})
        self._series = windows.coverage_of(session, camera_ids, window)
        self._claimed_beyond = windows.claimed_beyond(session, camera_ids, window.end_us)
        self._statuses = windows.statuses_of(session, agent_ids)
        self._timelines = windows.timelines_of(session, agent_ids, window)
        self._trusted = windows.trusted_of(session, agent_ids, window)
        self._conditions = windows.conditions_of(
            session,
            camera_ids,
            window,
            min((row.started_us for rows in self._timelines.values() for row in rows), default=window.start_us),
            sorted({status.timeline_id for status in self._statuses.values()}),
        )
        self._refused: dict[str, dict[Cause, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for camera_id, refusal, start_us, end_us in windows.refused_of(session, camera_ids, window):
            cause = _REFUSALS.get(refusal or "", Cause.OBJECT_MISSING)
            self._refused[camera_id][cause].append((start_us, end_us))
        self._findings: dict[str, list[PictureFinding]] = defaultdict(list)
        self._maintenance = {
            site_id: [window_of(row) for row in docket.maintenance_in(session, site_id, window)]
            for site_id in {camera.site_id for camera in self.cameras}
        }
        names = self.policy.unsound_findings
        for found in windows.findings_of(session, camera_ids, window.start_us, names):
            self._findings[found[0].camera_id].append(self._finding(*found))

    def of(self, camera: Camera, now_us: int) -> Evidence:
        series = self._series[camera.id]
        status = self._statuses.get(camera.agent_id)
        timelines = {
            row.id: Timeline(
                running=SpanSet.of((row.started_us, row.last_us)),
                trusted=self._trusted.get(row.id, SpanSet()),
                ended=status is not None and status.timeline_id != row.id,
                heard_us=row.first_heard_us,
                stored=row.stored,
                claimed_until_us=self._claimed_beyond.get((camera.id, row.id), 0),
            )
            for row in self._timelines.get(camera.agent_id, [])
        }
        secured, refused = series.get(spans.SECURED, {}), self._refused_of(camera)
        if series.get(spans.IN_CELL):
            secured, unproven = self._proven(camera, series, now_us)
            if unproven:
                refused[Cause.CHALLENGE_OVERDUE] = refused.get(Cause.CHALLENGE_OVERDUE, SpanSet()) | unproven
        return Evidence(
            claimed=series.get(spans.CLAIMED, {}),
            secured=secured,
            refused=refused,
            evicted=SpanSet(span for part in series.get(spans.EVICTED, {}).values() for span in part),
            timelines=timelines,
            conditions=list(map(ConditionChange._make, self._conditions.get(camera.id, []))),
            findings=self._findings.get(camera.id, []),
            settled_until_us=camera.settled_until_us,
            agent_alive=is_alive(self.policy, status, now_us),
            current_timeline=status.timeline_id if status is not None else "",
            maintenance=windows_of(camera.id, self._maintenance[camera.site_id]),
        )

    def _refused_of(self, camera: Camera) -> dict[Cause, SpanSet]:
        found = self._refused.get(camera.id, {})
        return {cause: SpanSet(found[cause]) for cause in _REFUSED_IN_ORDER if cause in found}

    def _proven(self, camera: Camera, series: windows.Series, now_us: int) -> tuple[dict[str, SpanSet], SpanSet]:
        """What is secured without what lies in a cell that proves itself no more (I1), and that."""
        if self._standings is None:
            agent_ids = {of.agent_id for of in self.cameras}
            self._standings = {
                row.agent_id: (row.proven_us, end) for row, end in cells.standings_of(self.session, agent_ids)
            }
        proven_us, locked_until_us = self._standings.get(camera.agent_id, (None, 0))
        days = retain_days_of(self.session, camera.site_id, self.policy.retain_days)
        from_us = unproven_from_us(proven_us, locked_until_us, days * US_PER_DAY, now_us)
        secured = dict(series.get(spans.SECURED, {}))
        unproven = SpanSet()
        if from_us is None:
            return secured, unproven
        for timeline_id, in_cell in series[spans.IN_CELL].items():
            where = in_cell.clip(from_us, max(from_us, now_us))
            unproven |= where & secured.get(timeline_id, SpanSet())
            secured[timeline_id] = secured.get(timeline_id, SpanSet()) - where
        return secured, unproven

    def _finding(
        self, row: models.PictureFindingRow, raised_on: models.Timeline, cleared_on: models.Timeline | None
    ) -> PictureFinding:
        until, over_us = None, None
        if cleared_on is not None and row.until_us is not None:
            until = self._moment(cleared_on, row.until_us)
            over_us = max(row.until_us, row.cleared_received_us or row.until_us)
        return PictureFinding(row.finding, self._moment(raised_on, row.since_us), until, over_us)

    def _moment(self, timeline: models.Timeline, at_us: int) -> Moment:
        trusted = self._trusted.get(timeline.id)
        if trusted is None:
            trusted = spans.trusted_of(self.session, timeline.id)
        return Moment(at_us, timeline.id, timeline.first_heard_us, at_us in trusted, timeline.started_us)
