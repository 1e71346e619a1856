"""Consents: given for the text of today, one guardian and one child at a time, withdrawn at any moment with effect at once.

Invariant (I4): a consent is a row that is ended, never changed or removed. What somebody else wrote down for a person names
the paper that it rests on. Source: 个人信息保护法 articles 14, 15, 31.
"""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.base.roles import Role
from server.domain.authorisation import Action
from server.domain.consents import CURRENT, LIVE_VIEW
from server.services.people import on_record
from server.services.people.operators import site_for
from storage.database import leases
from storage.database.models import ConsentRow, GuardianChild, Site, Staff, StaffAccount
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

REFERENCE_CHARS_MAX = 120


@dataclass(frozen=True)
class Whose:
    """Whose word it is: a guardian's for a child, or a member of the staff's."""

    site_id: str
    guardian_id: str = ""
    child_id: str = ""
    staff_id: str = ""


@dataclass(frozen=True)
class ConsentView:
    """What one person has said, or not yet."""

    whose: Whose
    site_name: str
    timezone: str
    given_us: int | None
    version: int | None
    given_by: str
    reference: str


class ConsentDesk:
    """A person's own consents, and those that a facility keeps on paper."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def own(self, person: Scope) -> list[ConsentView]:
        """Everything that this person is asked, with what they have said."""
        with self._database.reading() as session:
            return [_view(session, whose) for whose in _own(session, person)]

    def say(self, person: Scope, whose: Whose, *, agrees: bool) -> None:
        """A person's own word. Raises NotFound where it is not theirs to give."""
        with self._database.unit_of_work() as session:
            if whose not in _own(session, person):
                raise NotFound("there is nothing of yours to consent to here", code="no_such_person")
            self._say(session, whose, person.account_name, "", agrees=agrees)

    def record(self, person: Scope, whose: Whose, reference: str, *, agrees: bool) -> None:
        """What somebody said on paper, written down by the facility's manager with where the paper is."""
        reference = reference.strip()[:REFERENCE_CHARS_MAX]
        if agrees and not reference:
            raise InvalidInput("say where the signed paper is kept", code="no_reference")
        with self._database.unit_of_work() as session:
            site = site_for(session, person, whose.site_id, Action.PEOPLE_MANAGE)
            bond = (site.id, whose.guardian_id, whose.child_id)
            known = (
                session.get(Staff, (site.id, whose.staff_id)) if whose.staff_id else session.get(GuardianChild, bond)
            )
            if known is None:
                raise NotFound("nobody of that id is in the register", code="no_such_person")
            self._say(session, whose, person.account_name, reference, agrees=agrees, on_paper=True)
            if whose.guardian_id:
                about = "consent_written" if agrees else "consent_withdrawn"
                on_record.tell(session, site.id, whose.guardian_id, about, self._clock.utc_us())

    def _say(
        self, session: Session, whose: Whose, by: str, reference: str, *, agrees: bool, on_paper: bool = False
    ) -> None:
        now_us, text = self._clock.utc_us(), CURRENT[LIVE_VIEW]
        standing = list(session.scalars(_standing(whose).with_for_update()))
        if agrees and any(row.version == text.version for row in standing):
            return
        for row in standing:
            row.withdrawn_us, row.withdrawn_by = now_us, by
            on_record.consent(session, row, "withdrawn", by, now_us, on_paper=on_paper)
        if agrees:
            made = ConsentRow(
                site_id=whose.site_id,
                purpose=LIVE_VIEW,
                guardian_id=whose.guardian_id,
                child_id=whose.child_id,
                staff_id=whose.staff_id,
                version=text.version,
                text_sha256=text.sha256,
                given_us=now_us,
                given_by=by,
                reference=reference,
            )
            session.add(made)
            on_record.consent(session, made, "given", by, now_us, on_paper=on_paper)


def _own(session: Session, person: Scope) -> list[Whose]:
    """What is this person's to say: as a guardian for each child, as staff for themselves."""
    if person.role == Role.GUARDIAN:
        mine = leases.guardians_of(session, person.account_name)
        found = []
        for bond in mine:
            children = session.scalars(
                select(GuardianChild.child_id)
                .where(GuardianChild.site_id == bond.site_id, GuardianChild.guardian_id == bond.guardian_id)
                .order_by(GuardianChild.child_id)
            )
            found += [Whose(bond.site_id, guardian_id=bond.guardian_id, child_id=child_id) for child_id in children]
        return found
    staff = session.scalars(select(StaffAccount).where(StaffAccount.account_name == person.account_name))
    return [Whose(row.site_id, staff_id=row.staff_id) for row in staff]


def _standing(whose: Whose) -> Select[ConsentRow]:
    return select(ConsentRow).where(
        ConsentRow.site_id == whose.site_id,
        ConsentRow.purpose == LIVE_VIEW,
        ConsentRow.guardian_id == whose.guardian_id,
        ConsentRow.child_id == whose.child_id,
        ConsentRow.staff_id == whose.staff_id,
        ConsentRow.withdrawn_us.is_(None),
    )


def _view(session: Session, whose: Whose) -> ConsentView:
    site = session.get_one(Site, whose.site_id)
    rows = [row for row in session.scalars(_standing(whose)) if row.version == CURRENT[LIVE_VIEW].version]
    row = rows[0] if rows else None
    return ConsentView(
        whose,
        site.name,
        site.timezone,
        row.given_us if row else None,
        row.version if row else None,
        row.given_by if row else "",
        row.reference if row else "",
    )
