"""Passes on what nobody has answered: to whom and after how long is the site's policy pack's to say.

Invariants: a step is taken once, and whoever takes the office later hears of it then; its line in the history and the news of it
are one transaction, so that a process that dies between repeats none and loses none. Nobody hears of it whose office does not
reach the site (I7).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.policies.book import Book, BookEscalation
from server.domain.docket import TEXT_CHARS_MAX, Act, Status
from server.domain.maintenance import US_PER_HOUR
from server.domain.notices import nearest_office
from server.domain.rectification import Act as OrderAct
from server.domain.rectification import Kind, standing
from server.domain.registers.regions import LEVELS
from server.domain.verdict import day_of, day_span
from server.services.compliance.rule_books import book_of
from server.services.notices.plan_messages import OVERDUE_US_MAX, answered
from server.services.notices.tell import ESCALATION, ORDER, News, tell
from storage.database import statistics
from storage.database.docket import ESCALATED as PASSED_ON
from storage.database.models import (
    Account,
    AccountSite,
    CaseAct,
    DocketCase,
    NoticeEvent,
    RectificationActRow,
    RectificationOrder,
    Region,
    Site,
)
from storage.database.scope import EVERY_REGION
from storage.database.unit_of_work import Database

PEOPLE_MAX = 20
TOLD_CHARS_MAX = 400
ARROW, SEPARATOR = " → ", ", "
log = get_logger("notices")


@dataclass(frozen=True)
class Escalator:
    """One round at a time, a transaction a site; several processes may run it."""

    database: Database
    clock: Clock

    def look(self) -> int:
        """Takes every step whose time has come; how many."""
        now_us = self.clock.utc_us()
        closed = select(RectificationActRow.order_id).where(RectificationActRow.kind == Kind.PASSED)
        which = union(
            select(DocketCase.site_id).where(DocketCase.status == Status.UNEXPLAINED),
            select(RectificationOrder.site_id).where(RectificationOrder.id.not_in(closed)),
            select(NoticeEvent.site_id).where(_urgent(now_us)),
        )
        with self.database.reading() as session:
            site_ids = sorted(session.scalars(which))
        taken = 0
        for site_id in site_ids:
            try:
                taken += self._look_at(site_id)
            except NightlightError as error:
                log.warning("escalation_postponed", site=site_id, reason=str(error))
        return taken

    def _look_at(self, site_id: str) -> int:
        with self.database.unit_of_work() as session:
            site = session.get_one(Site, site_id, with_for_update=True)
            book = book_of(site.policy_pack)
            return _Round(session, site, book, self.clock.utc_us()).take() if book is not None else 0


@dataclass(frozen=True)
class _Round:
    """One site, once; the caller holds its row."""

    session: Session
    site: Site
    book: Book
    now_us: int
    holders: dict[str, list[str]] = field(default_factory=dict)
    """By step: asked for once."""

    def take(self) -> int:
        return self._gaps() + self._orders() + self._notices()

    def _due(self, of: str, since_us: int) -> list[BookEscalation]:
        """The steps of something that has been unanswered since an instant."""
        age_us = self.now_us - since_us
        return [
            one for one in self.book.escalation if one.step.of == of and age_us >= one.step.after_hours * US_PER_HOUR
        ]

    def _gaps(self) -> int:
        rows = self.session.scalars(
            select(DocketCase)
            .where(DocketCase.site_id == self.site.id, DocketCase.status == Status.UNEXPLAINED)
            .order_by(DocketCase.id)
        )
        incidents: dict[str, list[DocketCase]] = defaultdict(list)
        for row in rows:
            incidents[row.incident_id].append(row)
        return sum(self._incident(incident_id, cases) for incident_id, cases in incidents.items())

    def _incident(self, incident_id: str, cases: Sequence[DocketCase]) -> int:
        acts = self.session.scalars(
            select(CaseAct)
            .join(DocketCase, DocketCase.id == CaseAct.case_id)
            .where(DocketCase.incident_id == incident_id, CaseAct.act.in_((Act.SEND_BACK, PASSED_ON)))
        ).all()
        # An explanation that was sent back was an answer: the time begins anew.
        since_us = max([min(row.opened_us for row in cases), *(act.at_us for act in acts if act.act == Act.SEND_BACK)])
        told: dict[str, set[str]] = defaultdict(set)
        for act in acts:
            if act.act == PASSED_ON and act.at_us >= since_us:
                told[act.evidence.removeprefix("rule:")].update(act.text.split(SEPARATOR))
        what, about = f"{incident_id}:{since_us}", f"gap:{cases[0].cause}"
        link = f"/sites/{self.site.id}/docket/{incident_id}"
        taken = 0
        for one, names in self._steps("gap", since_us, told, (what, about, link)):
            taken += 1
            self.session.add_all(
                CaseAct(
                    case_id=row.id, site_id=row.site_id, at_us=self.now_us, act=PASSED_ON,
                    text=SEPARATOR.join(names)[:TEXT_CHARS_MAX],
                    evidence=f"rule:{one.step.id}",
                )
                for row in cases
            )  # fmt: skip
        return taken

    def _orders(self) -> int:
        taken = 0
        for order_id, rows in statistics.order_acts(self.session, [self.site.id]).items():
            acts = [OrderAct(Kind(row.kind), row.by, date.fromisoformat(row.due) if row.due else None) for row in rows]
            now = standing(acts, day_of(self.now_us, self.site.timezone))
            if not now.overdue:
                continue
            since_us = day_span(now.due, self.site.timezone).end_us
            told: dict[str, set[str]] = defaultdict(set)
            for row in rows:
                if row.kind == Kind.ESCALATED and row.at_us >= since_us:
                    step, _, whom = row.told.partition(ARROW)
                    told[step].update(whom.split(SEPARATOR))
            link = f"/sites/{self.site.id}/inspections#order-{order_id}"
            what, place = f"{order_id}:{since_us}", len(rows)
            for one, names in self._steps("order", since_us, told, (what, f"{ORDER}:overdue", link)):
                said = f"{one.step.id}{ARROW}{SEPARATOR.join(names)}"[:TOLD_CHARS_MAX]
                self.session.add(
                    RectificationActRow(
                        order_id=order_id, place=place, kind=Kind.ESCALATED, at_us=self.now_us, by="", told=said
                    )
                )
                place += 1
            taken += place - len(rows)
        return taken

    def _notices(self) -> int:
        events = self.session.scalars(
            select(NoticeEvent).where(NoticeEvent.site_id == self.site.id, _urgent(self.now_us))
        )
        told = 0
        for event in events.all():
            due = self._due("notice", event.at_us)
            if due and not answered(self.session, event):
                for one in due:
                    about = f"{event.kind}:{event.about}"
                    told += len(self._tell(one, self._holders(one), event.key, about, event.link, urgent=True))
        return told

    def _steps(
        self, of: str, since_us: int, told: Mapping[str, Collection[str]], news: tuple[str, str, str]
    ) -> Iterator[tuple[BookEscalation, list[str]]]:
        """The steps to be taken now with whom that tells, and those taken where somebody has come into the office since.

        ``told``: step → whom the history names; ``news``: what it is, its words, its page.
        """
        for one in self._due(of, since_us):
            names = [name for name in self._holders(one) if name not in told.get(one.step.id, ())]
            fresh = self._tell(one, names, *news)
            if fresh or one.step.id not in told:
                yield one, fresh

    def _tell(
        self, one: BookEscalation, names: Sequence[str], what: str, about: str, link: str, *, urgent: bool = False
    ) -> list[str]:
        """Those of them who had not been told of it."""
        fresh = []
        for name in names:
            digest = hashlib.sha256(f"{one.step.id}:{what}:{name}".encode()).hexdigest()[:32]
            news = News(f"{ESCALATION}:{digest}", self.site.id, ESCALATION, about, link, self.now_us, urgent, name)
            if tell(self.session, news):
                fresh.append(name)
        return fresh

    def _holders(self, one: BookEscalation) -> list[str]:
        """Whose office it is; nobody where no account has it."""
        if one.step.id not in self.holders:
            self.holders[one.step.id] = self._found(one)
        return self.holders[one.step.id]

    def _found(self, one: BookEscalation) -> list[str]:
        query = select(Account).where(Account.role == one.step.to, Account.locked_us.is_(None)).order_by(Account.name)
        if not one.step.level:
            query = query.join(AccountSite, AccountSite.account_name == Account.name)
            query = query.where(AccountSite.site_id == self.site.id)
            return [account.name for account in self.session.scalars(query.limit(PEOPLE_MAX))]
        steps = self.site.region.split("/")
        above = ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
        known = {row.path: row.level for row in self.session.scalars(select(Region).where(Region.path.in_(above)))}
        # Where nobody has said of which level a region is, its place on the path says it.
        depth = {
            path: LEVELS.index(known.get(path) or LEVELS[min(number, len(LEVELS) - 1)])
            for number, path in enumerate(above)
        } | {EVERY_REGION: -1}
        offices = {
            account.name: depth[account.region]
            for account in self.session.scalars(query.where(Account.region.in_(list(depth))))
        }
        return nearest_office(offices, LEVELS.index(one.step.level))[:PEOPLE_MAX]


def _urgent(now_us: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a condition
    """What was told lately, to everybody who has the site, and could not wait."""
    return NoticeEvent.urgent & NoticeEvent.for_account.is_(None) & (NoticeEvent.planned_us > now_us - OVERDUE_US_MAX)
