"""Keeps the docket in step with the verdicts: every gap that settles has its case, in the transaction that judges it.

Invariant: what is judged again, however often, opens nothing twice; ``case_act`` is only added to (I4).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.ids import fresh_id
from config.base.timespan import Span
from config.settings.server import DocketSettings
from server.domain import docket as rules
from server.domain.coverage import Cause, Certainty, Gap
from server.domain.maintenance import Window, windows_of
from server.domain.verdict import DayVerdict, day_of, day_span
from server.services.notices.tell import GAP, News, tell
from storage.database import docket, verdicts, windows
from storage.database.models import Account, AccountSite, Camera, CaseAct, DocketCase, MaintenanceWindow, Site
from storage.database.scope import OPERATOR

DAYS_BACK_MAX = 400
DAYS_REFERRED_MAX = 5
Judged = Mapping[str, Sequence[DayVerdict]]


@dataclass(frozen=True)
class DocketFollower:
    """Opens, moves and closes cases. The caller holds the site's row."""

    settings: DocketSettings

    def follow(
        self, session: Session, site: Site, cameras: Sequence[Camera], days: Sequence[date], judged: Judged, now_us: int
    ) -> None:
        """Takes in the verdicts on ``days``, which ascend, of some cameras of a site."""
        spans = [day_span(day, site.timezone) for day in days]
        window = Span(spans[0].start_us, spans[-1].end_us)
        rows = docket.cases_touching(session, site.id, window.start_us - rules.TOGETHER_US)
        by_camera: dict[str, list[DocketCase]] = defaultdict(list)
        for row in rows:
            by_camera[row.camera_id].append(row)
        round_ = _Round(session, site, now_us, self.settings, rows)
        reaching_us: dict[str, int] = {}
        for camera in cameras:
            seen = _seen(judged[camera.id])
            if not seen.gaps and not by_camera[camera.id]:
                continue
            changes = rules.follow([_case(row) for row in by_camera[camera.id]], seen, window, now_us)
            first = min((row.start_us for row in by_camera[camera.id] if row.status in rules.OPEN), default=now_us)
            if changes and first < window.start_us:
                reaching_us[camera.id] = first
                continue
            for change in changes:
                round_.apply(camera, change)
        if reaching_us:
            wider = round_.widened(reaching_us, window)
            for camera in cameras:
                if camera.id in reaching_us:
                    for change in wider.follow(camera.id, _seen(judged[camera.id]), now_us):
                        round_.apply(camera, change)


def _seen(judged: Sequence[DayVerdict]) -> rules.Seen:
    final = frozenset(gap for verdict in judged if verdict.final for gap in verdict.gaps)
    return rules.Seen([gap for verdict in judged for gap in verdict.gaps], final)


def _case(row: DocketCase) -> rules.Case:
    return rules.Case(row.id, row.cause, row.start_us, row.end_us, row.missing_us, rules.Status(row.status))


