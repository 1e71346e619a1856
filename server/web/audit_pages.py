"""The pages of audits, in every language: a site's audits, and one deep audit as it runs."""

from server.services.audit.read_audit import DeepResult, SiteAudit
from server.web.audits import AuditWords
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

SAMPLES_FIRST = 60
REFUSED = {
    "bad_seed": mark("A seed has 1 to 128 characters that can be printed. Type another one."),
    "bad_samples": mark("Between 1 and 2000 camera-minutes can be drawn. Type a number in between."),
    "audit_running": mark("Two deep audits of this site are at it already. Wait until one is finished."),
}


class AuditPages:
    """Renders; every rule is in a service."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def alerts(self, site: SiteAudit, language: str) -> list[str]:
        """What the board has to say of audits and of the store."""
        return AuditWords(self._pages.spoken(language), site.timezone).alerts(site)

    def site_fragment(self, site: SiteAudit, language: str) -> str:
        """The inside of a site's page."""
        page = AuditWords(self._pages.spoken(language), site.timezone).page(site)
        return self._pages.page("audit_fragment.html", language, page=page)

    def site(
        self, site: SiteAudit, reader: Scope, language: str, digest: str, *, error: str = "", form: dict[str, str]
    ) -> str:
        """The page, with the form that asks for a deep audit; ``error`` is the code of a refusal."""
        return self._pages.page(
            "audit.html",
            language,
            site_id=site.site_id,
            site_name=site.name,
            reader=reader,
            path=f"/sites/{site.site_id}/audit",
            here=f"/sites/{site.site_id}/audit",
            fragment=self.site_fragment(site, language),
            digest=digest,
            error=REFUSED.get(error, ""),
            seed=form.get("seed", ""),
            samples=form.get("samples", str(SAMPLES_FIRST)),
        )

    def deep_fragment(self, found: DeepResult, language: str) -> str:
        """The inside of one deep audit's page."""
        page = AuditWords(self._pages.spoken(language), found.timezone).deep(found)
        return self._pages.page("deep_fragment.html", language, page=page)

    def samples(self, found: DeepResult, language: str) -> list[list[str]]:
        """The lines of a file."""
        return AuditWords(self._pages.spoken(language), found.timezone).lines(found)

    def deep(self, found: DeepResult, reader: Scope, language: str, digest: str) -> str:
        """The page of one deep audit."""
        site_id = found.audit.site_id
        return self._pages.page(
            "deep.html",
            language,
            site_id=site_id,
            audit=found.audit,
            reader=reader,
            path=f"/sites/{site_id}/audits/{found.audit.id}",
            here=f"/sites/{site_id}/audits/{found.audit.id}",
            fragment=self.deep_fragment(found, language),
            digest=digest,
        )
