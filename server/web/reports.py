"""The pages of reports: a site's, and the one on which whoever holds a report checks it. In every language."""

from dataclasses import dataclass
from datetime import date

from server.services.reports.month_report import Issue, MonthFacts, ReportView, Told
from server.web.formatting import Words
from server.web.languages import LANGUAGES
from server.web.pages import Pages
from server.web.report_words import OTHER_REFUSAL, REFUSED, ReportWords, month_name
from server.web.wording import VERDICT
from storage.database.scope import Scope


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
        return ReportWords(self.pages.spoken(issue.language), facts, issue).told()

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
            site_id=site_id,
            site_name=site_name,
            lines=[self._line(view, language) for view in found],
            reader=reader,
            month=month,
            report_languages=LANGUAGES,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            here=f"/sites/{site_id}/reports",
        )

    def check(self, view: ReportView, language: str) -> str:
        """For whoever holds a report."""
        return self.pages.page(
            "report_check.html",
            language,
            site_name=view.site_name,
            line=self._line(view, language),
            here=f"/verify/reports/{view.id}",
        )

    def _line(self, view: ReportView, language: str) -> ReportLine:
        spoken = self.pages.spoken(language)
        words = Words(spoken, view.timezone)
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
