"""By which policy pack a site is judged, and with it for how long its recordings are kept.

Invariant: only a pack of this release can be chosen; what is locked already stays locked, whatever the new one asks.
"""

from config.base.errors import InvalidInput, NotFound
from config.base.logs import get_logger
from server.services.compliance.rule_books import library
from storage.database.models import Site
from storage.database.unit_of_work import Database

log = get_logger("compliance")


def choose_pack(
    database: Database, site_id: str, pack: str | None, *, keep: bool = False
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
        log.info("policy_pack_chosen", site=site_id, before=before, pack=now)
    return before, now
