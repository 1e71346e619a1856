"""Turns what is known of a camera's day into a verdict entry, when it would say something new."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.logs import get_logger
from config.base.timespan import Span
from config.settings.server import PolicySettings
from server.domain.cells import PROVING_US, unproven_from_us
from server.domain.coverage import Evidence
from server.domain.verdict import DayVerdict, Waits, day_of, day_span, judge_days
from server.services.compliance.rule_books import retain_days
from server.services.coverage.gather_evidence import gather, is_alive
from server.services.docket.follow_gaps import DocketFollower
from storage.database import cells, evidence, models, verdicts, windows
from storage.database.models import AgentStatus, Camera, Site, Verdict
from storage.database.windows import InForce

US_PER_HOUR = 3_600 * US_PER_S
PROVISIONAL_US = US_PER_HOUR
"""How often at most a provisional entry repeats its gaps: with every change of them the history would grow as a square."""
DAYS_A_ROUND_MAX = 400

log = get_logger("jobs")


@dataclass(frozen=True)
class Assessor:
    """Judges camera-days under one policy."""

    policy: PolicySettings

    def judge(self, session: Session, site: Site, camera: Camera, day: date, now_us: int) -> DayVerdict:
        """The verdict on a day as of now; writes nothing."""
        return self.judge_days(session, site, [camera], [day], now_us)[camera.id][0]

    def judge_days(
        self,
        session: Session,
        site: Site,
        cameras: Sequence[Camera],
        days: Sequence[date],
        now_us: int,
        known: Mapping[str, Evidence] | None = None,
    ) -> dict[str, list[DayVerdict]]:
        """Camera → the verdict on each of ``days`` (they ascend) as of now; writes nothing.

        For a site's quarter the tables are asked as often as for a camera's day, and not at all where it is ``known``:
        gathered for these days, of several sites at once.
        """
        if not days:
            return {camera.id: [] for camera in cameras}
        spans_of_days = [day_span(day, site.timezone) for day in days]
        window = Span(spans_of_days[0].start_us, spans_of_days[-1].end_us)
        known = known or self.gather_all(session, cameras, window, now_us)
        waits = Waits(
            in_flight_us=self.policy.in_flight_s * US_PER_S,
            backfill_us=self.policy.backfill_hours * US_PER_HOUR,
            proving_us=PROVING_US if session.get(models.Cell, site.id) is not None else 0,
        )
        return {
            camera.id: judge_days(
                days=spans_of_days,
                activated_us=camera.activated_us if camera.activated_us is not None else now_us,
                retired_us=camera.retired_us,
                evidence=known[camera.id],
                now_us=now_us,
                waits=waits,
            )
            for camera in cameras
        }

    def assess_due(
        self,
        session: Session,
        site: Site,
        cameras: Sequence[Camera],
        now_us: int,
        follower: DocketFollower | None = None,
    ) -> list[Verdict]:
        """Assesses every day from the first whose final entry is missing or out of date up to today.

        ``follower`` sees each verdict, also one that is not worth an entry.

        A retired camera's last day is that of its retirement: nothing is expected of it after that. Cameras that are
        due over the same days, as next to all of a site are, are gathered together.
        """
        self._note_cells(session, site, cameras, now_us)
        written: list[Verdict] = []
        for days, together in _due(site, cameras, now_us).items():
            written += self._assess(session, site, together, days[:DAYS_A_ROUND_MAX], now_us, follower)
        return written

    def judge_due(
        self, session: Session, site: Site, cameras: Sequence[Camera], first: date, last: date, now_us: int
    ) -> dict[str, dict[str, DayVerdict]]:
        """Camera → day → the verdict as of now on the days from ``first`` to ``last`` that the next round would assess.

        Of these no entry in force stands: while jobs are down, and until their next round, it tells of what was. Days out of
        service are left out.
        """
        found: dict[str, dict[str, DayVerdict]] = defaultdict(dict)
        for due, together in _due(site, cameras, now_us).items():
            days = [day for day in due if first <= day <= last]
            for camera_id, verdicts_due in self.judge_days(session, site, together, days, now_us).items():
                begun_us = next(camera.activated_us for camera in together if camera.id == camera_id)
                begun = day_of(begun_us, site.timezone) if begun_us is not None else date.max
                found[camera_id] |= {
                    day.isoformat(): verdict for day, verdict in zip(days, verdicts_due, strict=True) if day >= begun
                }
        return found

    def _assess(
        self,
        session: Session,
        site: Site,
        cameras: Sequence[Camera],
        days: Sequence[date],
        now_us: int,
        follower: DocketFollower | None,
    ) -> list[Verdict]:
        judged = self.judge_days(session, site, cameras, days, now_us)
        if follower is not None:
            follower.follow(session, site, cameras, days, judged, now_us)
        before = windows.verdicts_of(
            session, [camera.id for camera in cameras], days[0].isoformat(), days[-1].isoformat()
        )
        written: list[Verdict] = []
        today = day_of(now_us, site.timezone)
        for camera in cameras:
            in_force = {entry.day: entry for entry in before.get(camera.id, [])}
            all_final = True
            for day, verdict in zip(days, judged[camera.id], strict=True):
                known = in_force.get(day.isoformat())
                if known is None or _worth_an_entry(verdict, known, is_over=day < today):
                    written.append(_entry(camera.id, day, verdict, known))
                all_final = all_final and verdict.final
                if all_final:
                    camera.assess_from_day = (day + timedelta(days=1)).isoformat()
        session.add_all(written)
        return written

    def _note_cells(self, session: Session, site: Site, cameras: Sequence[Camera], now_us: int) -> None:
        """Has days judged again whose proof in the site's own store has ended, or has come: also final ones (I1)."""
        for standing, locked_until_us in cells.standings_of(session, {camera.agent_id for camera in cameras}):
            before_us = standing.unproven_from_us
            retain_us = retain_days(site.policy_pack, self.policy.retain_days) * US_PER_DAY
            from_us = unproven_from_us(standing.proven_us, locked_until_us, retain_us, now_us)
            if from_us == before_us:
                continue
            log.warning("cell_proof_changed", agent=standing.agent_id, proven=from_us is None)
            standing.unproven_from_us = from_us
            first_us = min(at_us for at_us in (before_us, from_us) if at_us is not None)
            for camera in cameras:
                if camera.agent_id == standing.agent_id and camera.activated_us is not None:
                    day = day_of(max(first_us, camera.activated_us), site.timezone)
                    evidence.assess_again(session, [camera.id], day.isoformat())

    def gather(self, session: Session, camera: Camera, window: Span, now_us: int) -> Evidence:
        """Everything known of one camera in a window."""
        return self.gather_all(session, [camera], window, now_us)[camera.id]

    def gather_all(self, session: Session, cameras: Sequence[Camera], window: Span, now_us: int) -> dict[str, Evidence]:
        """Camera → everything known of it in a window."""
        return gather(session, cameras, window, now_us, self.policy)

    def is_alive(self, status: AgentStatus | None, now_us: int) -> bool:
        """Whether the agent was heard lately and its last will was not published since."""
        return is_alive(self.policy, status, now_us)


