"""What a person may do at a site they can see: asked of the one table, whoever calls (I7)."""

from sqlalchemy.orm import Session

from config.base.errors import NotFound, PermissionDenied
from config.base.ids import is_slug
from config.base.roles import Relation
from server.domain.authorisation import Action, may
from storage.database import scope as scoping
from storage.database.models import Site


def site_for(session: Session, scope: scoping.Scope, site_id: str, action: Action) -> Site:
    """The site. Raises NotFound where it is out of reach, PermissionDenied for who may see it and not do that there."""
    if not is_slug(site_id):  # PostgreSQL takes no NUL, not even to compare with
        raise NotFound("no such site")
    site = scoping.site_in_reach(session, scope, site_id)
    check_may(scope, action)
    return site


def operated_site(session: Session, scope: scoping.Scope, site_id: str) -> Site:
    """The site, for who sets it up. Raises as ``site_for``."""
    return site_for(session, scope, site_id, Action.SETUP)


def check_may(scope: scoping.Scope, action: Action) -> None:
    """Raises PermissionDenied for a role that never does this at a site."""
    if not may_at_site(scope, action):
        raise PermissionDenied("this account may not do that at this site", code="not_allowed")


def may_at_site(scope: scoping.Scope, action: Action) -> bool:
    """Whether the role allows it at a site within reach; for pages that show a button or leave it out."""
    return any(may(scope.role, action, relation) for relation in (Relation.SITE, Relation.REGION, Relation.SUPPORT))
