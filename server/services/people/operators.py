"""Who may set a site up: an operator to whom it was given, and nobody else (I7)."""

from sqlalchemy.orm import Session

from config.base.errors import NotFound, PermissionDenied
from config.base.ids import is_slug
from storage.database import scope as scoping
from storage.database.models import Site


def operated_site(session: Session, scope: scoping.Scope, site_id: str) -> Site:
    """The site. Raises NotFound where it is out of reach, PermissionDenied for who may only look."""
    if not is_slug(site_id):  # PostgreSQL takes no NUL, not even to compare with
        raise NotFound("no such site")
    site = scoping.site_in_reach(session, scope, site_id)
    if scope.role != scoping.OPERATOR:
        raise PermissionDenied("only an operator of the site sets it up", code="not_an_operator")
    return site
