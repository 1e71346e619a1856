"""The ways from a site's board to its other pages: those that the reader's role may take, and no others."""

from server.domain.authorisation import Action, reach
from server.web.wording import mark

OF_SITE = (
    ("today", Action.DAY_MARK, mark("Rooms and people")),
    ("live", Action.LIVE, mark("Live view")),
    ("playback", Action.PLAYBACK, mark("Playback")),
    ("docket", Action.COMPLIANCE_READ, mark("Docket")),
    ("compliance", Action.COMPLIANCE_READ, mark("Rules and compliance")),
    ("reports", Action.COMPLIANCE_READ, mark("Reports")),
    ("credit", Action.COMPLIANCE_READ, mark("Credit file")),
    ("complaints", Action.COMPLIANCE_READ, mark("Complaints")),
    ("inspections", Action.COMPLIANCE_READ, mark("Inspections")),
    ("custody", Action.CUSTODY_READ, mark("Keeping and evidence")),
    ("audit", Action.AUDIT_READ, mark("Audits")),
    ("cameras", Action.SETUP, mark("Set up")),
)
OF_REGION = (
    ("/compliance", mark("All sites, worst first")),
    ("/docket", mark("Docket of all sites")),
    ("/draws", mark("Inspection draws")),
    ("/statistics", mark("Statistics")),
)


def ways(role: str, site_id: str) -> list[tuple[str, str]]:
    """(path, words) of a site's pages, then of those of a region for whoever supervises one."""
    found = [(f"/sites/{site_id}/{page}", words) for page, action, words in OF_SITE if reach(role, action)]
    return found + (list(OF_REGION) if reach(role, Action.SUPERVISE) else [])
