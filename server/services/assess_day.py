"""Turns what is known of a camera's day into a verdict entry, when it would say something new."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from config.settings.server import PolicySettings
from server.domain.cells import PROVING_US
from server.domain.coverage import Cause, ConditionChange, Evidence, Gap, Timeline
from server.domain.coverage import Certainty as GapCertainty
from server.domain.soundness import Moment, PictureFinding
from server.domain.verdict import DayVerdict, day_of, day_span, judge_day
from storage.database import evidence, findings, models, spans, verdicts
from storage.database.models import AgentStatus, Camera, Site, Verdict

US_PER_HOUR = 3_600 * US_PER_S
PROVISIONAL_US = US_PER_HOUR
"""How often at most a provisional entry repeats its gaps: with every change of them the history would grow as a square."""
DAYS_A_ROUND_MAX = 400
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


@dataclass(frozen=True)
class Assessor:
    """Judges camera-days under one policy."""

    policy: PolicySettings

    def judge(self, session: Session, site: Site, camera: Camera, day: date, now_us: int) -> DayVerdict:
        """The verdict on a day as of now; writes nothing."""
        window = day_span(day, site.timezone)
        return judge_day(
            day=window,
            activated_us=camera.activated_us if camera.activated_us is not None else now_us,
            retired_us=camera.retired_us,
            evidence=self.gather(session, camera, window, now_us),
            now_us=now_us,
            in_flight_us=self.policy.in_flight_s * US_PER_S,
            backfill_us=self.policy.backfill_hours * US_PER_HOUR,
            proving_us=PROVING_US if session.get(models.Cell, site.id) is not None else 0,
        )

    def assess(self, session: Session, site: Site, camera: Camera, day: date, now_us: int) -> Verdict | None:
        """Appends the verdict on a day where it differs from the entry in force; returns the new entry."""
        verdict = self.judge(session, site, camera, day, now_us)
        before = verdicts.newest(session, camera.id, day.isoformat())
        if before is not None and not _worth_an_entry(verdict, before):
            return None
        entry = Verdict(
            camera_id=camera.id,
            day=day.isoformat(),
            status=verdict.status,
            final=verdict.final,
            expected_us=verdict.expected_us,
            covered_us=verdict.covered_us,
            assessed_us=verdict.assessed_us,
            gaps=verdicts.encode_gaps([(g.start_us, g.end_us, g.cause, g.certainty) for g in verdict.gaps]),
            replaces_id=before.id if before is not None else None,
        )
        session.add(entry)
        return entry

    def assess_due(self, session: Session, site: Site, camera: Camera, now_us: int) -> list[Verdict]:
        """Assesses every day from the first whose final entry is missing or out of date up to today.

        A retired camera's last day is that of its retirement: nothing is expected of it after that.
        """
        if camera.assess_from_day is None:
            return []
        first, last = date.fromisoformat(camera.assess_from_day), day_of(now_us, site.timezone)
        if camera.retired_us is not None:
            last = min(last, day_of(camera.retired_us, site.timezone))
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)][:DAYS_A_ROUND_MAX]
        written = [self.assess(session, site, camera, day, now_us) for day in days]
        for day in days:
            newest = verdicts.newest(session, camera.id, day.isoformat())
            if newest is None or not newest.final:
                break
            camera.assess_from_day = (day + timedelta(days=1)).isoformat()
        return [entry for entry in written if entry is not None]

    def gather(self, session: Session, camera: Camera, window: Span, now_us: int) -> Evidence:
        """Everything known of one camera in a window."""
        series = spans.coverage_of(session, camera.id, window)
        refused: dict[Cause, SpanSet] = {}
        for segment in evidence.refused_of(session, camera.id, window):
            cause = _REFUSALS.get(segment.refusal or "", Cause.OBJECT_MISSING)
            refused[cause] = refused.get(cause, SpanSet()) | SpanSet.of((segment.start_us, segment.end_us))
        status = session.get(AgentStatus, camera.agent_id)
        timelines = {
            row.id: Timeline(
                running=SpanSet.of((row.started_us, row.last_us)),
                trusted=spans.trusted_of(session, row.id),
                ended=status is not None and status.timeline_id != row.id,
                heard_us=row.first_heard_us,
                stored=row.stored,
            )
            for row in evidence.timelines_of(session, camera.agent_id, window)
        }
        changes = [
            ConditionChange(change.at_us, change.condition, change.timeline_id)
            for change in evidence.conditions_of(session, camera.id, window)
        ]
        return Evidence(
            claimed=series.get(spans.CLAIMED, {}),
            secured=series.get(spans.SECURED, {}),
            refused=refused,
            evicted=SpanSet(span for part in series.get(spans.EVICTED, {}).values() for span in part),
            timelines=timelines,
            conditions=changes,
            findings=self._findings(session, camera, window),
            settled_until_us=camera.settled_until_us,
            agent_alive=self.is_alive(status, now_us),
            current_timeline=status.timeline_id if status is not None else "",
        )

    def _findings(self, session: Session, camera: Camera, window: Span) -> list[PictureFinding]:
        found: list[PictureFinding] = []
        for row, raised_on, cleared_on in findings.reaching_into(
            session, camera.id, window.start_us, self.policy.unsound_findings
        ):
            until = None
            if cleared_on is not None and row.until_us is not None:
                until = _moment(session, cleared_on, row.until_us)
            found.append(PictureFinding(row.finding, _moment(session, raised_on, row.since_us), until))
        return found

    def is_alive(self, status: AgentStatus | None, now_us: int) -> bool:
        """Whether the agent was heard lately and its last will was not published since."""
        if status is None or status.gone:
            return False
        return now_us - status.heard_us <= self.policy.agent_silent_s * US_PER_S


def _moment(session: Session, timeline: models.Timeline, at_us: int) -> Moment:
    trusted = findings.is_trusted_at(session, timeline.id, at_us)
    return Moment(at_us, timeline.id, timeline.first_heard_us, trusted, timeline.started_us)


def _worth_an_entry(verdict: DayVerdict, before: Verdict) -> bool:
    """A final verdict tells every change; a provisional one every change of status, and of its gaps once an hour."""
    if (verdict.status, verdict.final) != (before.status, before.final):
        return True
    gaps_differ = verdict.gaps != _gaps(before)
    if verdict.final:
        return gaps_differ or (verdict.expected_us, verdict.covered_us) != (before.expected_us, before.covered_us)
    return gaps_differ and verdict.assessed_us - before.assessed_us >= PROVISIONAL_US


def _gaps(entry: Verdict) -> tuple[Gap, ...]:
    return tuple(
        Gap(start_us, end_us, Cause(cause), GapCertainty(certainty))
        for start_us, end_us, cause, certainty in verdicts.decode_gaps(entry.gaps)
    )
