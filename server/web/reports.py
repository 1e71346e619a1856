"""The pages of reports: a site's, a region's, and the one on which whoever holds a report checks it. In every language."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from server.services.reports.month_report import MonthFacts, ReportView
from server.services.reports.press import Issue, Told
from server.services.reports.region_report import RegionFacts, RegionReportView
from server.services.supervision.count_region import TIMEZONE
from server.web.formatting import Words
from server.web.languages import LANGUAGES
from server.web.pages import Pages
from server.web.region_report_words import RegionReportWords
from server.web.report_words import OTHER_REFUSAL, REFUSED, WORDS, ReportWords, joined_names, month_name
from server.web.wording import VERDICT
from storage.database.scope import Scope

TABLES = {key: WORDS[key if key != "gaps" else "longest_gaps"] for key in ("days", "causes", "gaps", "keeping")}
"""Those of a site's report, each a file of its own too."""


@dataclass(frozen=True)
class ReportLine:
    """A report in words."""

    id: str
    month: str
    language: str
    made: str
    made_by: str
    status: str
    status_text: str
    is_final: bool
    share: str
    pdf_sha256: str


@dataclass(frozen=True)
class ReportPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def tell(self, facts: MonthFacts, issue: Issue) -> Told:
        """What a report says."""
        return ReportWords(self.pages.spoken(issue.language), facts).told(issue)

    def table(self, facts: MonthFacts, table: str, language: str) -> list[list[str]]:
        """One of ``TABLES`` of a site's month."""
        return ReportWords(self.pages.spoken(language), facts).table(table)

    def of_site(
        self,
        found: list[ReportView],
        site_id: str,
        site_name: str,
        reader: Scope,
        language: str,
        *,
        month: str,
        error: str,
    ) -> str:
        """A site's reports, and the form that makes one."""
        return self.pages.page(
            "reports.html",
            language,
            above=(f"/sites/{site_id}", site_name),
            region=None,
            lines=[self._line(view, language) for view in found],
            tables=TABLES,
            reader=reader,
            month=month,
            report_languages=LANGUAGES,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            here=f"/sites/{site_id}/reports",
        )

    def tell_region(self, facts: RegionFacts, issue: Issue) -> Told:
        """What a region's report says."""
        return RegionReportWords(self.pages.spoken(issue.language), facts).told(issue)

    def of_region(
        self,
        found: list[RegionReportView],
        region: str,
        name: tuple[str, str],
        reader: Scope,
        language: str,
        *,
        month: str,
        error: str,
    ) -> str:
        """A region's reports, and the form that makes one."""
        return self.pages.page(
            "reports.html",
            language,
            above=(f"/statistics?{urlencode({'region': region})}", self._region(name, language)),
            region=region,
            lines=[self._line(view, language) for view in found],
            reader=reader,
            month=month,
            report_languages=LANGUAGES,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            here=f"/statistics/reports?{urlencode({'region': region})}",
        )

    def check(self, view: ReportView | RegionReportView, language: str) -> str:
        """For whoever holds a report."""
        return self.pages.page(
            "report_check.html",
            language,
            is_site=isinstance(view, ReportView),
            name=view.site_name if isinstance(view, ReportView) else self._region(view.name, language),
            line=self._line(view, language),
            here=f"/verify/reports/{view.id}",
        )

    def _region(self, name: tuple[str, str], language: str) -> str:
        spoken = self.pages.spoken(language)
        return joined_names([name], spoken) or spoken.text("All regions")

    def _line(self, view: ReportView | RegionReportView, language: str) -> ReportLine:
        spoken = self.pages.spoken(language)
        words = Words(spoken, view.timezone if isinstance(view, ReportView) else TIMEZONE)
        return ReportLine(
            view.id,
            month_name(date.fromisoformat(f"{view.month}-01"), spoken),
            LANGUAGES[view.language],
            words.moment(view.made_us, date.min),
            view.made_by,
            view.status,
            spoken.text(VERDICT[view.status]),
            view.final,
            words.share(view.covered_us, view.expected_us) if view.expected_us else "–",
            view.pdf_sha256,
        )
