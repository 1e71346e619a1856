"""By which policy pack a site is judged, and with it for how long its recordings are kept.

Invariant: only a pack of this release can be chosen; what is locked already stays locked, whatever the new one asks; each
choice stands in the site's ledger in the transaction that makes it (I4).
"""

from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.evidence.entries import PackChosen, encode
from server.services.compliance.rule_books import book_of, library, retain_days, usual_pack
from storage.database import ledger, regions
from storage.database.models import Site
from storage.database.unit_of_work import Database

POLICY_PACK = "policy-pack"
COMMAND = "server-admin"


def choose_pack(
    database: Database, clock: Clock, site_id: str, pack: str | None, *, keep: bool = False, by: str = COMMAND
) -> tuple[str | None, str | None]:
    """What it was and what it is now; ``keep``: one that was chosen before stays. Raises InvalidInput, NotFound."""
    if pack is not None and pack not in library().names:
        names = ", ".join(library().names)
        raise InvalidInput(f"没有政策包 · there is no policy pack {pack!r}. 可用 · known: {names}", code="unknown_pack")
    with database.unit_of_work() as session:
        site = session.get(Site, site_id, with_for_update=True)
        if site is None:
            raise NotFound(f"没有园所 · no site {site_id!r}")
        before = site.policy_pack
        if not keep or before is None:
            site.policy_pack = pack
        now = site.policy_pack
        if now != before:
            enter(session, site_id, (before, now), by, clock.utc_us())
    return before, now


def choose_usual(database: Database, clock: Clock, site_id: str) -> str | None:
    """Has a new site judged by the pack of the smallest region around it that has one; which. Raises NotFound."""
    with database.reading() as session:
        site = session.get(Site, site_id)
        if site is None:
            raise NotFound(f"没有园所 · no site {site_id!r}")
        pack = usual_pack(site.region, {one.path: one.code for one in regions.everything(session)})
    return choose_pack(database, clock, site_id, pack, keep=True)[1]


def enter(session: Session, site_id: str, change: tuple[str | None, str | None], by: str, at_us: int) -> None:
    """Writes into the ledger what a site's pack was and what it is from now on."""
    before, now = change
    book = book_of(now)
    entry = PackChosen(
        site_id=site_id,
        at_us=at_us,
        pack=now,
        version=book.packs[-1].version if book is not None else "",
        retain_days=retain_days(now, 0) if book is not None else None,
        replaces=before,
        by=by,
    )
    ledger.add(session, site_id, POLICY_PACK, now or "none", encode(entry))
