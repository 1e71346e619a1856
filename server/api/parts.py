"""The composition root of the API process: everything a request needs, built once from the settings."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from config.base.clock import US_PER_S, Clock, SystemClock
from config.settings.server import ServerSettings
from server.api.feed import BoardFeed, StreamSlots
from server.api.gate import Gate
from server.api.kept_forms import KeptForms
from server.api.setup_feed import SetupFeed
from server.api.wall_feed import WallFeed
from server.custody_parts import custody_of, exports_of
from server.live_parts import LiveFace, live_of
from server.people_parts import PeopleFace, people_of, secret_of
from server.report_parts import region_reports_of, reports_of
from server.request_parts import RequestFace, requests_of
from server.runtime import open_database
from server.services.agents.acceptance import AcceptanceOffice
from server.services.agents.enrol_agent import EnrolmentDesk
from server.services.agents.enrolment_parts import desk_of, inviter_of
from server.services.agents.invite_agent import Inviter
from server.services.agents.revoke_agent import Revoker
from server.services.agents.set_up_boxes import BoxSetup
from server.services.audit.read_audit import AuditReader
from server.services.cameras.camera_pictures import CameraPictures
from server.services.cameras.floor_plans import FloorPlans
from server.services.cameras.read_discovered import DiscoveredReader, picture_key_of
from server.services.cameras.set_up_cameras import CameraSetup
from server.services.cameras.setup_progress import SetupProgress
from server.services.cells.answer_cell import CellDesk
from server.services.cells.cell_doors import CellDoors
from server.services.cells.fetch_from_cell import CellFetcher
from server.services.cells.read_cells import CellReader
from server.services.compliance.examine_region import RegionExaminer
from server.services.compliance.rank_region import RegionReader
from server.services.compliance.read_compliance import ComplianceReader
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_calendar import CalendarReader
from server.services.coverage.read_day import DayReader
from server.services.coverage.read_findings import FindingReader
from server.services.coverage.read_health import HealthReader
from server.services.coverage.read_morning import MorningReader
from server.services.coverage.read_replays import ReplayReader
from server.services.coverage.read_wall import WallReader
from server.services.custody.desk import CustodyDesk
from server.services.custody.explain_minute import MinuteReader
from server.services.custody.hold_recordings import HoldKeeper
from server.services.custody.play_back import Playback
from server.services.docket.desk import DocketDesk
from server.services.docket.plan_maintenance import MaintenancePlanner
from server.services.docket.refer import DocketReference
from server.services.evidence.read_attestations import AttestationReader
from server.services.evidence.stream_export import ExportDesk
from server.services.intake.handle_alarms import AlarmDuty
from server.services.intake.issue_ticket import TicketIssuer
from server.services.notices.channels import channels_of
from server.services.notices.subscribe import NoticeDesk
from server.services.people.sign_in import SignIn
from server.services.registers.export_registers import RegisterExporter
from server.services.registers.import_registers import RegisterImporter
from server.services.reports.month_report import ReportDesk
from server.services.reports.region_report import RegionReportDesk
from server.services.supervision.count_region import Statistician
from server.services.supervision.draw_inspections import DrawDesk
from server.services.supervision.inspect_sites import InspectionDesk
from server.services.supervision.keep_agenda import AgendaDesk
from server.services.supervision.keep_complaints import ComplaintDesk
from server.services.supervision.keep_credit import CreditDesk
from server.services.supervision.prefill import Prefill
from server.services.supervision.publish import Publisher
from server.web.agenda import AgendaPages
from server.web.audit_pages import AuditPages
from server.web.calendar import CalendarPages
from server.web.complaints import ComplaintPages
from server.web.compliance import CompliancePages
from server.web.credit import CreditPages
from server.web.day import DayPages
from server.web.docket import DocketPages
from server.web.draws import DrawPages
from server.web.guides import Guides, load_guides
from server.web.inspections import InspectionPages
from server.web.live import LivePages
from server.web.pages import Pages
from server.web.people_pages import PeoplePages
from server.web.playback import PlaybackPages
from server.web.publication import PublicationPages
from server.web.region import RegionPages
from server.web.region_rules import RegionRulePages
from server.web.register_pages import RegisterPages
from server.web.reports import ReportPages
from server.web.requests import RequestPages
from server.web.setup_pages import SetupPages
from server.web.statistics import StatisticsPages
from server.web.traces import TracePages
from server.web.wall import WallPages
from storage.database.unit_of_work import Database
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore
from storage.objects.tickets import TicketOffice


@dataclass(frozen=True)
class Parts:
    """What the routes are given; they build nothing themselves."""

    clock: Clock
    database: Database
    reader: DayReader
    calendar: CalendarReader
    calendar_pages: CalendarPages
    day_pages: DayPages
    duty: AlarmDuty
    health: HealthReader
    sign_in: SignIn
    tickets: TicketIssuer
    cell_desk: CellDesk
    cell_fetcher: CellFetcher
    cell_reader: CellReader
    enrolment: EnrolmentDesk
    inviter: Inviter
    box_setup: BoxSetup
    camera_setup: CameraSetup
    plans: FloorPlans
    camera_pictures: CameraPictures
    setup_progress: SetupProgress
    setup_feed: SetupFeed
    importer: RegisterImporter
    register_files: RegisterExporter
    register_pages: RegisterPages
    acceptance: AcceptanceOffice
    discovered: DiscoveredReader
    replays: ReplayReader
    findings: FindingReader
    custody: CustodyDesk
    docket: DocketDesk
    references: DocketReference
    maintenance: MaintenancePlanner
    notices: NoticeDesk
    docket_pages: DocketPages
    exports: ExportDesk
    attestations: AttestationReader
    audits: AuditReader
    audit_pages: AuditPages
    compliance: ComplianceReader
    compliance_pages: CompliancePages
    regions: RegionReader
    region_pages: RegionPages
    draws: DrawDesk
    draw_pages: DrawPages
    credit: CreditDesk
    credit_pages: CreditPages
    complaints: ComplaintDesk
    complaint_pages: ComplaintPages
    inspections: InspectionDesk
    inspection_pages: InspectionPages
    agenda: AgendaDesk
    agenda_pages: AgendaPages
    statistics: Statistician
    statistics_pages: StatisticsPages
    publisher: Publisher
    publication_pages: PublicationPages
    reports: ReportDesk
    region_reports: RegionReportDesk
    region_rules: RegionExaminer
    region_rule_pages: RegionRulePages
    report_pages: ReportPages
    live: LiveFace
    live_pages: LivePages
    trace_pages: TracePages
    playback: Playback
    minutes: MinuteReader
    playback_pages: PlaybackPages
    requests: RequestFace
    request_pages: RequestPages
    people: PeopleFace
    people_pages: PeoplePages
    gate: Gate
    pages: Pages
    setup_pages: SetupPages
    feed: BoardFeed
    wall: WallFeed
    kept: KeptForms
    guides: Guides
    streams: StreamSlots
    public_origin: str
    session_hours: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is told to stop, so that open event streams end at once."""


