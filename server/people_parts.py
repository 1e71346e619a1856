"""What the pages of people and of signing in need, built once from the settings."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.base.clock import Clock
from config.settings.server import ServerSettings
from server.domain.notices import Channel
from server.services.cameras.read_discovered import picture_key_of
from server.services.compliance.rule_books import library
from server.services.notices.channels import Sending, channels_of
from server.services.people.access_record import AccessBook
from server.services.people.authority_sign_in import AuthoritySignIn
from server.services.people.devices import KnownDevices
from server.services.people.give_support import SupportDesk
from server.services.people.grant_leases import LeaseOffice
from server.services.people.invite_people import InvitationDesk
from server.services.people.keep_consents import ConsentDesk
from server.services.people.leases import LeaseDesk
from server.services.people.mark_day import DayMarks
from server.services.people.passkeys import PasskeyDesk
from server.services.people.read_people import PeopleReader
from server.services.people.reset_passwords import ResetDesk
from server.services.people.second_steps import SecondSteps, SecretBox
from server.services.people.sign_in import FailureLimit
from server.services.people.site_documents import SiteDocuments
from server.services.people.steady_time import SteadyTime
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class PeopleFace:
    """The use cases of ``server/services/people``."""

    reader: PeopleReader
    invitations: InvitationDesk
    leases: LeaseOffice
    consents: ConsentDesk
    documents: SiteDocuments
    day: DayMarks
    book: AccessBook
    steps: SecondSteps
    passkeys: PasskeyDesk
    resets: ResetDesk
    devices: KnownDevices
    support: SupportDesk
    authority: AuthoritySignIn
    mail: Sending | None
    """Where the server sends mail at all."""
    asked_by_mail: FailureLimit


def people_of(settings: ServerSettings, database: Database, clock: Clock) -> PeopleFace:
    """Raises ConfigurationError for a key or a policy pack that is wrong."""
    time = SteadyTime(database, clock)
    steps = SecondSteps(database, clock, SecretBox(secret_of(settings)))
    return PeopleFace(
        reader=PeopleReader(database, LeaseDesk(database, time, library()), time),
        invitations=InvitationDesk(database, clock),
        leases=LeaseOffice(database, clock),
        consents=ConsentDesk(database, clock),
        documents=SiteDocuments(database, clock),
        day=DayMarks(database, clock, time),
        book=AccessBook(database),
        steps=steps,
        passkeys=PasskeyDesk(database, clock, steps),
        resets=ResetDesk(database, clock),
        devices=KnownDevices(database, clock),
        support=SupportDesk(database, clock, time),
        authority=AuthoritySignIn(settings.oidc, database, clock, steps),
        mail=channels_of(settings.notices, clock).get(Channel.EMAIL),
        asked_by_mail=FailureLimit(clock),
    )


def secret_of(settings: ServerSettings) -> bytes | None:
    """Of the server's machine, to make keys from; None where it has none. Raises ConfigurationError."""
    key = picture_key_of(settings)
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()) if key is not None else None
