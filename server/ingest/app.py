"""Composition root of ingest: broker links, message workers, verification workers.

Messages are taken in from the start. Footage is secured only after the store has proved, against a canary, that it
refuses deletion; a store that gives in ends the process (exit code 3).
"""

from threading import Event

from prometheus_client import start_http_server

from config.base.clock import US_PER_S, SystemClock
from config.base.errors import IntegrityViolation
from config.settings.server import ServerSettings
from config.wire import topics
from server.broker_tls import ServiceTls
from server.domain.clock_trust import ClockRule
from server.ingest.link import BrokerLink
from server.ingest.senders import Sender
from server.ingest.verification import VerificationWorker
from server.ingest.workers import MessageWorkers
from server.runtime import open_database, signer_from
from server.services.agents.authority import INGEST, INGEST_EXPRESS
from server.services.agents.broker_files import CertificateFiles
from server.services.cameras.read_discovered import picture_key_of
from server.services.cameras.send_configuration import ConfigurationOutlet
from server.services.cells.cell_doors import CellDoors
from server.services.cells.challenge_cells import CellChallenger
from server.services.cells.fetch_from_cell import CellFetcher
from server.services.cells.send_orders import OrderSender
from server.services.evidence.show_checkpoints import CheckpointOutlet
from server.services.intake.accept_message import Inbox
from server.services.intake.verify_upload import UploadVerifier
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore
from storage.objects.tickets import TicketOffice

CONFIGURATION_S = 1.0
"""So that a change is with its agent within two seconds."""
CHECKPOINTS_S = 5.0
CELLS_S = 1.0


def run(settings: ServerSettings, stop: Event) -> None:
    """Runs until ``stop``. Raises ConfigurationError, IntegrityViolation."""
    clock = SystemClock()
    policy = settings.policy
    database = open_database(settings.database)
    database.check_migrated()
    store = S3EvidenceStore(access_from(settings.store), clock)
    signer = signer_from(settings.server.signing_key_file)
    if settings.ingest.metrics_port:
        start_http_server(settings.ingest.metrics_port, addr="127.0.0.1")
    files = CertificateFiles.of(settings)
    link = BrokerLink(settings.mqtt, ServiceTls(files.authority, files.ingest), signer, name=INGEST)
    # A way in of their own for alarms: on the common one they would stand behind whatever backlogs are draining.
    express_tls = ServiceTls(files.authority, files.ingest_express)
    express = BrokerLink(settings.mqtt, express_tls, signer, name=INGEST_EXPRESS, group=topics.EXPRESS_GROUP)
    verifier = UploadVerifier(
        database, store, clock, policy.retain_days, backfilled_after_us=policy.backfilled_after_s * US_PER_S
    )
    verification = VerificationWorker(verifier, store, link.answer, settings.ingest.workers, stop)
    inbox = Inbox(database, clock, ClockRule(policy.clock_tolerance_us, policy.clock_drift_ppm))
    workers = MessageWorkers(inbox, link, verification.wake, settings.ingest.workers, settings.mqtt.receive_maximum)
    express_workers = MessageWorkers(inbox, express, verification.wake, 1, settings.mqtt.receive_maximum)
    doors = CellDoors(database, clock, picture_key_of(settings))
    office = TicketOffice(store.access, clock, public_url=settings.store.public_url)
    challenger = CellChallenger(database, clock, doors)
    fetcher = CellFetcher(database, clock, doors, office, store, policy.backfilled_after_s * US_PER_S)
    orders = OrderSender(database, clock, doors, policy.retain_days)
    configuration, checkpoints = ConfigurationOutlet(database, clock), CheckpointOutlet(database, clock)
    senders = [
        Sender("configuration", CONFIGURATION_S, configuration.due, link.answer, stop),
        Sender("checkpoints", CHECKPOINTS_S, checkpoints.due, link.answer, stop),
        Sender("cells", CELLS_S, lambda: [*challenger.due(), *fetcher.due(), *orders.due()], link.answer, stop),
    ]
    verification.start()
    for sender in senders:
        sender.start()
    for each, over in ((workers, link), (express_workers, express)):
        each.start()
        over.start(each.submit)
    stop.wait()
    for each, over in ((express_workers, express), (workers, link)):
        over.close()
        each.close()
    for sender in senders:
        sender.close()
    verification.close()
    database.close()
    if verification.violation is not None:
        raise IntegrityViolation(str(verification.violation)) from verification.violation