def build(settings: ServerSettings, clock: Clock | None = None) -> Parts:
    """The parts that the settings describe. Raises ConfigurationError naming key and file."""
    clock = clock or SystemClock()
    access = access_from(settings.store)
    database = open_database(settings.database)
    reader = DayReader(database, clock, Assessor(settings.policy))
    duty = AlarmDuty(database, clock)
    health = HealthReader(database, clock, Assessor(settings.policy))
    picture_key = picture_key_of(settings)
    sign_in = SignIn(database, clock, settings.api.session_hours)
    pages = Pages()
    inviter = inviter_of(settings, database, clock)
    progress = SetupProgress(database, clock, Assessor(settings.policy))
    store = S3EvidenceStore(access, clock)
    doors = CellDoors(database, clock, picture_key)
    office = TicketOffice(access, clock, public_url=settings.store.public_url)
    return Parts(
        clock=clock,
        database=database,
        reader=reader,
        calendar=CalendarReader(database, clock, Assessor(settings.policy)),
        calendar_pages=CalendarPages(pages),
        day_pages=DayPages(pages),
        duty=duty,
        health=health,
        sign_in=sign_in,
        tickets=TicketIssuer(database, office, clock, settings.policy.retain_days, doors),
        cell_desk=CellDesk(database, clock, settings.policy.backfilled_after_s * US_PER_S),
        cell_fetcher=CellFetcher(database, clock, doors, office, store, settings.policy.backfilled_after_s * US_PER_S),
        cell_reader=CellReader(database, clock),
        enrolment=desk_of(settings, database, clock),
        inviter=inviter,
        box_setup=BoxSetup(database, clock, inviter, Revoker(database, clock)),
        camera_setup=CameraSetup(database, clock),
        plans=FloorPlans(database, clock),
        camera_pictures=CameraPictures(database, clock),
        setup_progress=progress,
        setup_feed=SetupFeed(progress, SetupPages(pages), clock),
        importer=RegisterImporter(database, clock),
        register_files=RegisterExporter(database, clock),
        register_pages=RegisterPages(pages),
        acceptance=AcceptanceOffice(database, store, clock, Assessor(settings.policy), settings.policy.retain_days),
        discovered=DiscoveredReader(database, clock, picture_key),
        replays=ReplayReader(database, clock),
        findings=FindingReader(database, clock, picture_key, settings.policy.unsound_findings),
        custody=custody_of(settings, database, store, clock),
        docket=DocketDesk(database, clock),
        references=DocketReference(database),
        maintenance=MaintenancePlanner(database, clock, settings.maintenance),
        notices=NoticeDesk(database, clock, channels_of(settings.notices, clock)),
        docket_pages=DocketPages(pages),
        exports=exports_of(settings, database, store, clock),
        attestations=AttestationReader(database),
        audits=AuditReader(database, clock),
        audit_pages=AuditPages(pages),
        compliance=ComplianceReader(database, clock, Assessor(settings.policy)),
        compliance_pages=CompliancePages(pages),
        regions=RegionReader(database, clock),
        region_pages=RegionPages(pages),
        draws=DrawDesk(database, clock),
        draw_pages=DrawPages(pages),
        credit=CreditDesk(database, clock),
        credit_pages=CreditPages(pages),
        complaints=ComplaintDesk(database, clock, HoldKeeper(database, clock), settings.complaints.answer_days),
        complaint_pages=ComplaintPages(pages),
        inspections=InspectionDesk(
            database, clock, Prefill(ComplianceReader(database, clock, Assessor(settings.policy)))
        ),
        inspection_pages=InspectionPages(pages),
        agenda=AgendaDesk(database, clock),
        agenda_pages=AgendaPages(pages),
        statistics=Statistician(database, clock),
        statistics_pages=StatisticsPages(pages),
        publisher=Publisher(database, clock),
        wall=WallFeed(WallReader(database, clock, settings.policy), WallPages(pages), clock),
        publication_pages=PublicationPages(pages),
        reports=reports_of(settings, database, clock, ReportPages(pages)),
        region_rules=RegionExaminer(database, clock),
        region_rule_pages=RegionRulePages(pages),
        region_reports=region_reports_of(settings, database, clock, ReportPages(pages)),
        report_pages=ReportPages(pages),
        live=live_of(settings, database, clock),
        live_pages=LivePages(pages),
        trace_pages=TracePages(pages),
        playback=Playback(database, store, clock),
        minutes=MinuteReader(database, reader, Playback(database, store, clock), DocketReference(database)),
        playback_pages=PlaybackPages(pages),
        gate=Gate(
            sign_in,
            clock,
            secure_cookies=settings.api.public_origin.startswith("https://"),
            second_step_roles=settings.api.second_step_roles,
            secret=secret_of(settings),
        ),
        people=people_of(settings, database, clock),
        requests=requests_of(settings, database, store, clock),
        request_pages=RequestPages(pages),
        people_pages=PeoplePages(pages),
        pages=pages,
        setup_pages=SetupPages(pages),
        feed=BoardFeed(
            reader, duty, health, AuditReader(database, clock), MorningReader(database, clock), pages, clock
        ),
        kept=KeptForms(clock),
        guides=load_guides(pages),
        streams=StreamSlots(),
        public_origin=settings.api.public_origin.rstrip("/"),
        session_hours=settings.api.session_hours,
    )


def parts_of(request: Request) -> Parts:
    """The parts that serve this request."""
    return cast(Parts, request.app.state.parts)
