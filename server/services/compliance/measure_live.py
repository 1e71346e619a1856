"""Live viewing as a rule sees it: the mode that a site is in, whether anybody can look in, whose consent stands.

Source: 个人信息保护法 articles 28 to 31; ``server/domain/lease.py`` says what a mode allows.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.policies.book import Book
from server.domain.compliance import Examined, Measured
from server.domain.consents import CURRENT, LIVE_VIEW
from server.domain.lease import mode_of
from server.services.compliance.rule_books import facts_of
from storage.database.models import Child, ConsentRow, GuardianChild, LeaseRow, Site, SiteLive

LOOKING_IN = ("consented", "required")


def live_mode(session: Session, site: Site, book: Book | None) -> str:
    """forbidden, off, consented or required, by the site's pack and within that by its own choice; off without a pack."""
    if book is None:
        return "off"
    chosen = session.get(SiteLive, site.id)
    return mode_of(book, facts_of(site), chosen.mode if chosen is not None else None)


def measured_live(session: Session, site: Site, mode: str, now_us: int) -> Measured:
    """The mode as it is: where guardians must be able to look in, they are once a lease runs."""
    evidence = ("people:leases",)
    running = select(LeaseRow.id).where(
        LeaseRow.site_id == site.id,
        LeaseRow.revoked_us.is_(None),
        LeaseRow.start_us <= now_us,
        LeaseRow.until_us > now_us,
    )
    if mode == "required" and session.scalar(running.limit(1)) is None:
        return Measured("off", evidence, why="no_lease")
    return Measured(mode, evidence)


def children(session: Session, site: Site, facts: Mapping[str, str | None]) -> list[Examined]:
    """Every child with the share of its guardians whose consent to the present text stands, by its pseudonym."""
    if facts["site.live_view"] != "on":
        return []
    consents = select(ConsentRow.guardian_id, ConsentRow.child_id).where(
        ConsentRow.site_id == site.id,
        ConsentRow.purpose == LIVE_VIEW,
        ConsentRow.version == CURRENT[LIVE_VIEW].version,
        ConsentRow.withdrawn_us.is_(None),
    )
    given = {(guardian, child) for guardian, child in session.execute(consents)}
    guardians: dict[str, list[str]] = {}
    for bond in session.scalars(select(GuardianChild).where(GuardianChild.site_id == site.id)):
        guardians.setdefault(bond.child_id, []).append(bond.guardian_id)
    found = []
    for child_id in session.scalars(select(Child.id).where(Child.site_id == site.id).order_by(Child.id)):
        asked = guardians.get(child_id, [])
        measured = Measured(None, why="no_guardian")
        if asked:
            agreed = sum((guardian, child_id) in given for guardian in asked)
            measured = Measured(100 * agreed / len(asked), ("people:consents",))
        found.append(Examined("child", child_id, facts, {("live_view_consents", "instant"): measured}))
    return found
