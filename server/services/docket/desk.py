"""The docket for people: what is on it within reach, and what somebody does about an incident. Everything through the scope (I7).

Invariants: what is done is done to every open case of an incident or to none; each act is a row of its own that stays (I4).
Who explains or repairs operates the site; who signs off is anybody within reach but the one who explained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.ids import is_slug
from config.base.roles import Relation, Role
from config.policies.book import BookEscalation
from config.policies.pack import in_both
from server.domain import docket as rules
from server.domain.authorisation import Action, may
from server.services.compliance.rule_books import book_of
from storage.database import docket
from storage.database import scope as scoping
from storage.database.models import Account, AccountSite, Camera, CaseAct, DocketCase, Site
from storage.database.unit_of_work import Database

ACTS_MAX = 2_000
PAGE_MAX = 1_000
HEX_CHARS = 32


class IncidentView(msgspec.Struct, frozen=True):
    """Cases that are one piece of work. ``status`` is of the one that is furthest behind; ``end_us`` null while one lasts."""

    incident_id: str
    site_id: str
    site_name: str
    timezone: str
    cause: str
    status: str
    start_us: int
    end_us: int | None
    missing_us: int
    """Of all its cameras together."""
    due_us: int
    overdue: bool
    owner: str
    cameras: list[str]
    """Their names."""
    closed_why: str = ""
    passed_on: bool = False
    """Nobody had answered, and somebody above was told."""


class CaseView(msgspec.Struct, frozen=True):
    """One camera's case."""

    case_id: int
    incident_id: str
    site_id: str
    camera_id: str
    camera_name: str
    cause: str
    status: str
    start_us: int
    end_us: int | None
    missing_us: int
    opened_us: int
    due_us: int
    overdue: bool
    owner: str
    explained_by: str
    closed_us: int | None
    closed_why: str
    follows_id: int | None


class ActView(msgspec.Struct, frozen=True):
    """One line of a case's history; an empty account is the system. ``cases``: the ones that it is about."""

    at_us: int
    act: str
    account: str
    text: str
    evidence: list[str]
    start_us: int | None
    end_us: int | None
    missing_us: int | None
    cases: list[int]


class StepView(msgspec.Struct, frozen=True):
    """What the site's pack says is done where nobody answers; texts by language."""

    rule: str
    pack: str
    title: dict[str, str]
    source: dict[str, str]
    article: str
    binding: str


class DocketList(msgspec.Struct, frozen=True):
    """One page of incidents, and whom open ones belong to."""

    incidents: list[IncidentView]
    total: int
    page: int
    pages: int
    owners: list[str]
    now_us: int
    steps: list[StepView] = []
    """Of one site's pack."""


class IncidentFile(msgspec.Struct, frozen=True):
    """Everything about one incident. ``may_work``, ``may_sign``: what the reader may do about it."""

    incident: IncidentView
    cases: list[CaseView]
    acts: list[ActView]
    now_us: int
    may_work: bool
    may_sign: bool
    follows: list[str]
    """Incidents that this time stood under before."""
    people: list[str]
    """Whom it can be given to."""


class Filter(msgspec.Struct, frozen=True):
    """Which cases somebody wants to see; empty is every one. ``status`` may be ``open``; ``owner`` ``-`` is nobody."""

    status: str = ""
    cause: str = ""
    overdue: bool = False
    owner: str = ""


