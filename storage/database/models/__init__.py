"""The tables. Instants are integer microseconds UTC (``_us``); ids of sites, agents and cameras are slugs.

Rows of ``segment``, ``condition_change``, ``alarm_event``, ``quarantined_message`` and ``verdict`` are evidence: inserted,
never deleted by the application, and only the columns that say what was found later are filled in afterwards (I4).
"""

from storage.database.models.alarms import AlarmAct, AlarmEventRow, AlarmPartition, AlarmRow
from storage.database.models.attestation import AttestationMark, DayAttestation, LedgerWitness
from storage.database.models.audit import AuditFinding, AuditRound
from storage.database.models.base import Base
from storage.database.models.box import BoxNotice, SegmentEviction
from storage.database.models.cells import Cell, CellChallengeRow, CellCopy, CellFetchRow, CellOrderRow, CellStanding
from storage.database.models.compliance import ClockReadingDay, ComplianceEntry, ComplianceMark, PanelHeard
from storage.database.models.deep_audit import DeepAudit, DeepSample, StoreCondition
from storage.database.models.discovery import AccessRecord, DiscoveredCamera, ReplayReport
from storage.database.models.docket import CaseAct, DocketCase, MaintenanceWindow
from storage.database.models.enrolment import AgentCertificate, Invitation
from storage.database.models.evidence import (
    ConditionChange,
    CoverageSpan,
    PendingVerification,
    QuarantinedMessage,
    Segment,
    StoredSpan,
    Timeline,
    TrustedSpan,
)
from storage.database.models.findings import FindingStillRow, PictureFindingRow
from storage.database.models.inventory import (
    Agent,
    AgentConfiguration,
    AgentStatus,
    Camera,
    CameraSource,
    Site,
    Zone,
)
from storage.database.models.leases import (
    Blanking,
    ClassZone,
    ConsentRow,
    GuardianAccount,
    LeaseRow,
    NewestInstant,
    PickUp,
    SiteLive,
    StaffAccount,
    ViewRow,
)
from storage.database.models.ledger import Ledger, LedgerCheckpoint, LedgerEntry, LedgerTile
from storage.database.models.live import LiveTicket, LiveView
from storage.database.models.notices import NoticeEvent, NoticeMessage, NoticeOf, NoticeSubscription
from storage.database.models.people import (
    Account,
    AccountSite,
    HalfSignIn,
    LoginSession,
    Passkey,
    PersonInvitation,
    RecoveryCode,
    SignInFailure,
    Totp,
)
from storage.database.models.registers import (
    AlarmArea,
    AlarmPoint,
    CameraRecord,
    CameraZone,
    Child,
    ClassGroup,
    DatedRecord,
    Guardian,
    GuardianChild,
    Region,
    RegisterImport,
    Staff,
)
from storage.database.models.reports import Report
from storage.database.models.retention import DeletionRun, LegalHold
from storage.database.models.supervision import (
    Complaint,
    CreditEntryRow,
    CreditObjection,
    Inspection,
    InspectionDraw,
    InspectorInterest,
)
from storage.database.models.verdicts import Verdict

__all__ = [
    "AccessRecord",
    "Account",
    "AccountSite",
    "Agent",
    "AgentCertificate",
    "AgentConfiguration",
    "AgentStatus",
    "AlarmAct",
    "AlarmArea",
    "AlarmEventRow",
    "AlarmPartition",
    "AlarmPoint",
    "AlarmRow",
    "AttestationMark",
    "AuditFinding",
    "AuditRound",
    "Base",
    "Blanking",
    "BoxNotice",
    "Camera",
    "CameraRecord",
    "CameraSource",
    "CameraZone",
    "CaseAct",
    "Cell",
    "CellChallengeRow",
    "CellCopy",
    "CellFetchRow",
    "CellOrderRow",
    "CellStanding",
    "Child",
    "ClassGroup",
    "ClassZone",
    "ClockReadingDay",
    "ComplianceEntry",
    "ComplianceMark",
    "Complaint",
    "ConditionChange",
    "ConsentRow",
    "CoverageSpan",
    "CreditEntryRow",
    "CreditObjection",
    "DatedRecord",
    "DayAttestation",
    "DeepAudit",
    "DeepSample",
    "DeletionRun",
    "DiscoveredCamera",
    "DocketCase",
    "FindingStillRow",
    "Guardian",
    "GuardianAccount",
    "GuardianChild",
    "HalfSignIn",
    "Inspection",
    "InspectionDraw",
    "InspectorInterest",
    "Invitation",
    "LeaseRow",
    "Ledger",
    "LedgerCheckpoint",
    "LedgerEntry",
    "LedgerTile",
    "LedgerWitness",
    "LegalHold",
    "LiveTicket",
    "LiveView",
    "LoginSession",
    "MaintenanceWindow",
    "NewestInstant",
    "NoticeEvent",
    "NoticeMessage",
    "NoticeOf",
    "NoticeSubscription",
    "PanelHeard",
    "Passkey",
    "PendingVerification",
    "PersonInvitation",
    "PickUp",
    "PictureFindingRow",
    "QuarantinedMessage",
    "RecoveryCode",
    "Region",
    "RegisterImport",
    "ReplayReport",
    "Report",
    "Segment",
    "SegmentEviction",
    "SignInFailure",
    "Site",
    "SiteLive",
    "Staff",
    "StaffAccount",
    "StoreCondition",
    "StoredSpan",
    "Timeline",
    "Totp",
    "TrustedSpan",
    "Verdict",
    "ViewRow",
    "Zone",
]
