"""The public pages, in every language."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from babel.numbers import format_decimal

from server.services.supervision.publish import PublicSite, SitesTold, SiteTold
from server.web.credit import ASPECT, stars_drawn
from server.web.formatting import Words
from server.web.languages import DEFAULT_LANGUAGE
from server.web.pages import Pages
from server.web.report_words import month_name
from server.web.wording import VERDICT, mark

FILING = {
    "not_filed": mark("not filed"),
    "submitted": mark("filing submitted"),
    "filed": mark("filed"),
    "withdrawn": mark("filing withdrawn"),
}
TIMEZONE = "Asia/Shanghai"
"""No time of day stands on these pages."""


@dataclass(frozen=True)
class PublicationPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def sites(self, found: SitesTold, language: str, *, name: str, region: str) -> str:
        """A page of the list."""
        asked = {key: value for key, value in (("name", name), ("region", region)) if value}

        def at(page: int) -> str:
            query = urlencode(asked | ({"page": str(page)} if page > 1 else {}))
            return "/public" + (f"?{query}" if query else "")

        return self.pages.page(
            "public.html",
            language,
            lines=[self._line(one, language) for one in found.sites],
            name=name,
            region=region,
            regions=_choices(found, language),
            before=at(found.page - 1) if found.page > 1 else "",
            after=at(found.page + 1) if found.more else "",
            here=at(found.page),
        )

    def site(self, found: PublicSite, language: str) -> str:
        """One."""
        spoken = self.pages.spoken(language)
        words = Words(spoken, TIMEZONE)
        return self.pages.page(
            "public_site.html",
            language,
            line=self._line(found.site, language),
            day=found.day,
            whole=format_decimal(found.tenths / 10, "0.0", locale=spoken.locale) if found.tenths is not None else "",
            inspections=[
                (one.day, spoken.text(ASPECT[one.aspect]), f"{one.points:+d}".replace("-", "\N{MINUS SIGN}"), one.told)
                for one in found.inspections
            ],
            months=[
                (
                    month_name(date.fromisoformat(f"{one.month}-01"), spoken),
                    words.share(one.covered_us, one.expected_us),
                    one.status.lower(),
                    spoken.text(VERDICT[one.status]),
                    one.final,
                )
                for one in found.months
                if one.expected_us
            ],
            here=f"/public/{found.site.site_id}",
        )

    def _line(self, site: SiteTold, language: str) -> dict[str, object]:
        spoken = self.pages.spoken(language)
        names = [name if language == DEFAULT_LANGUAGE else english or name for name, english in site.regions]
        return {
            "site_id": site.site_id,
            "name": site.name,
            "regions": " › ".join(names),
            "filing": spoken.text(FILING[site.filing_status]) if site.filing_status in FILING else "",
            "filed": site.filing_status == "filed",
            "number": site.filing_number or "",
            "stars": site.stars,
            "drawn": stars_drawn(site.stars),
        }


def _choices(found: SitesTold, language: str) -> list[tuple[str, str]]:
    """(path, name): each below the one that holds it, and further in."""
    return [
        (path, "\N{IDEOGRAPHIC SPACE}" * path.count("/") + (name if language == DEFAULT_LANGUAGE else english or name))
        for path, name, english in found.regions
    ]
