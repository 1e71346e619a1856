"""Who has a whole region (I7): an authority over it or over one that holds it; nobody else."""

from config.base.errors import NotFound
from config.base.roles import REGION_ROLES
from storage.database.scope import EVERY_REGION, Scope


def has_region(person: Scope, region: str) -> bool:
    """``region``: a path; empty is every region."""
    mine = person.region
    if person.role not in REGION_ROLES or not mine:
        return False
    return mine in {EVERY_REGION, region} or region.startswith(f"{mine}/")


def check_region(person: Scope, region: str) -> None:
    """Raises NotFound where a person does not have all of it."""
    if not has_region(person, region):
        raise NotFound("no such region")


def own_region(person: Scope) -> str:
    """The whole of what a person supervises; empty: every region."""
    return "" if person.region == EVERY_REGION else person.region
