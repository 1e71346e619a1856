"""The one place where a person's reach becomes a condition of a query (invariant I7: deny by default).

Every query on behalf of a person goes through ``visible_sites``; what is out of reach is not found, never forbidden.
"""

from dataclasses import dataclass, field

from sqlalchemy import Select, false, or_, select
from sqlalchemy.orm import Session

from config.base.errors import NotFound
from config.base.roles import REGION_ROLES, SITE_ROLES, Relation, Role
from storage.database.models import AccountSite, Camera, Site

OPERATOR = Role.FACILITY_MANAGER.value
AUDITOR = Role.POLICE_AUDITOR.value
ROLES = (OPERATOR, AUDITOR)
EVERY_REGION = "*"


@dataclass(frozen=True)
class Scope:
    """Who asks, and how they must stand to what they ask for.

    Those of a facility reach the sites given to the account, authorities those of a region subtree, support the sites whose
    facility lets it in for some hours. Regions are paths such as
    ``cn/sichuan/luzhou``; ``*`` reaches every site, an empty one reaches none.
    """

    account_name: str
    role: str
    region: str = ""
    reach: frozenset[str] | None = field(default=None, compare=False)
    """The relations that allow the action asked for (``server/domain/authorisation.py``); None where no action was named:
    then only a facility's manager and a police auditor find anything."""
    proof: str = field(default="", compare=False)
    """By what the session was opened; empty where there is none."""
    session: str = field(default="", compare=False)
    """SHA-256 of its token, as it is kept: looks end with it."""
    only: str = ""
    """What the session is for alone (``authorisation.SCREENS``); empty where it is for all that the role may."""
    support: frozenset[str] = frozenset()
    """Sites that a platform administrator may help at now, by the facility's leave."""
    home: str = field(default="", compare=False)
    """The one site of a facility's account, for the ways beside its pages; empty where it has several or none."""


def visible_sites(scope: Scope) -> Select[Site]:
    """The sites within reach, in order of their ids."""
    query = select(Site).order_by(Site.id)
    if scope.role in REGION_ROLES and _reaches(scope, Relation.REGION):
        if scope.region == EVERY_REGION:
            return query
        if scope.region:
            below = Site.region.startswith(f"{scope.region}/", autoescape=True)
            return query.where(or_(Site.region == scope.region, below))
    if scope.role in SITE_ROLES and _reaches(scope, Relation.SITE):
        mine = select(AccountSite.site_id).where(AccountSite.account_name == scope.account_name)
        return query.where(Site.id.in_(mine))
    if scope.role == Role.PLATFORM_ADMIN and scope.support and _reaches(scope, Relation.SUPPORT):
        return query.where(Site.id.in_(scope.support))
    return query.where(false())


def home_of(session: Session, account_name: str, role: str) -> str:
    """The ``home`` of a scope."""
    if role not in SITE_ROLES:
        return ""
    mine = select(AccountSite.site_id).where(AccountSite.account_name == account_name)
    found = session.scalars(mine.limit(2)).all()
    return found[0] if len(found) == 1 else ""


def _reaches(scope: Scope, relation: Relation) -> bool:
    return scope.role in ROLES if scope.reach is None else relation in scope.reach


def site_in_reach(session: Session, scope: Scope, site_id: str) -> Site:
    """Raises NotFound where there is no such site or the person may not know of it."""
    site = session.scalar(visible_sites(scope).where(Site.id == site_id))
    if site is None:
        raise NotFound(f"no site {site_id}")
    return site


def cameras_in_reach(session: Session, scope: Scope, site_id: str) -> list[Camera]:
    """The cameras of one site, in order of their ids. Raises NotFound as ``site_in_reach`` does."""
    site = site_in_reach(session, scope, site_id)
    return list(session.scalars(select(Camera).where(Camera.site_id == site.id).order_by(Camera.id)))