@dataclass
class _Round:
    """One site, once."""

    session: Session
    site: Site
    now_us: int
    settings: DocketSettings
    rows: list[DocketCase]

    def __post_init__(self) -> None:
        self._known = {row.id: row for row in self.rows}
        self._owner: str | None = None

    def widened(self, reaching_us: Mapping[str, int], window: Span) -> "_Wider":
        """The settled days before, for cameras whose cases reach back to an instant each; as many queries for all."""
        zone, last = self.site.timezone, day_of(window.start_us, self.site.timezone) - timedelta(days=1)
        oldest = last - timedelta(days=DAYS_BACK_MAX)
        first = {camera: max(day_of(at_us, zone), oldest) for camera, at_us in reaching_us.items()}
        from_us = {camera: min(day_span(day, zone).start_us, window.start_us) for camera, day in first.items()}
        entries = windows.verdicts_of(self.session, list(first), min(first.values()).isoformat(), last.isoformat())
        before: dict[str, list[Gap]] = defaultdict(list)
        for camera, entry in ((camera, entry) for camera, some in entries.items() for entry in some):
            of_day = day_span(date.fromisoformat(entry.day), zone)
            if of_day.start_us >= from_us[camera]:
                for start_us, end_us, cause, certainty in verdicts.decode_gaps(entry.gaps):
                    until_us = end_us if end_us is not None else of_day.end_us
                    before[camera].append(Gap(start_us, until_us, Cause(cause), Certainty(certainty)))
        cases: dict[str, list[rules.Case]] = defaultdict(list)
        # Also the settled ones: their time is nobody's work again.
        for row in docket.cases_touching(self.session, self.site.id, min(from_us.values())):
            self._known[row.id] = row
            cases[row.camera_id].append(_case(row))
        return _Wider(window, from_us, before, cases)

    def apply(self, camera: Camera, change: rules.Change) -> None:
        if isinstance(change, rules.Opened):
            self._open(camera, change)
        elif isinstance(change, rules.Moved):
            row = self._known[change.case_id]
            ended = row.end_us is None and change.end_us is not None
            row.start_us, row.end_us, row.missing_us = change.start_us, change.end_us, change.missing_us
            if change.told:
                self._act(row, "ended" if ended else "moved", evidence=self._evidence(row))
        else:
            row = self._known[change.case_id]
            row.status, row.closed_us, row.closed_why = rules.Status.CLOSED, self.now_us, change.why
            if row.end_us is None:
                row.end_us = max(self.now_us, row.start_us)
            into = f"case:{change.into}" if change.into is not None else ""
            self._act(row, change.why, evidence=f"{self._evidence(row)} {into}".strip())

    def _open(self, camera: Camera, change: rules.Opened) -> None:
        open_ones = (
            (row.incident_id, row.cause, row.start_us) for row in self._known.values() if row.status in rules.OPEN
        )
        row = DocketCase(
            site_id=self.site.id,
            camera_id=camera.id,
            incident_id=rules.incident_of(change.cause, change.start_us, open_ones) or fresh_id(),
            cause=change.cause,
            start_us=change.start_us,
            end_us=change.end_us,
            missing_us=change.missing_us,
            status=rules.Status.UNEXPLAINED,
            opened_us=self.now_us,
            due_us=rules.due_us(change.cause, self.now_us, self.settings.due_days, self.settings.store_due_days),
            owner=self._sole_operator(),
            follows_id=change.follows,
        )
        self.session.add(row)
        self.session.flush()
        self._known[row.id] = row
        follows = f"case:{change.follows}" if change.follows is not None else ""
        self._act(row, "opened", evidence=f"{self._evidence(row)} {follows}".strip())
        planned = self._declared(row) if change.cause == Cause.PLANNED_MAINTENANCE else None
        if planned is not None:
            row.status, row.explained_by = rules.Status.EXPLAINED, planned.declared_by
            said = f"maintenance:{planned.id}"
            self._act(row, rules.Act.EXPLAIN, account=planned.declared_by, text=planned.reason, evidence=said)
        link = f"/sites/{self.site.id}/docket/{row.incident_id}"
        tell(self.session, News(f"gap:{row.id}", self.site.id, GAP, row.cause, link, self.now_us))

    def _act(self, row: DocketCase, act: str, *, account: str = "", text: str = "", evidence: str = "") -> None:
        self.session.add(
            CaseAct(
                case_id=row.id, site_id=row.site_id, at_us=self.now_us, act=act, account_name=account, text=text,
                start_us=row.start_us, end_us=row.end_us, missing_us=row.missing_us, evidence=evidence[:400],
            )
        )  # fmt: skip

    def _evidence(self, row: DocketCase) -> str:
        """What the case rests on: the verdicts of its days, and whatever found the fault."""
        until_us = row.end_us if row.end_us is not None else max(self.now_us, row.start_us)
        first, last = (
            day_of(row.start_us, self.site.timezone),
            day_of(max(until_us - 1, row.start_us), self.site.timezone),
        )
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        found = [
            f"verdict:{day.isoformat()}"
            for day in [*days[: DAYS_REFERRED_MAX - 1], *days[DAYS_REFERRED_MAX - 1 :][-1:]]
        ]
        if row.cause.startswith("picture_"):
            name = row.cause.removeprefix("picture_")
            over = docket.findings_over(self.session, row.camera_id, name, Span(row.start_us, until_us))
            found += [f"finding:{one}" for one in over]
        if row.cause in rules.STORE_LOSSES:
            found += [f"drift:{one}" for one in docket.drifts_of(self.session, self.site.id, row.camera_id)]
        return " ".join(found)

    def _declared(self, row: DocketCase) -> MaintenanceWindow | None:
        over = docket.maintenance_in(self.session, self.site.id, Span(row.start_us, row.start_us + 1))
        return next((one for one in over if row.start_us in windows_of(row.camera_id, [window_of(one)])), None)

    def _sole_operator(self) -> str:
        """Who a case belongs to where there is nobody else it could belong to."""
        if self._owner is None:
            names = self.session.scalars(
                select(Account.name)
                .join(AccountSite, AccountSite.account_name == Account.name)
                .where(AccountSite.site_id == self.site.id, Account.role == OPERATOR)
                .limit(2)
            ).all()
            self._owner = names[0] if len(names) == 1 else ""
        return self._owner


@dataclass(frozen=True)
class _Wider:
    """What is known of cameras beyond the days that are judged: a long outage reaches back beyond them."""

    window: Span
    from_us: Mapping[str, int]
    before: Mapping[str, list[Gap]]
    cases: Mapping[str, list[rules.Case]]

    def follow(self, camera_id: str, seen: rules.Seen, now_us: int) -> list[rules.Change]:
        before = self.before.get(camera_id, [])
        whole = Span(self.from_us[camera_id], self.window.end_us)
        both = rules.Seen([*before, *seen.gaps], frozenset({*before, *seen.final}))
        return rules.follow(self.cases.get(camera_id, []), both, whole, now_us)


def window_of(row: MaintenanceWindow) -> Window:
    """A row as the rules see it."""
    return Window(row.camera_id, row.start_us, row.end_us, row.declared_us, row.cut_us)
