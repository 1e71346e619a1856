"""The agent put together: what depends on what, what starts first, and what is closed last.

Invariant: recording depends on nothing but the disk. It starts before any link is up and goes on while every link is
down; at the end, recordings are made whole first and the link says goodbye last.
"""

import errno
import time
from pathlib import Path

from config.base.clock import Clock, SystemClock
from config.base.errors import ConfigurationError, NightlightError
from config.base.logs import get_logger
from config.settings.edge import EdgeSettings
from edge_agent.alarms.service import Alarms
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.cells.worker import CellWorker
from edge_agent.centre import Centre
from edge_agent.configuration.keeper import ConfigurationKeeper
from edge_agent.configuration.reports import ConfigurationReporter
from edge_agent.configuration.store import DesiredStore
from edge_agent.control.room import ControlRoom
from edge_agent.control.server import ControlServer
from edge_agent.diagnosis.book import FindingBook
from edge_agent.diagnosis.examination import Examination
from edge_agent.diagnosis.reports import KIND as PICTURE_FINDINGS
from edge_agent.enrolment.credentials import Credentials
from edge_agent.enrolment.renewal import CertificateRenewal
from edge_agent.identity import (
    load_note_signer,
    load_sealing_key,
    load_server_key,
    load_server_sealing_key,
    load_signer,
)
from edge_agent.lifecycle import Worker
from edge_agent.live.desk import LiveDesk
from edge_agent.liveness.registry import Liveness
from edge_agent.messages import Sealer
from edge_agent.onvif.clock_book import ClockBook
from edge_agent.onvif.clock_watch import CameraClockWatch
from edge_agent.onvif.replaying import Parts as ReplayParts
from edge_agent.onvif.replaying import Replayer
from edge_agent.reporting.box import BoxReader
from edge_agent.reporting.closing import ClosingHeartbeats
from edge_agent.reporting.composing import SOFTWARE, Sources
from edge_agent.reporting.heartbeat import HeartbeatSender
from edge_agent.reporting.inbox import Inbox
from edge_agent.reporting.link import MqttLink
from edge_agent.reporting.notices import NoticeBook
from edge_agent.reporting.publisher import OutboxPublisher
from edge_agent.reporting.states import StateReporter
from edge_agent.shards.fleet import CameraFleet, make_folder
from edge_agent.spool.ballast import BALLAST_BYTES, Ballast, free_bytes, full_disk
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recovery import recover
from edge_agent.spool.segments import SegmentSpool
from edge_agent.spool.watch import Room, SpoolWatch
from edge_agent.state_lock import StateLock
from edge_agent.timekeeping import AgentClock, ClockSync
from edge_agent.upload.store import ObjectStore
from edge_agent.upload.throttle import Throttle, UplinkPlan
from edge_agent.upload.uploader import UploadQueue, UploadWorker
from edge_agent.witness import CheckpointWitness

CLOSE_WITHIN_S = 4.5
ANSWERS_WITHIN_S = 0.5
HANGS_AFTER_S = 45.0
"""Longer than any round of a watched loop may take on a slow disk."""

log = get_logger("agent")


