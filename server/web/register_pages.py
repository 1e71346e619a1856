"""The page of a site's registers: what is on file, files out, a file in, and what stands against it row by row."""

from dataclasses import dataclass

from config.base.errors import NightlightError
from server.domain.registers.tables import of_sites
from server.services.cameras.set_up_cameras import SiteCameras
from server.services.registers.import_registers import Report
from server.web.languages import Language
from server.web.pages import Pages
from server.web.register_wording import REFUSAL, TABLE, change_text, fault_text, more_text, place_text, summary_text
from server.web.setup_wording import OTHER_REFUSAL
from storage.database.scope import Scope


@dataclass(frozen=True)
class Outcome:
    """``faults``: (where, what); ``tables``: (name, what it would do)."""

    faults: list[tuple[str, str]]
    more: str
    tables: list[tuple[str, str]]
    changes: list[str]
    is_empty: bool
    """It would change nothing."""


@dataclass(frozen=True)
class ShownFile:
    """The file that was sent; ``packed`` is what it holds, where it can be confirmed."""

    packed: str = ""
    table: str = ""
    name: str = ""


class RegisterPages:
    """Renders; every rule is in a service."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(
        self,
        site: SiteCameras,
        counts: dict[str, int],
        reader: Scope,
        language: str,
        *,
        report: Report | None,
        file: ShownFile,
        error: NightlightError | None,
        done: bool,
    ) -> str:
        """``report``: on ``file``."""
        spoken = self._pages.spoken(language)
        said = spoken.text(REFUSAL.get(error.code, OTHER_REFUSAL)) if error is not None else ""
        return self._pages.page(
            "registers.html",
            language,
            site=site,
            reader=reader,
            tab="registers",
            here=f"/sites/{site.site_id}/registers",
            error=said,
            done=done,
            tables=[(each.name, spoken.text(TABLE[each.name]), counts[each.name]) for each in of_sites(private=True)],
            outcome=_outcome(report, spoken) if report is not None else None,
            fingerprint=report.fingerprint if report is not None else "",
            packed=file.packed,
            table=file.table,
            file_name=file.name,
        )


def _outcome(report: Report, language: Language) -> Outcome:
    tables = []
    for each in report.tables:
        counts = {name: getattr(each, name) for name in ("added", "changed", "removed", "unchanged")}
        tables.append((language.text(TABLE[each.table]), summary_text(counts, language)))
    unlisted = report.fault_count - len(report.faults)
    return Outcome(
        faults=[(place_text(fault, language), fault_text(fault, language)) for fault in report.faults],
        more=more_text(unlisted, language) if unlisted else "",
        tables=tables,
        changes=[
            change_text(change.table, change.key, change.columns, change.act, language) for change in report.changes
        ],
        is_empty=not report.changes,
    )
