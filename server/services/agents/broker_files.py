"""The files that certificates live in: the authority's, those of the server's own processes, and what the broker reads.

Invariants: every file is replaced whole, never half; one with a key is readable by its owner (and the broker's group)
alone. What the broker itself writes, its client list, is made once and left to it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from config.base.clock import US_PER_DAY, US_PER_S, Clock, from_datetime
from config.settings.server import ServerSettings
from server.domain.broker_rights import AgentRight, first_document
from server.services.agents.authority import (
    BROKER_ACCESS,
    INGEST,
    INGEST_EXPRESS,
    LIVE,
    REPORTS,
    CertificateAuthority,
    hosts_of,
    renewal_due,
)

OWN_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class CertificateFiles:
    """Where everything lies."""

    authority: Path
    authority_key: Path
    ingest: Path
    """Certificate and key, as every file below that is not the authority's."""
    broker_access: Path
    broker_dir: Path
    reports: Path
    """What reports are signed with, and the authority's certificate between the two."""

    @classmethod
    def of(cls, settings: ServerSettings) -> "CertificateFiles":
        state_dir = Path(settings.server.state_dir)
        return cls(
            Path(settings.enrolment.authority_file or state_dir / "authority.pem"),
            Path(settings.enrolment.authority_key_file or state_dir / "authority-key.pem"),
            Path(settings.mqtt.certificate_file or state_dir / "ingest.pem"),
            state_dir / "broker-access.pem",
            Path(settings.broker.files_dir or state_dir / "broker"),
            Path(settings.reports.certificate_file or state_dir / "reports.pem"),
        )

    @property
    def ingest_express(self) -> Path:
        """Of the connection that alarms come in by: the broker takes one connection a certificate's name."""
        return self.ingest.with_name(f"{self.ingest.stem}-express.pem")

    @property
    def live(self) -> Path:
        """Of the process that asks agents for pictures."""
        return self.ingest.with_name("live.pem")

    @property
    def broker(self) -> Path:
        return self.broker_dir / "server.pem"

    @property
    def broker_authority(self) -> Path:
        return self.broker_dir / "authority.pem"

    @property
    def revocations(self) -> Path:
        return self.broker_dir / "revocations.pem"

    @property
    def rights(self) -> Path:
        """The dynamic-security plugin's own file."""
        return self.broker_dir / "dynamic-security.json"

    def load_authority(self) -> CertificateAuthority:
        """Raises ConfigurationError."""
        return CertificateAuthority.load(self.authority, self.authority_key)

    def make_authority(self, now_us: int) -> CertificateAuthority:
        """The authority, made where there is none yet. Raises ConfigurationError where half of one is there."""
        if not self.authority_key.exists() and not self.authority.exists():
            CertificateAuthority.create(now_us).write(self.authority, self.authority_key)
        return self.load_authority()


@dataclass(frozen=True)
class Keeper:
    """Keeps them fresh."""

    files: CertificateFiles
    clock: Clock
    service_days: int
    broker_hosts: tuple[str, ...]
    """The names that the broker is reached under, besides those of its own machine."""

    @classmethod
    def of(cls, settings: ServerSettings, clock: Clock) -> "Keeper":
        hosts = (settings.enrolment.broker_host, settings.mqtt.host)
        return cls(CertificateFiles.of(settings), clock, settings.enrolment.service_days, hosts)

    def keep(self, authority: CertificateAuthority, agents: tuple[AgentRight, ...] = ()) -> bool:
        """Makes what is missing or has less than a third of its life left; True where the broker has to read again."""
        now_us = self.clock.utc_us()
        ends_us = now_us + self.service_days * US_PER_DAY
        for file, name in (
            (self.files.ingest, INGEST),
            (self.files.ingest_express, INGEST_EXPRESS),
            (self.files.live, LIVE),
            (self.files.broker_access, BROKER_ACCESS),
        ):
            if _due(file, now_us):
                replace(file, authority.issue_service(name, now_us, ends_us), 0o600)
        if _due(self.files.reports, now_us):
            # A report is read years later: its certificate lives as long as the authority.
            replace(self.files.reports, authority.issue_signer(REPORTS, now_us, authority.ends_us), 0o600)
        self.files.broker_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        hosts = list(dict.fromkeys([*filter(None, self.broker_hosts), *OWN_NAMES]))
        changed = False
        if _due(self.files.broker, now_us) or not set(hosts) <= hosts_of(self.files.broker.read_text()):
            replace(self.files.broker, authority.issue_server(hosts, now_us, ends_us), 0o640)
            changed = True
        if not self.files.broker_authority.exists() or self.files.broker_authority.read_text() != authority.pem:
            replace(self.files.broker_authority, authority.pem, 0o644)
            changed = True
        if not self.files.rights.exists():
            document = first_document((INGEST, INGEST_EXPRESS), BROKER_ACCESS, agents, live=LIVE)
            replace(self.files.rights, json.dumps(document, indent=1), 0o660)
        return changed

    def list_revoked(self, authority: CertificateAuthority, revoked: dict[str, int]) -> bool:
        """Writes the list of revoked certificates; True where it says something new."""
        made_us, known = self._listed()
        if known is not None and known == set(revoked):
            return False
        # A broker that holds both lists takes the newer one, in whole seconds.
        made_us = max(self.clock.utc_us(), made_us + US_PER_S)
        replace(self.files.revocations, authority.revocation_list(revoked, made_us), 0o644)
        return True

    def _listed(self) -> tuple[int, set[str] | None]:
        """When the present list was made, and the serials in it; None where there is none that can be read."""
        try:
            found = x509.load_pem_x509_crl(self.files.revocations.read_bytes())
        except (OSError, ValueError):
            return 0, None
        return from_datetime(found.last_update_utc), {f"{entry.serial_number:x}" for entry in found}


def replace(file: Path, text: str, mode: int) -> None:
    """Writes a file in one step; never readable by more than ``mode`` says, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fchmod(opened.fileno(), mode)
        os.fsync(opened.fileno())
    fresh.replace(file)


def _due(file: Path, now_us: int) -> bool:
    return not file.exists() or renewal_due(file.read_text(), now_us)
