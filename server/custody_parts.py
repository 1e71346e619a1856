"""Puts together what keeps, deletes and hands out footage, from the settings of this machine."""

from pathlib import Path

from config.base.clock import Clock
from config.settings.server import ServerSettings
from server.runtime import note_signer_from, signer_from
from server.services.agents.broker_files import CertificateFiles
from server.services.coverage.assess_day import Assessor
from server.services.custody.desk import CustodyDesk
from server.services.custody.expire_footage import FootageExpirer
from server.services.custody.hold_recordings import HoldKeeper
from server.services.evidence.export_evidence import EvidenceExporter
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.stream_export import ExportDesk
from server.web.evidence import EvidenceReport
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore


def signing_key_of(settings: ServerSettings) -> str:
    """The file of the signing key; empty where this machine has none."""
    file = settings.server.signing_key_file or str(Path(settings.server.state_dir) / "signing-key.pem")
    return file if settings.server.signing_key_file or Path(file).exists() else ""


def ledgers_of(settings: ServerSettings, database: Database, clock: Clock) -> LedgerKeeper | None:
    """None where this machine has no key to sign with. Raises ConfigurationError."""
    key_file = signing_key_of(settings)
    if not key_file:
        return None
    signer = note_signer_from(key_file, settings.ledger.name)
    return LedgerKeeper(database, clock, signer, f"{settings.ledger.name}/ledger")


def custody_of(settings: ServerSettings, database: Database, store: EvidenceStore, clock: Clock) -> CustodyDesk:
    """Raises ConfigurationError."""
    expirer = FootageExpirer(database, store, clock, settings.policy.retain_days)
    return CustodyDesk(database, clock, HoldKeeper(database, clock), expirer, ledgers_of(settings, database, clock))


def exporter_of(
    settings: ServerSettings, database: Database, store: EvidenceStore, clock: Clock
) -> EvidenceExporter | None:
    """None where this machine has no key to sign with. Raises ConfigurationError."""
    ledgers = ledgers_of(settings, database, clock)
    if ledgers is None:
        return None
    signer, assessor = signer_from(signing_key_of(settings)), Assessor(settings.policy)
    file = CertificateFiles.of(settings).authority
    authority = file.read_text() if file.is_file() else ""
    return EvidenceExporter(database, store, clock, ledgers, signer, assessor, EvidenceReport().render, authority)


def exports_of(settings: ServerSettings, database: Database, store: EvidenceStore, clock: Clock) -> ExportDesk:
    """Raises ConfigurationError."""
    return ExportDesk(database, exporter_of(settings, database, store, clock))