def _due(site: Site, cameras: Sequence[Camera], now_us: int) -> dict[tuple[date, ...], list[Camera]]:
    """The days that are to be judged, in order, and the cameras of which they are."""
    due: dict[tuple[date, ...], list[Camera]] = defaultdict(list)
    for camera in cameras:
        if camera.assess_from_day is None:
            continue
        first, last = date.fromisoformat(camera.assess_from_day), day_of(now_us, site.timezone)
        if camera.retired_us is not None:
            last = min(last, day_of(camera.retired_us, site.timezone))
        if first <= last:
            due[tuple(first + timedelta(days=number) for number in range((last - first).days + 1))].append(camera)
    return due


def _entry(camera_id: str, day: date, verdict: DayVerdict, before: InForce | None) -> Verdict:
    return Verdict(
        camera_id=camera_id,
        day=day.isoformat(),
        status=verdict.status,
        final=verdict.final,
        expected_us=verdict.expected_us,
        covered_us=verdict.covered_us,
        assessed_us=verdict.assessed_us,
        gaps=verdicts.encode_gaps(verdict.gaps),
        replaces_id=before.id if before is not None else None,
    )


def _worth_an_entry(verdict: DayVerdict, before: InForce, *, is_over: bool) -> bool:
    """A final verdict tells every change; a provisional one every change of status, and of its gaps once an hour.

    A gap that goes on is a change as well; and a day that is over is told whole, also where nothing else is new.
    """
    if (verdict.status, verdict.final) != (before.status, before.final):
        return True
    gaps_differ = verdicts.encode_gaps(verdict.gaps) != before.gaps
    if verdict.final:
        return gaps_differ or (verdict.expected_us, verdict.covered_us) != (before.expected_us, before.covered_us)
    if is_over and not verdict.coverage.in_flight and verdict.expected_us != before.expected_us:
        return True
    moved = gaps_differ or any(gap.end_us is None for gap in verdict.gaps)
    return moved and verdict.assessed_us - before.assessed_us >= PROVISIONAL_US
