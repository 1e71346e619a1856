"""Builds what reports need from the settings."""

from pathlib import Path

from config.base.clock import Clock
from config.base.errors import Unavailable
from config.settings.server import ServerSettings
from server.reports.seal import Sealer
from server.services.agents.broker_files import CertificateFiles
from server.services.agents.enrolment_parts import server_url_of
from server.services.coverage.assess_day import Assessor
from server.services.reports.month_report import ReportDesk
from server.services.reports.press import Press
from server.services.reports.region_report import RegionReportDesk
from server.services.supervision.count_region import Statistician
from server.web.reports import ReportPages
from storage.database.unit_of_work import Database


def reports_of(settings: ServerSettings, database: Database, clock: Clock, pages: ReportPages) -> ReportDesk:
    """Makes, keeps and hands out reports; the certificate is read when one is signed."""
    return ReportDesk(_press(settings, database, clock), Assessor(settings.policy), pages.tell)


def region_reports_of(
    settings: ServerSettings, database: Database, clock: Clock, pages: ReportPages
) -> RegionReportDesk:
    """The same of regions."""
    return RegionReportDesk(_press(settings, database, clock), Statistician(database, clock), pages.tell_region)


def _press(settings: ServerSettings, database: Database, clock: Clock) -> Press:
    file = CertificateFiles.of(settings).reports
    origin = (settings.api.public_origin or server_url_of(settings)).rstrip("/")
    return Press(
        database, clock, lambda: Sealer(_read(file), settings.ledger.tsa_url), origin, settings.reports.fonts_dir
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"there is no certificate to sign reports with: {file}: {error.strerror}. Make it with: python -m server.admin"
            " init",
            code="no_authority",
        ) from error
