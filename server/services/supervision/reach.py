"""Who has a whole region (I7): an authority over it or over one that holds it; nobody else."""

from config.base.errors import NotFound
from config.base.ids import is_slug
from config.base.roles import REGION_ROLES
from server.domain.registers.regions import PATH_CHARS_MAX
from storage.database.scope import EVERY_REGION, Scope


def has_region(person: Scope, region: str) -> bool:
    """``region``: a path; empty is every region."""
    mine = person.region
    if person.role not in REGION_ROLES or not mine:
        return False
    return mine in {EVERY_REGION, region} or region.startswith(f"{mine}/")


def check_region(person: Scope, region: str) -> None:
    """Raises NotFound where a person does not have all of it, and for what is no path of a region."""
    is_path = len(region) <= PATH_CHARS_MAX and all(map(is_slug, region.split("/")))
    if not has_region(person, region) or not (is_path or not region):
        raise NotFound("no such region")


def own_region(person: Scope) -> str:
    """The whole of what a person supervises; empty: every region."""
    return "" if person.region == EVERY_REGION else person.region