class App:
    """``start``, then ``close`` once. Raises ConfigurationError where it cannot start."""

    def __init__(self, settings: EdgeSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._lock = StateLock(Path(settings.agent.state_dir))
        try:
            self._build(settings, clock or SystemClock())
        except NightlightError:
            self._lock.release()
            raise

    def _build(self, settings: EdgeSettings, system_clock: Clock) -> None:
        state_dir = Path(settings.agent.state_dir)
        sealer = self._sealer = Sealer(settings.agent.site_id, settings.agent.agent_id, load_signer(state_dir))
        server_key = load_server_key(settings)
        self.credentials = Credentials(state_dir, system_clock)
        folder = _folder(state_dir)

        self.clock = AgentClock(system_clock, settings.clock)
        self._ballast = Ballast(folder)
        self.database = SpoolDatabase(folder / "spool.sqlite3", self._ballast)
        self.outbox = Outbox(self.database)
        self.spool = SegmentSpool(self.database, folder, sealer, self.outbox, leaf_roots=settings.cell.leaf_roots)
        self.guard = DiskGuard(folder, settings.spool, system_clock, self.spool.finalised_bytes)
        self._folder = folder
        self._centre = Centre(settings.server, settings.spool.upload_workers + 2, self.credentials.forgive_clock)
        self._store = self._object_store(settings, system_clock)
        self._cells = CellWorker(sealer, self._centre, self._store, self.clock)

        identity = (settings.agent.site_id, settings.agent.agent_id)
        reporter = ConfigurationReporter(self.database, self.outbox, sealer, self.clock)
        desired = DesiredStore(state_dir, server_key, identity)
        self.configuration = ConfigurationKeeper(settings, desired, load_sealing_key(state_dir), reporter, self._beat)
        first = [camera.settings.id for camera in self.configuration.initial]
        for camera_id in first:
            make_folder(folder, camera_id)
        self.states = StateReporter(self.outbox, sealer, self._beat)
        self.board = CameraBoard(first, self.clock, self.states.report)
        self.alarms = Alarms(settings.alarms, self.clock, self.database, self.outbox, sealer)
        closing = ClosingHeartbeats(self.database)
        self.link = MqttLink(settings.mqtt, self.credentials, sealer, self._timeline_id, closing, self._connected)
        self.publisher = OutboxPublisher(self.outbox, self.link, system_clock, settings.spool.resend_s)
        self.uploads = UploadQueue(self.spool, system_clock)
        self.notices = NoticeBook(self.database, self.outbox, sealer, self.clock)
        self.findings = FindingBook(self.database, self.outbox, sealer, load_server_sealing_key(settings))
        self.examination = Examination(self.findings, self.board, self.clock, settings.diagnosis)
        room = Room(self.guard, self.spool, self._bits_per_second, self.uploads.in_hand)
        self.spool_watch = SpoolWatch(room, settings.spool, self.notices, self.clock)
        self.inbox = Inbox(
            self.link.inbox, server_key, identity, self.outbox, self.spool, self.publisher, self.uploads, self.clock
        )
        self.camera_clocks = ClockBook(self.database)
        self.clock_watch = CameraClockWatch(
            lambda: self.configuration.initial, self.clock, self.board, self.camera_clocks, settings.onvif.clock_s
        )
        self.replayer = Replayer(
            ReplayParts(
                cameras=lambda: self.configuration.initial,
                clock=self.clock,
                board=self.board,
                guard=self.guard,
                database=self.database,
                outbox=self.outbox,
                sealer=sealer,
                spool=self.spool,
                clocks=self.camera_clocks,
                scratch=state_dir / "replay",
            ),
            settings.onvif,
            settings.recording,
        )
        sources = Sources(
            clock=self.clock,
            board=self.board,
            outbox=self.outbox,
            spool=self.spool,
            guard=self.guard,
            sealer=sealer,
            forecast=lambda: self.spool_watch.forecast,
            box=BoxReader(lambda: self.credentials.certificate_ends_us),
            configuration=self.configuration.state,
            panels=self.alarms.status.health,
            findings=self.findings.open_findings,
            examined=self.examination.examined,
        )
        self.heartbeat = HeartbeatSender(sources, self.link, closing, settings.mqtt.heartbeat_s, self._before_heartbeat)
        self.clock_sync = ClockSync(
            self.clock, settings.clock, self._centre.time_us, self.heartbeat.close_timeline, self.link.renew
        )
        self._renewal = CertificateRenewal(
            self.credentials, sealer, self._centre, self.clock, state_dir, self.link.renew
        )
        self.fleet = CameraFleet(settings, folder, self.clock, self.board, self.guard, self.spool, self._lock.shards)
        self.fleet.on_told(PICTURE_FINDINGS, self.examination.take)
        self.clock.on_change = self.fleet.timeline_is
        self.inbox.on_desired = self.configuration.offer
        self.inbox.on_cell = self._cells.take
        self.fleet.liveness = self.liveness = Liveness(system_clock)
        self.control = ControlServer(state_dir, self._control_room(sealer).answer)
        for loop in (self.heartbeat, self.publisher, self.inbox, self.control):
            loop.pulse = self.liveness.watch(loop.name, HANGS_AFTER_S)
        self._uploaders = [
            UploadWorker(number, self.uploads, self.spool, sealer, self._centre, self._store)
            for number in range(1, settings.spool.upload_workers + 1)
        ]

    def start(self) -> None:
        """Recovers the spool, fixes the timeline, and sets everything going."""
        if free_bytes(self._folder) < BALLAST_BYTES:
            self.guard.force_full()  # what room there is belongs to the database, so that uploads can go on
        if self.configuration.initial:
            self.fleet.prepare()
        self.replayer.clean()
        found = recover(self.spool, self._folder)
        log.info("spool_ready", **vars(found))
        self.clock_sync.first()
        self._tell_removed_cameras()
        self._begin_to_witness()
        self.inbox.on_live = LiveDesk(self._sealer, self.clock.utc_us, self.fleet.ask).take
        self.board.announce()
        workers: list[Worker] = [self.link, self.publisher, self.inbox, self.control, *self.alarms.workers]
        for worker in [
            *workers,
            self.heartbeat,
            self.clock_sync,
            self.spool_watch,
            self.examination,
            self.clock_watch,
            self.replayer,
            self._renewal,
            self._cells,
            *self._uploaders,
        ]:
            worker.start()
        self.configuration.begin(self.fleet, self.board)
        self.configuration.start()
        log.info("agent_started", cameras=len(self.configuration.initial), timeline=self.clock.timeline.timeline_id)

    def close(self) -> bool:
        """Ends everything within about five seconds; False where a thread is stuck and has to be left behind."""
        deadline_s = time.monotonic() + CLOSE_WITHIN_S
        self.fleet.stop()
        background: list[Worker] = [
            self.configuration,
            *self.alarms.workers,
            self.control,
            self.clock_sync,
            self.spool_watch,
            self.examination,
            self.clock_watch,
            self.replayer,
            self._renewal,
            self._cells,
            *self._uploaders,
        ]
        for worker in background:
            worker.stop()
        ended = [self.fleet.close(lambda: _left(deadline_s - 2.0))]
        self.publisher.stopping.wait(ANSWERS_WITHIN_S if self.link.connected else 0)
        self.heartbeat.beat()
        links: list[Worker] = [self.heartbeat, self.publisher, self.link, self.inbox]
        ended += [worker.close(_left(deadline_s)) for worker in links]
        ended += [worker.close(_left(deadline_s)) for worker in background]
        self._centre.close()
        self._store.close()
        self.database.close()
        self._lock.release()
        log.info("agent_stopped", clean=all(ended))
        return all(ended)

    def _object_store(self, settings: EdgeSettings, system_clock: Clock) -> ObjectStore:
        uplink = UplinkPlan(settings.uplink)
        throttle = Throttle(lambda: uplink.bits_per_second(self.clock.utc_us()), system_clock)
        # One connection more than there are uploads, for what is asked of the site's own cell.
        return ObjectStore(settings.spool.upload_workers + 1, throttle, cell_ca_file=settings.cell.ca_file)

    def _control_room(self, sealer: Sealer) -> ControlRoom:
        return ControlRoom(
            sealer=sealer,
            clock=self.clock,
            board=self.board,
            link=self.link,
            outbox=self.outbox,
            spool=self.spool,
            liveness=self.liveness,
            centre=self._centre,
            pause=self.fleet.pause,
            panels=lambda: len(self.alarms.status.panels()),
            software=SOFTWARE,
        )

    def _begin_to_witness(self) -> None:
        """From here on checkpoints of the site's ledger are cosigned."""
        agent = self._settings.agent
        signer = load_note_signer(Path(agent.state_dir), agent.agent_id)
        witness = CheckpointWitness(
            self.database, self.outbox, self._sealer, self.notices, self.clock, load_server_key(self._settings), signer
        )
        self.inbox.on_checkpoint = witness.show

    def _tell_removed_cameras(self) -> None:
        """A camera that is no longer configured gets one last word, lest the server waits for it for ever."""
        configured = {camera.settings.id for camera in self.configuration.initial}
        for camera_id, condition in self.outbox.told_conditions().items():
            if camera_id not in configured and condition != "stopped":
                why = "taken out of the agent's configuration"
                self.states.report(CameraStatus(camera_id, "stopped", why, *self.clock.now()))

    def _timeline_id(self) -> str:
        return self.clock.timeline.timeline_id

    def _connected(self) -> None:
        self.publisher.connected()
        self._beat()

    def _bits_per_second(self) -> int:
        return sum(status.bits_per_second for status in self.board.snapshot())

    def _before_heartbeat(self) -> None:
        self.states.flush()
        self._ballast.take_on(self._settings.spool.free_bytes_min)

    def _beat(self) -> None:
        self.heartbeat.beat()


def _left(deadline_s: float) -> float:
    return max(0.05, deadline_s - time.monotonic())


def _folder(state_dir: Path) -> Path:
    folder = state_dir / "spool"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise full_disk(state_dir) from error
        raise ConfigurationError(f"'agent.state_dir': cannot write to {state_dir}: {error.strerror}") from error
    return folder
