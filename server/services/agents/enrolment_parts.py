"""Builds what enrolment needs from the settings: for the API and for the commands of an operator."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from config.base.clock import Clock
from config.base.errors import ConfigurationError, Unavailable
from config.settings.server import ServerSettings
from config.wire.sealing import sealing_public_pem
from server.runtime import sealing_key_from, signer_from
from server.services.agents.authority import CertificateAuthority
from server.services.agents.broker_files import CertificateFiles
from server.services.agents.enrol_agent import Directions, EnrolmentDesk
from server.services.agents.invite_agent import Inviter
from storage.database.unit_of_work import Database


def authority_of(settings: ServerSettings) -> Callable[[], CertificateAuthority]:
    """The authority, read when it is first needed: a server that enrols nobody does without."""

    @cache
    def load() -> CertificateAuthority:
        try:
            return CertificateFiles.of(settings).load_authority()
        except ConfigurationError as error:
            told = "this server cannot enrol anybody yet: its operator has to run 'python -m server.admin init'"
            raise Unavailable(told, code="no_authority") from error

    return load


def inviter_of(settings: ServerSettings, database: Database, clock: Clock) -> Inviter:
    """Makes codes."""
    return Inviter(database, clock, authority_of(settings), server_url_of(settings), settings.enrolment.code_minutes)


def desk_of(settings: ServerSettings, database: Database, clock: Clock) -> EnrolmentDesk:
    """Redeems codes and renews certificates."""
    enrolment = settings.enrolment
    return EnrolmentDesk(
        database, clock, authority_of(settings), _directions_of(settings), enrolment.agent_days, enrolment.return_days
    )


def server_url_of(settings: ServerSettings) -> str:
    """How agents reach the API."""
    scheme = "https" if settings.api.certificate_file else "http"
    own = f"{scheme}://127.0.0.1:{settings.api.port}"
    return settings.enrolment.server_url or settings.api.public_origin or own


def _directions_of(settings: ServerSettings) -> Callable[[], Directions]:
    @cache
    def told() -> Directions:
        state_dir = Path(settings.server.state_dir)
        signer = signer_from(settings.server.signing_key_file or str(state_dir / "signing-key.pem"))
        sealing_file = settings.server.sealing_key_file or str(state_dir / "sealing-key.pem")
        sealing = sealing_public_pem(sealing_key_from(sealing_file).public_key()) if Path(sealing_file).exists() else ""
        return Directions(
            signer.public_pem.decode(),
            sealing,
            settings.enrolment.broker_host or settings.mqtt.host,
            settings.enrolment.broker_port or settings.mqtt.port,
        )

    return told