@dataclass(frozen=True)
class DocketDesk:
    """Reads and acts on behalf of one person at a time."""

    database: Database
    clock: Clock

    def listed(self, scope: scoping.Scope, site_id: str | None, wanted: Filter, page: int = 1) -> DocketList:
        """The docket of one site, or of every site within reach. Raises NotFound."""
        now_us = self.clock.utc_us()
        page = min(max(page, 1), PAGE_MAX)
        with self.database.reading() as session:
            asked = self._asked(session, scope, site_id, wanted, now_us)
            book = book_of(session.get_one(Site, asked.site_id).policy_pack) if asked.site_id else None
            found, total = docket.incidents(session, scope, asked, page)
            order = {name: number for number, name in enumerate(found)}
            incidents = _incidents(session, docket.cases_in(session, found), now_us)
            return DocketList(
                incidents=sorted(incidents, key=lambda one: order[one.incident_id]),
                total=total,
                page=page,
                pages=max(1, -(-total // docket.INCIDENTS_A_PAGE)),
                owners=[name for name in docket.owners(session, scope, asked.site_id) if name],
                now_us=now_us,
                steps=[_step(one) for one in book.escalation] if book is not None else [],
            )

    def cases(self, scope: scoping.Scope, site_id: str | None, wanted: Filter) -> list[CaseView]:
        """Case by case, for a file. Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            asked = self._asked(session, scope, site_id, wanted, now_us)
            rows = docket.cases_wanted(session, scope, asked)
            names = _names(session, {row.camera_id for row in rows})
            return [_case(row, names[row.camera_id], now_us) for row in rows]

    def incident(self, scope: scoping.Scope, site_id: str, incident_id: str) -> IncidentFile:
        """One incident with its whole history. Raises NotFound."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            rows = _rows(session, site, incident_id)
            names = _names(session, {row.camera_id for row in rows})
            [view] = _incidents(session, rows, now_us)
            acts = docket.acts_of(session, [row.id for row in rows], ACTS_MAX)
            begun = [row for row in rows if row.status in rules.OPEN]
            before = [row.follows_id for row in rows if row.follows_id is not None]
            followed = session.scalars(select(DocketCase.incident_id).where(DocketCase.id.in_(before)).distinct())
            explained = [row for row in begun if row.status != rules.Status.UNEXPLAINED]
            operates = works_at_site(scope)
            return IncidentFile(
                incident=view,
                cases=[_case(row, names[row.camera_id], now_us) for row in rows],
                acts=_acts(acts),
                now_us=now_us,
                may_work=bool(begun) and operates,
                may_sign=bool(explained) and all(row.explained_by != scope.account_name for row in explained),
                follows=[name for name in followed if name != incident_id],
                people=_people(session, site.id) if operates else [],
            )

    def act(self, scope: scoping.Scope, site_id: str, incident_id: str, act: rules.Act, text: str) -> None:
        """Does something about every open case of an incident.

        Raises NotFound, PermissionDenied, Conflict or InvalidInput, and then nothing has changed.
        """
        text = text.strip()
        if len(text) > rules.TEXT_CHARS_MAX:
            raise InvalidInput(f"at most {rules.TEXT_CHARS_MAX} characters", code="case_text_long")
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            site = _site(session, scope, site_id)
            if act not in (rules.Act.SIGN_OFF, rules.Act.SEND_BACK):
                check_works(scope)
            session.get_one(Site, site.id, with_for_update=True)
            rows = [row for row in _rows(session, site, incident_id) if row.status in rules.OPEN]
            if not rows:
                raise Conflict("this case is closed: nothing is added to it any more", code="case_closed")
            if act is rules.Act.ASSIGN and text not in _people(session, site.id):
                raise InvalidInput("choose somebody who operates this site", code="case_no_such_person")
            for row in rows:
                before = rules.Standing(rules.Status(row.status), row.explained_by, row.end_us is None)
                after = rules.acted(before, act, scope.account_name, text)
                row.status, row.explained_by = after.status, after.explained_by
                if act is rules.Act.ASSIGN:
                    row.owner = text
                if after.status is rules.Status.SIGNED_OFF:
                    row.closed_us = now_us
                session.add(
                    CaseAct(
                        case_id=row.id,
                        site_id=site.id,
                        at_us=now_us,
                        act=act,
                        account_name=scope.account_name,
                        text=text,
                    )
                )

    def _asked(
        self, session: Session, scope: scoping.Scope, site_id: str | None, wanted: Filter, now_us: int
    ) -> docket.Wanted:
        site = _site(session, scope, site_id).id if site_id is not None else ""
        return docket.Wanted(wanted.status, wanted.cause, wanted.owner, now_us if wanted.overdue else None, site)


def works_at_site(scope: scoping.Scope) -> bool:
    """Whether somebody is of the facility that answers for its gaps, and not of an authority."""
    return may(scope.role, Action.COMPLIANCE_ACT, Relation.SITE)


def check_works(scope: scoping.Scope) -> None:
    """Raises PermissionDenied for everybody but those who answer for a facility's gaps."""
    if not works_at_site(scope):
        raise PermissionDenied("only the facility itself does that", code="not_an_operator")


def _site(session: Session, scope: scoping.Scope, site_id: str) -> Site:
    if not is_slug(site_id):  # PostgreSQL takes no NUL, not even to compare with
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _rows(session: Session, site: Site, incident_id: str) -> list[DocketCase]:
    rows = docket.cases_of_incident(session, site.id, incident_id) if _is_id(incident_id) else []
    if not rows:
        raise NotFound("no such case")
    return rows


def _is_id(text: str) -> bool:
    return len(text) == HEX_CHARS and text.isascii() and text.isalnum()


def _people(session: Session, site_id: str) -> list[str]:
    query = (
        select(AccountSite.account_name)
        .join(Account, Account.name == AccountSite.account_name)
        .where(AccountSite.site_id == site_id, Account.role.in_((Role.FACILITY_MANAGER, Role.FACILITY_STAFF)))
    )
    return list(session.scalars(query.order_by(AccountSite.account_name)))


def _names(session: Session, camera_ids: set[str]) -> dict[str, str]:
    return {one.id: one.name for one in session.scalars(select(Camera).where(Camera.id.in_(camera_ids)))}


def _step(one: BookEscalation) -> StepView:
    step = one.step
    title, source = in_both(step.title), in_both(one.source.title)
    return StepView(step.id, f"{one.pack.pack}@{one.pack.version}", title, source, step.article, step.binding)


def _case(row: DocketCase, name: str, now_us: int) -> CaseView:
    return CaseView(
        case_id=row.id,
        incident_id=row.incident_id,
        site_id=row.site_id,
        camera_id=row.camera_id,
        camera_name=name,
        cause=row.cause,
        status=row.status,
        start_us=row.start_us,
        end_us=row.end_us,
        missing_us=row.missing_us,
        opened_us=row.opened_us,
        due_us=row.due_us,
        overdue=row.status in rules.OPEN and row.due_us < now_us,
        owner=row.owner,
        explained_by=row.explained_by,
        closed_us=row.closed_us,
        closed_why=row.closed_why,
        follows_id=row.follows_id,
    )


def _incidents(session: Session, rows: Sequence[DocketCase], now_us: int) -> list[IncidentView]:
    grouped: dict[str, list[DocketCase]] = {}
    for row in rows:
        grouped.setdefault(row.incident_id, []).append(row)
    names = _names(session, {row.camera_id for row in rows})
    ids = {row.site_id for row in rows}
    sites = {site.id: site for site in session.scalars(select(Site).where(Site.id.in_(ids)))}
    passed_on = docket.passed_on(session, [row.id for row in rows])
    behind = list(rules.Status)
    found = []
    for incident_id, cases in grouped.items():
        begun = [row for row in cases if row.status in rules.OPEN]
        # What the system closed says nothing of what people signed off.
        status = min((rules.Status(row.status) for row in begun or cases), key=behind.index)
        due_us = min(row.due_us for row in begun or cases)
        ends = [row.end_us for row in cases]
        found.append(
            IncidentView(
                incident_id=incident_id,
                site_id=cases[0].site_id,
                site_name=sites[cases[0].site_id].name,
                timezone=sites[cases[0].site_id].timezone,
                cause=cases[0].cause,
                status=status,
                start_us=min(row.start_us for row in cases),
                end_us=None if None in ends else max(end for end in ends if end is not None),
                missing_us=sum(row.missing_us for row in begun or cases),
                due_us=due_us,
                overdue=bool(begun) and due_us < now_us,
                owner=next((row.owner for row in begun or cases if row.owner), ""),
                cameras=sorted({names[row.camera_id] for row in cases}),
                closed_why="" if begun else next((row.closed_why for row in cases if row.closed_why), ""),
                passed_on=any(row.id in passed_on for row in cases),
            )
        )
    return found


def _acts(rows: Sequence[CaseAct]) -> list[ActView]:
    """What was done to several cases at once is one line; so is what the system saw of them at once, to the minute."""
    found: dict[tuple[object, ...], ActView] = {}
    for row in rows:
        bounds = tuple(at_us // US_PER_MINUTE if at_us is not None else None for at_us in (row.start_us, row.end_us))
        key = (row.at_us, row.act, row.account_name, row.text, row.evidence, bounds)
        if key in found:
            found[key].cases.append(row.case_id)
            continue
        found[key] = ActView(
            at_us=row.at_us,
            act=row.act,
            account=row.account_name,
            text=row.text,
            evidence=row.evidence.split(),
            start_us=row.start_us,
            end_us=row.end_us,
            missing_us=row.missing_us,
            cases=[row.case_id],
        )
    return list(found.values())
